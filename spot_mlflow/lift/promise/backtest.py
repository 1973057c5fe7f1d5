"""The predicted lift, from historical randomized data and the model's scores.

A backtest answers: had the top of this score been treated, how much would have come of it? Where
the best of several models or shares was picked, the figure that was picked is too good by the luck
it was picked for; the honest figure, from units that had no part in the choice, stands beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow import figures
from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.promise.history import checked_history, top_share
from spot_mlflow.lift.promise.score_bins import decile_table, score_edges, top_decile_lift
from spot_mlflow.lift.promise.uplift_curve import auuc, qini, qini_curve
from spot_mlflow.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from spot_mlflow.lift.promise.history import History
    from spot_mlflow.lift.promise.score_bins import Decile

    Mask = NDArray[np.bool_]

FOLDS: Final = 5  # of the honest figure
# Nadeau and Bengio (2003), Machine Learning 52, 239-281: choices made on overlapping parts of the
# data vary together, so that the variance 1/folds becomes 1/folds + 1/(folds - 1).
_WIDENING: Final = math.sqrt(1 + FOLDS / (FOLDS - 1))
_SEED: Final = 20070401  # of the folds: the same data give the same answer


@dataclass(frozen=True, repr=False)
class Backtest(Shown):
    """What historical randomized data say of a score.

    Attributes:
        model: name of the score; the one picked where there were several.
        top: share of units treated first.
        lift: lift among them, improvement units; as picked, if picked.
        honest: the same from units that had no part in picking; None where nothing was picked.
        candidates: how many combinations of score and share the best was picked from.
        baseline: mean outcome of the untreated among the top.
        n_treatment: treated units among the top.
        n_holdout: untreated units among the top.
        qini: Qini coefficient, 0 random, 1 perfect; None unless the outcome is binary.
        auuc: area under the uplift curve, same scale; None unless the outcome is binary.
        qini_gain: area of the Qini curve above random, per treated unit and share; any outcome.
        average_lift: lift over all bins, weighted by the treated in each.
        top_decile_lift: mean outcome of the untreated in the top decile / of all untreated.
        deciles: the bins of the score, highest first.
        edges: inner cut points of the bins, ascending.
    """

    model: str
    top: float
    lift: Interval
    honest: Interval | None
    candidates: int
    baseline: float
    n_treatment: int
    n_holdout: int
    qini: float | None
    auuc: float | None
    qini_gain: float
    average_lift: float
    top_decile_lift: Interval
    deciles: tuple[Decile, ...]
    edges: tuple[float, ...]

    def __repr__(self) -> str:
        """Returns score, share and the figure to promise on one line."""
        p = self.promise
        bounds = f"{figures.plain(p.low)} to {figures.plain(p.high)}"
        top = figures.share(self.top)
        return f"<Backtest of {self.model!r}, top {top}: lift {figures.plain(p.lift)} ({bounds})>"

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values: its attributes, and which figure to promise."""
        values = {k: getattr(self, k) for k in self.__dataclass_fields__}
        return dict(jsonable(values | {"promise": self.promise, "source": self.source}))

    @property
    def promise(self) -> Interval:
        """The figure to promise: the honest one where something was picked."""
        return self.honest or self.lift

    @property
    def source(self) -> str:
        """Where the promise comes from, in words."""
        n = self.n_treatment + self.n_holdout
        plain = f"backtest on {n:,} randomized units, top {self.top:.0%} by score"
        if self.honest is None:
            return plain
        return (
            f"{plain}; best of {self.candidates}, which looked like {figures.plain(self.lift.lift, 4)} "
            f"(winner's curse), honest figure from units that had no part in the choice"
        )


def backtest(
    score: ArrayLike | Mapping[str, ArrayLike],
    treated: ArrayLike,
    outcome: ArrayLike,
    *,
    top: float | Sequence[float] = 0.3,
    bins: int = 10,
    effect: str = "absolute",
    direction: str = "increase",
    confidence: float = 0.95,
    uplift_scores: bool = False,
) -> Backtest:
    """Runs a backtest.

    Args:
        score: (units,) higher is treated first; or several, by name, of which the best is picked.
        treated: (units,) 1 or True where the unit was treated; assigned by chance.
        outcome: (units,) the metric, unit by unit.
        top: share of units treated first, above 0, at most 1; or several, the best is picked.
        bins: bins of the decile table, at least 2.
        effect: "absolute" or "relative".
        direction: "increase" or "decrease".
        confidence: of every interval, between 0 and 1.
        uplift_scores: whether the score is itself a predicted lift in units of the metric.

    Raises:
        InvalidInput: where lengths differ, values are missing, an arm has fewer than two units in
            the top, or a share is out of range.
    """
    history = checked_history(score, treated, outcome, effect, direction, confidence)
    shares = _shares(top)
    options = list(product(history.scores, shares))
    everyone = np.ones(len(history.outcome), dtype=bool)
    return _of_picked(
        history, options, _best(history, options, everyone), bins, uplift_scores=uplift_scores
    )


def _of_picked(
    history: History,
    options: list[tuple[str, float]],
    picked: tuple[str, float],
    bins: int,
    *,
    uplift_scores: bool,
) -> Backtest:
    """Everything that is told of the picked score and share."""
    name, share = picked
    s, g = history.scores[name], history.gain
    mask = top_share(s, share, np.ones(len(s), dtype=bool))
    treated, holdout = history.arms(mask)
    if min(treated.n, holdout.n) < 2:  # noqa: PLR2004 - a spread needs two units
        raise InvalidInput(
            f"the top {figures.share(share)} holds {treated.n} treated and {holdout.n} untreated units, "
            "must hold at least 2 of each",
            where="top",
        )
    deciles = decile_table(history, name, bins, uplift_scores=uplift_scores)
    curve = qini_curve(s, history.treated, g)
    return Backtest(
        model=name,
        top=share,
        lift=history.lift(mask),
        honest=_honest(history, options) if len(options) > 1 else None,
        candidates=len(options),
        baseline=holdout.mean,
        n_treatment=treated.n,
        n_holdout=holdout.n,
        qini=qini(s, history.treated, g) if history.binary else None,
        auuc=auuc(s, history.treated, g) if history.binary else None,
        qini_gain=curve.area / (len(s) * max(1, int(history.treated.sum()))),
        average_lift=_average(deciles),
        top_decile_lift=_top_decile(history, name),
        deciles=deciles,
        edges=score_edges(s, bins),
    )


def _average(deciles: tuple[Decile, ...]) -> float:
    n = [d.n_treatment for d in deciles]
    usable = [(d.actual.lift, w) for d, w in zip(deciles, n, strict=True) if w and d.n_holdout]
    total = sum(w for _, w in usable)
    return math.fsum(x * w for x, w in usable) / total if total else math.nan


def _top_decile(history: History, name: str) -> Interval:
    untreated = ~history.treated
    s, y = history.scores[name][untreated], history.outcome[untreated]
    return top_decile_lift(s, y, confidence=history.confidence)


def _shares(top: float | Sequence[float]) -> list[float]:
    shares = [float(x) for x in np.atleast_1d(np.asarray(top, dtype=np.float64))]
    for s in shares:
        if not 0 < s <= 1:
            raise InvalidInput(f"top == {s:g}, must be above 0 and at most 1")
    return shares


def _best(history: History, options: list[tuple[str, float]], among: Mask) -> tuple[str, float]:
    """Picks by the lower bound of the lift, so that a tiny top does not win by noise alone."""

    def worth(option: tuple[str, float]) -> float:
        low = history.lift(top_share(history.scores[option[0]], option[1], among)).low
        return -math.inf if math.isnan(low) else low

    return options[0] if len(options) == 1 else max(options, key=worth)


def _honest(history: History, options: list[tuple[str, float]]) -> Interval:
    """Lift of the picked among units that had no part in picking.

    Cross-fitting: in each of five folds the best is picked on the other four, and its top in the
    fold is kept; the lift is that of all kept units together. Its interval is widened by
    sqrt(1 + 5/4), since the five choices are no independent ones.
    """
    rng = np.random.default_rng(_SEED)
    fold = rng.permutation(len(history.outcome)) % FOLDS
    kept = np.zeros(len(history.outcome), dtype=bool)
    for k in range(FOLDS):
        name, share = _best(history, options, fold != k)
        kept |= top_share(history.scores[name], share, fold == k)
    return _widened(history.lift(kept), history)


def _widened(found: Interval, history: History) -> Interval:
    """Puts both bounds further off, on the log scale where the lift is a ratio."""
    se = None if found.se is None else _WIDENING * found.se
    sign = 1.0 if history.direction == "increase" else -1.0
    ratios = [1 + sign * x for x in (found.lift, found.low, found.high)]
    if history.effect == "relative" and min(ratios) > 0:
        middle, *ends = ratios
        low, high = sorted(sign * (middle * (r / middle) ** _WIDENING - 1) for r in ends)
        return Interval(found.lift, low, high, se)
    low, high = (found.lift + _WIDENING * (x - found.lift) for x in (found.low, found.high))
    return Interval(found.lift, low, high, se)
