"""Which segments, teams, offers and weeks stand out, guarded against reading noise.

Every group is held against all the others together, on every step of the way to the customer, on the
response of those reached and on the lift; what is told holds at a false-discovery rate over all groups
of a dimension. Segments of which the contract promises something are held to their own promise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.causes.factors import CHAIN
from spot_mlflow.lift.causes.group_lifts import group_lifts
from spot_mlflow.lift.causes.segment_promise import segment_promises
from spot_mlflow.lift.estimators.simultaneous import discoveries
from spot_mlflow.lift.interval import Interval, wilson
from spot_mlflow.lift.moments.grouping import codes_of
from spot_mlflow.lift.moments.labels import HOLDOUT, MISSING_SEGMENT
from spot_mlflow.lift.promise.looks import width_of
from spot_mlflow.lift.strata.side_tables import without_holdout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.segment_promise import PromisedLevels
    from spot_mlflow.lift.estimators.simultaneous import Width
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

LIFT: Final = "lift"  # per unit
RESPONSE: Final = "response"  # per unit that got past the last logged step
_FEW: Final = 10  # units in a group, below which nothing is told of it


@dataclass(frozen=True, slots=True)
class Finding:
    """One group against all the others.

    Attributes:
        dimension: "segment", "team", "offer" or "week".
        label: the group.
        factor: the step of the way to the customer ("delivery"), "response", or "lift".
        level: share lost at this step among those who reached it; the lift per unit reached for
            "response", per unit for "lift", in the contract's units.
        others: the same of all the other groups together.
        expected: the others' level, moved by what was promised of the group more or less than of
            them; the same as ``others`` where nothing was promised by group.
        units: units of the group that reached the step.
        part: the group's part of everything lost at this step; 0 for "response" and "lift".
        p_value: two-sided, of a level as expected, valid at any look where the contract allows many.
        shown: whether the difference holds at the false-discovery rate.
        worse: whether the group is worse than expected.
    """

    dimension: str
    label: str
    factor: str
    level: Interval
    others: float
    expected: float
    units: int
    part: float
    p_value: float
    shown: bool
    worse: bool


@dataclass(frozen=True, slots=True)
class _Scale:
    """How wide intervals are.

    Attributes:
        width: one look, or any number of them. alpha: 1 - confidence. widening: of every variance.
    """

    width: Width
    alpha: float
    widening: float

    @property
    def z(self) -> float:
        """Standard errors to each side."""
        return self.width.multiplier(self.alpha)

    def p_value(self, t: float) -> float:
        """Returns the two-sided p value."""
        return min(1.0, 2 * self.width.p_value(abs(t)))


def findings_of(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    *,
    widening: float = 1.0,
    comparable: bool = True,
) -> tuple[Finding, ...]:
    """Returns every group on every step, those that are shown first, by p value.

    Args:
        moments: the reduced log; segments from the base pass, teams and weeks and offers where
            their passes ran.
        predicted: the contract.
        widening: design effect on every variance (``headline_fit``).
        comparable: whether weeks may be compared over segments (``side_tables``).
    """
    promises = segment_promises(moments.cells, predicted)
    out: list[Finding] = []
    for dimension, table in _dimensions(moments, comparable=comparable):
        scale = _Scale(
            width_of(predicted, float(table.n.sum())), 1 - predicted.confidence, widening
        )
        promised = promises if dimension == "segment" else {}
        rows = [
            *_steps(dimension, table, promised, scale),
            *_lifts(dimension, table, predicted, promised, scale),
        ]
        shown = discoveries(np.array([f.p_value for f in rows]), rate=scale.alpha)
        out += [replace(f, shown=bool(s)) for f, s in zip(rows, shown, strict=True)]
    return tuple(sorted(out, key=lambda f: (not f.shown, not f.worse, f.p_value)))


def _dimensions(moments: OutcomeMoments, *, comparable: bool) -> Iterator[tuple[str, Moments]]:
    """Yields each dimension with two groups at least, as a table with the group as segment."""
    weekly = moments.cells.collapse("period", "arm")
    if not comparable:
        weekly = without_holdout(weekly)
    tables = {
        "segment": moments.cells,
        "team": moments.teams,
        "offer": moments.offers,
        "week": _by_week(weekly),
    }
    for dimension, table in tables.items():
        if table is None:
            continue
        # Days stay apart: lifts are compared within them.
        kept = (table.n > 0) & (table.segment != MISSING_SEGMENT)
        known = table if kept.all() else table.select(kept)
        if len(codes_of(known.segment)[0]) > 1:
            yield dimension, known


def _by_week(table: Moments) -> Moments | None:
    known = table.select(~np.isnat(table.period))
    if not len(known):
        return None
    day = known.period.astype("datetime64[D]").astype(np.int64)
    monday = ((day + 3) // 7 * 7 - 3).astype("datetime64[D]")  # 1970-01-01 was a Thursday
    return replace(known, segment=monday.astype(str).astype(object))


def _steps(
    dimension: str, table: Moments, promises: Mapping[str, PromisedLevels], scale: _Scale
) -> Iterator[Finding]:
    treated = table.select(table.arm.astype(str) != HOLDOUT).collapse("segment")
    if len(treated) < 2:  # noqa: PLR2004 - nothing to compare with
        return
    labels = [str(x) for x in treated.segment]
    for factor, reached, passed in steps_of(treated):
        lost = reached - passed
        planned = _planned(labels, factor, promises)
        for i, label in enumerate(labels):
            n, x = float(reached[i]), float(lost[i])
            rest_n, rest_x = float(reached.sum() - n), float(lost.sum() - x)
            if n < _FEW or rest_n < _FEW:
                continue
            p, q = x / n, rest_x / rest_n
            rest_planned = float(reached @ planned - n * planned[i]) / rest_n
            shift = float(planned[i]) - rest_planned
            yield Finding(
                dimension,
                label,
                factor,
                Interval(p, *wilson(p, n / scale.widening, scale.z)),
                q,
                q + shift,
                int(n),
                x / float(lost.sum()) if lost.sum() > 0 else 0.0,
                scale.p_value(_steps_apart(p, n, q, rest_n, shift) / scale.widening**0.5),
                shown=False,
                worse=p > q + shift,
            )


def _planned(
    labels: list[str], factor: str, promises: Mapping[str, PromisedLevels]
) -> NDArray[np.float64]:
    """Returns (labels,) the promised share lost at a step; a group without a promise as the rest."""
    steps = factor.split("+")
    known = {x: 1 - p.reach(steps) for x, p in promises.items()}
    middle = float(np.mean(list(known.values()))) if known else 0.0
    return np.array([known.get(x, middle) for x in labels])


def steps_of(treated: Moments) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Yields (factor, reached, passed) of every logged step; counts per cell.

    A factor without a column of its own is folded into the next logged one ("coverage+delivery").
    """

    def count(measure: str) -> NDArray[np.float64] | None:
        at = treated.index(measure)
        return None if at is None else treated.s1[:, at] + treated.n * treated.center[at]

    offered, failed = count("offered"), count("system_failure")
    through = {
        "offered": offered,
        "attempted": None if offered is None or failed is None else offered - failed,
        "delivered": count("delivered"),
        "on_time": count("on_time"),
    }
    reached: NDArray[np.float64] = treated.n.astype(np.float64)
    waiting: tuple[str, ...] = ()
    for factor, share in CHAIN[:-1]:
        if factor == "system" and through["attempted"] is None:
            continue
        waiting = (*waiting, factor)
        passed = through[share]
        if passed is not None:
            yield "+".join(waiting), reached, np.minimum(passed, reached)
            reached, waiting = np.minimum(passed, reached), ()


def _lifts(
    dimension: str,
    table: Moments,
    predicted: PredictedLift,
    promises: Mapping[str, PromisedLevels],
    scale: _Scale,
) -> Iterator[Finding]:
    """Yields the lift of every group, per unit and per unit reached, against the others."""
    for factor in (LIFT, RESPONSE):
        for g in group_lifts(table, predicted, promises, per_reached=factor == RESPONSE):
            half = scale.z * g.se * scale.widening**0.5
            yield Finding(
                dimension,
                g.label,
                factor,
                Interval(g.lift, g.lift - half, g.lift + half, g.se),
                g.others,
                g.expected,
                g.units,
                0.0,
                scale.p_value((g.lift - g.expected) / (g.error * scale.widening**0.5)),
                shown=False,
                worse=g.lift < g.expected,
            )


def _steps_apart(p: float, n: float, q: float, m: float, shift: float) -> float:
    """Returns how many standard errors the shares p of n and q + shift (q of m) lie apart.

    By the pooled test where the same was promised of both, else by their own spreads.
    """
    pooled = (p * n + q * m) / (n + m)
    variance = pooled * (1 - pooled) * (1 / n + 1 / m)
    if shift:
        variance = p * (1 - p) / n + q * (1 - q) / m or variance
    return 0.0 if variance <= 0 else (p - q - shift) / float(np.sqrt(variance))
