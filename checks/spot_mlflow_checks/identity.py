"""Who a row is of: units that occur twice, units in two arms, several model versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from spot_mlflow.lift.moments.outcome_moments import Fault
from spot_mlflow_checks.faults import EXPECTED
from spot_mlflow_checks.rows import count_where, judged
from spot_mlflow_checks.sums import segment_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow_checks.reading import Reading


def identity_pass(r: Reading, *, apart: bool) -> dict[str, Fault]:
    """Groups by unit; only counts and the first unit of each fault leave the engine.

    Args:
        r: what to read.
        apart: whether rows stand apart. They are left out, since a unit may come again under another
            model version, or later; where there are none, fewer columns are read.
    """
    c = judged(r).c
    known = sa.case((c.arm >= 0, c.arm))
    per_unit = (
        sa.select(
            c.unit,
            sa.func.count().label("times"),
            sa.func.min(known).label("lowest"),
            sa.func.max(known).label("highest"),
        )
        .where(c.unit.is_not(None), *_concerned(c, of_all=not apart))
        .group_by(c.unit)
        .subquery("per_unit")
    )
    u = per_unit.c
    twice, both = u.times > 1, u.lowest < u.highest
    counts_of: list[sa.ColumnElement[Any]] = [
        sa.func.count(),
        count_where(twice),
        count_where(both),
    ]
    examples = [sa.func.min(sa.case((x, u.unit))) for x in (twice, both)]
    query = sa.select(*counts_of, *examples).select_from(per_unit)
    total, *found = r.source.fetch(query)[0]
    counts, firsts = [int(v or 0) for v in found[:2]], found[2:]
    return {
        name: Fault(name, count, int(total), () if first is None else (segment_label(first),))
        for name, count, first in zip(
            ("duplicate_unit", "unit_in_two_arms"), counts, firsts, strict=True
        )
    }


def example_pass(r: Reading, faults: Mapping[str, Fault], rules: Sequence[Any]) -> dict[str, Fault]:
    """Finds the first unit of each fault that occurred; run only where something is wrong."""
    hit = [rule for rule in rules if faults[rule.name].count and rule.name not in EXPECTED]
    c = judged(r).c
    firsts = [
        sa.func.min(
            sa.case(
                (sa.and_(rule.broken(r, c), *_concerned(c, of_all=rule.asked_of == "rows")), c.unit)
            )
        )
        for rule in hit
    ]
    row = r.source.fetch(sa.select(*[x.label(f"v{i}") for i, x in enumerate(firsts)]))[0]
    out = dict(faults)
    for rule, first in zip(hit, row, strict=True):
        if first is not None:
            fault = faults[rule.name]
            out[rule.name] = Fault(fault.name, fault.count, fault.total, (segment_label(first),))
    return out


def _concerned(c: Any, *, of_all: bool = False) -> list[sa.ColumnElement[bool]]:
    """The condition that a row does not stand apart, where some may."""
    return [] if of_all or "apart" not in c else [c.apart == 0]


def version_pass(r: Reading) -> Fault:
    """Counts the rows that are not of the most common model version; run only where there are several."""
    c = judged(r).c
    by_version = sa.select(sa.func.count().label("rows")).where(c.version.is_not(None))
    sizes = by_version.group_by(c.version).subquery("sizes").c
    total, most = r.source.fetch(sa.select(sa.func.sum(sizes.rows), sa.func.max(sizes.rows)))[0]
    return Fault("mixed_model_version", int(total) - int(most), int(total))
