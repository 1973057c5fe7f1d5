"""Which versions are checked on a schedule, and when the next check of each is due; pure.

A version is watched where its contract names its sources and something may still come of it: it holds
a target, or it held one and its outcomes are not all in. Days and periods are counted in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.lift.promise.sources import Arms
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from spot_mlflow.adoption import Adoption, VersionFacts
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.promise.sources import Table

# Why a version is watched: it holds a target; no version of the model does, and it is the newest with
# such a contract; or outcomes were open at its last check, or it held a target and was never checked.
Because = Literal["deployed", "newest", "open"]
# What decides whether a check is due: the first one; a period of the log that has passed since the
# last; the one look of a contract, which is taken, or has no date.
Rule = Literal["first", "period", "look taken", "look undated"]

_DAY: Final = timedelta(days=1)
_NO_TARGET: Final = ("none", "archived")  # stages in which a version decides nothing


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a check is due, and by which rule.

    Attributes:
        now: whether it is.
        rule: what decides.
        on: the day from which it is due, UTC; None where no day makes it due.
    """

    now: bool
    rule: Rule
    on: date | None

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {"now": self.now, "rule": self.rule, "on": self.on and self.on.isoformat()}


@dataclass(frozen=True, slots=True)
class Watched:
    """A version that is checked on a schedule.

    Attributes:
        version: its number, as text.
        because: why it is watched.
        due: whether its next check is due.
    """

    version: str
    because: Because
    due: Due


def names_its_sources(contract: PredictedLift) -> bool:
    """Whether a contract says where its outcomes lie, so that they can be checked without a file."""
    if contract.outcome_log is not None:
        return True
    return contract.sources is not None and not unplaced(contract)


def unplaced(contract: PredictedLift) -> tuple[str, ...]:
    """Returns the raw tables that a contract with ``sources`` leaves to each call."""
    tables = {} if contract.sources is None else contract.sources.tables
    return tuple(role for role, table in tables.items() if not _is_placed(table))


def _is_placed(table: Table) -> bool:
    """Whether a table is named in the contract, rather than given at each call."""
    named = table.place if isinstance(table, Arms) else table.table
    return bool(named or table.query)


def watched(adoption: Adoption) -> tuple[Watched, ...]:
    """Returns the versions of a model that are checked on a schedule, oldest first.

    Args:
        adoption: what is known of the model, of whichever version.
    """
    named = [v for v, c in adoption.predictions.items() if names_its_sources(c)]
    there = [facts for v in sorted(named, key=int) if (facts := adoption.facts.version(v))]
    return tuple(
        Watched(facts.version, because, due(adoption, facts.version))
        for facts, because in _reasons(there, adoption)
    )


def _reasons(
    there: list[VersionFacts], adoption: Adoption
) -> Iterator[tuple[VersionFacts, Because]]:
    for facts in there:
        if _holds_a_target(facts):
            yield facts, "deployed"
        elif facts is there[-1] and not any(map(_holds_a_target, adoption.facts.versions)):
            yield facts, "newest"
        elif _is_open(adoption, facts.version):
            yield facts, "open"


def due(adoption: Adoption, version: str) -> Due:
    """Returns whether a check of a version is due at ``adoption.now``.

    The first check is due on ``measurement.first_check``; without it, once the first outcomes can have
    matured (``measurement.starts`` plus ``window``); without either at once. Later ones are due as soon
    as a new period of the log (``period``, a day unless given) has begun since the last. A contract
    that allows one look has one check, on its date: where it names none, no schedule may choose it.
    A check that found no lift, as its log was broken, is no look: the next one is due as others are.

    Raises:
        KeyError: no contract is recorded for the version.
    """
    contract, check = adoption.predictions[version], _last_check(adoption, version)
    once = contract.looks_used == "once"
    if once and any(map(_is_look, adoption.checks.get(version, ()))):
        return Due(now=False, rule="look taken", on=None)
    first = first_day(contract)
    if once and first is None:
        return Due(now=False, rule="look undated", on=None)
    if check is not None:
        following = _next_period(utc(str(check["as_of"])), contract.period or _DAY)
        following = max(following, first) if once and first is not None else following
        return Due(adoption.now.date() >= following, "period", following)
    if first is None:
        return Due(now=True, rule="first", on=None)
    return Due(adoption.now.date() >= first, "first", first)


def first_day(contract: PredictedLift) -> date | None:
    """Returns the day from which the first check of a contract is due; None where it names none."""
    plan = contract.measurement
    if plan is None or plan.first_check is not None or plan.starts is None:
        return None if plan is None else plan.first_check
    return plan.starts + (contract.window or timedelta())


def _next_period(since: datetime, period: timedelta) -> date:
    """Returns the first day of the period after the one of ``since``, as the log is cut into them."""
    import numpy as np  # late: a client without it reads promises and says what comes next

    from spot_mlflow.lift.moments.cells import first_days

    days = max(1, round(period / _DAY))
    begun: date = first_days(np.array([since.date()], dtype="datetime64[D]"), days)[0].item()
    return begun + days * _DAY


def _last_check(adoption: Adoption, version: str) -> Mapping[str, Any] | None:
    found = adoption.checks.get(version, ())
    return found[-1] if found else None


def _is_look(check: Mapping[str, Any]) -> bool:
    """Whether a check told a lift: a fault of the log did not take it back, and there was one."""
    realized = check.get("realized")
    told = realized is None or realized.get("lift") is not None
    return told and not check.get("withheld")


def _is_open(adoption: Adoption, version: str) -> bool:
    """Whether outcomes of a version that holds no target may still come in."""
    check = _last_check(adoption, version)
    if check is not None:
        return int(check["matured"]) < int(check["assigned"])
    moved = (d for d in adoption.decisions if d.version == version)
    return any(d.payload.get("applied") for d in moved)


def _holds_a_target(version: VersionFacts) -> bool:
    return bool(version.aliases) or version.stage.casefold() not in _NO_TARGET
