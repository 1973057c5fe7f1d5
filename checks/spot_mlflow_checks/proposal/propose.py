"""What several tables seem to mean, and what they cannot tell: the proposal for ``sources:``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow_checks.proposal.links import Links, plain, share_of_ids
from spot_mlflow_checks.proposal.names import HOLDOUT, MONEY, STATUS, UNDONE, UNWANTED, words
from spot_mlflow_checks.proposal.roles import columns_of, given_roles
from spot_mlflow_checks.proposal.step_words import delivered_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow_checks.engines.source import Source
    from spot_mlflow_checks.proposal.links import Link
    from spot_mlflow_checks.proposal.roles import Chosen
    from spot_mlflow_checks.proposal.samples import Column, Sample
    from spot_mlflow_checks.proposal.step_words import Delivered

Outcome = Literal["sum", "count", "any", "none"]
KINDS: Final[Mapping[str, str]] = {
    "sum": "money",
    "count": "count",
    "any": "binary",
    "none": "binary",
}


@dataclass(frozen=True, slots=True)
class ArmsWay:
    """One way in which the tables may say who was held out.

    Attributes:
        keys: of ``arms:``; a label that is not known is None.
        why: what speaks for it.
    """

    keys: Mapping[str, str | list[str] | None]
    why: str


@dataclass(frozen=True)
class Proposal:
    """What the tables seem to mean.

    Attributes:
        tables: role -> table.
        links: role -> ids shared with the decisions.
        arms: ways in which the tables may say who was held out; nothing is chosen.
        outcome: what is made of the events, with the reason.
        ids: how ids are compared, with the reason.
        statuses: columns of the events that may say which of them count, with their values.
        doubted: one of these with words for what was cancelled or is still open; "" where none has.
        delivered: the column of the steps whose words say what was delivered, or None.
        spare: tables that nobody needs, with the reason.
    """

    tables: Mapping[str, Chosen]
    links: Mapping[str, Link]
    arms: tuple[ArmsWay, ...]
    outcome: tuple[Outcome, str]
    ids: tuple[Literal["text", "number"], str]
    statuses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubted: str = ""
    delivered: Delivered | None = None
    spare: Mapping[str, str] = field(default_factory=dict)

    @property
    def newest_event(self) -> str:
        """The latest time among the events that were read."""
        events = self.tables["events"]
        return events.sample.columns[events.at].newest

    @property
    def is_money(self) -> bool:
        """Whether the amounts of the events show that they are money: by fractions, name or currency."""
        columns = self.tables["events"].columns
        if "amount" not in columns:
            return False
        amount = self.tables["events"].sample.columns[columns["amount"]]
        shown = amount.has_fractions or amount.is_decimal_comma or "currency" in columns
        return bool(shown or MONEY.search(words(amount.name)))

    def needs_zone(self, role: str) -> bool:
        """Whether times of a table do not say their zone."""
        found = self.tables[role]
        return bool(found.at) and not found.sample.columns[found.at].has_zone


def propose(samples: Sequence[Sample], sources: Mapping[str, Source]) -> Proposal:
    """Guesses which table and column is which.

    Args:
        samples: the tables, two or more.
        sources: table's name -> where it lies, open.

    Raises:
        InvalidInput: no two tables can be decisions and events of the same units.
    """
    links = Links(samples, sources)
    units = links.units()
    tables = given_roles(samples, units, links)
    decisions = tables["decisions"]
    shared = {
        role: links.among(t.sample, t.unit, decisions.sample, decisions.unit)
        for role, t in tables.items()
        if role != "decisions"
    }
    used = {t.sample.name for t in tables.values()}
    outcome, statuses = _outcome(tables["events"]), _statuses(tables["events"])
    return Proposal(
        tables=tables,
        links=shared,
        arms=tuple(_arms(tables, shared)),
        outcome=outcome,
        ids=_ids(tables, shared),
        statuses=statuses,
        doubted="" if outcome[0] == "none" else _doubted(statuses),
        delivered=_delivered(tables.get("steps")),
        spare={s.name: _spare(s, units) for s in samples if s.name not in used},
    )


def _arms(tables: Mapping[str, Chosen], links: Mapping[str, Link]) -> list[ArmsWay]:
    out = []
    listed = tables.get("arms")
    if listed is not None:
        shared = share_of_ids(links["arms"])
        arm = listed.columns.get("arm")
        if arm is not None:
            keys = {"table": listed.sample.table, "unit": listed.unit, "arm": arm}
            labels = _labels(listed.sample.columns[arm])
            out.append(ArmsWay({**keys, **labels}, f"{shared} are among the decisions"))
        else:
            keys = {"held_out": listed.sample.table, "unit": listed.unit}
            rows = f"{listed.sample.rows:,}{'' if listed.sample.whole else ' and more'}"
            out.append(ArmsWay(keys, f"{rows} ids, {shared} are among the decisions"))
    decisions = tables["decisions"]
    column = columns_of(decisions.sample, "arms", decisions.unit).get("arm")
    if column is not None:
        labels = _labels(decisions.sample.columns[column])
        said = ", ".join(decisions.sample.columns[column].labels)
        out.append(
            ArmsWay({"column": column, **labels}, f"a column of the decisions; it holds {said}")
        )
    return out


def _labels(column: Column) -> dict[str, str | list[str] | None]:
    """The labels of treatment and holdout; None where no word tells."""
    held = [x for x in column.labels if HOLDOUT.match(x)]
    if len(held) != 1:
        return {"treated": None, "holdout": None}
    others = [x for x in column.labels if x != held[0]]
    return {"treated": others[0] if len(others) == 1 else others, "holdout": held[0]}


def _outcome(events: Chosen) -> tuple[Outcome, str]:
    if UNWANTED.search(words(events.sample.table.rsplit("/", 1)[-1])):
        return "none", "its events are unwanted, so that none is the good outcome"
    if "amount" in events.columns:
        return "sum", f"the amounts ({events.columns['amount']}) of a unit are added up"
    return "any", "whether there was an event"


def _ids(
    tables: Mapping[str, Chosen], links: Mapping[str, Link]
) -> tuple[Literal["text", "number"], str]:
    odd = [role for role, link in links.items() if link.form == "number"]
    if not odd:
        return "text", "as written"
    first, other = (tables[r].sample.columns[tables[r].unit] for r in ("decisions", odd[0]))
    form = {plain(v): v for v in other.distinct}
    pairs = sorted((v, form[plain(v)]) for v in first.distinct if plain(v) in form)
    mine, yours = next((p for p in pairs if p[0] != p[1]), pairs[0])
    said = f"{mine} in {tables['decisions'].sample.name} is {yours} in {tables[odd[0]].sample.name}"
    return "number", said


def _statuses(events: Chosen) -> dict[str, tuple[str, ...]]:
    taken = {events.unit, events.at, *events.columns.values()}
    return {
        c.name: c.labels
        for c in events.sample.columns.values()
        if c.name not in taken and STATUS.search(words(c.name)) and len(c.labels) > 1
    }


def _doubted(statuses: Mapping[str, tuple[str, ...]]) -> str:
    """The first column of which some words say that a row may not count, or ""."""
    return next(
        (c for c, labels in statuses.items() if any(UNDONE.search(words(x)) for x in labels)), ""
    )


def _delivered(steps: Chosen | None) -> Delivered | None:
    """The words of delivery, unless a column of yes and no has it."""
    if steps is None:
        return None
    said = {k: v for k, v in steps.columns.items() if k != "delivered"}
    found = delivered_by(steps.sample, {steps.unit, steps.at, *said.values()})
    flag = steps.columns.get("delivered")
    return found if flag is None or (found is not None and found.column == flag) else None


def _spare(sample: Sample, units: Mapping[str, str]) -> str:
    if sample.name not in units:
        return "shares no ids with the others"
    return "others fit better"
