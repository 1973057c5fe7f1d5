"""The strata that every comparison conditions on: segment x calendar period, from counts alone.

A share of treatment that varies over time or segment must not be pooled: what changes with the season
would count as lift. Here units are put into strata within which assignment is comparable, by counts
of assigned units only, never by outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from spot_mlflow.lift.estimators.comparison import Comparison
from spot_mlflow.lift.moments.cells import first_days
from spot_mlflow.lift.moments.cut import CALENDARS, Cut
from spot_mlflow.lift.moments.grouping import numbered
from spot_mlflow.lift.moments.labels import NO_COUNTERPART
from spot_mlflow.lift.strata.shares import chi_square_tail, declared_grid, share_test, share_varies

if TYPE_CHECKING:
    from datetime import timedelta

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.cut import Calendar
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Grid = NDArray[np.float64]  # (segments, periods)

LEAST: Final = 10  # units of the smaller arm, below which a stratum joins a neighbour
LEAST_WEIGHTED: Final = 50  # the same where units are weighted, since a ratio of few is biased
FEWEST: Final = 2  # units an arm needs to have a spread
APART: Final = 6.63  # chi-square, 1 %: neighbours whose shares differ more are not joined
SUSPECT: Final = 0.05  # p value below which a share is not taken as constant when strata are chosen


def block_starts(period: NDArray[np.datetime64], calendar: Calendar) -> NDArray[np.datetime64]:
    """Returns the first day of the day, ISO week or month that each day lies in; NaT stays NaT."""
    if calendar == "whole":
        return np.full(len(period), np.datetime64("NaT", "D"), dtype="datetime64[D]")
    if calendar == "month":
        return period.astype("datetime64[M]").astype("datetime64[D]")
    return first_days(period, 7 if calendar == "week" else 1)


@dataclass(frozen=True, eq=False)
class _Counts:
    """Assigned units, dense; P distinct days, the unknown one last.

    Attributes:
        segments: (S,) labels. days: (P,). treated: (S, P). holdout: (S, P).
        segment: (cells,) number of each cell's segment. day: (cells,) of its day.
    """

    segments: list[str]
    days: NDArray[np.datetime64]
    treated: Grid
    holdout: Grid
    segment: Ints
    day: Ints

    @classmethod
    def of(cls, cells: Moments) -> _Counts:
        segments, segment = cells.codes("segment")
        known, day = cells.codes("period")
        days = np.array(known, dtype="datetime64[D]")
        shape = (len(segments), len(days))
        at = segment * len(days) + day
        held = cells.held
        size = shape[0] * shape[1]
        each = [np.bincount(at, weights=cells.assigned * m, minlength=size) for m in (held, ~held)]
        c, t = (x.astype(np.float64).reshape(shape) for x in each)
        return cls(segments, days, t, c, segment, day)

    def blocks(self, calendar: Calendar) -> tuple[Ints, int]:
        """Returns (P,) the number of the block of each day, and how many there are."""
        starts = block_starts(self.days, calendar)
        known, number = np.unique(starts, return_inverse=True)
        return number.astype(np.int64), len(known)

    def added(self, calendar: Calendar) -> tuple[Grid, Grid]:
        """Returns (S, B) treated and holdout units by block."""
        number, size = self.blocks(calendar)
        first = np.searchsorted(number, np.arange(size))
        if len(number) == 0:
            return self.treated, self.holdout
        return (
            np.add.reduceat(self.treated, first, axis=1),
            np.add.reduceat(self.holdout, first, axis=1),
        )


def choose(cells: Moments, *, least: int = LEAST) -> Cut:
    """Chooses the strata from counts of assigned units.

    The shortest of day, ISO week and month in which the median stratum has ``least`` units in its
    smaller arm, the whole time where segments are too small for any of them. Where the share may
    change within such a stratum, and is the same in all segments, the shortest that is long enough
    over all segments together is taken instead.

    Args:
        cells: moments by segment, arm and day.
        least: units.
    """
    return _chosen(_Counts.of(cells), least)


def _chosen(counts: _Counts, least: int) -> Cut:
    if len(counts.days) < 2:  # noqa: PLR2004 - nothing to cut
        return Cut("whole")
    found = _long_enough(counts, least, together=False) or "whole"
    if found == "day" or not _changes_within(counts, found):
        return Cut(found)
    by_segment = np.column_stack([counts.holdout.sum(axis=1), counts.treated.sum(axis=1)])
    if share_varies(by_segment) < SUSPECT:
        return Cut("month" if found == "whole" else found)
    return Cut(_long_enough(counts, least, together=True) or "month", pooled=True)


def _changes_within(counts: _Counts, calendar: Calendar) -> bool:
    """Whether the share of treatment may change from day to day within a stratum's time."""
    number, size = counts.blocks(calendar)
    days = np.column_stack([counts.holdout.sum(axis=0), counts.treated.sum(axis=0)])
    parts = [share_test(days[number == i]) for i in range(size)]
    statistic, freedom = (sum(x) for x in zip(*parts, strict=True))
    return chi_square_tail(statistic, freedom) < SUSPECT


def _long_enough(counts: _Counts, least: int, *, together: bool) -> Calendar | None:
    """The shortest calendar whose median stratum is thick enough; None where there is none.

    A stratum that has one arm only although the other could be expected there is no reason for longer
    ones, which would only hide it.
    """
    lesser = min(counts.treated.sum(), counts.holdout.sum())
    lesser /= max(counts.treated.sum() + counts.holdout.sum(), 1)
    for calendar in CALENDARS:
        t, c = counts.added(calendar)
        if together:
            t, c = t.sum(axis=0, keepdims=True), c.sum(axis=0, keepdims=True)
        fewer = np.minimum(t, c)
        asked = (t + c > 0) & ((fewer > 0) | ((t + c) * lesser < least))
        if not asked.any() or np.median(fewer[asked]) >= least:
            return calendar
    return None


_made: WeakKeyDictionary[Moments, dict[tuple[Any, ...], Comparison]] = WeakKeyDictionary()


def compare(cells: Moments, predicted: PredictedLift, *, each_segment: bool = False) -> Comparison:
    """Puts treated and holdout side by side in strata; made once for a table and contract.

    Args:
        cells: moments by segment, arm and day; several treatment arms count as one.
        predicted: the contract: declared shares, weights, design.
        each_segment: whether segments that are compared together, because they are small, are to have
            strata of their own, longer ones: for what is shown of each of them.
    """
    known = _made.setdefault(cells, {})
    key = (predicted.digest, each_segment)
    if key not in known:
        if not each_segment:
            known[key] = _compared(cells, predicted)
        else:
            found = compare(cells, predicted)
            apart = replace(cells, cut=replace(found.cut, pooled=False))
            known[key] = _compared(apart, predicted) if found.cut.pooled else found
    return known[key]


def least_of(predicted: PredictedLift) -> int:
    """Units that the smaller arm of a stratum must have before it stands alone."""
    return LEAST_WEIGHTED if predicted.design == "logged_propensity" else LEAST


def _compared(cells: Moments, predicted: PredictedLift) -> Comparison:
    least = least_of(predicted)
    counts = _Counts.of(cells)
    cut = cells.cut or _chosen(counts, least)
    if predicted.design == "before_after":
        cut = Cut("whole")
    number, blocks = counts.blocks(cut.calendar)
    t, c = counts.added(cut.calendar)
    nothing = np.array([s == NO_COUNTERPART for s in counts.segments], dtype=bool)
    if nothing.any():
        t, c = (np.where(nothing[:, None], 0.0, x) for x in (t, c))
    declared = declared_grid(predicted, counts.segments, counts.days)
    if declared is not None and blocks:
        declared = declared[:, np.searchsorted(number, np.arange(blocks))]
    # Small segments that are compared together need not be joined over time.
    group = np.arange(t.size) if cut.pooled else _joined(t, c, declared, least)
    group = _pooled(t, c, group, declared, floor=least if cut.pooled else FEWEST, least=least)
    stratum = group.reshape(t.shape)[counts.segment, number[counts.day]] if len(cells) else group
    stratum = np.where(nothing[counts.segment], -1, stratum) if len(cells) else stratum
    return _sides(cells, stratum, counts.segment, cut, overlap=predicted.weights == "overlap")


def _sides(cells: Moments, stratum: Ints, segment: Ints, cut: Cut, *, overlap: bool) -> Comparison:
    """Keeps the strata in which both arms have two analysed units; a stratum of -1 is none."""
    held = cells.held
    size = int(stratum.max(initial=-1)) + 1
    placed = stratum >= 0
    # Two numbers a stratum: its treated units, then its holdout; what has no stratum comes before.
    units = np.bincount(2 * (stratum + 1) + held, weights=cells.n, minlength=2 * size + 2)
    good = units[2:].reshape(-1, 2).min(axis=1) >= FEWEST
    renumbered = np.where(good, np.cumsum(good) - 1, -1)
    of = np.where(placed, renumbered[stratum], -1) if size else stratum
    covered = of >= 0
    kept, kept_of = (cells, of) if covered.all() else (cells.select(covered), of[covered])
    held = held[covered]
    # Every stratum has both arms: the treated come first, then the holdout, in turn.
    sides = kept.added_by(2 * kept_of + held)
    treated, holdout = (sides.select(slice(i, None, 2)) for i in (0, 1))
    mine = segment[covered]
    some = np.zeros(int(good.sum()), dtype=np.int64)
    some[kept_of] = mine
    within = np.bincount(kept_of, weights=mine != some[kept_of], minlength=len(some)) == 0
    all_units = int(cells.n.sum())
    return Comparison(
        treated, holdout, kept, kept_of, within, cut, all_units, all_units - int(kept.n.sum()),
        ~covered, overlap, len(np.unique(mine[~within[kept_of]])),
    )  # fmt: skip


def _joined(t: Grid, c: Grid, declared: Grid | None, least: int) -> Ints:
    """Joins thin blocks with neighbours in time of the same segment and the same share.

    Rounds over pairs of neighbours, all segments at once, until nothing thin can be joined.

    Args:
        t: (S, B) treated units.
        c: (S, B) holdout units.
        declared: (S, B) declared share of treatment, NaN where none is; or None.
        least: units of the smaller arm, below which a block is thin.

    Returns:
        (S * B,) the number of the group of each block.
    """
    segments, blocks = t.shape
    n_t, n_c = t.ravel().copy(), c.ravel().copy()
    wanted = None if declared is None else declared.ravel()
    row = np.repeat(np.arange(segments), blocks)
    group = np.arange(len(n_t))
    idle, parity = 0, 0
    while idle < 2 and len(row) > 1:  # noqa: PLR2004 - both parities without a join
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        left = np.flatnonzero((rank[:-1] % 2 == parity) & (row[1:] == row[:-1]))
        right = left + 1
        thin = np.minimum(n_t, n_c) < least
        ok = (thin[left] | thin[right]) & alike(n_t, n_c, wanted, left, right)
        left, right = left[ok], right[ok]
        parity, idle = 1 - parity, 0 if len(left) else idle + 1
        if not len(left):
            continue
        # The declared share of a group is that of whichever block has units.
        if wanted is not None:
            empty = (n_t[left] + n_c[left]) == 0
            wanted = wanted.copy()
            wanted[left] = np.where(empty, wanted[right], wanted[left])
        n_t[left] += n_t[right]
        n_c[left] += n_c[right]
        keep = np.ones(len(row), dtype=bool)
        keep[right] = False
        position = np.cumsum(keep) - 1
        position[right] = position[left]
        group = position[group]
        row, n_t, n_c = row[keep], n_t[keep], n_c[keep]
        wanted = None if wanted is None else wanted[keep]
    return group


def alike(n_t: Floats, n_c: Floats, wanted: Floats | None, left: Ints, right: Ints) -> Any:
    """Whether neighbours have the same share: as declared, or as far as their counts can tell.

    Args:
        n_t: (groups,) treated units.
        n_c: (groups,) holdout units.
        wanted: (groups,) declared share of treatment, NaN where none is; or None.
        left: (pairs,) numbers of groups.
        right: (pairs,) numbers of those beside them.
    """
    a, b = n_t[left] + n_c[left], n_t[right] + n_c[right]
    p = (n_t[left] + n_t[right]) / np.maximum(a + b, 1)
    with np.errstate(all="ignore"):  # one of them empty: nothing speaks against
        apart = (n_t[left] / a - n_t[right] / b) ** 2 / (p * (1 - p) * (1 / a + 1 / b))
    by_counts = ~(apart > APART)
    if wanted is None:
        return by_counts
    x, y = wanted[left], wanted[right]
    known = np.isfinite(x) & np.isfinite(y) & (a > 0) & (b > 0)
    return np.where(known, np.abs(x - y) < 1e-9, by_counts)  # noqa: PLR2004 - rounding


def _pooled(
    t: Grid, c: Grid, group: Ints, declared: Grid | None, *, floor: int, least: int
) -> Ints:
    """Puts what is still too thin, of all segments, together, block by block.

    Args:
        t: (S, B) treated units.
        c: (S, B) holdout units.
        group: (S * B,) from ``_joined``.
        declared: (S, B) declared share, or None.
        floor: units of the smaller arm, below which a group is put together with others.
        least: units, below which the pooled blocks join their neighbours.
    """
    if t.shape[0] < 2 or t.size == 0:  # noqa: PLR2004 - nothing to pool with
        return group
    n_t, n_c = (np.bincount(group, weights=x.ravel()).astype(np.float64) for x in (t, c))
    total = n_t + n_c
    lesser = max(1e-9, min(t.sum(), c.sum()) / max(t.sum() + c.sum(), 1))
    # A large stratum with one arm only is not small: it has no counterpart, and stays apart.
    thin = (np.minimum(n_t, n_c) < floor) & (total * lesser < max(floor, least))
    thin &= total > 0
    if not thin.any():
        return group
    if t.shape[1] == 1:
        thin = _with_next(thin, n_t, n_c)
    small = thin[group].reshape(t.shape)
    pool_t, pool_c = (np.where(small, x, 0.0).sum(axis=0, keepdims=True) for x in (t, c))
    wanted = None
    if declared is not None:
        same = np.where(small, declared, np.nan)
        low, high = (f.reduce(same, axis=0, keepdims=True) for f in (np.fmin, np.fmax))
        wanted = np.where(high - low < 1e-9, low, np.nan)  # noqa: PLR2004 - rounding
    joined = _joined(pool_t, pool_c, wanted, least)
    pooled = len(n_t) + np.broadcast_to(joined, t.shape)
    merged = np.where(small, pooled, group.reshape(t.shape)).ravel()
    return np.unique(merged, return_inverse=True)[1]


def _with_next(thin: NDArray[np.bool_], n_t: Floats, n_c: Floats) -> NDArray[np.bool_]:
    """Lets the next smallest segments join small ones that together still lack units in an arm."""
    fewer = np.minimum(n_t, n_c)
    order = np.lexsort((fewer, ~thin))
    order = order[thin[order] | (fewer[order] >= FEWEST)]
    together = np.minimum(np.cumsum(n_t[order]), np.cumsum(n_c[order]))
    out: NDArray[np.bool_] = thin.copy()
    out[order[: int(np.searchsorted(together, FEWEST)) + 1]] = True
    return out


def within_periods(comparison: Comparison, length: timedelta | None) -> Comparison:
    """Cuts the strata at the ends of the contract's periods, so that each lies within one.

    Pieces that lack an arm there are compared together within their period.

    Args:
        comparison: of the whole log.
        length: of a period; a day where None.
    """
    cells = comparison.cells.by_period(length)
    _, period = cells.codes("period")
    wide = int(period.max(initial=0)) + 1
    held = comparison.cells.held
    pieces, piece = numbered(comparison.stratum * wide + period, len(comparison) * wide)
    size = len(pieces)
    if size == len(comparison):  # each lies within one period already
        sides = {k: getattr(comparison, k).by_period(length) for k in ("treated", "holdout")}
        return replace(comparison, cells=cells, **sides)
    n = [np.bincount(piece, weights=cells.n * m, minlength=size) for m in (held, ~held)]
    thin = np.minimum(*n)[piece] < FEWEST
    piece = np.where(thin, size + period, piece) if thin.any() else piece
    _, segment = comparison.cells.codes("segment")
    return _sides(cells, piece, segment, comparison.cut, overlap=comparison.overlap)


def with_cut(
    moments: OutcomeMoments, predicted: PredictedLift, previous: OutcomeMoments | None = None
) -> OutcomeMoments:
    """Returns the moments with the choice of strata stored in them: that of the first check.

    The whole time was chosen where the log was small; once shorter strata are long enough the choice
    is made again, from counts as before.

    Args:
        moments: an outcome log, reduced.
        predicted: the contract.
        previous: what the check before stored.
    """
    known = None if previous is None else previous.cells.cut
    if known is None or known.calendar == "whole":
        known = choose(moments.cells, least=least_of(predicted))
    return replace(moments, cells=replace(moments.cells, cut=known))
