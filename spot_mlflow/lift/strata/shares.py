"""The share of treatment: what was declared of it by date and segment, and whether it varies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow import figures
from spot_mlflow.lift.moments.clusters import assigned_within
from spot_mlflow.lift.moments.grouping import numbered, summed_at
from spot_mlflow.lift.moments.labels import HOLDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.clusters import ClusterMoments
    from spot_mlflow.lift.promise.assignment import ShareStep
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]

ALARM_P: Final = 0.001  # a constant share alarms at most this often, over all looks
EXPECTED: Final = 10.0  # units expected of the smaller arm, below which groups are added up


@dataclass(frozen=True, slots=True)
class Variation:
    """Whether the share of treatment is the same everywhere.

    Attributes:
        p_value: against one constant share, corrected for the ways that were looked (Bonferroni).
        alarm: whether it varies.
        dimension: "day" or "segment": along which it varies most clearly.
        lowest: label of the day or segment, or of the run of days, with the lowest share.
        lowest_share: its share of treated units, 0 to 1.
        highest: label with the highest share.
        highest_share: its share.
        arm: what share: "treated share", or "share of <arm>" where there are several.
    """

    p_value: float
    alarm: bool
    dimension: str
    lowest: str
    lowest_share: float
    highest: str
    highest_share: float
    arm: str = "treated share"

    @property
    def words(self) -> str:
        """Where and how it varies."""
        return (
            f"the {self.arm} varies by {self.dimension}, from "
            f"{figures.share(self.lowest_share)} ({self.lowest}) to "
            f"{figures.share(self.highest_share)} ({self.highest})"
        )


def share_varies(counts: Floats, *, effect: float = 1.0) -> float:
    """P value of the chi-square test that all groups have the same shares.

    Args:
        counts: (groups, arms) units, in the order of time where there is one.
        effect: design effect, 1 or more.
    """
    return chi_square_tail(*share_test(counts, effect=effect))


def chi_square_tail(statistic: float, freedom: float) -> float:
    """Returns the p value of a chi-square statistic; 1 without degrees of freedom."""
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic)) if freedom else 1.0


def share_test(counts: Floats, *, effect: float = 1.0) -> tuple[float, float]:
    """Chi-square statistic and degrees of freedom against one constant share in all groups.

    Source: Pearson (1900); groups are added up in their order until each arm has ``EXPECTED`` units
    to be expected. ``effect`` divides the statistic (Rao and Scott 1981) where units come in clusters.

    Args:
        counts: (groups, arms) units, in the order of time where there is one.
        effect: design effect, 1 or more.
    """
    x = grouped_up(counts, EXPECTED)[0]
    total = x.sum()
    seen = x.sum(axis=0)
    # What stays too small to be tested says nothing and is left out.
    x = x[x.sum(axis=1) * (seen[seen > 0].min(initial=total) / max(total, 1)) >= EXPECTED / 2]
    total = x.sum()
    if len(x) < 2 or total == 0:  # noqa: PLR2004 - nothing to compare
        return 0.0, 0.0
    share = x.sum(axis=0) / total
    x, share = x[:, share > 0], share[share > 0]
    expected = x.sum(axis=1, keepdims=True) * share
    statistic = float(((x - expected) ** 2 / expected).sum()) / max(effect, 1.0)
    return statistic, float((len(x) - 1) * (len(share) - 1))


def grouped_up(counts: Floats, least: float) -> tuple[Floats, NDArray[np.int64]]:
    """Adds neighbouring rows until the smallest arm may expect ``least`` units in each.

    Returns:
        ((runs, arms) counts, (groups,) the run of each row).
    """
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum()
    share = counts.sum(axis=0) / max(total, 1.0)
    lesser = share[share > 0].min(initial=1.0)
    # A run ends once its units reach what it needs; units of one run never exceed the next by much.
    need = least / max(lesser, 1e-12)
    upto = counts.sum(axis=1).cumsum()
    run = np.floor((upto - 1e-9) / need).clip(min=0).astype(np.int64)
    run = np.minimum(run, max(math.floor(total / need) - 1, 0))
    run = np.cumsum(np.diff(run, prepend=run[:1]) > 0)  # they never fall
    out = summed_at(run, int(run.max(initial=-1)) + 1, counts)
    return out, run


def variation_of(
    cells: Moments,
    predicted: PredictedLift,
    *,
    looks: int = 0,
    clusters: ClusterMoments | None = None,
) -> Variation | None:
    """Tests whether the share of treatment is constant over days and over segments.

    Where a schedule was declared the sample ratio is held against that, and nothing is asked here.
    Each of several looks gets its part of the error, .001/(k (k + 1)) at look k, so that all looks
    together alarm at most .1 % of the time.

    Args:
        cells: moments by segment, arm and day; all assigned units count.
        predicted: the contract.
        looks: checks that came before.
        clusters: sums over clusters, where whole clusters were assigned.

    Returns:
        None where units were not assigned by chance, or there is one group only.
    """
    if predicted.design != "randomized" or isinstance(predicted.declared_share, list):
        return None
    whole = clusters is not None and not assigned_within(clusters)
    effect = cluster_effect(clusters) if clusters is not None and whole else 1.0
    tested = [
        (dimension, groups, share_varies(groups.counts, effect=effect))
        for dimension, groups in (
            ("day", _by(cells, "period")),
            ("segment", _by(cells, "segment")),
            ("day and segment", _by_both(cells)),
        )
        if len(groups.counts) > 1
    ]
    if not tested:
        return None
    dimension, groups, p = min(tested, key=lambda x: x[2])
    p = min(1.0, len(tested) * p)
    many = looks > 0 or predicted.looks_used == "monitored"
    level = ALARM_P / ((looks + 1) * (looks + 2)) if many else ALARM_P
    arm, low, high = _extremes(groups)
    names = cells.arms()
    named = "treated share" if len(names) == 1 else f"share of {names[arm]}"
    return Variation(p, p < level, dimension, *low, *high, named)


def varying(cells: Moments, ways: Sequence[str], *, effect: float = 1.0) -> list[str]:
    """Returns along which of "segment" and "period" the share of treatment varies.

    Args:
        cells: moments by segment, arm and day.
        ways: what to look along.
        effect: design effect of whole clusters.
    """
    level = ALARM_P / max(len(ways), 1)
    return [k for k in ways if share_varies(_by(cells, k).counts, effect=effect) < level]


def cluster_effect(clusters: ClusterMoments) -> float:
    """What whole clusters multiply the variance of an arm's share of units with, sum n^2 / sum n."""
    units = float(clusters.s1[:, 0].sum())
    return float(clusters.s2[:, 0, 0].sum()) / units if units else 1.0


@dataclass(frozen=True, eq=False)
class _Groups:
    """Assigned units of some groups, in the order of their labels.

    Attributes:
        counts: (groups, arms) units, the holdout first.
        name: the label of a group by its number.
    """

    counts: Floats
    name: Callable[[int], str]


def _by(cells: Moments, key: str) -> _Groups:
    table = cells.collapse(key, "arm")
    labels, row = table.codes(key)
    return _Groups(_counted(row, len(labels), table), lambda i: str(labels[i]))


def _by_both(cells: Moments) -> _Groups:
    (segments, row), (days, day) = cells.codes("segment"), cells.codes("period")
    wide = max(1, len(days))
    at, number = numbered(row * wide + day, len(segments) * wide)
    if min(len(segments), len(days)) < 2:  # noqa: PLR2004 - one of the others says the same
        at, number = at[:0], number[:0]
        cells = cells.select(np.zeros(len(cells), dtype=bool))
    counts = _counted(number, len(at), cells)
    return _Groups(counts, lambda i: f"{segments[at[i] // wide]}, {days[at[i] % wide]}")


def _counted(row: NDArray[np.int64], rows: int, table: Moments) -> Floats:
    """Returns (rows, arms) assigned units, the holdout first, then the treatment arms."""
    arms, arm = table.codes("arm")
    order = sorted(range(len(arms)), key=lambda i: (arms[i] != HOLDOUT, arms[i]))
    place = np.argsort(order)[arm] if len(arms) else arm
    counts = np.bincount(
        row * len(arms) + place, weights=table.assigned, minlength=rows * len(arms)
    )
    return counts.astype(np.float64).reshape(rows, len(arms))


def _extremes(
    groups: _Groups,
) -> tuple[int, tuple[str, float], tuple[str, float]]:
    """The treatment arm whose share varies most, and the runs where it is lowest and highest."""
    x, run = grouped_up(groups.counts, EXPECTED)
    share = x[:, 1:] / np.maximum(x.sum(axis=1, keepdims=True), 1)
    arm = int(np.ptp(share, axis=0).argmax())
    out = []
    for i in (int(share[:, arm].argmin()), int(share[:, arm].argmax())):
        rows = np.flatnonzero(run == i)
        first, last = groups.name(int(rows[0])), groups.name(int(rows[-1]))
        out.append((first if first == last else f"{first} to {last}", float(share[i, arm])))
    return arm, out[0], out[1]


def declared_at(steps: Sequence[ShareStep], segment: str, day: np.datetime64) -> Any:
    """Returns the declared share of a segment on a day, or None where none is declared.

    The latest step begun counts; one that names the segment comes before one for all.
    """
    known = not np.isnat(day)
    begun = [
        s for s in steps
        if s.segment in {None, segment} and (s.starts is None or (known and np.datetime64(s.starts) <= day))
    ]  # fmt: skip
    own = [s for s in begun if s.segment is not None] or begun
    return max(own, key=lambda s: str(s.starts or "")).share if own else None


def declared_grid(
    predicted: PredictedLift, segments: Sequence[str], days: NDArray[np.datetime64]
) -> Floats | None:
    """Returns (segments, days) the declared share of all treated units, NaN where none is.

    Returns:
        None where no schedule is declared.
    """
    steps = predicted.declared_share
    if not isinstance(steps, list):
        return None
    named = {s.segment for s in steps}
    rows: dict[str, list[float]] = {}
    for segment in segments:
        own = segment if segment in named else ""  # all without a step of their own have the same
        if own not in rows:
            rows[own] = [_treated(predicted, declared_at(steps, segment, d)) for d in days]
    found = [rows[s if s in named else ""] for s in segments]
    return np.array(found, dtype=np.float64).reshape(len(segments), len(days))


def _treated(predicted: PredictedLift, share: Any) -> float:
    if share is None:
        return math.nan
    if isinstance(share, int | float):
        return float(share)
    held = {str(predicted.columns.holdout), HOLDOUT}
    return float(sum(v for k, v in share.items() if k not in held))
