"""Means of both arms at their common mix of strata, for outcomes, ratios, weights and covariates.

Within each stratum both arms are compared as they came; across strata both get the same weights, so
that a share of treatment that differs by segment or time adds nothing to the lift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.estimators.stratified import Stratum, stratified_means
from spot_mlflow.lift.estimators.weighted import weighted_by_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.estimators.comparison import Comparison
    from spot_mlflow.lift.estimators.difference import Means
    from spot_mlflow.lift.moments.spread import Cells

    Floats = NDArray[np.float64]

COSTLY: Final = 2.0  # times the variance that overlap weights would have, above which it is said


@dataclass(frozen=True, eq=False)
class Lined:
    """One arm as a linear outcome: unit means and variances, stratum by stratum.

    Attributes:
        level: what the stratum means are deviations from; 0 where they are means themselves.
        n: (strata,) units. mean: (strata,). var: (strata,) of a unit.
        x: (strata,) mean of the covariate. var_x: its variance. cov: covariance with the outcome.
        df: (strata,) degrees of freedom of ``var``; n - 1 where None.
    """

    level: float
    n: Floats
    mean: Floats
    var: Floats
    x: Floats
    var_x: Floats
    cov: Floats
    df: Floats | None = None


@dataclass(frozen=True, slots=True)
class Standard:
    """Standardized means, and what became of the variance.

    Attributes:
        means: of both arms.
        theta: coefficient of the covariate; 0 where there is none.
        reduction: share of the variance that the covariate removes.
    """

    means: Means
    theta: float = 0.0
    reduction: float = 0.0


def standardized(comparison: Comparison) -> Standard:
    """Means of the outcome, or of the ratio where there is a denominator, covariate taken off.

    The ratio is that of the standardized means, never a mean of ratios; its variance is that of
    (y - R d) / mean d within strata (Deng, Knoblich and Lu 2018). The covariate's theta comes from
    the sums within stratum and arm, so that what differs between strata cannot move it.

    Args:
        comparison: strata with at least two units in each arm.
    """
    share = comparison.share
    treated, holdout = (
        _lined(arm.measures, cells, share)
        for arm, cells in zip(
            (comparison.treated, comparison.holdout), comparison.sides, strict=True
        )
    )
    return combined(
        treated, holdout, share, by_covariate=comparison.treated.index("covariate") is not None
    )


def combined(
    treated: Lined,
    holdout: Lined,
    share: Floats,
    *,
    by_covariate: bool = False,
    theta: float | None = None,
) -> Standard:
    """Puts strata together by their weights, the covariate taken off where there is one.

    Args:
        treated: the treated, stratum by stratum.
        holdout: the same strata of the holdout.
        share: (strata,) weights, adding up to 1.
        by_covariate: whether there is a covariate.
        theta: its coefficient; that within strata and arms where None.
    """
    plain = _means(treated, holdout, share)
    if not by_covariate:
        return Standard(plain)
    theta = _theta(treated, holdout) if theta is None else theta
    center = (treated.n * treated.x + holdout.n * holdout.x) / (treated.n + holdout.n)
    means = _means(_adjusted(treated, theta, center), _adjusted(holdout, theta, center), share)
    means = _with_center(means, treated, holdout, theta, share)
    before = plain.var_treated + plain.var_holdout
    after = means.var_treated + means.var_holdout
    return Standard(means, theta, 1 - after / before if before > 0 else 0.0)


def standardized_weighted(comparison: Comparison) -> Means:
    """Hajek's means by logged propensity within strata, at the common mix of strata.

    Where propensities are right this is the same estimand with less noise; where the logged ones do
    not follow a ramp, the strata still do.
    """
    sides = []
    for arm in (comparison.treated, comparison.holdout):
        mean, var = weighted_by_cell(arm)
        sides.append(Stratum(arm.n.astype(np.float64), mean, var))
    return stratified_means(*sides, share=comparison.share)


def cost_of_weights(comparison: Comparison) -> float:
    """Times by which weights of the population enlarge the variance that overlap weights would have."""
    if comparison.treated.index("outcome") is None:  # clusters are only counted
        return 1.0
    n_t, n_c = (a.n.astype(np.float64) for a in (comparison.treated, comparison.holdout))
    y = comparison.treated.measures.index("outcome")
    per = [c.cov[:, y, y] / c.n for c in comparison.sides]
    by_size, by_overlap = n_t + n_c, n_t * n_c / (n_t + n_c)
    found = [float(((w / w.sum()) ** 2 * (per[0] + per[1])).sum()) for w in (by_size, by_overlap)]
    return found[0] / found[1] if found[1] > 0 else 1.0


def _line(measures: tuple[str, ...], cells: Cells, share: Floats) -> tuple[Floats, float]:
    """Weights (measures,) that make the outcome of a unit, and what it is a deviation from.

    The outcome itself; with a denominator the ratio, linearised about the standardized one.
    """
    line, level = np.zeros(len(measures)), 0.0
    line[measures.index("outcome")] = 1.0
    if "denominator" in measures:
        d = measures.index("denominator")
        top, bottom = float(share @ (cells.mean @ line)), float(share @ cells.mean[:, d])
        level = top / bottom if bottom > 0 else math.nan
        line[d] = -level
        line = line / bottom if bottom > 0 else line * math.nan
    return line, level


def _lined(measures: tuple[str, ...], cells: Cells, share: Floats) -> Lined:
    """Makes one arm's outcome linear, stratum by stratum."""
    line, level = _line(measures, cells, share)
    mean = cells.mean @ line
    by_line = cells.cov @ line
    var = (by_line @ line).clip(min=0)
    none = np.zeros(len(mean))
    if "covariate" not in measures:
        return Lined(level, cells.n.astype(np.float64), mean, var, none, none, none)
    x = measures.index("covariate")
    return Lined(
        level, cells.n.astype(np.float64), mean, var, cells.mean[:, x], cells.cov[:, x, x],
        by_line[:, x],
    )  # fmt: skip


def _means(treated: Lined, holdout: Lined, share: Floats) -> Means:
    one, other = (Stratum(a.n, a.mean, a.var, a.df) for a in (treated, holdout))
    found = stratified_means(one, other, share=share)
    return replace(
        found, treated=treated.level + found.treated, holdout=holdout.level + found.holdout
    )


def _theta(treated: Lined, holdout: Lined) -> float:
    """Coefficient cov(x, y) / var(x), both pooled within strata and arms (Deng et al. 2013, eq. 4)."""
    cov = sum(float(((a.n - 1) * a.cov).sum()) for a in (treated, holdout))
    var = sum(float(((a.n - 1) * a.var_x).sum()) for a in (treated, holdout))
    return cov / var if var > 0 else 0.0


def _adjusted(arm: Lined, theta: float, center: Floats) -> Lined:
    var = arm.var - 2 * theta * arm.cov + theta**2 * arm.var_x
    return replace(arm, mean=arm.mean - theta * (arm.x - center), var=var.clip(min=0))


def _with_center(
    means: Means, treated: Lined, holdout: Lined, theta: float, share: Floats
) -> Means:
    """Adds the sampling of the strata's covariate means, which cancels in a difference only."""
    size = treated.n + holdout.n
    spread = treated.n * treated.var_x + holdout.n * holdout.var_x
    center = theta**2 * float((share**2 * spread / size**2).sum())

    def slope(arm: Lined) -> float:
        return theta * float((share**2 / size * (arm.cov - theta * arm.var_x)).sum())

    with_t, with_c = slope(treated), slope(holdout)
    return replace(
        means,
        common_treated=means.common_treated + center + 2 * with_t,
        common_holdout=means.common_holdout + center + 2 * with_c,
        cov=means.cov + center + with_t + with_c,
    )


def strata_words(comparison: Comparison) -> str:
    """Names what a comparison is made within: "12 weeks", "40 strata of segment and day"."""
    size, calendar = len(comparison), comparison.cut.calendar
    segments = len(comparison.cells.codes("segment")[0])
    if calendar == "whole":
        return f"{size:,} segments"
    if segments <= 1:
        return f"{size:,} {calendar}s"
    return f"{size:,} strata of segment and {calendar}"


def standardized_pair(comparison: Comparison, arm: int, measure: str) -> tuple[Floats, Floats]:
    """Mean (2,) and its covariance (2, 2) of the outcome and another measure in one arm.

    Args:
        comparison: the strata.
        arm: 0 the treated, 1 the holdout.
        measure: name of the other.
    """
    cells, share = comparison.sides[arm], comparison.share
    measures = comparison.treated.measures
    line, level = _line(measures, cells, share)
    both = np.vstack([line, np.arange(len(measures)) == measures.index(measure)])
    mean = share @ (cells.mean @ both.T)
    cov = np.einsum("s,ai,sij,bj->ab", share**2 / cells.n, both, cells.cov, both, optimize=True)
    return mean + np.array([level, 0.0]), cov
