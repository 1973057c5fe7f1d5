"""Why units are not in their arm: other forms of the id, other salts and other steps are tried on them.

A unit has the right arm by chance under any rule, the more so the larger the arm. A reason is named where
it gives nearly all of the units that differ the arm they have, and more of them than chance would.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.moments.recomputed import ARM_FAULT, ArmCause, Recomputed
from spot_mlflow.lift.promise.assignment import Assignment, arm_rule
from spot_mlflow_checks.holdout.arm_sql import arm_of
from spot_mlflow_checks.holdout.words import LEAST, SHARE
from spot_mlflow_checks.rows import count_where, judged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.moments.outcome_moments import Fault
    from spot_mlflow.lift.moments.recomputed import CauseKind
    from spot_mlflow.lift.promise.arm_hash import ArmRule
    from spot_mlflow_checks.engines.dialect import Dialect
    from spot_mlflow_checks.reading import Reading

    Expression = sa.ColumnElement[Any]

_EXPLAINED: Final = 0.8  # of the units that differ
_SIGMA: Final = 4.0  # beyond chance; some twenty reasons are tried
_CAUSES: Final = 3  # named at most
_KEPT: Final = 10  # earlier assignments remembered
_WIDTHS: Final = (4, 5, 6, 7, 8, 9, 10, 12)  # to which ids are padded with zeros
_ZEROS: Final = "0" * max(_WIDTHS)
# TRIM(LEADING '0' FROM x), as the standard has it; the others have LTRIM(x, '0'), SQL Server neither.
_STANDARD_TRIM: Final = frozenset({"mysql", "spark", "databricks", "trino", "oracle"})


@dataclass(frozen=True, slots=True)
class _Reason:
    kind: CauseKind
    what: str
    arm: Expression  # the number of the arm that it would give


def broken(fault: Fault | None) -> bool:
    """Whether so many units differ that the holdout is not the declared one."""
    return fault is not None and fault.count >= LEAST and fault.count > SHARE * fault.total


def recomputed(
    r: Reading, faults: Mapping[str, Fault], earlier: Sequence[Recomputed]
) -> Recomputed | None:
    """Returns what the arms were recomputed by, and why they differ where many do.

    Args:
        r: what was read.
        faults: of the base pass.
        earlier: of the last check, where there was one; its assignments are tried.
    """
    own = r.predicted.assignment
    if own is None or ARM_FAULT not in faults:
        return None
    said = own.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    past = [a for e in earlier for a in (e.assignment, *e.earlier)]
    known = list({repr(a): a for a in past if a != said}.values())[:_KEPT]
    found = Recomputed(said, tuple(known))
    if not broken(faults[ARM_FAULT]):
        return found
    r.tell("assignment")
    return replace(found, causes=_causes(r, [Assignment.model_validate(a) for a in known]))


def _causes(r: Reading, known: Sequence[Assignment]) -> tuple[ArmCause, ...]:
    rows = judged(r)
    c = rows.c
    reasons = _reasons(r, c, known)
    shares = _shares(r, c)
    differ: Any = sa.and_(c.assigned == 1, c.due_arm != c.arm)
    out: list[ArmCause] = []
    while len(out) < _CAUSES:
        cells = _explained(r, c, reasons, differ)
        total = sum(n for n, _ in cells.values())
        best = max(
            range(len(reasons)), key=lambda i: sum(e[i] for _, e in cells.values()), default=None
        )
        if best is None or not _beyond_chance(cells, best, shares):
            break
        units = sum(e[best] for _, e in cells.values())
        out.append(ArmCause(reasons[best].kind, reasons[best].what, units))
        if units == total:
            return tuple(out)
        differ = sa.and_(differ, sa.func.coalesce(reasons[best].arm, -1) != c.arm)
        reasons.pop(best)
    rest = sum(n for n, _ in cells.values()) if len(out) < _CAUSES else 0
    return (*out, *([ArmCause("unknown", "", rest)] if rest else []))


def _shares(r: Reading, c: Any) -> dict[int, float]:
    """The share of the units that the rule puts into each arm."""
    query: Any = sa.select(c.due_arm, sa.func.count()).where(c.assigned == 1).group_by(c.due_arm)
    found = {int(arm): int(n) for arm, n in r.source.fetch(query) if arm is not None}
    return {arm: n / sum(found.values()) for arm, n in found.items()}


def _explained(
    r: Reading, c: Any, reasons: Sequence[_Reason], differ: Any
) -> dict[int, tuple[int, list[int]]]:
    """Arm that units have -> (units that differ, of those how many each reason explains)."""
    sums = [count_where(x.arm == c.arm).label(f"reason_{i}") for i, x in enumerate(reasons)]
    query: Any = sa.select(c.arm, sa.func.count().label("units"), *sums)
    rows = r.source.fetch(query.where(differ).group_by(c.arm))
    return {int(arm): (int(n), [int(x or 0) for x in found]) for arm, n, *found in rows}


def _beyond_chance(
    cells: Mapping[int, tuple[int, list[int]]], which: int, shares: Mapping[int, float]
) -> bool:
    total = sum(n for n, _ in cells.values())
    explained = sum(e[which] for _, e in cells.values())
    if explained < max(LEAST, _EXPLAINED * total):
        return False
    expected = sum(n * shares.get(arm, 0.0) for arm, (n, _) in cells.items())
    variance = sum(n * (q := shares.get(arm, 0.0)) * (1 - q) for arm, (n, _) in cells.items())
    return explained - expected > _SIGMA * math.sqrt(variance)


def _reasons(r: Reading, c: Any, known: Sequence[Assignment]) -> list[_Reason]:
    rule = r.predicted.arm_rule
    assert rule is not None  # noqa: S101 - the caller looked
    out = [
        _Reason("salt", a.salt, _arm(r, c, other, c.hashed)) for a in known for other in _rule(r, a)
    ]
    if len(rule.cuts) > 1:
        out += [
            _Reason("schedule", str(cut.starts or ""), _arm(r, c, _always(rule, i), c.hashed))
            for i, cut in enumerate(rule.cuts)
        ]
    forms = _forms(r.source.dialect, c.hashed)
    if r.has("unit") and rule.column != r.columns.names["unit"]:
        forms["of the unit, not of the cluster"] = r.source.dialect.text(c.unit)
    return [*out, *(_Reason("form", what, _arm(r, c, rule, x)) for what, x in forms.items())]


def _rule(r: Reading, assignment: Assignment) -> list[ArmRule]:
    """The rule of an earlier assignment; none where it had other arms."""
    k = r.predicted.columns
    try:
        return [arm_rule(assignment, treated=k.treated_labels, holdout=k.holdout, unit=k.unit)]
    except ValueError:
        return []


def _always(rule: ArmRule, which: int) -> ArmRule:
    """The rule with one of its steps for all units and times."""
    return replace(rule, cuts=(replace(rule.cuts[which], starts=None, segment=None),))


def _arm(r: Reading, c: Any, rule: ArmRule, unit: Expression) -> Expression:
    return arm_of(
        r.source.dialect,
        unit,
        rule,
        decided_at=c.decided_at if r.has("decided_at") else None,
        segment=r.source.dialect.text(c.segment) if r.has("segment") else None,
        labels=range(len(rule.treated) + 1),
    )


def _forms(d: Dialect, x: Expression) -> dict[str, Expression]:
    """Other ways in which the id may have been written where it was hashed."""
    cut = d.length(x) - 2
    out = {
        "without .0": sa.case((x.like("%.0"), sa.func.substr(x, 1, cut)), else_=x),
        "with .0": sa.case((x.like("%.0"), x), else_=x.concat(".0")),
        "in lower case": sa.func.lower(x),
        "in upper case": sa.func.upper(x),
        "without spaces around it": sa.func.trim(x),
        "without hyphens": sa.func.replace(x, "-", ""),
    }
    if d.name == "mssql":
        return {k: v for k, v in out.items() if k != "without .0"}
    standard = sa.func.trim(sa.literal_column("LEADING '0'").op("FROM")(x))
    out["without leading zeros"] = standard if d.name in _STANDARD_TRIM else sa.func.ltrim(x, "0")
    for width in _WIDTHS:
        padded = sa.func.substr(sa.literal(_ZEROS[:width]).concat(x), d.length(x) + 1, width)
        wide = d.length(x) >= width
        out[f"with zeros to {width} digits"] = sa.case((wide, x), else_=padded)
    return out
