"""Uplift and Qini curves of a score on randomized data, and the areas under them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve over the units taken from the top of the score.

    Attributes:
        units: (points,) how many units were taken, from 0 to all.
        gain: (points,) incremental outcome among them, by the curve's own definition.
    """

    units: Floats
    gain: Floats

    @property
    def area(self) -> float:
        """Area between the curve and the straight line to its end (random targeting)."""
        under = float(((self.gain[1:] + self.gain[:-1]) / 2 * np.diff(self.units)).sum())
        return under - float(self.units[-1] * self.gain[-1]) / 2


@dataclass(frozen=True, eq=False)
class _Sums:
    """Cumulative sums from the top of the score, one entry per distinct score; first entry 0."""

    n: Floats
    n_t: Floats
    n_c: Floats
    y_t: Floats
    y_c: Floats


def ranking(score: Floats) -> NDArray[np.int64]:
    """Returns the units from the highest score down; among ties the later row first.

    The order of ties follows scikit-uplift (a stable sort, reversed), so that figures agree.
    """
    return np.argsort(score, kind="stable")[::-1].astype(np.int64)


def _cumulate(score: Floats, treated: NDArray[np.bool_], outcome: Floats) -> _Sums:
    order = ranking(score)
    s, t, y = score[order], treated[order], outcome[order]
    last = np.r_[np.flatnonzero(np.diff(s)), len(s) - 1]

    def total(x: Floats) -> Floats:
        out: Floats = np.r_[0.0, np.cumsum(x)[last]]
        return out

    n = np.r_[0.0, last + 1.0]
    n_t = total(t.astype(np.float64))
    return _Sums(n, n_t, n - n_t, total(np.where(t, y, 0.0)), total(np.where(t, 0.0, y)))


def _per(total: Floats, count: Floats) -> Floats:
    out: Floats = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return out


def uplift_curve(score: Floats, treated: NDArray[np.bool_], outcome: Floats) -> Curve:
    """Difference in means among the top units times their number.

    Source: Devriendt, Van Belle, Guns and Verbeke (2020), IEEE TKDE, "Learning to rank for uplift
    modeling": the joint form, relative to all units taken.

    Args:
        score: (units,) higher is treated first.
        treated: (units,) whether the unit was treated.
        outcome: (units,) larger is better.
    """
    c = _cumulate(score, treated, outcome)
    return Curve(c.n, (_per(c.y_t, c.n_t) - _per(c.y_c, c.n_c)) * c.n)


def qini_curve(score: Floats, treated: NDArray[np.bool_], outcome: Floats) -> Curve:
    """Incremental outcome of the treated among the top units.

    Source: Radcliffe (2007), "Using control groups to target on predicted lift": y_t - y_c n_t/n_c.

    Args:
        score: (units,) higher is treated first.
        treated: (units,) whether the unit was treated.
        outcome: (units,) larger is better.
    """
    c = _cumulate(score, treated, outcome)
    return Curve(c.n, c.y_t - c.y_c * _per(c.n_t, c.n_c))


def auuc(score: Floats, treated: NDArray[np.bool_], outcome: Floats) -> float:
    """Area under the uplift curve as a share of a perfect ranking's; binary outcomes.

    Both areas are those above random targeting; 0 is random, 1 perfect, as scikit-uplift's
    ``uplift_auc_score``.

    Args:
        score: (units,) higher is treated first.
        treated: (units,) whether the unit was treated.
        outcome: (units,) 0 or 1, 1 is better.
    """
    y, t = outcome, treated.astype(np.float64)
    responders = float(((y == 1) & ~treated).sum())
    refusers = float(((y == 0) & treated).sum())
    best = 2.0 * (y == t) + (y if responders > refusers else t)
    perfect = uplift_curve(best, treated, y).area
    return uplift_curve(score, treated, y).area / perfect if perfect else 0.0


def qini(score: Floats, treated: NDArray[np.bool_], outcome: Floats) -> float:
    """Qini coefficient: area of the Qini curve as a share of a perfect ranking's; binary outcomes.

    Both areas are those above random targeting, negative effects allowed, as scikit-uplift's
    ``qini_auc_score``.

    Args:
        score: (units,) higher is treated first.
        treated: (units,) whether the unit was treated.
        outcome: (units,) 0 or 1, 1 is better.
    """
    t = treated.astype(np.float64)
    perfect = qini_curve(outcome * t - outcome * (1 - t), treated, outcome).area
    return qini_curve(score, treated, outcome).area / perfect if perfect else 0.0
