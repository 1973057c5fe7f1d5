"""Attrition: are outcomes missing in the same share in both arms?

Units that leave the log leave for a reason. Where more of them leave one arm than the other, what is
left can no longer be compared, however the arms were assigned. That equal shares may hide different
reasons cannot be seen from a log.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow import figures
from spot_mlflow.lift.estimators.mantel_haenszel import TwoArms, differences, log_e_paths, p_values
from spot_mlflow.lift.estimators.sequence import sequence_p_value
from spot_mlflow.lift.holds.words import shares_words
from spot_mlflow.lift.interval import satterthwaite, two_sided_p
from spot_mlflow.lift.moments.grouping import codes_of
from spot_mlflow.lift.moments.labels import HOLDOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.clusters import ClusterMoments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]

ALARM_P: Final = 0.001  # for one look
ALARM_E: Final = 40.0  # for many: a false alarm at most 1/40 of the time, ever
_VAST: Final = 1_000_000  # beyond it no exact figure is of use
_NAMED: Final = 3  # segments named in a sentence
MATERIAL: Final = 0.005  # half a point: what differs by less is bounded by what it is, and no alarm


@dataclass(frozen=True, slots=True)
class Missing:
    """Outcomes missing in one arm.

    Attributes:
        matured: units whose outcome window has passed.
        missing: those of them without a readable outcome.
        share: of them, 0 to 1; 0 where nothing is mature.
    """

    matured: int
    missing: int
    share: float

    @classmethod
    def of(cls, matured: int, analysed: int) -> Missing:
        """Returns what is missing where so many of the matured are analysed."""
        missing = matured - analysed
        return cls(matured, missing, missing / matured if matured else 0.0)


@dataclass(frozen=True, slots=True)
class Tipping:
    """What would turn the verdict.

    Attributes:
        arm: "treated" or "holdout", whichever lacks more.
        seen: mean outcome of its units that have one.
        unseen: mean of those without one at which the verdict would turn, the other arm's being as
            those seen; None where no possible mean does.
    """

    arm: str
    seen: float
    unseen: float | None


@dataclass(frozen=True, slots=True)
class Attrition:
    """The answer.

    Attributes:
        arms: outcomes missing by arm, the holdout last.
        difference: share missing among the treated less that of the holdout, within segments and
            periods; of several arms that with the greatest difference.
        p_value: for one look; None where monitored.
        e_value: greatest e-value so far where monitored, else None.
        alarm: whether the arms differ by more than chance and by half a point or more.
        sure: whether they differ by more than chance, however little.
        segments: those that differ beyond chance, the weightiest first, where it is they that alarm.
        bounds: lift with its interval whatever the missing outcomes are, on an alarm; where the arms
            differ surely but by less than half a point, whatever those are that one arm lacks more; None
            where it has none.
        tipping: what would turn the verdict, where there is one and no alarm.
    """

    arms: Mapping[str, Missing]
    difference: float
    p_value: float | None
    e_value: float | None
    alarm: bool
    segments: tuple[str, ...] = ()
    bounds: Interval | None = None
    tipping: Tipping | None = None
    sure: bool = False

    @property
    def shares(self) -> str:
        """The shares in words: "24 % of the treated and 2 % of the holdout"."""
        return shares_words(self.by_arm)

    @property
    def by_arm(self) -> dict[str, float]:
        """Share missing of each arm, the holdout last."""
        return {a: m.share for a, m in self.arms.items()}

    @property
    def words(self) -> str:
        """What is missing, how far apart the arms are, and how sure that is; no full stop."""
        said = f"Outcomes are missing for {self.shares}"
        whole = [m.share for m in self.arms.values()]
        alone = len(whole) == 2  # noqa: PLR2004 - treated and holdout
        if alone and abs(whole[0] - whole[1] - self.difference) >= MATERIAL / 2:
            said += f"; within segments and periods they are {_points(self.difference)} apart"
        if self.segments:
            said += f"; the largest difference is in segment {', '.join(self.segments[:_NAMED])}"
        if self.alarm:
            return f"{said} ({self.evidence})"
        if self.sure:
            return f"{said}, less than half a point apart, but significantly ({self.evidence})"
        return f"{said}, no further apart than by chance"

    @property
    def evidence(self) -> str:
        """How sure it is that they differ, in words."""
        if self.e_value is not None:
            return f"e = {self.e_value:,.0f}" if self.e_value < _VAST else f"e > {_VAST:,}"
        return figures.p_value(self.p_value or 0.0)


def _points(share: float) -> str:
    return f"{round(100 * abs(share), 1):g} points"


def attrition_of(moments: OutcomeMoments, predicted: PredictedLift) -> Attrition | None:
    """Compares the shares of mature units without an outcome.

    Units that are not mature yet are no attrition. Each treatment arm is compared with the holdout
    within segments and periods (Mantel-Haenszel), overall and segment by segment. One look: p below
    .001, corrected for arms and segments. Monitored: e-value of 40, ever. Where whole clusters are
    kept together, the difference must also be beyond what clusters do by themselves.

    Args:
        moments: an outcome log, reduced.
        predicted: the contract.

    Returns:
        None where nothing is missing, or there is one arm only.
    """
    cells = moments.cells
    arms = cells.arms()
    if not arms or HOLDOUT not in set(cells.arm.tolist()):
        return None
    totals = cells.collapse("arm")
    found = {
        str(a): Missing.of(int(m), int(n))
        for a, m, n in zip(totals.arm, totals.matured, totals.n, strict=True)
    }
    if not any(m.missing for m in found.values()):
        return None
    monitored = predicted.looks_used == "monitored"
    each = [_compared(cells, a, monitored=monitored) for a in arms]
    if moments.clusters is not None and moments.clusters.missing is not None:
        planned = float(predicted.planned_units or 0) if monitored else 0.0
        each = [
            c.or_clusters(_cluster_p(moments.clusters, a, planned))
            for c, a in zip(each, arms, strict=True)
        ]
    shown = {a: found[a] for a in _in_order(arms, predicted)} | {HOLDOUT: found[HOLDOUT]}
    first = max(each, key=lambda c: (c.alarms(monitored, len(each)), c.impact))
    return Attrition(
        shown,
        first.difference,
        None if monitored else min(1.0, len(each) * first.p_value),
        first.e_value / len(each) if monitored else None,
        first.alarms(monitored, len(each)),
        first.segments if abs(first.difference) < MATERIAL else (),
        sure=first.sure(monitored, len(each)),
    )


def _in_order(arms: list[str], predicted: PredictedLift) -> list[str]:
    order = [str(x) for x in predicted.columns.treated_labels]
    return sorted(arms, key=lambda a: order.index(a) if a in order else len(order))


@dataclass(frozen=True, slots=True)
class _Compared:
    """One arm against the holdout.

    Attributes:
        difference: of the shares within strata.
        impact: the difference that matters for the lift: the overall one, or those of the segments
            that differ beyond chance, without regard to sign, weighed by their units.
        p_value: for one look. e_value: greatest so far; 1 where not asked.
        segments: those that differ beyond chance, the weightiest first.
    """

    difference: float
    impact: float
    p_value: float
    e_value: float
    segments: tuple[str, ...] = ()

    def alarms(self, monitored: bool, arms: int) -> bool:  # noqa: FBT001 - as in the contract
        """Whether the arm differs beyond chance, as one of several, and by enough to matter."""
        return self.sure(monitored, arms) and self.impact >= MATERIAL

    def sure(self, monitored: bool, arms: int) -> bool:  # noqa: FBT001 - as in the contract
        """Whether the arm differs beyond chance, as one of several."""
        return self.e_value / arms >= ALARM_E if monitored else self.p_value * arms < ALARM_P

    def or_clusters(self, p: float) -> _Compared:
        """Returns the weaker of this evidence and that of the clusters."""
        bound = 1 / p if p > 0 else math.inf
        return replace(self, p_value=max(self.p_value, p), e_value=min(self.e_value, bound))


def _compared(cells: Moments, arm: str, *, monitored: bool) -> _Compared:
    strata, segment, period, labels = _strata(cells, arm)
    usable = strata.comparable
    if not usable.any():  # no stratum has both: compare the whole
        strata, usable = strata.together(), np.array([True])
        segment = period = np.zeros(1, dtype=np.int64)
        if not strata.comparable.all():
            return _Compared(0.0, 0.0, 1.0, 1.0)
    strata, segment, period = strata.select(usable), segment[usable], period[usable]
    one, segments = np.zeros_like(segment), int(segment.max()) + 1
    overall = float(differences(strata, one, 1)[0])
    apart = differences(strata, segment, segments)
    p = float(p_values(strata, one, 1)[0])
    by_segment = np.minimum(1.0, p_values(strata, segment, segments) * len(np.unique(segment)))
    weight = np.bincount(segment, weights=strata.n_treated + strata.n_holdout, minlength=segments)
    sure = by_segment < ALARM_P
    pull = np.where(sure, weight * np.abs(apart), 0.0) / weight.sum()
    named = tuple(labels[i] for i in np.argsort(-pull) if pull[i] > 0) if segments > 1 else ()
    several = len(np.unique(segment)) > 1
    if several:
        p = min(1.0, 2 * min(p, float(by_segment.min())))
    e = _greatest_e(strata, segment, period, several=several) if monitored else 1.0
    return _Compared(overall, max(abs(overall), float(pull.sum())), p, e, named)


def _greatest_e(
    strata: TwoArms, segment: NDArray[np.int64], period: NDArray[np.int64], *, several: bool
) -> float:
    """Greatest e-value over the looks: half on the whole, half on the segments in equal parts."""
    looks, one = int(period.max()) + 1, np.zeros_like(segment)
    path = log_e_paths(strata, one, 1, period, looks)[0]
    if several:
        _, code = np.unique(segment, return_inverse=True)
        count = int(code.max()) + 1
        each = log_e_paths(strata, code, count, period, looks)
        path = np.logaddexp(path, np.logaddexp.reduce(each, axis=0) - math.log(count)) - math.log(2)
    return math.exp(min(float(path.max()), 700.0))


def _strata(
    cells: Moments, arm: str
) -> tuple[TwoArms, NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Returns both arms by segment and period, the codes of both, by time, and the segments."""
    table = cells.collapse("segment", "arm", "period")
    kept = (table.arm == arm) | (table.arm == HOLDOUT)
    table = table.select(np.asarray(kept, dtype=bool) & (table.matured > 0))
    (_, segment), (days, period) = codes_of(table.segment), codes_of(table.period)
    wide = max(1, len(days))
    key, row = np.unique(segment * wide + period, return_inverse=True)
    held = np.asarray(table.arm == HOLDOUT, dtype=bool)
    gone = table.matured - table.n
    counts = [
        np.bincount(row[mask], weights=x[mask], minlength=len(key)).astype(np.float64)
        for mask in (~held, held)
        for x in (gone, table.matured)
    ]
    labels = sorted({str(x) for x in table.segment})
    return TwoArms(*counts), key // wide, key % wide, labels


def _cluster_p(clusters: ClusterMoments, arm: str, planned: float) -> float:
    """P value of the difference with clusters as units: for one look, or (planned > 0) for any.

    The share of an arm is a ratio of sums over clusters; see ``clusters.clustered_arm``.
    """
    sides = [_cluster_share(clusters, a) for a in (arm, HOLDOUT)]
    variance = sides[0][1] + sides[1][1]
    if not variance > 0:
        return 1.0 if math.isnan(variance) or sides[0][0] == sides[1][0] else 0.0
    t = (sides[0][0] - sides[1][0]) / math.sqrt(variance)
    if planned > 0:
        total = sides[0][2] + sides[1][2]
        return sequence_p_value(t, total, alpha=1 / ALARM_E, planned=planned)
    return two_sided_p(t, satterthwaite([(v, n - 1) for _, v, n in sides]))


def _cluster_share(clusters: ClusterMoments, arm: str) -> tuple[float, float, float]:
    """Returns (share missing, its variance, clusters) of one arm."""
    assert clusters.missing is not None  # noqa: S101 - the caller looked
    mask = clusters.arm == arm
    u, un, _, _, uu, groups = clusters.missing[mask].sum(axis=0)
    n, nn = clusters.s1[mask, 0].sum(), clusters.s2[mask, 0, 0].sum()
    matured = n + u
    if groups < 2 or matured == 0:  # noqa: PLR2004 - a spread needs two clusters
        return math.nan, math.nan, float(groups)
    share = u / matured
    um, mm = un + uu, nn + 2 * un + uu
    squares = uu - 2 * share * um + share**2 * mm
    return share, max(0.0, groups / (groups - 1) * squares / matured**2), float(groups)
