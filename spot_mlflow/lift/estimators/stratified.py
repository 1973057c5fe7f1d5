"""Post-stratified means: each segment compared with itself, then weighted by its size.

It removes what a chance imbalance of segments between the arms would add, and is right where the
treatment share differs by segment, which the pooled difference is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.lift.estimators.difference import Means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stratum:
    """One arm, segment by segment; all arrays are (segments,).

    Attributes:
        n: units.
        mean: of the outcome, adjusted where a covariate is used.
        var: unbiased variance of a unit.
        df: degrees of freedom of ``var``; n - 1 where None.
    """

    n: Floats
    mean: Floats
    var: Floats
    df: Floats | None = None


def stratified_means(treated: Stratum, holdout: Stratum, *, share: Floats | None = None) -> Means:
    """Means of both arms at the common mix of segments.

    Source: Miratrix, Sekhon and Yu (2013), JRSS B 75, 369-396. To the variance within segments comes
    that of the mix itself, since the units are a sample of those to come: (1/N) times the
    covariance of the segments' means.

    Args:
        treated: segments of the treated, at least two units in each.
        holdout: the same segments of the holdout, at least two units in each.
        share: weights of the segments, adding up to 1; their sizes where None.

    Returns:
        Means with Satterthwaite's degrees of freedom over segments.
    """
    size = treated.n + holdout.n
    total = size.sum()
    share = size / total if share is None else share
    own = [share**2 * arm.var / arm.n for arm in (treated, holdout)]
    means = [float((share * arm.mean).sum()) for arm in (treated, holdout)]
    off = [arm.mean - m for arm, m in zip((treated, holdout), means, strict=True)]
    mix = [float((share * a * b).sum() / total) for a, b in ((off[0], off[0]), (off[1], off[1]))]
    both = float((share * off[0] * off[1]).sum() / total)
    return Means(
        means[0],
        means[1],
        float(own[0].sum()),
        float(own[1].sum()),
        _freedom(own[0], treated.n - 1 if treated.df is None else treated.df),
        _freedom(own[1], holdout.n - 1 if holdout.df is None else holdout.df),
        common_treated=mix[0],
        common_holdout=mix[1],
        cov=both,
        method=f"post-stratified over {len(share):,} segments",
    )


def _freedom(parts: Floats, df: Floats) -> float:
    """Satterthwaite's degrees of freedom of one arm's variance over segments."""
    total = parts.sum()
    below = ((parts / total) ** 2 / df).sum() if total > 0 else 0.0
    return float(1 / below) if below > 0 else float("inf")
