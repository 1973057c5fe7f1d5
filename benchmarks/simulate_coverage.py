"""Coverage of every interval over many designs, through the product's own functions.

Twenty thousand runs a design. Designs within the stated limits (``skewness.WIDEST`` and ``STEEPEST`` for
means, 100 clusters or more an arm) must cover 94 to 96 %; elsewhere at least 94 %, or the interval is
flagged as unreliable. Run with ``python -m benchmarks.simulate_coverage [part/parts]``.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.simulation import RESULTS, SEED, replicates, write
from spot_mlflow.lift.estimation.choice import estimate_means, flag_clusters
from spot_mlflow.lift.estimation.chosen import Estimation
from spot_mlflow.lift.estimation.realized import effective_counts, one_look
from spot_mlflow.lift.estimation.reliability import with_reliability
from spot_mlflow.lift.estimators.clusters import clustered_means
from spot_mlflow.lift.estimators.cuped import Paired, cuped
from spot_mlflow.lift.estimators.difference import means_of
from spot_mlflow.lift.estimators.ratio import ratio_means
from spot_mlflow.lift.estimators.relative import score_ratio_bounds
from spot_mlflow.lift.estimators.score_difference import score_difference_bounds
from spot_mlflow.lift.estimators.stratified import Stratum, stratified_means
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.promise.history import arm_of_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.lift.estimators.arm import Arm

    Draw = Callable[[np.random.Generator], Estimation]

RUNS = 20_000


@dataclass(frozen=True)
class Design:
    """One design.

    Attributes:
        name: in words.
        draw: makes the estimation of one run.
        truth: true lift.
        effect: "absolute" or "relative".
        kind: of the outcome.
        within: whether it lies within the stated limits.
    """

    name: str
    draw: Draw
    truth: float
    effect: str = "absolute"
    kind: str = "binary"
    within: bool = True


def plain(treated: Arm, holdout: Arm, *, binary: bool) -> Estimation:
    """Two arms without anything else."""
    events = min(treated.events, holdout.events)
    means = means_of(treated, holdout)
    return Estimation(means, treated, holdout, treated.n + holdout.n, events, binary=binary)


def rates(n_t: int, p_t: float, n_c: int, p_c: float) -> Draw:
    """Binary outcomes."""
    from spot_mlflow.lift.estimators.arm import Arm

    def draw(rng: np.random.Generator) -> Estimation:
        x_t, x_c = rng.binomial(n_t, p_t), rng.binomial(n_c, p_c)
        return plain(Arm.binary(int(x_t), n_t), Arm.binary(int(x_c), n_c), binary=True)

    return draw


def amounts(n_t: int, n_c: int, sigma: float, ratio: float = 1.0, conversion: float = 1.0) -> Draw:
    """Lognormal money of the share that buys."""

    def arm(rng: np.random.Generator, n: int, scale: float) -> Arm:
        x = np.zeros(n)
        buyers = int(rng.binomial(n, conversion))
        x[:buyers] = scale * np.exp(sigma * rng.standard_normal(buyers))
        return arm_of_values(x)

    return lambda rng: plain(arm(rng, n_t, ratio), arm(rng, n_c, 1.0), binary=False)


def counts(n_t: int, n_c: int, mean_t: float, mean_c: float) -> Draw:
    """Poisson counts."""
    return lambda rng: plain(
        arm_of_values(rng.poisson(mean_t, n_t).astype(float)),
        arm_of_values(rng.poisson(mean_c, n_c).astype(float)),
        binary=False,
    )


def adjusted(n_t: int, n_c: int, rho: float) -> Draw:
    """Normal outcome of mean 2, with a covariate of correlation rho; the treated gain 0.2."""

    def pair(rng: np.random.Generator, n: int, mean: float) -> tuple[Paired, Arm]:
        x = rng.standard_normal(n)
        y = mean + rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(n)
        cov = np.cov(x, y)
        paired = Paired(
            n,
            float(y.mean()),
            float(cov[1, 1]),
            float(x.mean()),
            float(cov[0, 0]),
            float(cov[0, 1]),
        )
        return paired, arm_of_values(y)

    def draw(rng: np.random.Generator) -> Estimation:
        (t, arm_t), (c, arm_c) = pair(rng, n_t, 2.2), pair(rng, n_c, 2.0)
        return Estimation(cuped(t, c).means, arm_t, arm_c, n_t + n_c, n_c, plain=False)

    return draw


def segments(n: int, share_held: float) -> Draw:
    """Four segments of differing size, rate and lift; the mix is drawn with the units."""
    mix = np.array([0.4, 0.3, 0.2, 0.1])
    base, gain = np.array([0.05, 0.1, 0.2, 0.4]), np.array([0.0, 0.02, 0.05, 0.1])

    def draw(rng: np.random.Generator) -> Estimation:
        from spot_mlflow.lift.estimators.arm import Arm

        sizes = rng.multinomial(n, mix)
        held = rng.binomial(sizes, share_held)
        treated = sizes - held
        x_t, x_c = rng.binomial(treated, base + gain), rng.binomial(held, base)
        sides = [_stratum(x, m) for x, m in ((x_t, treated), (x_c, held))]
        arm_t = Arm.binary(int(x_t.sum()), int(treated.sum()))
        arm_c = Arm.binary(int(x_c.sum()), int(held.sum()))
        means = stratified_means(*sides)
        return Estimation(means, arm_t, arm_c, n, int(x_c.sum()), binary=True)

    return draw


SEGMENT_LIFT = 0.4 * 0 + 0.3 * 0.02 + 0.2 * 0.05 + 0.1 * 0.1
SEGMENT_BASE = 0.4 * 0.05 + 0.3 * 0.1 + 0.2 * 0.2 + 0.1 * 0.4


def _stratum(events: np.ndarray[Any, Any], n: np.ndarray[Any, Any]) -> Stratum:
    p = events / n
    return Stratum(n.astype(float), p, p * (1 - p) * n / (n - 1))


def per_visit(n_t: int, n_c: int) -> Draw:
    """Orders per visit: the unit is a customer with one visit or more."""
    label = np.repeat([TREATMENT, HOLDOUT], [n_t, n_c])

    def arm(
        rng: np.random.Generator, n: int, rate: float
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        visits = 1 + rng.poisson(2.0, n)
        own = np.clip(rate + 0.05 * rng.standard_normal(n), 0.01, 0.99)
        return visits, rng.binomial(visits, own).astype(float)

    def draw(rng: np.random.Generator) -> Estimation:
        (d_t, y_t), (d_c, y_c) = arm(rng, n_t, 0.33), arm(rng, n_c, 0.30)
        measures = {"outcome": np.r_[y_t, y_c], "denominator": np.r_[d_t, d_c]}
        means = ratio_means(Moments.of_units(measures, label))
        arms = arm_of_values(y_t), arm_of_values(y_c)
        return Estimation(means, *arms, n_t + n_c, n_c, plain=False)

    return draw


def adjusted_by_segment(n: int, share: float) -> Draw:
    """Money in two segments with a covariate that says nearly all; the treated have three times as much."""
    contract = PredictedLift.load(
        {
            "metric": "spend",
            "predicted": 1.0,
            "kind": "money",
            "columns": {"arm": "a", "outcome": "y"},
        }
    )

    def draw(rng: np.random.Generator) -> Estimation:
        segment, treated = rng.integers(0, 2, n), rng.random(n) < share
        x = rng.standard_normal(n) + 2 * segment
        y = 4 + segment + x + 0.4 * rng.standard_normal(n) + 12 * treated
        cells = Moments.of_units(
            {"outcome": y, "covariate": x},
            np.where(treated, TREATMENT, HOLDOUT),
            segment=np.array(["a", "b"])[segment],
        )
        return estimate_means(OutcomeMoments(cells, {}, "2027-01-01"), contract)

    return draw


def villages(clusters: int, *, uneven: bool) -> Draw:
    """Clusters of about 20 units with rates of their own (intra-cluster correlation about .05)."""

    def sums(rng: np.random.Generator, mean: float) -> tuple[np.ndarray[Any, Any], Arm]:
        from spot_mlflow.lift.estimators.arm import Arm

        size = rng.poisson(19, clusters) + 1
        if uneven:
            size = np.ceil(20 * np.exp(rng.standard_normal(clusters) - 0.5)).astype(int)
        own = rng.beta(19 * mean, 19 * (1 - mean), clusters)
        y = rng.binomial(size, own)
        z = np.column_stack([size, y, np.zeros(clusters)]).astype(float)
        return z, Arm.binary(int(y.sum()), int(size.sum()))

    def draw(rng: np.random.Generator) -> Estimation:
        (z_t, arm_t), (z_c, arm_c) = sums(rng, 0.25), sums(rng, 0.20)
        both = (z_t, z_c)
        moments = ClusterMoments(
            arm=np.array([TREATMENT, HOLDOUT], dtype=object),
            clusters=np.array([clusters, clusters]),
            assigned_clusters=np.array([clusters, clusters]),
            center=np.zeros(2),
            s1=np.array([z.sum(axis=0) for z in both]),
            s2=np.array([z.T @ z for z in both]),
            events=np.array([clusters, clusters]),
        )
        means = clustered_means(moments)
        chosen = Estimation(
            means, arm_t, arm_c, 2 * clusters, clusters, unit_word="clusters", plain=False
        )
        return flag_clusters(chosen, moments)

    return draw


def propensities(n: int) -> Draw:
    """Treated with logged propensities .2 to .8 that follow what drives the outcome."""
    from spot_mlflow.lift.estimators.weighted import weighted_means

    def draw(rng: np.random.Generator) -> Estimation:
        x = rng.random(n)
        p = 0.2 + 0.6 * x
        t = rng.random(n) < p
        y = (rng.random(n) < 0.1 + 0.3 * x + 0.05 * t).astype(float)
        w = 1 / np.where(t, p, 1 - p)
        measures = {"outcome": y, "weight": w, "weighted_outcome": w * y}
        arm = np.where(t, TREATMENT, HOLDOUT)
        found = weighted_means(Moments.of_units(measures, arm))
        arms = arm_of_values(y[t]), arm_of_values(y[~t])
        return Estimation(found.means, *arms, n, int(y.sum()), plain=False, grade="B")

    return draw


DESIGNS = (
    Design("rates .10 -> .12, 2,000 each", rates(2000, 0.12, 2000, 0.10), 0.02),
    Design("rates .30 -> .30, 100 each", rates(100, 0.30, 100, 0.30), 0.0),
    Design("rates .05 -> .06, 9,000 : 1,000", rates(9000, 0.06, 1000, 0.05), 0.01),
    Design("rates .10 -> .12, ratio, 2,000 each", rates(2000, 0.12, 2000, 0.1), 0.2, "relative"),
    Design(
        "rates .05 -> .06, ratio, 9,000 : 1,000", rates(9000, 0.06, 1000, 0.05), 0.2, "relative"
    ),
    Design("lognormal sigma .5, 1,000 each", amounts(1000, 1000, 0.5), 0.0, kind="money"),
    Design(
        "lognormal sigma .5, ratio 1.2, 2,000 : 500",
        amounts(2000, 500, 0.5, 1.2),
        0.2,
        "relative",
        "money",
    ),
    Design(
        "half buy, lognormal sigma .5, 4,000 : 1,000",
        amounts(4000, 1000, 0.5, 1.0, 0.5),
        0.0,
        kind="money",
    ),
    Design("counts .50 -> .45, 3,000 : 1,000", counts(3000, 1000, 0.45, 0.5), -0.05, kind="count"),
    Design("CUPED, correlation .7, 500 each", adjusted(500, 500, 0.7), 0.2, kind="money"),
    Design(
        "CUPED, ratio, correlation .7, 500 : 200", adjusted(500, 200, 0.7), 0.1, "relative", "money"
    ),
    Design("4 segments, 8,000, 30 % held", segments(8000, 0.3), SEGMENT_LIFT),
    Design(
        "4 segments, ratio, 8,000, 30 % held",
        segments(8000, 0.3),
        SEGMENT_LIFT / SEGMENT_BASE,
        "relative",
    ),
    Design("orders per visit, 2,000 : 1,000", per_visit(2000, 1000), 0.03, kind="count"),
    Design(
        "orders per visit, ratio, 2,000 : 1,000", per_visit(2000, 1000), 0.1, "relative", "count"
    ),
    Design("100 clusters each", villages(100, uneven=False), 0.05),
    Design("100 clusters each, ratio", villages(100, uneven=False), 0.25, "relative"),
    Design("100 uneven clusters each", villages(100, uneven=True), 0.05),
    Design("logged propensities .2 to .8, 4,000", propensities(4000), 0.05),
    Design("rates .01 -> .012, 18,000 : 2,000", rates(18000, 0.012, 2000, 0.01), 0.002),
    Design(
        "rates .01 -> .012, ratio, 18,000 : 2,000",
        rates(18000, 0.012, 2000, 0.01),
        0.2,
        "relative",
    ),
    Design(
        "rates .005 -> .006, ratio, 18,000 : 2,000",
        rates(18000, 0.006, 2000, 0.005),
        0.2,
        "relative",
    ),
    Design("rates .002 -> .002, 2,000 : 500", rates(2000, 0.002, 500, 0.002), 0.0, within=False),
    Design(
        "2 % buy, lognormal sigma 1, 9,000 : 1,000",
        amounts(9000, 1000, 1.0, 1.0, 0.02),
        0.0,
        kind="money",
        within=False,
    ),
    Design(
        "lognormal sigma 2, 1,000 : 200", amounts(1000, 200, 2.0), 0.0, kind="money", within=False
    ),
    Design(
        "lognormal sigma 2, ratio, 1,000 : 200",
        amounts(1000, 200, 2.0),
        0.0,
        "relative",
        "money",
        within=False,
    ),
    Design("lognormal sigma 1, 500 : 60", amounts(500, 60, 1.0), 0.0, kind="money", within=False),
    Design("10 clusters each", villages(10, uneven=False), 0.05, within=False),
    Design("20 uneven clusters each", villages(20, uneven=True), 0.05, within=False),
    Design("40 uneven clusters each", villages(40, uneven=True), 0.05, within=False),
    # New designs go to the end: the place in this list is part of the seed.
    Design(
        "CUPED by segment, ratio 3.2, 200 each",
        adjusted_by_segment(400, 0.5),
        12 / 5.5,
        "relative",
        "money",
    ),
)


def coverage(index: int) -> dict[str, Any]:
    """Runs one design."""
    design = DESIGNS[index]
    rng = np.random.default_rng([SEED, index])
    contract = PredictedLift.load(
        {
            "metric": "outcome",
            "predicted": 0.1,
            "kind": design.kind,
            "effect": design.effect,
            "columns": {"arm": "arm", "outcome": "outcome"},
        }
    )
    runs = replicates(RUNS)
    chosen = [with_reliability(design.draw(rng), contract) for _ in range(runs)]
    low, high = bounds_of(chosen, contract)
    covers = (low <= design.truth) & (design.truth <= high)
    reliable = np.array([c.reliable for c in chosen])
    return {
        "design": design.name,
        "lift": design.effect,
        "runs": runs,
        "coverage": float(covers.mean()),
        "flagged": float((~reliable).mean()),
        "missed and not flagged": float((reliable & ~covers).mean()),
        "limits": "within" if design.within else "beyond",
    }


def bounds_of(
    chosen: list[Estimation], contract: PredictedLift
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Bounds of all runs as ``realized.one_look`` has them; score intervals are solved at once."""
    level = contract.confidence
    if chosen[0].binary and chosen[0].plain:
        relative = contract.effect == "relative"
        counts = np.array([_counts(c, relative=relative) for c in chosen]).T
        if not relative:
            return score_difference_bounds(*counts, confidence=level)
        low, high = score_ratio_bounds(*counts, confidence=level)
        return low - 1, high - 1
    found = [one_look(c, contract, level) for c in chosen]
    return np.array([f.low for f in found]), np.array([f.high for f in found])


def _counts(c: Estimation, *, relative: bool) -> tuple[float, ...]:
    m = c.means
    var = m.total_treated, m.total_holdout
    if not relative:
        widen = m.se**2 / ((m.var_treated + m.var_holdout) or 1.0)
        var = m.var_treated * widen, m.var_holdout * widen
    return (
        *effective_counts(m.treated, var[0], c.treated),
        *effective_counts(m.holdout, var[1], c.holdout),
    )


def main(part: str) -> None:
    """Runs every ``parts``-th design from ``part``; the last part writes the table."""
    number, parts = (int(x) for x in part.split("/"))
    made = []
    for i in range(number - 1, len(DESIGNS), parts):
        made.append(coverage(i))
        print(json.dumps(made[-1]), flush=True)
    stored = RESULTS / "coverage.json"
    known = (
        {r["design"]: r for r in json.loads(stored.read_text())["rows"]} if stored.exists() else {}
    )
    known |= {row["design"]: row for row in made}
    write(
        "coverage",
        "Coverage of the 95 % intervals",
        f"{RUNS:,} runs a design. Target within the limits (rates; skewness of the difference at most 0.5, of a "
        "unit at most sqrt(n)/4; 100 clusters or more an arm): 0.94 to 0.96. Beyond them: coverage of at "
        "least 0.94, or flagged "
        '"interval unreliable". The column "missed and not flagged" counts silent failures.',
        [known[d.name] for d in DESIGNS if d.name in known],
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "1/1")
