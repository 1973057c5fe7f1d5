"""Score bins, teams, offers and weeks: tables beside the base one, compared within its days.

They are reduced by their own label, arm and day, without the segment. Where the share of treatment
differs between segments at one time, units with one label are no longer comparable: what differs
between the segments would count as lift. Their lifts are then left out, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.moments.cut import Cut
from spot_mlflow.lift.moments.grouping import codes_of
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.strata.choice import block_starts, compare
from spot_mlflow.lift.strata.shares import ALARM_P, chi_square_tail, share_varies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]

_EXPECTED: Final = 5.0  # units of the smaller arm in a cell, below which it is not tested by time
LEFT_OUT: Final = (
    "The treated share differs between segments, and score bins, teams, offers and weeks are not split by "
    "segment: no lift is shown for them"
)


@dataclass(frozen=True, eq=False)
class SideTables:
    """A log whose side tables are fit to be compared.

    Attributes:
        moments: the log; the side tables carry the calendar of the headline's strata. Where their
            lifts would be those of their segments there are no score bins, and no holdout in the others.
        comparable: whether they have a lift.
        notes: what is left out.
    """

    moments: OutcomeMoments
    comparable: bool = True
    notes: tuple[str, ...] = ()


def side_tables(moments: OutcomeMoments, predicted: PredictedLift) -> SideTables:
    """Returns the log with side tables that are compared as the headline is, or not at all.

    Args:
        moments: the reduced log.
        predicted: the contract.
    """
    cut = compare(moments.cells, predicted).cut
    comparable = predicted.design != "randomized" or not segments_differ(moments.cells, cut)

    def made(table: Moments | None) -> Moments | None:
        if table is None:
            return None
        kept = table if comparable else without_holdout(table)
        return replace(kept, cut=Cut(cut.calendar))

    # A score says nothing but whom to contact, and that needs a lift.
    bins = made(moments.score_bins) if comparable else None
    fit = replace(moments, score_bins=bins, teams=made(moments.teams), offers=made(moments.offers))
    beside = (moments.score_bins, moments.teams, moments.offers)
    lost = not comparable and any(t is not None for t in beside)
    return SideTables(fit, comparable, (f"{LEFT_OUT}.",) if lost else ())


def without_holdout(table: Moments) -> Moments:
    """Returns the treated alone, of whom steps can be counted but no lift computed."""
    return table.select(np.asarray(table.arm != HOLDOUT, dtype=bool))


def segments_differ(cells: Moments, cut: Cut) -> bool:
    """Tells whether the share of treatment differs between segments, over all or at one time.

    Chi-square of the segments' shares over the whole time, and within each day, week or month of the
    strata; half of the error each.

    Args:
        cells: moments by segment, arm and day.
        cut: how the headline's strata are made.
    """
    (segments, segment), (_, block) = (
        codes_of(cells.segment),
        codes_of(block_starts(cells.period, cut.calendar)),
    )
    if len(segments) < 2:  # noqa: PLR2004 - nothing to differ
        return False
    wide = int(block.max(initial=-1)) + 1
    at = segment * wide + block
    held = np.asarray(cells.arm == HOLDOUT, dtype=bool)
    t, c = (
        np.bincount(at, weights=cells.assigned * m, minlength=len(segments) * wide)
        .astype(np.float64)
        .reshape(len(segments), wide)
        for m in (~held, held)
    )
    whole = share_varies(np.column_stack([c.sum(axis=1), t.sum(axis=1)]))
    return min(whole, _within(t, c)) < ALARM_P / 2


def _within(t: Floats, c: Floats) -> float:
    """P value of equal shares of all segments in each block, (segments, blocks) units each."""
    n = t + c
    total = n.sum(axis=0)
    share = t.sum(axis=0) / np.maximum(total, 1)
    large = n * np.minimum(share, 1 - share) >= _EXPECTED
    # The share of a block is that of the segments that are tested there.
    t, n = np.where(large, t, 0.0), np.where(large, n, 0.0)
    share = t.sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    spread = n * share * (1 - share)
    usable = large & (spread > 0)
    off = np.where(usable, (t - n * share) ** 2 / np.where(usable, spread, 1.0), 0.0)
    freedom = np.maximum(usable.sum(axis=0) - 1, 0)
    return chi_square_tail(float(off[:, freedom > 0].sum()), float(freedom.sum()))
