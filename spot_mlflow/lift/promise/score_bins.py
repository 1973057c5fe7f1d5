"""Bins of a score: the decile table of a backtest, its edges, and the top-decile lift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.interval import Interval, quantile
from spot_mlflow.lift.promise.history import arm_of_values, top_share
from spot_mlflow.lift.promise.uplift_curve import ranking

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from spot_mlflow.lift.promise.history import History


@dataclass(frozen=True, slots=True)
class Decile:
    """One bin of the score, highest first.

    Attributes:
        low: lowest score in it.
        high: highest score in it.
        n_treatment: treated units.
        n_holdout: untreated units.
        mean_treatment: mean outcome of the treated.
        mean_holdout: mean outcome of the untreated.
        actual: lift with its interval, improvement units.
        predicted: mean of the predicted lift, where the score is one.
    """

    low: float
    high: float
    n_treatment: int
    n_holdout: int
    mean_treatment: float
    mean_holdout: float
    actual: Interval
    predicted: float | None = None


def decile_table(
    history: History, name: str, bins: int, *, uplift_scores: bool = False
) -> tuple[Decile, ...]:
    """Bins of equally many units from the highest score down, each with its lift and interval.

    Args:
        history: randomized units.
        name: which of its scores.
        bins: how many, 2 to the number of units.
        uplift_scores: whether the score is itself a predicted lift in units of the metric.

    Raises:
        InvalidInput: where ``bins`` is out of range.
    """
    if not 2 <= bins <= len(history.outcome):  # noqa: PLR2004 - one bin is no table
        raise InvalidInput(f"bins == {bins}, must be 2 to {len(history.outcome)}")
    s = history.scores[name]
    out = []
    for rows in np.array_split(ranking(s), bins):
        mask = np.zeros(len(s), dtype=bool)
        mask[rows] = True
        a, b = history.arms(mask)
        said = float(s[rows].mean()) if uplift_scores else None
        out.append(
            Decile(
                low=float(s[rows].min()),
                high=float(s[rows].max()),
                n_treatment=a.n,
                n_holdout=b.n,
                mean_treatment=a.mean,
                mean_holdout=b.mean,
                actual=history.lift(mask),
                predicted=said,
            )
        )
    return tuple(out)


def score_edges(score: ArrayLike, bins: int) -> tuple[float, ...]:
    """Inner cut points of ``bins`` bins of equally many units, ascending and distinct.

    A score equal to a cut point belongs to the bin above it.

    Args:
        score: (units,) scores.
        bins: how many bins; fewer come out where scores are tied.
    """
    s = np.asarray(score, dtype=np.float64)
    inner = np.quantile(s, np.arange(1, bins) / bins, method="higher")
    return tuple(float(x) for x in np.unique(inner))


def top_decile_lift(
    score: ArrayLike, outcome: ArrayLike, *, share: float = 0.1, confidence: float = 0.95
) -> Interval:
    """Mean outcome in the top of the score over the mean of all, with its interval.

    The lift that models are ranked by; it says who, not whether treating them helps. Interval by the
    delta method on the log ratio, the overlap of top and all taken into account.

    Args:
        score: (units,) higher is more likely.
        outcome: (units,) 0/1 or money, not negative on average.
        share: of the units in the top.
        confidence: two-sided, between 0 and 1.

    Returns:
        A ratio: 1 is no better than chance; NaN where the outcome is 0 on average.
    """
    s, y = np.asarray(score, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    z = quantile(confidence)
    mask = top_share(s, share, np.ones(len(s), dtype=bool))
    top, rest = arm_of_values(y[mask]), arm_of_values(y[~mask])
    mean = float(y.mean()) if len(y) else math.nan
    if not mean > 0 or not top.mean > 0 or min(top.n, rest.n) < 2:  # noqa: PLR2004 - spread
        value = top.mean / mean if mean > 0 else math.nan
        return Interval(value, 0.0, math.inf)
    w = top.n / len(y)
    slope_top, slope_rest = 1 / top.mean - w / mean, (1 - w) / mean
    se = math.hypot(
        slope_top * math.sqrt(top.var / top.n), slope_rest * math.sqrt(rest.var / rest.n)
    )
    value = top.mean / mean
    return Interval(value, value * math.exp(-z * se), value * math.exp(z * se), value * se)
