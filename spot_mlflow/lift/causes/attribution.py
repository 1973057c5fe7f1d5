"""Splits the gap between the promised and the realized lift among its causes, exactly.

Shapley values over the factors of the net value per eligible unit (``factors``), or one ordered
waterfall; intervals by the delta method from the same moments. Losses are ranked by their
simultaneous lower bound, not by their size: by size, noise in the response is named first far too
often.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.letters import letter_words
from spot_mlflow.lift.causes.bridge import (
    MONEY_ONLY,
    Bridge,
    Contribution,
    LetterPart,
    SegmentPart,
)
from spot_mlflow.lift.causes.delta import gradient
from spot_mlflow.lift.causes.factor_levels import factors_at, levels_at
from spot_mlflow.lift.causes.factors import Factors, Model, check_estimable, layout_of
from spot_mlflow.lift.causes.games import contributions, derivative, value_of
from spot_mlflow.lift.causes.headline_fit import headline_fit, point_of
from spot_mlflow.lift.causes.names import letter_of, notes_of, unknown_notes, weights_of
from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.causes.words import cause_words
from spot_mlflow.lift.estimators.simultaneous import Simultaneous, Width, judged
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.promise.looks import width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.factors import Layout, Numbers, Point
    from spot_mlflow.lift.causes.games import Game
    from spot_mlflow.lift.causes.segment_means import Strata
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import RealizedLift

_ROUNDING: Final = 1e-12  # of all that was promised, realized and moved
# Share of 1 - confidence at which the one-sided family is judged; the rest is room for what the
# normal limit of products misses (docs/simulations/causes.md).
FAMILY_ALPHA: Final = 0.8


def attribute(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    realized: RealizedLift | None = None,
    *,
    order: Sequence[str] | None = None,
) -> Bridge:
    """Splits the gap exactly among mix, coverage, delivery, timeliness, response, value and cost.

    Args:
        moments: the reduced outcome log.
        predicted: the contract.
        realized: the headline; the bridge then ends there (adjusted for covariates, say) and its
            intervals are no narrower. Without it, at the post-stratified difference in means.
        order: factors in the order in which they change, for a waterfall instead of Shapley.

    Raises:
        InvalidInput: when no segment has both treated and holdout units, when a relative lift has
            a holdout mean of 0 to refer to, or when ``order`` names a factor that is no cause here.
    """
    strata = strata_of(moments.cells, predicted)
    check_estimable(strata, predicted)
    model, width = _model_of(strata, predicted, realized)
    weights, rule = weights_of(model.layout, order)
    lift, *money = _splits(model, ("lift", "money") if model.layout.money else ("lift",), weights)
    bridge = _bridge(model, lift, money[0] if money else None, width, rule)
    return replace(bridge, notes=(*bridge.notes, *unknown_notes(moments.cells)))


@dataclass(frozen=True, eq=False)
class _Split:
    """A game, divided: totals before and after, parts (players, R) and their covariance."""

    promised: float
    realized: float
    parts: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def interval(self, players: Sequence[int], z: float) -> Interval:
        """Returns the sum of some players' parts with its interval."""
        estimate = float(self.parts[list(players)].sum())
        cov = self.covariance[np.ix_(players, players)]
        se = float(np.sqrt(max(cov.sum(), 0.0)))
        return Interval(estimate, estimate - z * se, estimate + z * se, se)


def _model_of(
    strata: Strata, predicted: PredictedLift, realized: RealizedLift | None
) -> tuple[Model, Width]:
    """Chooses what is folded, the shift to the headline, and the width of the headline."""
    width = width_of(predicted, strata.units)
    fit = headline_fit(strata, predicted, realized)
    if realized is None:
        z = width.multiplier(1 - predicted.confidence)
        low, high = fit.lift - z * fit.se, fit.lift + z * fit.se
    else:
        low, high = realized.estimate.low, realized.estimate.high
    if fit.widening > 1:
        strata = strata.widened(fit.widening)
    layout = layout_of(strata, predicted, fold_value=low <= 0 <= high)
    return Model(strata, predicted, layout, shift=fit.shift), width


def _splits(model: Model, games: Sequence[Game], weights: NDArray[np.float64]) -> list[_Split]:
    """Divides games and propagates the moments' covariance to the parts, in one pass."""
    layout, strata = model.layout, model.strata
    point = point_of(strata, model.predicted)
    factors = factors_at(model, point)
    rows = [_weights_in(layout, game, weights) for game in games]
    parts = [contributions(layout, g, w, factors) for g, w in zip(games, rows, strict=True)]
    slopes = [derivative(layout, g, w, factors) for g, w in zip(games, rows, strict=True)]
    by_array = np.concatenate([x.reshape(len(x), -1) for x, _ in slopes]).T
    by_scale = np.concatenate([x for _, x in slopes])

    def parts_at(at: Point) -> Numbers:
        # Only the imaginary parts, the derivatives, are carried through: real numbers are faster.
        f = factors_at(model, at)
        both = np.imag(np.stack([f.promised, f.realized], axis=-3))
        slope = both.reshape(len(both), -1) @ by_array + np.imag(f.scale)[..., None] * by_scale
        out: Numbers = 1j * slope
        return out

    covariance = gradient(parts_at, point).covariance(
        strata, model.predicted.predicted.standard_error
    )
    size = len(layout.players)
    return [
        _Split(
            _total(model, game, factors, factors.promised),
            _total(model, game, factors, factors.realized),
            parts[i],
            covariance[i * size : (i + 1) * size, i * size : (i + 1) * size],
        )
        for i, game in enumerate(games)
    ]


def _weights_in(layout: Layout, game: Game, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the weights, exactly 0 in the lift for causes that can move money only."""
    if game == "money":
        return weights
    moves = np.array([not MONEY_ONLY.issuperset(p) for p in layout.players])
    return np.where(moves[:, None], weights, 0.0)


def _total(model: Model, game: Game, factors: Factors, x: Numbers) -> float:
    return float(value_of(model.layout, game, x, factors.rest, factors.scale).sum())


def _bridge(model: Model, lift: _Split, money: _Split | None, width: Width, rule: str) -> Bridge:
    """Puts the bridge together: contributions, ranking, letters."""
    predicted = model.predicted
    alpha = 1 - predicted.confidence
    z = width.multiplier(alpha)
    ranked_by = money or lift
    players = model.layout.players
    found = judged(*_losses(ranked_by), width, alpha=alpha * FAMILY_ALPHA)
    made = _contributions(model, lift, money, found, z)
    everyone = range(len(players))
    ranked = sorted(made, key=_rank)
    e = predicted.economics
    return Bridge(
        metric=predicted.metric,
        effect=predicted.effect,
        unit=e.unit if e else "",
        rule=rule,
        basis="money" if money else "lift",
        promised_lift=lift.promised,
        realized_lift=lift.realized,
        gap=lift.interval(everyone, z),
        promised_money=money.promised if money else None,
        realized_money=money.realized if money else None,
        money_gap=money.interval(everyone, z) if money else None,
        contributions=tuple(made),
        ranked=tuple(c.cause for c in ranked),
        letters=_letters(made, lift, money, z),
        notes=notes_of(model),
    )


def _contributions(
    model: Model, lift: _Split, money: _Split | None, judged: Sequence[Simultaneous], z: float
) -> list[Contribution]:
    """Returns one contribution per player, in the order of the players."""
    levels = levels_at(model, point_of(model.strata, model.predicted))
    made = []
    for i, (factors, j) in enumerate(zip(model.layout.players, judged, strict=True)):
        segments = tuple(
            SegmentPart(s, float(lift.parts[i, r]), float(money.parts[i, r]) if money else None)
            for r, s in enumerate(model.labels if model.layout.mix else ())
        )
        made.append(
            Contribution(
                cause="+".join(factors),
                factors=factors,
                letter=letter_of(factors),
                words=cause_words(factors),
                promised=levels[i][0],
                realized=levels[i][1],
                lift=lift.interval([i], z),
                money=money.interval([i], z) if money else None,
                lost_at_least=j.lost_at_least,
                p_adjusted=j.p_adjusted,
                found=j.found,
                segments=segments,
            )
        )
    return made


def _losses(split: _Split) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns losses and standard errors of the players; what is rounding only counts as 0."""
    loss = -split.parts.sum(axis=-1)
    se = np.sqrt(np.maximum(np.diag(split.covariance), 0.0))
    rounding = _ROUNDING * (np.abs(loss).sum() + abs(split.promised) + abs(split.realized))
    return np.where(np.abs(loss) > rounding, loss, 0.0), np.where(se > rounding, se, 0.0)


def _rank(c: Contribution) -> tuple[bool, bool, float]:
    """Sorts what is shown first, by its lower bound, and what took no part at all last."""
    return (not c.found, c.lost_at_least == 0, -c.lost_at_least)


def _letters(
    made: Sequence[Contribution], lift: _Split, money: _Split | None, z: float
) -> tuple[LetterPart, ...]:
    out = []
    for letter in dict.fromkeys(c.letter for c in made):
        which = [i for i, c in enumerate(made) if c.letter == letter]
        out.append(
            LetterPart(
                letter,
                letter_words(letter),
                lift.interval(which, z),
                money.interval(which, z) if money else None,
                any(made[i].found for i in which),
            )
        )
    return tuple(sorted(out, key=lambda p: (p.money or p.lift).lift))
