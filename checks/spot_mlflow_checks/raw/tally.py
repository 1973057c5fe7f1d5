"""What the joined log says of the rules: how many rows and units each touched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.joined import Rule, RuleCount
from spot_mlflow_checks.engines.dialect import spellings
from spot_mlflow_checks.raw.counting import ANSWERS, census, refuse_answers, refuse_hopeless
from spot_mlflow_checks.raw.events import EVENTS
from spot_mlflow_checks.raw.happened import COUNTED, PLACES
from spot_mlflow_checks.raw.zones import SECOND
from spot_mlflow_checks.rows import count_where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.promise.terms import Label
    from spot_mlflow_checks.raw.chosen import Choice
    from spot_mlflow_checks.raw.counting import Census
    from spot_mlflow_checks.raw.events import Events
    from spot_mlflow_checks.raw.guarded import Guarded

    Expression = sa.ColumnElement[Any]

_TAIL: Final = 2  # characters of ".0"


@dataclass(frozen=True)
class Seen:
    """What a join has seen by its end.

    Attributes:
        choice: what decided which decisions count.
        rows: role -> prepared rows.
        names: role -> where the table lies, for people.
        picked: the decisions that count.
        log: the joined log.
        decisions: counts of the decisions.
        events: the events that were read.
        arms: counts of the list or table of arms, where there is one.
        guardrails: the guardrails that are made of events of their own.
        short: microseconds by which the events end before the time asked for.
        asked: that time, microseconds since 1970 UTC.
        treated: labels of treatment.
    """

    choice: Choice
    rows: Mapping[str, sa.FromClause]
    names: Mapping[str, str]
    picked: sa.TableClause
    log: sa.TableClause
    decisions: Census
    events: Events
    arms: Census | None
    guardrails: Sequence[Guarded]
    short: int
    asked: int
    treated: tuple[Label, ...]


def rules_of(s: Seen) -> tuple[RuleCount, ...]:
    """Counts every rule, in the order in which they apply.

    Raises:
        InvalidInput: where no event is of a unit that was decided.
    """
    n = _sums(s)
    listed = _of_arms(s, n)
    steps = _of_steps(s, n) if s.choice.sources.steps is not None else []
    feed = RuleCount(Rule.FEED_ENDS, EVENTS, s.short // SECOND, s.asked // SECOND)
    events = [*_of_events(s, n), feed]
    return (*_of_decisions(s, n), *listed, *events, *steps, *_of_guardrails(s, n))


def _sums(s: Seen) -> dict[str, int]:
    """The sums of the log that rules are counted by."""
    t = s.log.c
    treated = t.arm.in_([w for x in s.treated for w in spellings(x)])
    held = t.arm.in_(spellings(s.choice.holdout))
    asked: dict[str, Expression] = {
        **{k: sa.func.sum(t[k]) for k in COUNTED},
        "units": sa.func.count(),
        "no_events": count_where(t.inside == 0),
        "no_arm": count_where(t.arm.is_(None)),
        "two_arms": sa.func.sum(t.two_arms),
        "tied": sa.func.sum(t.tied),
        "contacts": sa.func.sum(t.contacts),
        "not_contacted": count_where(sa.and_(treated, t.offers == 0)),
        "treated": count_where(treated),
        "reached": count_where(sa.and_(held, t.offers > 0)),
        "held": count_where(held),
    }
    query = sa.select(*[x.label(f"n_{k}") for k, x in asked.items()]).select_from(s.log)
    row = s.choice.home.fetch(query)[0]
    return dict(zip(asked, (int(v or 0) for v in row), strict=True))


def _of_decisions(s: Seen, n: Mapping[str, int]) -> list[RuleCount]:
    counted = s.decisions.usable - s.decisions.counts.get(Rule.OTHER_VERSION, 0)
    units = n["units"]
    return [
        *s.decisions.rules(),
        RuleCount(Rule.REPEATED, "decisions", max(counted - units, 0), counted),
        RuleCount(Rule.TIED, "decisions", n["tied"], counted),
        RuleCount(Rule.TWO_ARMS, "decisions", n["two_arms"], units),
        RuleCount(Rule.NO_ARM, "decisions", n["no_arm"], units),
    ]


def _of_arms(s: Seen, n: Mapping[str, int]) -> list[RuleCount]:
    """Counts what a list or table of arms says of units that were decided, and of others."""
    if s.arms is None:
        return []
    alike = _other_form(s, "arms") if _may_differ(s) else None
    if not n["held"]:
        raise _nobody_held_out(s, n["units"], alike)
    return [*s.arms.rules(), *([] if alike is None else [alike])]


def _nobody_held_out(s: Seen, units: int, alike: RuleCount | None) -> InvalidInput:
    what = f"none of {units:,} decided units is held out by the list of arms"
    fix = (
        "Check sources.arms: is it of the same customers, and are its labels those of the contract?"
    )
    if alike is not None and alike.count:
        what += f"; {alike.count:,} of {alike.total:,} ids would be known if written alike (0012, 12, 12.0)"
        fix = "Set sources.ids: number, or write the ids alike in both tables."
    return InvalidInput(what, where=f"{s.names['decisions']}; {s.names['arms']}", fix=fix)


def _of_events(s: Seen, n: Mapping[str, int]) -> list[RuleCount]:
    doc, found, twice = s.choice.sources.events, s.events.census, s.events.twice
    role = s.events.role
    counted = found.usable - twice
    if s.events.known is not None:
        undecided = found.usable - s.events.known
    elif s.choice.each:
        joined, stranger = _beside_units(s, s.events.once)  # each event once, as it is counted
        undecided = _count(s, joined, stranger)
    else:
        undecided = counted - sum(n[k] for k in PLACES)
    if undecided == counted and not s.events.known:
        raise _no_id_matches(s, counted, n["units"])
    refunds = found.counts.get(Rule.REFUND, 0)
    out = found.rules()
    if doc.id is not None:
        out.append(RuleCount(Rule.TWICE, role, twice, found.usable))
    if doc.refund_of is not None:
        linked, orphans = s.events.refunds
        out.append(RuleCount(Rule.REFUND_LINKED, role, linked, refunds))
        out.append(RuleCount(Rule.REFUND_ORPHAN, role, orphans, refunds))
    out.append(RuleCount(Rule.UNDECIDED, role, undecided, counted))
    if undecided and _may_differ(s):
        out.append(_other_form(s, role))
    places = (Rule.TOO_EARLY, Rule.BEFORE, Rule.IN_WINDOW, Rule.LATE)
    out += [RuleCount(rule, role, n[k], counted) for rule, k in zip(places, PLACES, strict=True)]
    out.append(RuleCount(Rule.AT_END, role, n["at_end"], n["inside"]))
    out.append(RuleCount(Rule.NO_EVENTS, role, n["no_events"], n["units"]))
    return out


def _of_guardrails(s: Seen, n: Mapping[str, int]) -> list[RuleCount]:
    """Counts what became of the events of every guardrail, as of those of the outcome."""
    out = []
    for g in s.guardrails:
        own = {**n, **g.counted, "no_events": n["units"] - g.counted["with_events"]}
        out += _of_events(replace(s, choice=g.choice, events=g.events), own)
    return out


def _of_steps(s: Seen, n: Mapping[str, int]) -> list[RuleCount]:
    doc = s.choice.sources.steps
    assert doc is not None  # noqa: S101 - the caller asked
    r = s.rows["steps"].c
    asked = {rule: r[f"{key}_odd"].is_not(None) for key, rule in ANSWERS.items() if key in r}
    found = census(s.choice.home, "steps", s.rows["steps"], s.choice.as_of, asked)
    refuse_hopeless(found, s.names["steps"], doc.columns)
    refuse_answers(s.choice.home, s.rows["steps"], found, s.names["steps"], doc)
    undecided = _undecided(s, "steps")
    outside = max(found.usable - undecided - n["contacts"], 0)
    return [
        *found.rules(),
        RuleCount(Rule.UNDECIDED, "steps", undecided, found.usable),
        RuleCount(Rule.OUTSIDE, "steps", outside, found.usable),
        RuleCount(Rule.NOT_CONTACTED, "steps", n["not_contacted"], n["treated"]),
        RuleCount(Rule.HELD_OUT_CONTACTED, "steps", n["reached"], n["held"]),
    ]


def _beside_units(s: Seen, rows: Any) -> tuple[Any, Expression]:
    """Rows of a table beside the decided units, and the condition that one is of none of these."""
    units = sa.select(s.picked.c.unit).distinct().subquery("units")
    return rows.outerjoin(units, units.c.unit == rows.c.unit), units.c.unit.is_(None)


def _strangers(s: Seen, role: str) -> tuple[Any, list[Expression]]:
    """Usable rows of a table beside the decided units, and the conditions that none is of theirs."""
    r: Any = s.rows[role].c
    joined, stranger = _beside_units(s, s.rows[role])
    usable = [r.kept == 1, r.unit.is_not(None)]
    if "moment" in r:
        usable += [r.moment >= 0, r.moment <= s.choice.as_of]
    return joined, [*usable, stranger]


def _undecided(s: Seen, role: str) -> int:
    """Rows of a table whose unit nobody decided about."""
    joined, conditions = _strangers(s, role)
    return _count(s, joined, *conditions)


def _count(s: Seen, rows: Any, *conditions: Expression) -> int:
    query = sa.select(sa.func.count()).select_from(rows).where(*conditions)
    return int(s.choice.home.fetch(query)[0][0])


def _other_form(s: Seen, role: str) -> RuleCount:
    """Units of a table that nobody decided about, and those of them that differ only in form."""
    joined, conditions = _strangers(s, role)
    unit = s.rows[role].c.unit
    strange = sa.select(unit).select_from(joined).where(*conditions).distinct().subquery("strange")
    formed = sa.select(strange.c.unit, _plain(s, strange.c.unit).label("plain")).subquery("formed")
    known = sa.select(_plain(s, s.picked.c.unit).label("plain")).distinct().subquery("known")
    query = sa.select(sa.func.count(), sa.func.count(known.c.plain)).select_from(
        formed.outerjoin(known, known.c.plain == formed.c.plain)
    )
    total, alike = s.choice.home.fetch(query)[0]
    return RuleCount(Rule.OTHER_FORM, role, int(alike), int(total))


def _may_differ(s: Seen) -> bool:
    """Whether one id may be written in two ways."""
    return s.choice.sources.ids == "text" and s.choice.unit == "text"


def _plain(s: Seen, unit: Expression) -> Expression:
    """An id without what forms differ in: spaces, case, leading zeros, ".0" at the end."""
    d = s.choice.home.dialect
    word = d.word(unit)
    cut = sa.case((word.like("%.0"), sa.func.substr(word, 1, d.length(word) - _TAIL)), else_=word)
    return d.without_zeros(cut)


def _no_id_matches(s: Seen, events: int, units: int) -> InvalidInput:
    role = s.events.role
    alike = _other_form(s, role) if _may_differ(s) else None
    what = f"no id of {events:,} events is the id of one of {units:,} decided units"
    fix = f"Check sources.decisions.unit and sources.{role}.unit: are both of the same customers?"
    if alike is not None and alike.count:
        what += f"; {alike.count:,} of {alike.total:,} would be if written alike (0012, 12, 12.0)"
        fix = "Set sources.ids: number, or write the ids alike in both tables."
    return InvalidInput(what, where=f"{s.names['decisions']}; {s.names[role]}", fix=fix)
