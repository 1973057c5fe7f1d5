"""Evidence grade B: no holdout by chance, but the propensity of each decision was logged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow import figures
from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.estimators.difference import Means
from spot_mlflow.lift.moments.labels import HOLDOUT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments

    Floats = NDArray[np.float64]

POOR_OVERLAP: Final = 0.1  # below this share of units the weights leave too little to speak for all
FEW_EFFECTIVE: Final = 100  # effective units in an arm below which Hajek's interval is too short

ASTRAY: Final = 0.05  # of all units; and so many standard errors, before propensities are doubted
ASTRAY_Z: Final = 4.0


@dataclass(frozen=True, slots=True)
class Overlap:
    """How well the units of an arm can speak for all.

    Attributes:
        n: units of the arm.
        effective: Kish's effective number of units, (sum w)^2 / sum w^2.
        largest: greatest weight; a clipped propensity of .01 gives 100.
        coverage: sum of weights over all units of both arms; near 1 where propensities are right.
        coverage_se: standard error of ``coverage`` if they are.
    """

    n: int
    effective: float
    largest: float
    coverage: float
    coverage_se: float = math.inf

    @property
    def astray(self) -> bool:
        """Whether the weights clearly do not add up to all units."""
        off = abs(self.coverage - 1)
        return off > ASTRAY and off > ASTRAY_Z * self.coverage_se

    @property
    def poor(self) -> bool:
        """Whether the arm says too little: few effective units."""
        return self.effective < max(FEW_EFFECTIVE, POOR_OVERLAP * self.n)


@dataclass(frozen=True, slots=True)
class Weighted:
    """Means by inverse propensity, with the diagnostics to be said aloud."""

    means: Means
    treated: Overlap
    holdout: Overlap


def weighted_means(moments: Moments) -> Weighted:
    """Means of both arms by Hajek's estimator, sum w y / sum w with w = 1 / propensity.

    Source: Hajek (1971); variance by linearisation, n/(n - 1) sum w^2 (y - mean)^2 / (sum w)^2,
    Lunceford and Davidian (2004), Statistics in Medicine 23, 2937-2960. Propensities are taken as
    known and were clipped from below at a fixed .01 when the log was read.

    Args:
        moments: cells that carry ``weight`` and ``weighted_outcome``.

    Raises:
        InvalidInput: where the moments carry no weights.
    """
    if moments.index("weight") is None or moments.index("weighted_outcome") is None:
        raise InvalidInput(
            "the log carries no propensities, must carry one per unit for design: logged_propensity",
            where="columns.propensity",
            fix="Name the column of the logged propensity, or write design: before_after.",
        )
    held = moments.arm == HOLDOUT
    everyone = int(moments.n.sum())
    mean_t, var_t, over_t = _weighted_arm(moments.select(~held), everyone)
    mean_c, var_c, over_c = _weighted_arm(moments.select(held), everyone)
    means = Means(
        mean_t,
        mean_c,
        var_t,
        var_c,
        max(1.0, over_t.effective - 1),
        max(1.0, over_c.effective - 1),
        method="inverse propensity (Hajek)",
    )
    return Weighted(means, over_t, over_c)


def weighted_by_cell(moments: Moments) -> tuple[Floats, Floats]:
    """Hajek's mean in each cell, and n times its variance, as if it were that of one unit.

    Args:
        moments: cells that carry ``weight`` and ``weighted_outcome``.

    Returns:
        (cells,) each; NaN where a cell has fewer than two units.
    """
    pick = _weighted(moments)
    s1, s2 = moments.s1[:, pick], moments.s2[:, pick][:, :, pick]
    n = np.where(moments.n > 1, moments.n, np.nan)
    sums = s1 + n[:, None] * moments.center[pick]
    with np.errstate(all="ignore"):  # cells without weight become NaN, as documented
        mean = sums[:, 0] / sums[:, 1]
        # Residuals w y - mean w add up to 0, so that their squares need no uncentred sums.
        line = np.column_stack([np.ones(len(mean)), -mean])
        squares = np.einsum("ci,cij,cj->c", line, s2, line) - (line * s1).sum(axis=1) ** 2 / n
        return mean, n**2 / (n - 1) * squares.clip(min=0) / sums[:, 1] ** 2


def _weighted(moments: Moments) -> list[int]:
    return [moments.measures.index("weighted_outcome"), moments.measures.index("weight")]


def _weighted_arm(moments: Moments, everyone: int) -> tuple[float, float, Overlap]:
    total = moments.collapse()
    n = int(total.n[0]) if len(total) else 0
    if n < 2:  # noqa: PLR2004 - a spread needs two units
        return math.nan, math.nan, Overlap(n, float(n), math.nan, math.nan)
    (mean,), (var,) = weighted_by_cell(total)
    w = total.measures.index("weight")
    c, s1 = float(total.center[w]), float(total.s1[0, w])
    weight, squares = s1 + n * c, float(total.s2[0, w, w]) + 2 * c * s1 + n * c**2
    overlap = Overlap(
        n=n,
        effective=weight**2 / squares,
        largest=float(total.largest[0, w]),
        coverage=weight / everyone,
        coverage_se=math.sqrt(max(0.0, squares - weight)) / everyone,
    )
    return float(mean), float(var) / n, overlap


def overlap_words(name: str, overlap: Overlap) -> str:
    """Says aloud what the overlap of one arm is."""
    return (
        f"{name}: {overlap.n:,} units count as {overlap.effective:,.0f}; "
        f"greatest weight {figures.plain(overlap.largest)}, together {figures.share(overlap.coverage)} of all units"
    )
