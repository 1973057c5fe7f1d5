"""From raw tables to one row per unit: the way through, step by step, each counted.

The joined log is made once and kept where the tables are; all passes of a check then read it as any
other log. It is removed when the check ends, however it ends.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.joined import Joined, Rule
from spot_mlflow.lift.moments.outcome_moments import Fault, OutcomeMoments
from spot_mlflow.lift.promise.assign import rule_of
from spot_mlflow.lift.promise.assignment import Assignment, arm_rule
from spot_mlflow.validation import parse_document, utc
from spot_mlflow_checks.feed_end import feed_end
from spot_mlflow_checks.raw import happened
from spot_mlflow_checks.raw.assembled import COUNTS, assembled, log_kinds
from spot_mlflow_checks.raw.chosen import (
    CLUSTER,
    Choice,
    armed_kinds,
    chosen,
    chosen_kinds,
    only,
    same_version,
    with_arms,
)
from spot_mlflow_checks.raw.counting import Census, census, refuse_hopeless, repeats_of
from spot_mlflow_checks.raw.drawn import refuse_floating_ids, refuse_unlike
from spot_mlflow_checks.raw.events import EVENTS, Events, counted, events_of
from spot_mlflow_checks.raw.filters import unmatched
from spot_mlflow_checks.raw.given import GUARDRAIL, given_tables
from spot_mlflow_checks.raw.guarded import Guarded, guarded, key_of
from spot_mlflow_checks.raw.happened import Windows
from spot_mlflow_checks.raw.homes import JoinedSource
from spot_mlflow_checks.raw.places import Place, open_place
from spot_mlflow_checks.raw.prepared import id_kind
from spot_mlflow_checks.raw.tally import Seen, rules_of
from spot_mlflow_checks.raw.zones import SECOND
from spot_mlflow_checks.rows import flag
from spot_mlflow_checks.versions import versions_said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from spot_mlflow.lift.promise.arm_hash import ArmRule
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.promise.sources import Events as SourceEvents
    from spot_mlflow.lift.promise.sources import Sources
    from spot_mlflow_checks.raw.homes import Kind
    from spot_mlflow_checks.raw.reach import Reach

    Expression = sa.ColumnElement[Any]

TIMES: Final = frozenset({"decided_at", "observed_at", "due_at", "delivered_at", "acted_at"})
# What the join leaves out and the ready log's checks ask about: rule of the decisions -> their fault.
_FAULTS: Final = {
    Rule.NO_ID: "missing_unit",
    Rule.UNREADABLE_TIME: "missing_time",
    Rule.AFTER_AS_OF: "after_as_of",
    Rule.TWO_ARMS: "unit_in_two_arms",
}
# What only raw tables have: (rule, table) -> fault.
_OWN_FAULTS: Final = {
    (Rule.UNREADABLE_AMOUNT, "events"): "event_without_amount",
    (Rule.UNREADABLE_TIME, "events"): "event_without_time",
    (Rule.TWICE, "events"): "event_twice",
    (Rule.NO_ID, "events"): "event_without_unit",
    (Rule.NO_EVENT_ID, "events"): "event_without_id",
    (Rule.OTHER_FORM, "arms"): "arm_otherwise_written",
}


@dataclass(frozen=True)
class JoinedLog:
    """A log made of raw tables, kept until its context ends.

    Attributes:
        source: the log, as any other source.
        joined: what each rule touched.
        as_of: when the check is made; no later than events are complete.
        table: the kept rows, with the counts of every unit.
        keys: contract key -> kind of the columns of the log.
        columns: contract key -> the contract's name for it.
        stream: runs a query over the table and gives its rows in batches.
    """

    source: JoinedSource
    joined: Joined
    as_of: datetime
    table: sa.TableClause
    keys: Mapping[str, Kind]
    columns: Mapping[str, str]
    stream: Callable[[sa.Select[Any]], Iterator[Sequence[Sequence[Any]]]]

    def rows(self, *keys: str) -> list[tuple[Any, ...]]:
        """The rows of the log, all of them: for a small one, to look at.

        Args:
            keys: of the columns wanted; all where none is named. Times are microseconds since 1970 UTC.
        """
        columns = [self.table.c[k] for k in keys or self.keys]
        found = self.stream(sa.select(*columns).select_from(self.table))
        return [tuple(row) for batch in found for row in batch]

    def with_faults(self, moments: OutcomeMoments) -> OutcomeMoments:
        """Returns moments that also know what the join left out, and how often each rule applied."""
        faults = dict(moments.faults)
        for rule, name in _FAULTS.items():
            found = self.joined.of(rule, "decisions")
            known = faults.get(name)
            if found.count and known is not None:
                more = 0 if rule is Rule.TWO_ARMS else found.count
                faults[name] = Fault(
                    name, known.count + found.count, known.total + more, known.examples
                )
        for (rule, table), name in _OWN_FAULTS.items():
            found = self.joined.of(rule, table)
            if found.total:
                faults[name] = Fault(name, found.count, found.total)
        return replace(moments, faults=faults, joined=self.joined)


def complete_to(predicted: PredictedLift, moment: str | None) -> PredictedLift:
    """Returns the contract to read events by, complete up to another moment than it says.

    Raises:
        InvalidInput: where that is not a date, or the contract has no sources.
    """
    if moment is None or predicted.sources is None:
        return predicted
    events = predicted.sources.events.model_dump(exclude_unset=True)
    read = parse_document(
        type(predicted.sources.events),
        {**events, "complete_until": moment},
        where="complete_until",
    )
    sources = predicted.sources.model_copy(update={"events": read})
    return predicted.model_copy(update={"sources": sources})


@contextmanager
def joined_log(
    tables: Mapping[str, Any] | None,
    predicted: PredictedLift,
    *,
    as_of: datetime | date | str | None = None,
    model_version: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Iterator[JoinedLog]:
    """Joins raw tables to a log that lives as long as the context.

    Args:
        tables: role -> frame, path, glob, (engine, table) or URL::table; what it lacks the contract
            names.
        predicted: the contract, with ``sources``.
        as_of: when the check is made; now where None.
        model_version: decisions of other versions do not count.
        progress: called with the name of each step as it begins.

    Raises:
        InvalidInput: naming the table, the column, and what to do.
    """
    sources = predicted.sources
    if sources is None:
        what = "raw tables are given" if tables else "no log and no tables are given"
        raise InvalidInput(
            f"{what}, and the contract has no sources",
            where="lift contract",
            fix="Add sources to lift.yaml: which table holds decisions, arms, events, and their columns; "
            "or give a ready log, or name it there: outcome_log: outcomes.parquet.",
        )
    tell = progress or (lambda _name: None)
    moment = utc(as_of)
    with ExitStack() as taken:
        tell("tables")
        place = open_place(given_tables(tables, sources), sources, moment.timestamp(), taken)
        yield _Join(place, predicted, moment, model_version, tell).run()


class _Join:
    """One join, step by step."""

    def __init__(
        self,
        place: Place,
        predicted: PredictedLift,
        as_of: datetime,
        version: str | None,
        tell: Callable[[str], None],
    ) -> None:
        assert predicted.sources is not None and predicted.window is not None  # noqa: S101, PT018 - both required together
        self._place, self._predicted, self._tell = place, predicted, tell
        self._sources: Sources = predicted.sources
        self._home, self._asked = place.home, as_of
        self._arms: Census | None = None
        self._all_events: dict[str, Census] = {}
        feeds: dict[str, SourceEvents] = {EVENTS: self._sources.events}
        feeds |= {f"{GUARDRAIL}{k}": v for k, v in self._sources.guardrails.items()}
        self._unmatched: dict[str, tuple[str, ...]] = {}
        for role in place.roles.keys() - feeds:
            self._unmatched |= unmatched(place.roles[role], place.names[role])
        for role, doc in feeds.items():
            if doc.complete_until == "latest":
                rows, asked = place.rows(role), micros_of(as_of)
                self._all_events[role] = counted(self._home, place, rows, asked, role)
        self._complete = min(self._complete_until(role, doc) for role, doc in feeds.items())
        self._always = all(doc.complete_until == "now" for doc in feeds.values())
        self._as_of = min(micros_of(as_of), self._complete)
        before = self._sources.before or timedelta(0)
        self._windows = Windows(span_of(predicted.window), span_of(before))
        columns = predicted.columns
        refuse_unlike(predicted, place)
        self._choice = Choice(
            self._home,
            self._sources,
            self._as_of,
            version,
            columns.treated_labels[0],
            columns.holdout,
            rule_for(predicted, self._sources),
            id_kind(place.whole),
        )

    def run(self) -> JoinedLog:
        """Runs all steps; the log and its counts."""
        self._tell("decisions")
        picked = self._picked()
        refuse_floating_ids(self._choice, self._place, picked)
        self._tell("events")
        c, w = self._choice, self._windows
        events = events_of(c, self._place, picked, w, self._all_events.get(EVENTS))
        summed = happened.summed(c, events.once, picked, w)
        guards = guarded(c, self._place, picked, w)
        missing = dict(self._unmatched)
        for found in (events, *(g.events for g in guards)):
            missing |= found.unmatched
        self._tell("joining")
        keys = log_kinds(self._choice)
        counts: dict[str, Kind] = dict.fromkeys(COUNTS, "whole")
        kinds: dict[str, Kind] = {**keys, **counts}
        with self._home.joining(self._decisions.usable, c.unit):
            table = self._home.keep("log", self._log(picked, summed, kinds, guards), kinds)
        place = self._place.names
        seen = Seen(
            choice=self._choice,
            rows=self._rows(events, *(g.events for g in guards)),
            names=place,
            picked=picked,
            log=table,
            decisions=self._decisions,
            events=events,
            arms=self._arms,
            guardrails=guards,
            short=max(micros_of(self._asked) - self._complete, 0),
            asked=micros_of(self._asked),
            treated=tuple(self._predicted.columns.treated_labels),
        )
        return JoinedLog(
            source=JoinedSource(
                self._home, "; ".join(place.values()), table, self._columns(keys), kinds, TIMES
            ),
            joined=Joined(
                place,
                rules_of(seen),
                self._said_complete(),
                _said_span(events.span),
                dict(sorted(missing.items())),
            ),
            as_of=datetime.fromtimestamp(0, tz=timezone.utc) + timedelta(microseconds=self._as_of),
            table=table,
            keys=keys,
            columns={**{k: k for k in keys}, **self._columns(keys)},
            stream=self._home.stream,
        )

    def _rows(self, *events: Events) -> dict[str, sa.FromClause]:
        """Role -> the prepared rows that were counted."""
        found = {e.role: e.rows for e in events}
        other = self._place.roles.keys() - found.keys()
        return {**found, **{role: self._place.rows(role) for role in other}}

    def _columns(self, keys: Mapping[str, Kind]) -> dict[str, str]:
        """Key -> the contract's name for it, of what the contract names."""
        named = self._predicted.columns.model_dump()
        named |= {key_of(g): g for g in self._sources.guardrails}
        return {k: named[k] for k in keys if named.get(k) is not None}

    def _complete_until(self, role: str, doc: SourceEvents) -> int:
        """Microseconds since 1970 up to which all events are in a feed."""
        asked = micros_of(self._asked)
        if role in self._all_events:
            last = self._all_events[role].last
            return asked if last is None else last
        end = feed_end(doc, self._asked)
        return asked if end is None else micros_of(end)

    def _said_complete(self) -> str:
        return "" if self._always else _said(self._complete)

    def _picked(self) -> sa.TableClause:
        """Keeps the decisions that count, and counts those that do not."""
        place, names, c = self._place, self._place.names, self._choice
        decisions = place.rows("decisions")
        extra: dict[Rule, Any] = {}
        if c.version is not None and "version" in decisions.c:
            extra[Rule.OTHER_VERSION] = sa.not_(
                sa.func.coalesce(flag(same_version(c, decisions)), 0) == 1
            )
        key = None if self._home.moves else "unit"
        found = census(self._home, "decisions", decisions, self._as_of, extra, key)
        refuse_hopeless(found, names["decisions"], self._sources.decisions.columns)
        arms = place.rows("arms") if "arms" in place.roles else None
        if arms is not None:
            self._arms = census(self._home, "arms", arms, self._as_of, {}, key)
            refuse_hopeless(self._arms, names["arms"], self._sources.arms.columns)
        usable = found.usable - found.counts.get(Rule.OTHER_VERSION, 0)
        if usable == 0:
            d = decisions.c
            usable_rows = (d.kept == 1, d.unit.is_not(None), d.moment <= self._as_of)
            there = versions_said(self._home.fetch, d.version, decisions, *usable_rows)
            raise InvalidInput(
                f"no decision of {found.usable:,} is of model version {c.version}; they are of {there}",
                where=names["decisions"],
                fix="Check sources.decisions.version, or the version that is checked.",
            )
        self._decisions = found
        rows = with_arms(c, decisions, arms, clean=found.clean and usable == found.usable)
        kinds = chosen_kinds(c)
        if not self._home.moves:
            once = not found.repeats and (self._arms is None or not self._arms.repeats)
            return self._home.keep("chosen", only(c, rows) if once else chosen(c, rows), kinds)
        every = self._home.keep_by_unit("every", only(c, rows), kinds, usable)
        if not self._home.fetch(sa.select(repeats_of(every.c.unit)).select_from(every))[0][0]:
            return every
        again = sa.select(*[every.c[k] for k in armed_kinds(c)])
        return self._home.keep_by_unit("chosen", chosen(c, again), kinds, usable)

    def _log(
        self,
        picked: sa.TableClause,
        summed: Any,
        kinds: Mapping[str, Kind],
        guards: Sequence[Guarded],
    ) -> sa.Select[Any]:
        """One row per decision that counts."""
        c, steps = self._choice, None
        a = self._part("summed", summed, happened.summed_kinds(c))
        if self._sources.steps is not None:
            rows = happened.stepped(c, self._place.rows("steps"), picked, self._windows)
            steps = self._part("stepped", rows, happened.step_kinds(c))
        return assembled(c, picked, a, steps, kinds, {g.column: g.table for g in guards})

    def _part(self, name: str, query: Any, kinds: Mapping[str, Kind]) -> Any:
        """A part of the log; kept on its own where an engine reads a temporary table only once."""
        if self._home.dialect.name == "mysql":
            return self._home.keep(name, query, kinds)
        return query.subquery(name)


def _said(micros: int) -> str:
    """A moment as ISO time."""
    at = datetime.fromtimestamp(micros // SECOND, tz=timezone.utc)
    return at.isoformat(timespec="seconds")


def _said_span(span: Reach | None) -> tuple[str, str] | None:
    return None if span is None else (_said(span.first), _said(span.last))


def rule_for(predicted: PredictedLift, sources: Sources) -> ArmRule | None:
    """How a hash decides the arms; None where they are given."""
    arms, columns = sources.arms, predicted.columns
    if arms.hash is not None:
        draw = Assignment(salt=arms.hash.salt, holdout=arms.hash.holdout)
        return arm_rule(draw, treated=columns.treated_labels, holdout=columns.holdout, unit="unit")
    if not arms.assigned:
        return None
    rule = rule_of(predicted)
    clusters = predicted.assignment is not None and predicted.assignment.cluster is not None
    if clusters and sources.decisions.cluster is None:
        raise InvalidInput(
            "the assignment is by cluster, and the decisions name none",
            where="sources.decisions.cluster",
            fix="Name the column of the cluster there.",
        )
    return replace(rule, column=CLUSTER if clusters else "unit")


def micros_of(at: datetime) -> int:
    """Whole microseconds since 1970 UTC."""
    since = at - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return span_of(since)


def span_of(span: timedelta) -> int:
    """Whole microseconds of a span."""
    return span // timedelta(microseconds=1)
