"""Skewed outcomes: coverage of the interval used, how often it is flagged, and wrong verdicts.

One look: rates by the score interval, means by Student's, corrected where skewed. Read every day: money of
lognormal amounts with 50 units held out a day for 90 days. A verdict is wrong where it contradicts the truth.
Run with ``python -m benchmarks.simulate_reliability [daily]``.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.simulation import SEED, replicates, write
from spot_mlflow.lift.estimation.chosen import Estimation
from spot_mlflow.lift.estimation.realized import one_look
from spot_mlflow.lift.estimation.reliability import GUARDED, with_reliability
from spot_mlflow.lift.estimators.arm import Arm
from spot_mlflow.lift.estimators.difference import means_of
from spot_mlflow.lift.estimators.score_difference import score_difference_bounds
from spot_mlflow.lift.estimators.sequence import (
    BURN_IN,
    Looks,
    difference_bounds,
    multiplier,
    ratio_bounds,
    rescaled,
    second_to_first,
)
from spot_mlflow.lift.promise.contract import PredictedLift

RUNS: Final = 20_000
DAILY_RUNS: Final = 400
DAILY_CHUNK: Final = 250
DAYS: Final = 90
TOLERANCE: Final = 0.2  # of the promise

Floats = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Design:
    """Money (sigma > 0), exponential amounts (sigma = 0) or counts (sigma < 0: Poisson) of those who buy."""

    name: str
    n_t: int
    n_c: int
    buy: float
    sigma: float
    ratio: float = 1.0


DESIGNS: Final = (
    Design("10 % buy, sigma .5", 9000, 1000, 0.1, 0.5),
    Design("10 % buy, sigma 1", 18_000, 2000, 0.1, 1.0, 1.5),
    Design("10 % buy, sigma 1", 9000, 1000, 0.1, 1.0),
    Design("10 % buy, sigma 1", 4500, 500, 0.1, 1.0, 1.5),
    Design("5 % buy, sigma 1", 9000, 1000, 0.05, 1.0),
    Design("5 % buy, sigma 1", 45_000, 5000, 0.05, 1.0, 1.5),
    Design("2 % buy, sigma 1", 45_000, 5000, 0.02, 1.0),
    Design("2 % buy, sigma 1", 5000, 5000, 0.02, 1.0, 1.5),
    Design("10 % buy, sigma 1.5", 45_000, 5000, 0.1, 1.5),
    Design("10 % buy, sigma 1.5", 10_000, 10_000, 0.1, 1.5, 1.5),
    Design("all pay, sigma 1", 4500, 500, 1.0, 1.0),
    Design("all pay, sigma 1", 1000, 200, 1.0, 1.0, 1.5),
    Design("all pay, exponential", 900, 100, 1.0, 0.0),
    Design("20 % buy, exponential", 900, 100, 0.2, 0.0, 1.5),
    Design("counts of mean .1", 900, 100, 1.0, -0.1),
    Design("10 % buy, sigma 2", 18_000, 2000, 0.1, 2.0),
    Design("10 % buy, sigma 2", 10_000, 10_000, 0.1, 2.0, 1.5),
    Design("all pay, sigma 2", 1000, 200, 1.0, 2.0),
    Design("5 % buy, sigma 2.5", 19_000, 1000, 0.05, 2.5),
    Design("5 % buy, sigma 2.5", 10_000, 10_000, 0.05, 2.5, 1.5),
)
RATES: Final = (
    (0.3, 0.3, 100, 100),
    (0.02, 0.024, 9000, 1000),
    (0.01, 0.012, 18_000, 2000),
    (0.002, 0.002, 2000, 500),
    (0.001, 0.0015, 45_000, 5000),
    (0.05, 0.05, 950, 50),
    (0.5, 0.55, 60, 20),
)


def mean_of(design: Design) -> float:
    """Mean outcome of a holdout unit."""
    if design.sigma < 0:
        return -design.sigma
    return design.buy * (float(np.exp(design.sigma**2 / 2)) if design.sigma else 1.0)


def arms_drawn(
    rng: np.random.Generator, design: Design, n: int, scale: float, runs: int
) -> list[Arm]:
    """Draws one arm of all runs at once, and adds it up."""
    events = rng.binomial(n, design.buy, runs) if design.buy < 1 else np.full(runs, n)
    total = int(events.sum())
    if design.sigma < 0:
        x = rng.poisson(-design.sigma * scale, total).astype(float)
    elif design.sigma == 0:
        x = scale * rng.standard_exponential(total)
    else:
        x = scale * np.exp(design.sigma * rng.standard_normal(total))
    ends = events.cumsum()
    starts = np.r_[0, ends[:-1]]

    def by_run(v: Floats) -> Floats:
        running = np.r_[0.0, np.cumsum(v)]
        out: Floats = (running[ends] - running[starts]) / n
        return out

    mean, square, cube = by_run(x), by_run(x**2), by_run(x**3)
    var = np.maximum(square - mean**2, 0.0)
    third = cube - 3 * mean * square + 2 * mean**3
    skew = np.where(var > 0, third / np.where(var > 0, var, 1.0) ** 1.5, 0.0)
    columns = zip(mean, var * n / (n - 1), skew, events, strict=True)
    return [Arm(n, float(m), float(v), float(s), int(k), negative=0) for m, v, s, k in columns]


def one_look_rows(design: Design, place: int) -> list[dict[str, Any]]:
    """Coverage of one design of means, absolute and relative, from the same draws."""
    rng = np.random.default_rng([SEED, 31, place])
    contracts = [_contract(effect) for effect in ("absolute", "relative")]
    truths = mean_of(design) * (design.ratio - 1), design.ratio - 1
    runs = replicates(RUNS)
    covers, flagged = np.zeros((2, runs), dtype=bool), np.zeros((2, runs), dtype=bool)
    chunk = max(1, min(runs, int(2e7 / ((design.n_t + design.n_c) * design.buy))))
    for start in range(0, runs, chunk):
        size = min(chunk, runs - start)
        treated = arms_drawn(rng, design, design.n_t, design.ratio, size)
        holdout = arms_drawn(rng, design, design.n_c, 1.0, size)
        for run, (t, c) in enumerate(zip(treated, holdout, strict=True), start=start):
            chosen = Estimation(means_of(t, c), t, c, t.n + c.n, min(t.events, c.events))
            for i, (made, truth) in enumerate(zip(contracts, truths, strict=True)):
                found = one_look(chosen, made, 0.95)
                covers[i, run] = found.low <= truth <= found.high
                flagged[i, run] = not with_reliability(chosen, made).reliable
    title = f"{design.name}, {design.n_t:,} : {design.n_c:,}, ratio {design.ratio:g}"
    return [_row(title, m.effect, covers[i], flagged[i]) for i, m in enumerate(contracts)]


def _contract(effect: str) -> PredictedLift:
    return PredictedLift.load(
        {
            "metric": "money",
            "predicted": 0.1,
            "kind": "money",
            "effect": effect,
            "columns": {"arm": "a", "outcome": "y"},
        }
    )


def _row(title: str, effect: str, covers: Floats, flagged: Floats) -> dict[str, Any]:
    kept = ~flagged
    return {
        "design": title,
        "lift": effect,
        "runs": len(covers),
        "coverage": float(covers.mean()),
        "flagged": float(flagged.mean()),
        "missed and not flagged": float((kept & ~covers).mean()),
    }


def rate_row(p_c: float, p_t: float, n_t: int, n_c: int) -> dict[str, Any]:
    """Coverage of the score interval for a difference of rates; it is never flagged."""
    rng = np.random.default_rng([SEED, 32, n_t, n_c])
    runs = replicates(RUNS)
    x_t, x_c = rng.binomial(n_t, p_t, runs), rng.binomial(n_c, p_c, runs)
    low, high = score_difference_bounds(x_t, n_t, x_c, n_c)
    covers = (low <= p_t - p_c) & (p_t - p_c <= high)
    title = f"rates {p_c:g} -> {p_t:g}, {n_t:,} : {n_c:,}"
    return _row(title, "absolute", covers, np.zeros(runs, dtype=bool))


@dataclass(frozen=True)
class Daily:
    """Money read every day with 50 held out a day; promise and truth are ratios of the means."""

    buy: float
    per_day: int
    sigma: float
    truth: float
    promise: float


PLANS: Final = tuple(
    Daily(buy, per_day, sigma, truth, promise)
    for sigma in (1.0, 1.5, 2.0, 2.5)
    for buy, per_day in ((0.05, 950), (0.3, 450), (1.0, 450))
    for truth, promise in ((1.1, 1.1), (1.0, 1.5), (2.0, 2.0), (1.0, 3.0), (0.25, 1.5))
)
HELD: Final = 50


def _daily_arm(
    rng: np.random.Generator, plan: Daily, size: int, scale: float, runs: int
) -> list[Floats]:
    """Cumulative events, mean, variance and skewness by day, (runs, days) each."""
    events = rng.binomial(size, plan.buy, (runs, DAYS))
    x = scale * np.exp(plan.sigma * rng.standard_normal(int(events.sum())))
    ends = events.ravel().cumsum()
    starts = np.r_[0, ends[:-1]]
    n = size * np.arange(1.0, DAYS + 1)

    def by_day(v: Floats) -> Floats:
        running = np.r_[0.0, np.cumsum(v)]
        summed = (running[ends] - running[starts]).reshape(runs, DAYS).cumsum(axis=1)
        out: Floats = summed / n
        return out

    mean, square, cube = by_day(x), by_day(x**2), by_day(x**3)
    var = np.maximum(square - mean**2, 0.0)
    third = cube - 3 * mean * square + 2 * mean**3
    skew = np.where(var > 0, third / np.where(var > 0, var, 1.0) ** 1.5, 0.0)
    return [events.cumsum(axis=1), mean, var * n / (n - 1), skew, square]


def daily_counts(plan: Daily, effect: str, place: int) -> Counter[str]:
    """Runs of one plan with a verdict at any look, with a wrong one, and ever missed by the interval."""
    rng = np.random.default_rng([SEED, 33, place])
    total: Counter[str] = Counter()
    runs = replicates(DAILY_RUNS)
    for start in range(0, runs, DAILY_CHUNK):
        total += Counter(_daily_chunk(plan, effect, rng, min(DAILY_CHUNK, runs - start)))
    return total


def _daily_chunk(plan: Daily, effect: str, rng: np.random.Generator, runs: int) -> dict[str, int]:
    """The same of some runs."""
    day = np.arange(1.0, DAYS + 1)
    shape = (runs, DAYS)
    n_t, n_c = (np.broadcast_to(s * day, shape) for s in (plan.per_day, HELD))
    e_t, m_t, v_t, s_t, q_t = _daily_arm(rng, plan, plan.per_day, plan.truth, runs)
    e_c, m_c, v_c, s_c, q_c = _daily_arm(rng, plan, HELD, 1.0, runs)
    pooled = ((n_t - 1) * v_t + (n_c - 1) * v_c) / (n_t + n_c - 2)
    guard = second_to_first(n_t * q_t, n_c * q_c, n_t * m_t, n_c * m_c)
    ones = np.ones(shape)
    own = rescaled(guard, (n_t * q_t, n_c * q_c), (n_t * m_t, n_c * m_c), (e_t, e_c))
    looks = Looks(
        n_t, n_c, m_t, m_c, v_t, v_c, pooled, m_t, m_c, guard, ones, ones,
        ratio_t=own[0], ratio_c=own[1],
    )  # fmt: skip
    width = multiplier(n_t + n_c, alpha=0.05, planned=DAYS * (plan.per_day + HELD))
    scale = 1.0 if effect == "relative" else plan.buy * float(np.exp(plan.sigma**2 / 2))
    if effect == "relative":
        low, high = (x - 1 for x in ratio_bounds(looks, width))
    else:
        low, high = difference_bounds(looks, width)
    truth, promise = scale * (plan.truth - 1), scale * (plan.promise - 1)
    ready = np.minimum(e_t, e_c) >= BURN_IN
    unit = np.where(ready, (n_t * s_t + n_c * s_c) / (n_t + n_c), 0.0)
    ready &= np.maximum.accumulate(unit, axis=1) <= GUARDED * np.sqrt(n_t + n_c)
    kept = truth - promise >= -TOLERANCE * promise
    short = ready & (high - promise < -TOLERANCE * promise)
    met = ready & (low - promise >= -TOLERANCE * promise)
    wrong = short if kept else met
    return {
        "given": int((short | met).any(axis=1).sum()),
        "wrong": int(wrong.any(axis=1).sum()),
        "missed": int((ready & ((low > truth) | (high < truth))).any(axis=1).sum()),
        "flagged at the end": int((~ready[:, -1]).sum()),
    }


def daily_row(sigma: float, effect: str) -> dict[str, Any]:
    """All plans of one tail together."""
    chosen = [(i, p) for i, p in enumerate(PLANS) if p.sigma == sigma]
    found = [daily_counts(plan, effect, i) for i, plan in chosen]
    runs = replicates(DAILY_RUNS) * len(chosen)
    given = sum(f["given"] for f in found)
    wrong = sum(f["wrong"] for f in found)
    return {
        "design": f"lognormal sigma {sigma:g}, 50 held out a day",
        "lift": effect,
        "runs": runs,
        "verdict given": given / runs,
        "wrong among those given": wrong / given if given else 0.0,
        "ever missed, worst plan": max(f["missed"] for f in found) / replicates(DAILY_RUNS),
        "flagged at the end": sum(f["flagged at the end"] for f in found) / runs,
    }


def one_look_table() -> None:
    """Runs the table of one look."""
    rows = [rate_row(*r) for r in RATES]
    for i, design in enumerate(DESIGNS):
        rows += one_look_rows(design, i)
        print(rows[-2:], flush=True)
    write(
        "reliability",
        "Skewed outcomes, one look",
        f"{RUNS:,} runs a design. Target: coverage of 0.94 to 0.96 where the interval is not flagged in most "
        "runs; at most 0.05 missed and not flagged everywhere.",
        rows,
    )


def daily_table() -> None:
    """Runs the table of daily looks."""
    daily = []
    for sigma in (1.0, 1.5, 2.0, 2.5):
        for effect in ("absolute", "relative"):
            daily.append(daily_row(sigma, effect))
            print(daily[-1], flush=True)
    write(
        "heavy_tails",
        "Heavy tails, read every day",
        f"{DAILY_RUNS:,} runs of each of 15 plans: 5 % buy of 1,000 a day, 30 % or all of 500; promises kept, "
        "half kept and broken, tolerance a fifth of the promise. Targets: at most 0.05 wrong among the verdicts "
        "given, and ever missed in any plan.",
        daily,
    )


if __name__ == "__main__":
    if "daily" not in sys.argv:
        one_look_table()
    daily_table()
