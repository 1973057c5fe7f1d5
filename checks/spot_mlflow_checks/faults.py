"""What can be wrong with a log, each rule once: the condition, and of which rows it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from spot_mlflow.lift.moments.measures import with_slip
from spot_mlflow_checks.fault_checks import FAULT_CHECKS
from spot_mlflow_checks.rows import EARLIEST, UNKNOWN_ARM, before_decision, flag, has_matured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spot_mlflow_checks.engines.dialect import Family
    from spot_mlflow_checks.fault_checks import FaultCheck
    from spot_mlflow_checks.reading import Reading

    Condition = Callable[[Reading, Any], sa.ColumnElement[bool]]

# "rows" are all of the log, "concerned" those that do not stand apart (``rows``).
Universe = Literal["rows", "concerned", "assigned", "matured", "holdout", "scored"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the log.

    Attributes:
        name: as in ``Fault.name``.
        asked_of: the rows that can break it.
        needs: contract keys whose columns it reads, besides arm and outcome.
        broken: the condition, over a judged row.
        where: whether the contract and the types of the log's columns leave it to be asked.
    """

    name: str
    asked_of: Universe
    needs: tuple[str, ...]
    broken: Condition
    where: Callable[[Reading], bool] = lambda _r: True


def _infinite(key: str) -> Condition:
    return lambda r, c: r.source.dialect.infinite(c[key])


def _negative(key: str) -> Condition:
    return lambda _r, c: c[key] < 0


def _stored_as(key: str, *families: Family) -> Callable[[Reading], bool]:
    return lambda r: r.source.families[r.columns.names[key]] in families


def _unreadable(key: str) -> Condition:
    return lambda _r, c: sa.and_(c[f"{key}_blank"] == 0, c[key].is_(None))


def _due(r: Reading, c: Any) -> sa.ColumnElement[bool]:
    """Whether a scored unit's outcome should be there by now."""
    return sa.true() if r.window_seconds is None else has_matured(r, c.decided_at)


RULES: Final[tuple[Rule, ...]] = (
    Rule("missing_arm", "concerned", (), lambda _r, c: c.arm.is_(None)),
    Rule("unknown_arm", "concerned", (), lambda _r, c: c.arm == UNKNOWN_ARM),
    Rule("missing_outcome", "matured", (), lambda _r, c: sa.and_(c.matured == 1, c.n == 0)),
    Rule(
        "unassigned_outcome",
        "concerned",
        (),
        lambda _r, c: sa.and_(c.arm.is_(None), c.outcome_blank == 0),
    ),
    Rule("unreadable_outcome", "concerned", (), _unreadable("outcome")),
    Rule("missing_time", "concerned", ("decided_at",), lambda _r, c: c.decided_at.is_(None)),
    Rule(
        "absurd_time",
        "concerned",
        ("decided_at",),
        lambda r, c: sa.or_(c.decided_at > max(r.as_of, r.now), c.decided_at < EARLIEST),
    ),
    Rule(
        "after_as_of",
        "rows",
        ("decided_at",),
        lambda r, c: sa.and_(c.decided_at > r.as_of, c.decided_at <= max(r.as_of, r.now)),
    ),
    Rule(
        "outcome_before_decision",
        "concerned",
        ("decided_at", "observed_at"),
        lambda r, c: before_decision(r, c, c.observed_at),
    ),
    Rule(
        "outcome_after_window",
        "assigned",
        ("decided_at", "observed_at"),
        lambda _r, c: sa.and_(c.late == 1, c.outcome != 0),
    ),
    Rule(
        "immature",
        "assigned",
        ("decided_at",),
        lambda _r, c: sa.and_(c.assigned == 1, c.matured == 0),
    ),
    *(Rule(f"negative_{k}", "concerned", (k,), _negative(k)) for k in with_slip("negative")),
    Rule(
        "delivered_without_offer",
        "concerned",
        ("offered", "delivered"),
        lambda _r, c: sa.and_(c.delivered == 1, c.offered == 0),
    ),
    Rule(
        "delivered_before_decision",
        "concerned",
        ("decided_at", "delivered_at"),
        lambda r, c: before_decision(r, c, c.delivered_at),
    ),
    Rule(
        "holdout_offered",
        "holdout",
        ("offered",),
        lambda _r, c: sa.and_(c.arm == 0, c.offered == 1),
    ),
    Rule(
        "holdout_delivered",
        "holdout",
        ("delivered",),
        lambda _r, c: sa.and_(c.arm == 0, c.delivered == 1),
    ),
    Rule(
        "propensity_out_of_range",
        "assigned",
        ("propensity",),
        lambda _r, c: sa.and_(
            c.assigned == 1, sa.or_(c.propensity.is_(None), c.propensity <= 0, c.propensity > 1)
        ),
    ),
    Rule(
        "missing_cluster",
        "assigned",
        ("cluster",),
        lambda _r, c: sa.and_(c.assigned == 1, c.cluster.is_(None)),
    ),
    Rule(
        "arm_not_as_assigned",
        "assigned",
        ("hashed",),
        lambda _r, c: sa.and_(c.assigned == 1, c.due_arm != c.arm),
    ),
    Rule("missing_unit", "concerned", ("unit",), lambda _r, c: c.unit.is_(None)),
    Rule(
        "uncovered",
        "scored",
        ("score",),
        lambda r, c: sa.and_(c.score.is_not(None), c.n == 0, _due(r, c)),
    ),
    Rule(
        "outcome_not_binary",
        "concerned",
        (),
        lambda r, c: sa.and_(c.outcome.not_in((0.0, 1.0)), r.source.dialect.finite(c.outcome)),
        where=lambda r: r.predicted.kind == "binary" and not r.has("denominator"),
    ),
    Rule(
        "missing_as_zero",
        "matured",
        (),
        lambda _r, c: sa.and_(c.matured == 1, c.outcome_blank == 1),
        where=lambda r: r.predicted.missing == "zero",
    ),
    Rule(
        "negative_outcome",
        "concerned",
        (),
        _negative("outcome"),
        where=lambda r: r.predicted.kind == "count",
    ),
    *(
        Rule(
            f"infinite_{k}", "concerned", (k,), _infinite(k), _stored_as(k, "float", "text", "any")
        )
        for k in with_slip("infinite")
    ),
    *(
        Rule(f"unreadable_{k}", "concerned", (k,), _unreadable(k), _stored_as(k, "text", "any"))
        for k in with_slip("unreadable")
    ),
    Rule(
        "other_model_version",
        "rows",
        ("model_version",),
        lambda _r, c: c.other_version == 1,
        where=lambda r: r.model_version is not None,
    ),
)
# Nothing is wrong with these rows; they do not count yet, or count as the contract says.
EXPECTED: Final = frozenset({"immature", "after_as_of", "outcome_after_window", "missing_as_zero"})
_NOTED: Final = frozenset({"missing_as_zero"})  # a note of the analysis says how many


def mute(rules: Sequence[Rule], checks: Sequence[FaultCheck]) -> list[str]:
    """Returns the faults that would be counted and shown nowhere, since no check names them."""
    named = _NOTED.union(*(c.faults for c in checks))
    return [rule.name for rule in rules if rule.name not in named]


if _found := mute(RULES, FAULT_CHECKS):
    raise ValueError(f"no check in FAULT_CHECKS names the faults {', '.join(_found)}")


def rules_for(r: Reading) -> list[Rule]:
    """Returns the rules that this log's columns allow to ask."""
    return [rule for rule in RULES if r.has(*rule.needs) and rule.where(r)]


def universe(r: Reading, name: Universe, c: Any) -> sa.ColumnElement[Any]:
    """1 for a row that can break a rule asked of ``name``; all rows, and those concerned, are counted as they are."""
    if name == "holdout":
        return flag(c.arm == 0)
    if name == "scored":
        return flag(sa.and_(c.score.is_not(None), _due(r, c)))
    column: sa.ColumnElement[Any] = c[name]
    return column
