"""Which table is which: decisions, arms, events, steps, or none of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.proposal.names import COLUMNS, TABLES, rank, words
from spot_mlflow_checks.proposal.step_words import delivered_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spot_mlflow_checks.proposal.links import Links
    from spot_mlflow_checks.proposal.samples import Column, Sample

ROLES: Final = ("decisions", "events", "arms", "steps")
_OPTIONAL: Final = ("arms", "steps")
_LEAST: Final = 1.5  # weight from which an optional role is given
_NEVER: Final = float("-inf")
_NEARLY: Final = 0.9  # of the rows of a table of events have an id of their own
_NAMED_ID: Final = 0.6  # rank of a name that says id of an event, whatever the column holds
_MANY: Final = 12  # tables; the ways to give roles grow with their fourth power
# Keys of each role that its columns may have, beside unit and time.
CARRIED: Final[Mapping[str, tuple[str, ...]]] = {
    "decisions": ("score", "segment", "version"),
    "events": ("id", "amount", "refund_of", "currency"),
    "arms": ("arm",),
    "steps": ("offered", "delivered", "acted", "undelivered_reason", "team", "actor", "cost"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A table in its role.

    Attributes:
        sample: the table.
        unit: column of the unit's id.
        at: column of the time, or "".
        columns: further key -> column.
        why: what speaks for the role, for a comment.
    """

    sample: Sample
    unit: str
    at: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    @property
    def doubtful_id(self) -> str:
        """The column of ids of events, where many rows repeat one and are not the same row again; or ""."""
        column = self.columns.get("id", "")
        held = self.sample.columns.get(column)
        if held is None or _holds("id", held):
            return ""
        return column if self.sample.doubled < _NEARLY * held.repeats else ""


def given_roles(
    samples: Sequence[Sample], units: Mapping[str, str], links: Links
) -> dict[str, Chosen]:
    """Gives each role to the table that fits it best, so that together they fit best.

    Raises:
        InvalidInput: no two tables can be decisions and events of the same units.
    """
    if len(samples) > _MANY:
        raise InvalidInput(
            f"{len(samples)} tables are too many to guess from, the most is {_MANY}",
            fix="Give those of the decisions, the arms, the events and the steps.",
        )
    fits = {(s.name, role): _fit(s, role, units.get(s.name, "")) for s in samples for role in ROLES}
    known: list[Sample | None] = [*samples, None, None]
    best, weight = None, _NEVER
    for way in permutations(known, len(ROLES)):
        found = sum(_weight(s, role, fits) for s, role in zip(way, ROLES, strict=True))
        found += _shared(way, units, links) if found > _NEVER else 0
        if found > weight:
            best, weight = way, found
    if best is None:
        raise InvalidInput(
            f"cannot tell decisions from events: {_lacking(samples, units)}",
            fix="Give at least what the scoring job wrote (an id and a time for each decision) and "
            "what happened (an id and a time for each event), with ids in common.",
        )
    return {
        role: _chosen(s, role, units[s.name])
        for s, role in zip(best, ROLES, strict=True)
        if s is not None
    }


def _weight(
    sample: Sample | None, role: str, fits: Mapping[tuple[str, str], tuple[float, list[str]]]
) -> float:
    if sample is None:
        return 0.0 if role in _OPTIONAL else _NEVER
    weight = fits[sample.name, role][0]
    return weight - _LEAST if role in _OPTIONAL else weight


def _shared(way: Sequence[Sample | None], units: Mapping[str, str], links: Links) -> float:
    """What the ids shared with the decisions weigh; without any, no other role can be had."""
    decisions = way[0]
    if decisions is None:
        return _NEVER
    total = 0.0
    for other in way[1:]:
        if other is not None:
            share = links.between(decisions, units[decisions.name], other, units[other.name]).share
            total += share if share > 0 else _NEVER
    return total


def _fit(sample: Sample, role: str, unit: str) -> tuple[float, list[str]]:
    """Returns how well a table fits a role, and what speaks for it."""
    if not unit:
        return _NEVER, []
    time, own = time_of(sample), columns_of(sample, role, unit)
    if role != "arms" and not time:
        return _NEVER, []
    reasons = list(_reasons(sample, role, unit, own))
    weight = sum(w for w, _ in reasons)
    return weight, [why for w, why in reasons if w > 0 and why]


def _reasons(
    sample: Sample, role: str, unit: str, own: Mapping[str, str]
) -> Iterator[tuple[float, str]]:
    stem = words(sample.table.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0])
    if TABLES[role].search(stem):
        yield 3.0, "by its name"
    said = {k: c for k, c in own.items() if k not in {"cost", "segment"}}
    if role == "decisions":
        yield (3.0, f"it has scores ({own['score']})") if "score" in own else (0.0, "")
        yield 0.5 * ("version" in own) + 0.5 * ("segment" in own), ""
        yield (0.5, "") if "amount" not in columns_of(sample, "events", unit) else (-1.0, "")
    elif role == "events":
        yield (2.0, f"it has amounts ({own['amount']})") if "amount" in own else (0.0, "")
        yield (1.0, _said_id(sample.columns[own["id"]])) if "id" in own else (0.0, "")
        yield (
            (0.5, "ids of units occur several times")
            if not sample.columns[unit].is_unique
            else (0.0, "")
        )
        yield (-2.0, "") if "score" in columns_of(sample, "decisions", unit) else (0.0, "")
    elif role == "steps":
        told = delivered_by(sample, {unit, time_of(sample)})
        yield 1.5 * len(said), f"it has {', '.join(said.values())}"
        if told is not None and told.is_known and told.column not in said.values():
            yield 1.5, f"it says what was delivered ({told.column})"
        yield (-2.0, "") if "amount" in columns_of(sample, "events", unit) else (0.0, "")
    else:
        yield (2.0, f"it has a column of arms ({own['arm']})") if "arm" in own else (0.0, "")
        yield (1.0, "ids alone") if len(sample.columns) <= 3 else (-1.0, "")  # noqa: PLR2004 - id, arm, a day
        yield (0.5, "each id once") if sample.columns[unit].is_unique else (-1.0, "")


def _said_id(column: Column) -> str:
    if _holds("id", column):
        return f"each row has an id of its own ({column.name})"
    return f"it has ids of events ({column.name})"


def _chosen(sample: Sample, role: str, unit: str) -> Chosen:
    own = columns_of(sample, role, unit)
    at = time_of(sample) if role != "arms" else ""
    why = ", ".join(_fit(sample, role, unit)[1]) or "the only one left that fits"
    return Chosen(sample, unit, at, own, why)


def time_of(sample: Sample) -> str:
    """Returns the column of the time, or "": one that holds times, the likeliest by name."""
    times = [c for c in sample.columns.values() if c.is_time or c.is_local_time]
    if not times:
        return ""
    return max(times, key=lambda c: (rank("at", c.name), len(c.values), _hours(c))).name


def _hours(column: Column) -> bool:
    return any(":" in v for v in column.values[:50])


def columns_of(sample: Sample, role: str, unit: str) -> dict[str, str]:
    """Returns key -> column for what a role may have: by name, and by what the column holds."""
    taken = {unit, time_of(sample)}
    out: dict[str, str] = {}
    for key in CARRIED[role]:
        fitting = [
            c for c in sample.columns.values()
            if c.name not in taken and rank(key, c.name) and _holds(key, c)
        ]  # fmt: skip
        if key == "id" and not fitting:  # of a file in which many rows stand twice
            named = (c for c in sample.columns.values() if rank(key, c.name) >= _NAMED_ID)
            fitting = [c for c in named if c.name not in taken and c.is_id]
        if fitting:
            out[key] = max(fitting, key=lambda c: rank(key, c.name)).name
            taken.add(out[key])
    return out


def _holds(key: str, column: Column) -> bool:
    """Whether a column can hold what a key means."""
    assert key in COLUMNS  # noqa: S101 - ours
    number = column.is_number or column.is_decimal_comma
    if key in {"score", "amount", "cost"}:
        return number
    if key == "id":  # a row may occur twice: that is what ids are for
        return len(column.distinct) > _NEARLY * column.rows
    if key == "arm":
        return 1 < len(column.labels) <= 5  # noqa: PLR2004 - a campaign has few arms
    if key in {"offered", "delivered", "acted"}:
        return column.is_time or 0 < len(column.labels) <= 3  # noqa: PLR2004 - yes, no and a blank word
    return bool(column.values)


def _lacking(samples: Sequence[Sample], units: Mapping[str, str]) -> str:
    no_ids = [s.name for s in samples if s.name not in units]
    no_times = [s.name for s in samples if s.name in units and not time_of(s)]
    said = []
    if no_ids:
        said.append(f"{', '.join(no_ids)} shares no ids with another table")
    if no_times:
        said.append(f"{', '.join(no_times)} has no column of times (2027-01-31T10:00:00)")
    return "; ".join(said) or "one table only has ids and times"
