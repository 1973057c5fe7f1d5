"""Lift read every day for 90 days: false alarms, answers and power.

90 % treated, 1,000 units a day. A false alarm is an interval that excludes the truth on any day after
the burn-in. Power: the chance that half the promise is found a shortfall by day 90, where the promise
is to double the holdout's mean. Run with ``python -m benchmarks.simulate_sequences``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.simulation import SEED, replicates, write
from spot_mlflow.lift.estimators.sequence import (
    BURN_IN,
    Looks,
    difference_bounds,
    difference_variance,
    multiplier,
    ratio_variance,
    rescaled,
    second_to_first,
)

DAYS, TREATED, HELD = 90, 900, 100
ALPHA = 0.05
RUNS = 20_000
CHUNK = 1_000


@dataclass(frozen=True)
class Design:
    """What the outcome is: binary, or money with lognormal amounts."""

    kind: str
    rate: float
    sigma: float = 0.0

    @property
    def mean(self) -> float:
        """Mean outcome of a holdout unit."""
        return self.rate * float(np.exp(self.sigma**2 / 2)) if self.sigma else self.rate


DESIGNS = (
    Design("binary", 0.01),
    Design("binary", 0.05),
    Design("money", 0.02, 1.0),
    Design("money", 0.02, 2.0),
)
EFFECTS = {"none": 1.0, "raises fourfold": 4.0, "lowers fourfold": 0.25}


@dataclass(frozen=True)
class Days:
    """State of all runs on all days, (runs, days)."""

    looks: Looks
    events: np.ndarray[Any, Any]
    n: np.ndarray[Any, Any]


def draw(rng: np.random.Generator, design: Design, ratio: float, runs: int) -> Days:
    """Draws daily sums of both arms and adds them up."""
    day = np.arange(1.0, DAYS + 1)
    sides = [_arm(rng, design, r, size, runs) for r, size in ((ratio, TREATED), (1.0, HELD))]
    n_t, n_c = (np.broadcast_to(size * day, (runs, DAYS)) for size in (TREATED, HELD))
    means, variances, ends = [], [], []
    for (events, sums, squares), n in zip(sides, (n_t, n_c), strict=True):
        means.append(sums / n)
        variances.append((squares - sums**2 / n) / (n - 1))
        ends.append(np.minimum(events, n - events) if design.kind == "binary" else events)
    spread = ((n_t - 1) * variances[0] + (n_c - 1) * variances[1]) / (n_t + n_c - 2)
    k = second_to_first(sides[0][2], sides[1][2], sides[0][1], sides[1][1])
    happened, totals, squares = zip(*sides, strict=True)
    own = rescaled(k, squares, totals, happened)
    looks = Looks(
        n_t, n_c, *means, *variances, spread, *means, k, *[np.ones((runs, DAYS))] * 2,
        ratio_t=own[0], ratio_c=own[1],
    )  # fmt: skip
    return Days(looks, np.minimum(*ends), n_t + n_c)


def _arm(
    rng: np.random.Generator, design: Design, ratio: float, size: int, runs: int
) -> tuple[np.ndarray[Any, Any], ...]:
    """Cumulative events, sums and sums of squares of one arm, (runs, days) each."""
    events = rng.binomial(size, design.rate * ratio, (runs, DAYS))
    if design.kind == "binary":
        total = events.cumsum(axis=1).astype(float)
        return total, total, total
    # Amounts of all events in one row, added up by day.
    amounts = np.exp(design.sigma * rng.standard_normal(int(events.sum())))
    ends = events.ravel().cumsum()
    starts = np.r_[0, ends[:-1]]

    def by_day(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        running = np.r_[0.0, np.cumsum(x)]
        return (running[ends] - running[starts]).reshape(runs, DAYS).cumsum(axis=1)

    return events.cumsum(axis=1).astype(float), by_day(amounts), by_day(amounts**2)


def false_alarms(design: Design, effect: str) -> dict[str, Any]:
    """Share of runs whose interval ever excludes the truth."""
    ratio = EFFECTS[effect]
    rng = np.random.default_rng(
        [SEED, round(1000 * design.rate), int(design.sigma), round(4 * ratio)]
    )
    runs, hits = replicates(RUNS), dict.fromkeys(("difference", "ratio", "burn-in", "guards"), 0)
    first: list[np.ndarray[Any, Any]] = []
    for _ in range(max(1, runs // CHUNK)):
        days = draw(rng, design, ratio, min(CHUNK, runs))
        looks, width = days.looks, multiplier(days.n, alpha=ALPHA, planned=DAYS * (TREATED + HELD))
        ready = days.events >= BURN_IN
        gap = np.full(ready.shape, design.mean * (ratio - 1))
        off = looks.value_t - looks.value_c - gap
        outside = off**2 > width**2 * difference_variance(gap, looks)
        phi = np.full(ready.shape, ratio)
        off = looks.value_t - phi * looks.value_c
        ratio_outside = off**2 > width**2 * ratio_variance(phi, looks)
        hits["difference"] += int((outside & ready).any(axis=1).sum())
        hits["ratio"] += int((ratio_outside & ready).any(axis=1).sum())
        hits["burn-in"] += int(outside.any(axis=1).sum())
        welch = looks.var_t / looks.n_t + looks.var_c / looks.n_c
        plain = (looks.value_t - looks.value_c - gap) ** 2 > width**2 * welch
        hits["guards"] += int((plain & (welch > 0)).any(axis=1).sum())
        first.append(np.where(ready.any(axis=1), ready.argmax(axis=1) + 1, np.inf))
    made = len(np.concatenate(first))
    day = np.concatenate(first)
    return {
        "outcome": _named(design),
        "effect": effect,
        "runs": made,
        "false alarms, difference": hits["difference"] / made,
        "false alarms, ratio": hits["ratio"] / made,
        "difference, no burn-in": hits["burn-in"] / made,
        "difference, Welch SE, no burn-in": hits["guards"] / made,
        "past burn-in": float(np.isfinite(day).mean()),
        "median day past burn-in": float(np.median(day)),
        **_power(design),
    }


_POWER: dict[Design, dict[str, Any]] = {}


def _power(design: Design) -> dict[str, Any]:
    """Verdicts against a promise of half the holdout's mean, tolerance a fifth of it."""
    if design in _POWER:
        return _POWER[design]
    promise = design.mean
    found = {}
    for name, truth in (("half the promise", 0.5), ("the promise", 1.0)):
        rng = np.random.default_rng([SEED, round(1000 * design.rate), int(design.sigma), 77])
        runs = replicates(RUNS) // 4
        days = draw(rng, design, 1 + truth, runs)
        width = multiplier(days.n, alpha=ALPHA, planned=DAYS * (TREATED + HELD))
        low, high = difference_bounds(days.looks, width)
        ready = days.events >= BURN_IN
        short = ready & (high - promise < -0.2 * promise)
        answer = short | (ready & (low - promise >= -0.2 * promise))
        ever = answer.any(axis=1)
        day = np.where(ever, answer.argmax(axis=1) + 1, np.inf)
        found[name] = (float(short.any(axis=1).mean()), float(ever.mean()), float(np.median(day)))
    half, full = found["half the promise"], found["the promise"]
    _POWER[design] = {
        "answered, promise true": full[1],
        "median day of answer": full[2] if np.isfinite(full[2]) else None,
        "power against half": half[0],
        "median day, half": half[2] if np.isfinite(half[2]) else None,
    }
    return _POWER[design]


def _named(design: Design) -> str:
    if design.kind == "binary":
        return f"binary {design.rate:g}"
    return f"money, {design.rate:g} buy, lognormal sigma {design.sigma:g}"


if __name__ == "__main__":
    write(
        "sequences",
        "Lift read every day for 90 days",
        f"{TREATED} treated and {HELD} held out a day, alpha {ALPHA}, N* = 90,000, burn-in {BURN_IN} "
        "events in the smaller arm. Target: at most 0.05 false alarms in every row. Answers and power: "
        "the promise is to double the holdout's mean, the tolerance a fifth of the promise; they do not depend "
        "on the effect in the row. A median day is over all runs; - means that fewer than half of them got "
        "there by day 90.",
        [false_alarms(d, e) for d in DESIGNS for e in EFFECTS],
    )
