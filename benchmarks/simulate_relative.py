"""False shortfall of the relative lift of a rate on a small holdout, by exact enumeration.

Every table of events is visited, so there is no simulation error. Run with
``python -m benchmarks.simulate_relative``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom, norm

from benchmarks.simulation import write
from spot_mlflow.lift.estimators.relative import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_T, N_C = 18_000, 2_000
RATES = ((0.01, 0.012), (0.005, 0.01), (0.005, 0.006))
Z = float(norm.ppf(0.975))


def upper_tail(
    method: str, t: NDArray[np.float64], c: NDArray[np.float64], ratio: float
) -> NDArray[np.bool_]:
    """Tables whose upper bound lies below the true ratio."""
    if method.startswith("score"):
        full = np.full(t.shape, 1.0)
        z = full * Z
        skew = method == "score, skew-corrected (Gart-Nam)"
        return score(full * ratio, t, full * N_T, c, full * N_C, z=z, skew=skew) < -z
    p, q = t / N_T, c / N_C
    v_t, v_c = p * (1 - p) / N_T, q * (1 - q) / N_C
    with np.errstate(all="ignore"):  # tables without events: no upper bound, no shortfall
        if method == "delta":
            se = np.sqrt(v_t + (p / q) ** 2 * v_c) / q
            return np.where(q > 0, p / q + Z * se < ratio, False)
        if method == "log-delta":
            return np.where(
                q > 0, np.log(p / q) + Z * np.sqrt(v_t / p**2 + v_c / q**2) < np.log(ratio), False
            )
        statistic = (p - ratio * q) / np.sqrt(v_t + ratio**2 * v_c)
        return np.where(q**2 > Z**2 * v_c, statistic < -Z, False)


METHODS = (
    "score, skew-corrected (Gart-Nam)",
    "score (Koopman)",
    "log-delta",
    "delta",
    "Fieller",
)


def enumerate_tables(control: float, treated: float) -> dict[str, float | str]:
    """Chance that a true promise without tolerance is called a shortfall, by method."""
    t, c = np.meshgrid(np.arange(0.0, 500), np.arange(0.0, 100), indexing="ij")
    chance = binom.pmf(t, N_T, treated) * binom.pmf(c, N_C, control)
    row: dict[str, float | str] = {"rates": f"{control:g} -> {treated:g}"}
    for method in METHODS:
        row[method] = float(chance[upper_tail(method, t, c, treated / control)].sum())
    return row


if __name__ == "__main__":
    write(
        "relative",
        "False shortfall of a relative lift, exact",
        f"{N_C:,} in the holdout, {N_T:,} treated, true promise, no tolerance, nominal 0.025. Target "
        "for the method in use (first column): at most 0.026.",
        [enumerate_tables(*r) for r in RATES],
    )
