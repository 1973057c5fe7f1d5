"""Judging several causes at once: widths of intervals, Holm's step-down, false-discovery control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.estimators.sequence import level_of, reach

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Width:
    """How many standard errors an interval reaches to each side.

    Attributes:
        mixing: n r^2 of the asymptotic confidence sequence (Waudby-Smith et al., arXiv:2103.06476),
            valid under daily looking; None for one look at a normal estimate.
    """

    mixing: float | None = None

    def multiplier(self, alpha: float) -> float:
        """Returns the two-sided multiplier of the standard error at level ``alpha``."""
        from scipy.special import ndtri

        if self.mixing is None:
            return float(ndtri(1 - alpha / 2))
        return float(reach(self.mixing, alpha))

    def p_value(self, t: float) -> float:
        """Returns the one-sided p value of an estimate ``t`` standard errors above 0."""
        from scipy.special import ndtr

        if self.mixing is None:
            return float(ndtr(-t))
        if t <= 0:
            return 1.0
        return min(1.0, level_of(t, self.mixing) / 2)


@dataclass(frozen=True, slots=True)
class Simultaneous:
    """The answer for one of several hypotheses "nothing was lost here".

    Attributes:
        lost_at_least: simultaneous lower bound of the loss.
        p_adjusted: Holm-adjusted one-sided p value.
        found: whether the hypothesis falls.
    """

    lost_at_least: float
    p_adjusted: float
    found: bool


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """P values corrected so that any false finding among all has at most the stated chance.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70. NaN stays NaN and does not
    count.

    Args:
        p_values: (tests,).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")  # NaN last
    count = int(np.isfinite(p).sum())
    factor = np.maximum(count - np.arange(len(p)), 1)
    stepped = np.fmin(1.0, np.maximum.accumulate(p[order] * factor))
    out = np.empty_like(p)
    out[order] = np.where(np.isfinite(p[order]), stepped, np.nan)
    return out


def judged(
    loss: NDArray[np.float64], se: NDArray[np.float64], width: Width, *, alpha: float
) -> list[Simultaneous]:
    """Judges losses family-wise (``holm``).

    The lower bounds are those compatible with it (Strassburger and Bretz 2008): Bonferroni's, and
    no less than 0 where the hypothesis falls. A loss without error (se 0) is taken as it is.

    Args:
        loss: (m,) estimated losses, positive where something was lost.
        se: (m,) standard errors.
        width: of the intervals.
        alpha: family-wise level, one-sided.
    """
    random = se > 0
    m = max(int(random.sum()), 1)
    t = np.where(random, loss / np.where(random, se, 1.0), 0.0)
    p = np.array([width.p_value(float(x)) for x in t])
    sure = np.where(loss > 0, 0.0, 1.0)
    adjusted = np.where(random, holm(np.where(random, p, np.nan)), sure)
    bound = loss - width.multiplier(min(2 * alpha / m, 1.0)) * se
    out = []
    for i in range(len(loss)):
        found = bool(adjusted[i] < alpha)
        low = max(float(bound[i]), 0.0) if found else float(bound[i])
        out.append(Simultaneous(low, float(adjusted[i]), found))
    return out


def discoveries(p: NDArray[np.float64], *, rate: float = 0.05) -> NDArray[np.bool_]:
    """Returns which hypotheses fall with the false-discovery rate at most ``rate``.

    Benjamini and Hochberg (1995), as ``scipy.stats.false_discovery_control``; what could not be
    tested (NaN) counts in the family and stays.

    Args:
        p: (m,) p values.
        rate: expected share of false ones among those that fall.
    """
    from scipy.stats import false_discovery_control

    fallen: NDArray[np.bool_] = false_discovery_control(np.fmin(p, 1.0)) <= rate
    return fallen
