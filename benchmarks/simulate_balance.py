"""Lift, interval and verdict where the share of treatment varies, through the product's functions.

Strata are days (or segments) with fixed numbers of units; the outcome's level moves with the season, so
that pooling would be wrong. As many runs at one look as monitored daily. The oracle knows the strata and the
true variances. Run with ``python -m benchmarks.simulate_balance``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.simulation import SEED, replicates, write
from spot_mlflow.lift.arm import Arm
from spot_mlflow.lift.contract import PredictedLift
from spot_mlflow.lift.difference import quantile
from spot_mlflow.lift.estimation import Estimation
from spot_mlflow.lift.realized import one_look
from spot_mlflow.lift.report import Interval
from spot_mlflow.lift.sequence import Looks, difference_bounds, difference_variance, multiplier
from spot_mlflow.lift.standard import Lined, combined
from spot_mlflow.lift.verdict import Basis, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RUNS = 3_000
CHUNK = 500
DAYS = 28
A_DAY = 200
UP = np.linspace(0.1, 0.9, DAYS)
SEASON = np.linspace(0.10, 0.20, DAYS)
WEEKEND = np.isin(np.arange(DAYS) % 7, (5, 6))


@dataclass(frozen=True)
class Side:
    """One arm of a chunk of runs: per run and stratum, arrays (runs, strata).

    Attributes:
        n: units. mean: of the outcome. var: of a unit. x, var_x, cov: of a covariate, or None.
        df: degrees of freedom of ``var``, or None.
        level: (runs,) what the means are deviations from.
    """

    n: Floats
    mean: Floats
    var: Floats
    x: Floats | None = None
    var_x: Floats | None = None
    cov: Floats | None = None
    df: Floats | None = None
    level: Floats | None = None

    def of(self, run: int) -> Lined:
        """The arm of one run."""
        none = np.zeros(self.n.shape[1])

        def pick(a: Floats | None) -> Floats:
            return none if a is None else a[run]

        return Lined(
            0.0 if self.level is None else float(self.level[run]),
            self.n[run], self.mean[run], self.var[run],
            pick(self.x), pick(self.var_x), pick(self.cov),
            None if self.df is None else self.df[run],
        )  # fmt: skip


@dataclass(frozen=True)
class Design:
    """One design.

    Attributes:
        name: in words.
        draw: (generator, runs, lift) -> treated and holdout.
        lift: true lift; also what is promised. oracle_se: of the lift, strata and variances known.
        effect: of the contract. binary: whether outcomes are rates.
        covariate: whether there is one. confidence: of the interval.
    """

    name: str
    draw: Callable[[np.random.Generator, int, float], tuple[Side, Side]]
    lift: float
    oracle_se: float
    effect: str = "absolute"
    binary: bool = False
    covariate: bool = False
    confidence: float = 0.95


def sizes(share: Floats, each: Floats | int = A_DAY) -> tuple[Floats, Floats]:
    """Treated and holdout units by stratum."""
    treated = np.rint(share * each)
    return treated, each - treated


def rates(
    share: Floats, base: Floats, *, relative: bool = False
) -> Callable[..., tuple[Side, Side]]:
    """Binary outcomes at a rate that moves with the season."""
    n_t, n_c = sizes(share)

    def draw(rng: np.random.Generator, runs: int, lift: float) -> tuple[Side, Side]:
        raised = base * (1 + lift) if relative else base + lift
        sides = []
        for n, p in ((n_t, raised), (n_c, base)):
            size = np.broadcast_to(n, (runs, len(n)))
            mean = rng.binomial(size.astype(int), p) / size
            sides.append(Side(size, mean, mean * (1 - mean) * size / (size - 1)))
        return sides[0], sides[1]

    return draw


def rate_se(share: Floats, base: Floats, lift: float, *, relative: bool = False) -> float:
    """Standard error of the stratified difference, or of the log ratio, at the true rates."""
    n_t, n_c = sizes(share)
    raised = base * (1 + lift) if relative else base + lift
    w = np.full(len(base), 1 / len(base))
    v_t, v_c = raised * (1 - raised) / n_t, base * (1 - base) / n_c
    if relative:
        total = (w**2 * v_t).sum() / (w @ raised) ** 2 + (w**2 * v_c).sum() / (w @ base) ** 2
        return float(math.sqrt(total) * (1 + lift))
    return float(math.sqrt((w**2 * (v_t + v_c)).sum()))


def unit_level(
    runs: int,
    n: Floats,
    make: Callable[[int, int], tuple[Floats, Floats]],
) -> tuple[Floats, ...]:
    """Means, variances and covariance of two measures by run and stratum, drawn unit by unit."""
    out = [np.zeros((runs, len(n))) for _ in range(5)]
    for s, size in enumerate(n.astype(int)):
        y, x = make(s, size)
        dy, dx = y - y.mean(axis=1, keepdims=True), x - x.mean(axis=1, keepdims=True)
        found = (
            y.mean(axis=1), (dy**2).sum(axis=1) / (size - 1), x.mean(axis=1),
            (dx**2).sum(axis=1) / (size - 1), (dx * dy).sum(axis=1) / (size - 1),
        )  # fmt: skip
        for into, values in zip(out, found, strict=True):
            into[:, s] = values
    return tuple(out)


def money_with_covariate(rng: np.random.Generator, runs: int, lift: float) -> tuple[Side, Side]:
    """Normal money with a covariate of correlation .8, level with the season, ramp up."""
    sides = []
    for n, more in zip(sizes(UP), (lift, 0.0), strict=True):

        def make(s: int, size: int, more: float = more) -> tuple[Floats, Floats]:
            x = rng.standard_normal((runs, size)) + 20 * SEASON[s]
            return 50 * SEASON[s] + 4 * x + 3 * rng.standard_normal((runs, size)) + more, x

        mean, var, x, var_x, cov = unit_level(runs, n, make)
        sides.append(Side(np.broadcast_to(n, mean.shape), mean, var, x, var_x, cov))
    return sides[0], sides[1]


def orders_per_visit(rng: np.random.Generator, runs: int, lift: float) -> tuple[Side, Side]:
    """A ratio metric under a ramp: 1 + Poisson(2) visits, orders at the season's rate."""
    sides = []
    for n, more in zip(sizes(UP), (lift, 0.0), strict=True):

        def make(s: int, size: int, more: float = more) -> tuple[Floats, Floats]:
            d = 1 + rng.poisson(2 + 10 * (SEASON[s] - 0.1), (runs, size))
            return rng.binomial(d, SEASON[s] + more).astype(float), d.astype(float)

        y, var_y, d, var_d, cov = unit_level(runs, n, make)
        top, bottom = y.mean(axis=1), d.mean(axis=1)
        r = (top / bottom)[:, None]
        line = (y - r * d) / bottom[:, None]
        var = (var_y - 2 * r * cov + r**2 * var_d) / bottom[:, None] ** 2
        sides.append(Side(np.broadcast_to(n, y.shape), line, var, level=top / bottom))
    return sides[0], sides[1]


def clusters(rng: np.random.Generator, runs: int, lift: float) -> tuple[Side, Side]:
    """Four weeks of 200 households of 1 + Poisson(3) units, treated as a whole, 25 to 75 %."""
    share, base = np.array([0.25, 0.4, 0.6, 0.75]), np.array([0.1, 0.15, 0.2, 0.3])
    sides = []
    for groups, more in zip(sizes(share, 200), (lift, 0.0), strict=True):
        cols: list[tuple[Floats, ...]] = []
        for g, p in zip(groups.astype(int), base, strict=True):
            n = 1 + rng.poisson(3, (runs, g))
            rate = np.clip(p + more + 0.05 * rng.standard_normal((runs, g)), 0, 1)
            y = rng.binomial(n, rate)
            units = n.sum(axis=1)
            mean = y.sum(axis=1) / units
            var = g / (g - 1) * ((y - mean[:, None] * n) ** 2).sum(axis=1) / units**2
            cols.append((units, mean, units * var, units**2 / (n**2).sum(axis=1) - 1))
        n_, mean_, var_, df_ = (np.stack(x, axis=1).astype(float) for x in zip(*cols, strict=True))
        sides.append(Side(n_, mean_, var_, df=df_))
    return sides[0], sides[1]


def estimation(treated: Lined, holdout: Lined, design: Design) -> Estimation:
    """What the product makes of one run."""
    size = treated.n + holdout.n
    means = combined(treated, holdout, size / size.sum(), by_covariate=design.covariate).means
    arms = [
        Arm(int(a.n.sum()), float(m), float(v * a.n.sum()))
        for a, m, v in (
            (treated, means.treated, means.var_treated), (holdout, means.holdout, means.var_holdout),
        )
    ]  # fmt: skip
    return Estimation(means, arms[0], arms[1], float(size.sum()), 999, binary=design.binary)


def verdict_of(found: Interval, predicted: PredictedLift) -> str:
    """The verdict of an interval."""
    return judge(Basis(found, found, 1000), predicted).verdict


def at_one_look(design: Design, rng: np.random.Generator) -> dict[str, Any]:
    """Coverage and verdicts.

    False: the gap is exactly at the tolerance, and the promise counts as kept. Right: the promise is
    three times what arrived, and it is a shortfall.
    """
    runs = replicates(RUNS)
    contract = {"metric": "m", "columns": {"arm": "a", "outcome": "y"}, "effect": design.effect,
                "kind": "binary" if design.binary else "money", "confidence": design.confidence}  # fmt: skip
    wide = PredictedLift.load({**contract, "predicted": 3 * design.lift})
    edge = PredictedLift.load({**contract, "predicted": 1.25 * design.lift})  # less 20 %: the lift
    half = quantile(design.confidence) * design.oracle_se
    covered = 0
    false, right, oracle = 0, 0, 0
    for start in range(0, runs, CHUNK):
        many = min(CHUNK, runs - start)
        treated, holdout = design.draw(rng, many, design.lift)
        for i in range(many):
            chosen = estimation(treated.of(i), holdout.of(i), design)
            e = one_look(chosen, wide, design.confidence)
            covered += e.low <= design.lift <= e.high
            shown = Interval(e.value, e.low, e.high)
            false += verdict_of(shown, edge) in {"met", "exceeded"}
            right += verdict_of(shown, wide) == "shortfall"
            known = Interval(e.value, e.value - half, e.value + half)
            oracle += verdict_of(known, wide) == "shortfall"
    return {
        "design": design.name, "looks": "once", "runs": runs, "covered": covered / runs,
        "false verdicts": false / runs, "right verdicts": right / runs,
        "of the oracle's": right / oracle if oracle else None, "width, of plain": None,
    }  # fmt: skip


def daily(
    name: str, share: Floats, rng: np.random.Generator, *, plain: float | None = None
) -> dict[str, Any]:
    """Looks after every day, no lift: how often the interval ever leaves the truth out."""
    runs, lift = replicates(RUNS), 0.0
    n_t, n_c = sizes(share)
    planned = float(DAYS * A_DAY)
    ever = np.zeros(runs, dtype=bool)
    last_width = np.zeros(runs)
    m_t = rng.binomial(np.broadcast_to(n_t, (runs, DAYS)).astype(int), SEASON + lift) / n_t
    m_c = rng.binomial(np.broadcast_to(n_c, (runs, DAYS)).astype(int), SEASON) / n_c
    v_t, v_c = m_t * (1 - m_t) / (n_t - 1), m_c * (1 - m_c) / (n_c - 1)
    size = n_t + n_c
    for t in range(1, DAYS + 1):
        looks, burnt = _state(m_t[:, :t], m_c[:, :t], v_t[:, :t], v_c[:, :t], n_t[:t], n_c[:t])
        b = multiplier(np.full(runs, size[:t].sum()), alpha=0.05, planned=planned)
        value = looks.value_t - looks.value_c
        wrong = (value - lift) ** 2 > b**2 * difference_variance(np.full(runs, lift), looks)
        ever |= wrong & burnt
        if t == DAYS:
            some = slice(0, min(runs, 1000))
            low, high = difference_bounds(_part(looks, some), b[some])
            last_width = high - low
    width = float(np.mean(last_width))
    return {
        "design": name, "looks": "daily", "runs": runs, "covered": 1 - float(ever.mean()),
        "false verdicts": float(ever.mean()), "right verdicts": None, "of the oracle's": None,
        "width, of plain": None if plain is None else width / plain,
    }  # fmt: skip


def _state(  # noqa: PLR0917 - means, variances and units of both arms
    m_t: Floats, m_c: Floats, v_t: Floats, v_c: Floats, n_t: Floats, n_c: Floats
) -> tuple[Looks, NDArray[np.bool_]]:
    """The headline's state after some days, as ``Looks.of`` makes it of arms and stratified means."""
    size = n_t + n_c
    w = size / size.sum()
    t, c = m_t @ w, m_c @ w
    own_t, own_c = v_t @ w**2, v_c @ w**2
    off_t, off_c = m_t - t[:, None], m_c - c[:, None]
    mix = [
        ((off_a * off_b) @ w) / size.sum()
        for off_a, off_b in ((off_t, off_t), (off_c, off_c), (off_t, off_c))
    ]
    units_t, units_c = n_t.sum(), n_c.sum()
    raw_t, raw_c = m_t @ n_t / units_t, m_c @ n_c / units_c
    var_t, var_c = (r * (1 - r) * u / (u - 1) for r, u in ((raw_t, units_t), (raw_c, units_c)))
    with np.errstate(invalid="ignore"):  # an arm without an event is not past the burn-in
        effect_t, effect_c = own_t / (var_t / units_t), own_c / (var_c / units_c)
    var_t, var_c = var_t * effect_t, var_c * effect_c
    pooled = (var_t * (units_t - 1) + var_c * (units_c - 1)) / (units_t + units_c - 2)
    events = np.minimum(raw_t * units_t, raw_c * units_c)
    state = Looks(
        n_t=np.full(len(t), units_t), n_c=np.full(len(t), units_c), value_t=t, value_c=c,
        var_t=var_t, var_c=var_c, pooled=pooled, raw_t=raw_t, raw_c=raw_c,
        ratio=np.ones(len(t)), effect_t=effect_t, effect_c=effect_c, common_t=mix[0], common_c=mix[1], cov=mix[2],
    )  # fmt: skip
    return state, events >= 20  # noqa: PLR2004 - the burn-in


def _part(looks: Looks, some: slice) -> Looks:
    return Looks(**{k: np.asarray(v)[some] for k, v in vars(looks).items()})


def designs() -> Iterator[Design]:
    """Yields the designs of one look."""
    segments = np.repeat([0.2, 0.5, 0.8, 0.9], DAYS // 4)
    for name, share, base in (
        ("ramp up", UP, SEASON),
        ("ramp down", UP[::-1], SEASON),
        ("share by segment .2 to .9", segments, np.repeat([0.1, 0.2, 0.3, 0.15], DAYS // 4)),
        (
            "share by weekday .8, weekend .2",
            np.where(WEEKEND, 0.2, 0.8),
            np.where(WEEKEND, 0.2, 0.1),
        ),
        ("constant share .9", np.full(DAYS, 0.9), SEASON),
        ("constant share .5", np.full(DAYS, 0.5), SEASON),
    ):
        yield Design(name, rates(share, base), 0.025, rate_se(share, base, 0.025), binary=True)
    yield Design(
        "ramp up, relative", rates(UP, SEASON, relative=True), 0.15,
        rate_se(UP, SEASON, 0.15, relative=True), "relative", binary=True,
    )  # fmt: skip
    yield Design(
        "one of two arms, its ramp .1 to .5 against a holdout of .3", rates(np.linspace(0.25, 0.625, DAYS), SEASON),
        0.025, rate_se(np.linspace(0.25, 0.625, DAYS), SEASON, 0.025), binary=True, confidence=0.975,
    )  # fmt: skip
    n_t, n_c = sizes(UP)
    yield Design(
        "ramp up, CUPED", money_with_covariate, 0.4,
        float(math.sqrt((9 * (1 / n_t + 1 / n_c)).sum()) / DAYS), covariate=True,
    )  # fmt: skip
    yield Design("ramp up, orders per visit", orders_per_visit, 0.02, _ratio_se(n_t, n_c))
    yield Design("clusters, ramp by week", clusters, 0.05, _cluster_se())


def _ratio_se(n_t: Floats, n_c: Floats) -> float:
    visits = 3 + 10 * (SEASON - 0.1)
    bottom = visits.mean()
    parts = []
    for n, more in ((n_t, 0.02), (n_c, 0.0)):
        p = SEASON + more
        r = float((p * visits).mean() / bottom)
        var = visits * p * (1 - p) + (visits - 1) * (p - r) ** 2
        parts.append((var / n).sum() / DAYS**2 / bottom**2)
    return math.sqrt(sum(parts))


def _cluster_se() -> float:
    share, base = np.array([0.25, 0.4, 0.6, 0.75]), np.array([0.1, 0.15, 0.2, 0.3])
    total = 0.0
    for groups, more in zip(sizes(share, 200), (0.05, 0.0), strict=True):
        p = base + more
        spread = 4 * p * (1 - p) + 0.0025 * (16 + 3 - 4)  # E n p q + var(rate) E n (n - 1)
        total += float((spread / groups / 16).sum()) / 16
    return math.sqrt(total)


def main() -> None:
    """Runs everything; one generator a design."""
    rows = []
    for i, design in enumerate(designs()):
        rows.append(at_one_look(design, np.random.default_rng([SEED, i])))
        print(rows[-1], flush=True)
    rng = np.random.default_rng([SEED, 100])
    for name, share, constant in (
        ("ramp up, no lift", UP, 0.5),
        ("ramp down, no lift", UP[::-1], 0.5),
        ("share by weekday, no lift", np.where(WEEKEND, 0.2, 0.8), 0.629),
        ("constant share .9, no lift", np.full(DAYS, 0.9), 0.9),
        ("constant share .5, no lift", np.full(DAYS, 0.5), 0.5),
    ):
        flat = np.allclose(share, share[0])
        plain = _unstratified_width(constant) if flat else None
        rows.append(daily(name, share, rng, plain=plain))
        print(rows[-1], flush=True)
    write(
        "balance",
        "Where the share of treatment varies",
        f"{RUNS:,} runs a design; {DAYS} days of {A_DAY} units, the outcome's rate .10 to .20 with the season. "
        "Strata are given, as days, weeks or segments, not chosen from the counts. A "
        "false verdict at one look is a promise called kept whose gap is exactly the tolerance; a right one a "
        "shortfall where a third of the promise arrives. "
        "Target: covered 0.94 to 0.96 (0.965 to 0.985 for one of two arms, whose interval has 97.5 %), false verdicts "
        "at most 0.05, right ones at least 0.8 of the oracle's, who knows the strata and the true variances. Daily, "
        "no lift: a false verdict is an interval that ever leaves zero out, at most 0.05; the width within days at "
        "the last look, over that without strata, at most 1.1.",
        rows,
    )


def _unstratified_width(share: float) -> float:
    """Mean width of the sequence of the plain comparison at a constant share, after all days."""
    n_t, n_c = (np.array([x.sum()]) for x in sizes(np.full(DAYS, share)))
    p = np.full((1, 1), SEASON.mean())
    var = p * (1 - p)
    looks, _ = _state(p, p, var / (n_t - 1), var / (n_c - 1), n_t, n_c)
    low, high = difference_bounds(
        looks, multiplier(n_t + n_c, alpha=0.05, planned=float(DAYS * A_DAY))
    )
    return float((high - low)[0])


if __name__ == "__main__":
    main()
