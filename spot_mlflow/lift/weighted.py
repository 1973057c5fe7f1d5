"""Evidence grade B: no holdout by chance, but the propensity of each decision was logged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.difference import Means
from spot_mlflow.lift.moments import HOLDOUT

if TYPE_CHECKING:
    from spot_mlflow.lift.moments import Moments

POOR_OVERLAP: Final = 0.1  # below this share of units the weights leave too little to speak for all
FEW_EFFECTIVE: Final = 100  # effective units in an arm below which Hajek's interval is too short


@dataclass(frozen=True, slots=True)
class Overlap:
    """How well the units of an arm can speak for all.

    Attributes:
        n: units of the arm.
        effective: Kish's effective number of units, (sum w)^2 / sum w^2.
        largest: greatest weight; a clipped propensity of .01 gives 100.
        coverage: sum of weights over all units of both arms; near 1 where propensities are right.
    """

    n: int
    effective: float
    largest: float
    coverage: float

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


def _weighted_arm(moments: Moments, everyone: int) -> tuple[float, float, Overlap]:
    total = moments.collapse()
    n = int(total.n[0]) if len(total) else 0
    if n < 2:  # noqa: PLR2004 - a spread needs two units
        return math.nan, math.nan, Overlap(n, float(n), math.nan, math.nan)
    pick = [total.measures.index("weighted_outcome"), total.measures.index("weight")]
    c, s1 = total.center[pick], total.s1[0, pick]
    sums = s1 + n * c
    cross = np.outer(c, s1)
    products = total.s2[0][np.ix_(pick, pick)] + cross + cross.T + n * np.outer(c, c)
    mean = float(sums[0] / sums[1])
    line = np.array([1.0, -mean])
    var = n / (n - 1) * max(0.0, float(line @ products @ line)) / float(sums[1]) ** 2
    overlap = Overlap(
        n=n,
        effective=float(sums[1] ** 2 / products[1, 1]),
        largest=float(total.largest[0, pick[1]]),
        coverage=float(sums[1]) / everyone,
    )
    return mean, var, overlap


def overlap_words(name: str, overlap: Overlap) -> str:
    """Says aloud what the overlap of one arm is."""
    return (
        f"{name}: {overlap.n:,} units count as {overlap.effective:,.0f}; "
        f"greatest weight {overlap.largest:.3g}"
    )
