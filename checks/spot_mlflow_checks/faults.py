"""What can be wrong with a log, each rule once: the condition, and of which rows it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from spot_mlflow_checks.rows import (
    EARLIEST,
    UNKNOWN_ARM,
    before_decision,
    flag,
    has_matured,
    may_be_unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow_checks.rows import Reading

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
    """

    name: str
    asked_of: Universe
    needs: tuple[str, ...]
    broken: Condition


def _infinite(key: str) -> Condition:
    return lambda r, c: r.source.dialect.infinite(c[key])


def _negative(key: str) -> Condition:
    return lambda _r, c: c[key] < 0


def _unreadable(key: str) -> Condition:
    return lambda _r, c: sa.and_(c[f"{key}_blank"] == 0, c[key].is_(None))


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
    Rule("negative_value", "concerned", ("value",), _negative("value")),
    Rule("negative_cost", "concerned", ("cost",), _negative("cost")),
    Rule("negative_handling", "concerned", ("handling",), _negative("handling")),
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
    Rule("missing_unit", "concerned", ("unit",), lambda _r, c: c.unit.is_(None)),
    Rule(
        "uncovered",
        "scored",
        ("score",),
        lambda r, c: sa.and_(c.score.is_not(None), c.n == 0, _due(r, c)),
    ),
)


# Nothing is wrong with these rows; they do not count yet.
EXPECTED: Final = frozenset({"immature", "after_as_of", "outcome_after_window", "missing_as_zero"})


def _due(r: Reading, c: Any) -> sa.ColumnElement[bool]:
    """Whether a scored unit's outcome should be there by now."""
    return sa.true() if r.window_seconds is None else has_matured(r, c.decided_at)


def rules_for(r: Reading) -> list[Rule]:
    """Returns the rules that this log's columns allow to ask."""
    found = [rule for rule in (*RULES, *_kind_rules(r)) if r.has(*rule.needs)]
    if r.has("model_version") and r.model_version is not None:
        found.append(Rule("other_model_version", "rows", (), lambda _r, c: c.other_version == 1))
    return found


def _kind_rules(r: Reading) -> list[Rule]:
    """Rules on outcomes and money that depend on what the outcome is and how it is stored."""
    out: list[Rule] = []
    kind = r.predicted.kind
    if kind == "binary" and not r.has("denominator"):
        out.append(
            Rule(
                "outcome_not_binary",
                "concerned",
                (),
                lambda r, c: sa.and_(
                    c.outcome.not_in((0.0, 1.0)), r.source.dialect.finite(c.outcome)
                ),
            )
        )
    if r.predicted.missing == "zero":
        out.append(
            Rule(
                "missing_as_zero",
                "matured",
                (),
                lambda _r, c: sa.and_(c.matured == 1, c.outcome_blank == 1),
            )
        )
    if kind == "count":
        out.append(Rule("negative_outcome", "concerned", (), _negative("outcome")))
    out += [
        Rule(f"infinite_{key}", "concerned", (key,), _infinite(key))
        for key in ("outcome", "value", "cost", "handling", "covariate", "denominator")
        if r.has(key) and r.source.families[r.columns.names[key]] in {"float", "text", "any"}
    ]
    out += [
        Rule(f"unreadable_{key}", "concerned", (key,), _unreadable(key))
        for key in may_be_unreadable(r)
    ]
    return out


def universe(r: Reading, name: Universe, c: Any) -> sa.ColumnElement[Any]:
    """1 for a row that can break a rule asked of ``name``; all rows, and those concerned, are counted as they are."""
    if name == "holdout":
        return flag(c.arm == 0)
    if name == "scored":
        return flag(sa.and_(c.score.is_not(None), _due(r, c)))
    column: sa.ColumnElement[Any] = c[name]
    return column
