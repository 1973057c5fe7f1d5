"""Treated and holdout side by side, stratum by stratum: what an estimator compares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.moments.spread import cells_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.cut import Cut
    from spot_mlflow.lift.moments.spread import Cells

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Grid = NDArray[np.float64]  # (segments, periods)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Treated and holdout side by side, stratum by stratum.

    Attributes:
        treated: (strata,) moments, all treatment arms together, at least two analysed units each.
        holdout: (strata,) the same strata of the holdout.
        cells: covered cells, by segment, arm and day, as they came.
        stratum: (covered cells,) number of the stratum of each.
        within: (strata,) whether a stratum lies within one segment.
        cut: how strata were made.
        units: analysed units, all; left_out: those of them in strata that have no counterpart.
        uncovered: (cells,) of the table compared: whether the cell was left out.
        together: segments with a unit in a stratum of several, since alone they lack units.
        overlap: whether strata are weighted by what both arms have, not by their size.
    """

    treated: Moments
    holdout: Moments
    cells: Moments
    stratum: Ints
    within: NDArray[np.bool_]
    cut: Cut
    units: int
    left_out: int
    uncovered: NDArray[np.bool_]
    overlap: bool = False
    together: int = 0

    def __len__(self) -> int:
        return len(self.treated)

    @property
    def left(self) -> float:
        """Share of the analysed units that has no counterpart in the other arm."""
        return self.left_out / self.units if self.units else 0.0

    @cached_property
    def share(self) -> Floats:
        """(strata,) weight of each stratum, adding up to 1."""
        t, c = self.treated.n.astype(np.float64), self.holdout.n.astype(np.float64)
        size = t * c / (t + c) if self.overlap else t + c
        out: Floats = size / size.sum()
        return out

    @cached_property
    def sides(self) -> tuple[Cells, Cells]:
        """Means and covariances of (treated, holdout), stratum by stratum."""
        return cells_of(self.treated), cells_of(self.holdout)
