"""Is a share the same in two arms, stratum by stratum? For one look, and for any number of looks.

Given how many units of a stratum have the property and how large the arms are, those of the treated
are a draw without replacement: nothing is assumed of the share, which may differ between strata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STRAIGHT: Final = 1e-3  # skewness below which the normal tail is used
# Log odds of being in the treated arm that the e-value bets on, either way: from hardly to 20-fold.
_BETS: Final = np.geomspace(0.03, 3.0, 12)
TILTS: Final = np.concatenate([-_BETS, _BETS])


@dataclass(frozen=True, eq=False)
class TwoArms:
    """How many units have a property, by stratum; arrays are (strata,).

    Attributes:
        treated: units of the treated that have it.
        n_treated: units of the treated.
        holdout: units of the holdout that have it.
        n_holdout: units of the holdout.
    """

    treated: Floats
    n_treated: Floats
    holdout: Floats
    n_holdout: Floats

    def select(self, mask: NDArray[np.bool_]) -> TwoArms:
        """Returns the strata where ``mask`` (strata,) is True."""
        return TwoArms(
            self.treated[mask], self.n_treated[mask], self.holdout[mask], self.n_holdout[mask]
        )

    def together(self) -> TwoArms:
        """Returns all strata as one."""
        arrays = (self.treated, self.n_treated, self.holdout, self.n_holdout)
        return TwoArms(*(x.sum(keepdims=True) for x in arrays))

    @property
    def comparable(self) -> NDArray[np.bool_]:
        """(strata,) whether both arms have units."""
        return (self.n_treated > 0) & (self.n_holdout > 0)


def differences(arms: TwoArms, group: NDArray[np.int64], groups: int) -> Floats:
    """Difference of the shares, treated minus holdout, over the strata of each group.

    Source: Mantel and Haenszel's risk difference, Greenland and Robins (1985), Biometrics 41: each
    stratum weighs n_t n_c / (n_t + n_c).

    Args:
        arms: strata in which both arms have units.
        group: (strata,) the group of each stratum.
        groups: how many there are.

    Returns:
        (groups,) differences; 0 for a group without strata.
    """
    weight = arms.n_treated * arms.n_holdout / (arms.n_treated + arms.n_holdout)
    apart = arms.treated / arms.n_treated - arms.holdout / arms.n_holdout
    above, below = (_sums(x, group, groups) for x in (weight * apart, weight))
    return np.divide(above, below, out=np.zeros(groups), where=below > 0)


def p_values(arms: TwoArms, group: NDArray[np.int64], groups: int) -> Floats:
    """Two-sided p values for one look, one per group of strata.

    Source: Mantel and Haenszel (1959), JNCI 22: the number among the treated against its
    hypergeometric mean and variance, with their continuity correction. The tail is that of a Pearson
    type III law with the same third moment, which small counts need.

    Args:
        arms: strata in which both arms have units.
        group: (strata,) the group of each stratum.
        groups: how many there are.

    Returns:
        (groups,) p values; 1 where nothing can differ.
    """
    n = arms.n_treated + arms.n_holdout
    has = arms.treated + arms.holdout
    mean = has * arms.n_treated / n
    variance = mean * (n - has) * arms.n_holdout / (n * np.maximum(n - 1, 1))
    lean = (n - 2 * arms.n_treated) * (n - 2 * has) / (n * np.maximum(n - 2, 1))
    off, spread, third = (
        _sums(x, group, groups) for x in (arms.treated - mean, variance, variance * lean)
    )
    known = spread > 0
    sd = np.sqrt(np.where(known, spread, 1.0))
    z = np.sign(off) * np.maximum(np.abs(off) - 0.5, 0.0) / sd
    skew = np.where(known, third, 0.0) / sd**3
    return np.where(known, np.minimum(1.0, 2 * _tail(np.abs(z), skew * np.sign(off))), 1.0)


def _tail(z: Floats, skew: Floats) -> Floats:
    """Chance that a standardized Pearson type III variable exceeds z >= 0."""
    from scipy.special import gammainc, gammaincc, ndtr

    lean = np.where(np.abs(skew) > _STRAIGHT, skew, 1.0)
    shape = 4 / lean**2
    right = gammaincc(shape, shape + z * np.sqrt(shape))
    left = gammainc(shape, np.maximum(shape - z * np.sqrt(shape), 0.0))
    leaning = np.where(lean > 0, right, left)
    out: Floats = np.where(np.abs(skew) > _STRAIGHT, leaning, ndtr(-z))
    return out


def log_e_paths(
    arms: TwoArms, group: NDArray[np.int64], groups: int, look: NDArray[np.int64], looks: int
) -> Floats:
    """Log of the e-value of each group at each look, for as many looks as one likes.

    For a tilt l, exp(l X) over the moment generating function of as many draws with replacement is
    a supermartingale when the arms are alike, since draws without replacement are less spread
    (Hoeffding 1963, JASA 58, theorem 4). The e-value is its mean over ``TILTS``; by Ville's
    inequality it ever reaches 1 / alpha with a chance of at most alpha.

    Args:
        arms: strata in which both arms have units.
        group: (strata,) the group of each stratum.
        groups: how many there are.
        look: (strata,) the look at which a stratum's units are first seen.
        looks: how many there are.

    Returns:
        (groups, looks).
    """
    share = arms.n_treated / (arms.n_treated + arms.n_holdout)
    has = arms.treated + arms.holdout
    cell = group * looks + look
    paths = []
    for tilt in TILTS:
        gain = tilt * arms.treated - has * np.log1p(share * np.expm1(tilt))
        by_look = _sums(gain, cell, groups * looks).reshape(groups, looks)
        paths.append(by_look.cumsum(axis=1))
    return np.asarray(np.logaddexp.reduce(paths, axis=0) - np.log(len(TILTS)))


def _sums(x: Floats, group: NDArray[np.int64], groups: int) -> Floats:
    return np.bincount(group, weights=x, minlength=groups).astype(np.float64)
