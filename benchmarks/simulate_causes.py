"""Measures the bridge on logs whose causes are known: ranking, coverage, causes invented.

Every unit of a simulated log falls into one of finitely many kinds (offered or not, system failure,
delivered, on time, outcome, one of three values, one of three costs), so a log of 50,000 units is a
draw of multinomial counts and its moments are exact sums. Run, once per world,

    python benchmarks/simulate_causes.py --world plain --replicates 4000 --out docs/simulations

Three worlds, all at 90:10: "plain" (the promise is 20.8 standard errors of the realized lift),
"weak" (8.5), and "flat" (plain, but the promise names no segments, so the mix is not split off).
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift

SEED = 20260722
NOTHING = 1e-9  # money per unit; a true contribution below it was not planted
UNITS = 50_000
TREATED = 0.9
# Shares that stand near their target are counted on more runs.
MORE = {"nothing planted": 2.5}
MEASURES = ("outcome", "value", "cost", "offered", "delivered", "on_time", "system_failure")
VALUES = ((0.5, 0.3), (1.0, 0.45), (1.75, 0.2), (0.7, 0.05))  # times the mean value, with chance
COSTS = ((0.6, 0.25), (1.0, 0.5), (1.4, 0.25))


@dataclass(frozen=True)
class World:
    """True state of the way to the customer, per segment where it differs.

    Attributes:
        share: of the segments. base: outcome rate without an offer. response: added by a timely
            offer. offered, system, delivered, on_time: shares of those who reached the stage.
            value: mean money of a good outcome. cost: mean money of a delivered contact.
    """

    share: tuple[float, ...]
    base: tuple[float, ...]
    response: tuple[float, ...]
    offered: float = 0.95
    system: float = 1.0
    delivered: float = 0.9
    on_time: float = 0.95
    value: float = 50.0
    cost: float = 0.5

    @property
    def reach(self) -> float:
        """Share of units with a timely offer."""
        return self.offered * self.system * self.delivered * self.on_time

    @property
    def lift(self) -> float:
        """Lift per eligible unit."""
        return self.reach * sum(w * r for w, r in zip(self.share, self.response, strict=True))

    @property
    def net(self) -> float:
        """Net value per eligible unit."""
        contacts = self.offered * self.system * self.delivered
        return self.lift * self.value - contacts * self.cost


PLAIN = World((0.2, 0.3, 0.5), (0.06, 0.04, 0.03), (0.15, 0.08, 0.05))
WEAK = World((0.2, 0.3, 0.5), (0.10, 0.06, 0.03), (0.08, 0.04, 0.015))


def contract(world: World, *, segments: bool = True, se: float = 0.0) -> PredictedLift:
    """Writes the promise that would be kept if the log came from ``world``."""
    labels = "abcdefgh"
    return PredictedLift.load(
        {
            "metric": "bought",
            "predicted": {"lift": world.lift, "se": se},
            "columns": {"arm": "arm", "outcome": "y"},
            "economics": {"unit": "EUR", "value": world.value, "offer_cost": world.cost},
            "funnel": {
                "offered": world.offered,
                "delivered": world.system * world.delivered,
                "on_time": world.on_time,
            },
            "segments": {
                labels[i]: {"share": world.share[i], "response": world.response[i]}
                for i in range(len(world.share))
            }
            if segments
            else {},
        }
    )


def kinds(world: World, segment: int, arm: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns (kinds, measures) values and (kinds,) chances of the units of a cell."""
    rows: dict[tuple[float, ...], float] = {}
    for way, p_way in _ways(world, arm):
        offered, failed, delivered, on_time = way
        p_good = world.base[segment] + on_time * world.response[segment]
        for good, (v, p_v), (k, p_k) in itertools.product((0, 1), VALUES, COSTS):
            p = p_way * (p_good if good else 1 - p_good) * p_v * p_k
            row = (
                float(good),
                good * v * world.value / _mean(VALUES),
                delivered * k * world.cost,
                offered,
                delivered,
                on_time,
                failed,
            )
            rows[row] = rows.get(row, 0.0) + p
    return np.array(list(rows)), np.array(list(rows.values()))


def _mean(levels: tuple[tuple[float, float], ...]) -> float:
    return sum(x * p for x, p in levels)


def _ways(world: World, arm: str) -> list[tuple[tuple[float, ...], float]]:
    if arm == HOLDOUT:
        return [((0.0, 0.0, 0.0, 0.0), 1.0)]
    c, a, d, q = world.offered, world.system, world.delivered, world.on_time
    return [
        ((0.0, 0.0, 0.0, 0.0), 1 - c),
        ((1.0, 1.0, 0.0, 0.0), c * (1 - a)),
        ((1.0, 0.0, 0.0, 0.0), c * a * (1 - d)),
        ((1.0, 0.0, 1.0, 0.0), c * a * d * (1 - q)),
        ((1.0, 0.0, 1.0, 1.0), c * a * d * q),
    ]


class Log:
    """Draws logs of a world; the kinds of units are worked out once."""

    def __init__(self, world: World, units: int = UNITS) -> None:
        self.sizes = {TREATMENT: round(units * TREATED), HOLDOUT: units - round(units * TREATED)}
        self.share = np.array(world.share)
        self.cells = [
            ("abcdefgh"[s], arm, s, *kinds(world, s, arm))
            for arm in self.sizes
            for s in range(len(world.share))
        ]
        self.center = np.zeros(len(MEASURES))

    def draw(self, rng: np.random.Generator) -> OutcomeMoments:
        """Draws one log."""
        of_segment = {arm: rng.multinomial(n, self.share) for arm, n in self.sizes.items()}
        return self._moments(
            [
                rng.multinomial(of_segment[arm][s], p / p.sum()).astype(float)
                for _, arm, s, _, p in self.cells
            ]
        )

    def expected(self) -> OutcomeMoments:
        """Returns the log that holds exactly what is expected; the truth to be covered."""
        return self._moments(
            [self.sizes[arm] * self.share[s] * p / p.sum() for _, arm, s, _, p in self.cells]
        )

    def _moments(self, counts: list[np.ndarray]) -> OutcomeMoments:
        x = [cell[3] for cell in self.cells]
        n = np.array([c.sum() for c in counts])
        m = len(MEASURES)
        cells = Moments(
            segment=np.array([c[0] for c in self.cells], dtype=object),
            arm=np.array([c[1] for c in self.cells], dtype=object),
            period=np.full(len(n), np.datetime64("NaT", "D"), dtype="datetime64[D]"),
            measures=MEASURES,
            assigned=n,
            matured=n,
            n=n,
            center=self.center,
            s1=np.array([c @ z for c, z in zip(counts, x, strict=True)]),
            s2=np.array([z.T @ (z * c[:, None]) for c, z in zip(counts, x, strict=True)]),
            s3=np.zeros((len(n), m)),
            nonzero=np.zeros((len(n), m), dtype=np.int64),
            largest=np.zeros((len(n), m)),
            missing=np.zeros((len(n), m), dtype=np.int64),
        )
        return OutcomeMoments(cells, {}, as_of="")


def hurt(world: World, cause: str, x: float) -> World:
    """Returns the world with one factor worse by the share ``x``; 0 is the world itself."""
    first, *middle, last = world.share
    changes: dict[str, Any] = {
        "coverage": {"offered": world.offered * (1 - x)},
        "system": {"system": 1 - x},
        "delivery": {"delivered": world.delivered * (1 - x)},
        "timeliness": {"on_time": world.on_time * (1 - x)},
        "response": {"response": tuple(r * (1 - x) for r in world.response)},
        "value": {"value": world.value * (1 - x)},
        "cost": {"cost": world.cost * (1 + 9 * x)},
        "mix": {"share": (first * (1 - x), *middle, last + first * x)},
    }
    return replace(world, **changes[cause])


def planted(world: World, cause: str, loss: float) -> World:
    """Returns the world with one cause that takes ``loss`` of the net value, by bisection."""
    low, high, target = 0.0, 1.0, world.net - loss
    if hurt(world, cause, high).net > target:
        return hurt(world, cause, high)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if hurt(world, cause, middle).net > target else (low, middle)
    return hurt(world, cause, high)


def replicate(world: World, promise: PredictedLift, replicates: int, seed: int) -> dict[str, Any]:
    """Attributes ``replicates`` logs of a world and counts what came out."""
    rng, log = np.random.default_rng(seed), Log(world)
    truth = attribute(log.expected(), promise)
    money = {c.cause: c.money.lift for c in truth.contributions if c.money}
    lift = {c.cause: c.lift.lift for c in truth.contributions}
    # What does not vary is always covered; what is folded with another in a run is not asked there.
    vary = {
        "money": {c.cause for c in truth.contributions if c.money and c.money.se > NOTHING},
        "lift": {c.cause for c in truth.contributions if c.lift.se > NOTHING},
    }
    covered = {game: {c: [0, 0] for c in sorted(causes)} for game, causes in vary.items()}
    first: dict[str, int] = {}
    invented = largest = found_first = 0
    worst = 0.0
    for _ in range(replicates):
        b = attribute(log.draw(rng), promise)
        for c in b.contributions:
            for game, true, part in (("money", money, c.money), ("lift", lift, c.lift)):
                if c.cause in covered[game]:
                    covered[game][c.cause][0] += _inside(true[c.cause], part)
                    covered[game][c.cause][1] += 1
        first[b.ranked[0]] = first.get(b.ranked[0], 0) + 1
        found_first += b.contribution(b.ranked[0]).found
        harmless = [c for c in b.contributions if money.get(c.cause, 0.0) > -NOTHING]
        invented += any(c.found for c in harmless)
        worst = max(worst, _exactness(b))
        by_size = min(b.contributions, key=lambda c: c.money.lift).cause
        largest += by_size == min(money, key=lambda c: money[c])
    return {
        "seed": seed,
        "replicates": replicates,
        "promised_net": round(truth.promised_money, 6),
        "true_contributions": {k: round(v, 5) for k, v in money.items()},
        "ranked_first": {k: n / replicates for k, n in sorted(first.items(), key=lambda x: -x[1])},
        "first_is_found": found_first / replicates,
        "largest_by_size_is_true": largest / replicates,
        "invented": invented / replicates,
        "coverage_money": {k: round(n / of, 5) for k, (n, of) in covered["money"].items()},
        "coverage_lift": {k: round(n / of, 5) for k, (n, of) in covered["lift"].items()},
        "worst_sum_error": worst,
    }


def _inside(truth: float, x: Any) -> bool:
    """Tells whether the interval holds the truth."""
    return bool(x.low <= truth <= x.high)


def _exactness(b: Any) -> float:
    """Returns |sum of contributions - gap| over the sum of their absolute values."""
    out = 0.0
    for parts, gap in (
        ([c.lift.lift for c in b.contributions], b.realized_lift - b.promised_lift),
        ([c.money.lift for c in b.contributions], b.realized_money - b.promised_money),
    ):
        size = sum(abs(x) for x in parts)
        out = max(out, abs(math.fsum(parts) - gap) / size if size else 0.0)
    return out


def standard_error(world: World, promise: PredictedLift, cause: str) -> float:
    """Returns the standard error of a cause's contribution in money, at its expected log."""
    return float(attribute(Log(world).expected(), promise).contribution(cause).money.se)


def at_errors(world: World, promise: PredictedLift, cause: str, errors: float) -> World:
    """Returns the world with a cause worth ``errors`` of its own standard errors."""
    loss = errors * standard_error(world, promise, cause)
    for _ in range(8):
        hurt = planted(world, cause, loss)
        loss = errors * standard_error(hurt, promise, cause)
    return planted(world, cause, loss)


def scenarios(world: World) -> dict[str, World]:
    """Returns each planted cause alone, and mixtures."""
    promise = contract(world)
    tenth = 0.1 * world.net
    out = {"nothing planted": world}
    for cause in ("mix", "coverage", "system", "delivery", "timeliness", "cost"):
        out[f"{cause}, 10 % of net"] = planted(world, cause, tenth)
    for cause in ("response", "value"):
        out[f"{cause}, 4.5 se"] = at_errors(world, promise, cause, 4.5)
    both = planted(planted(world, "coverage", tenth), "delivery", 2.5 * tenth)
    out["delivery 25 % and coverage 10 %"] = both
    out["mix 20 % and a better response"] = replace(
        planted(world, "mix", 2 * tenth), response=tuple(1.15 * r for r in world.response)
    )
    out["cost 20 % and system 10 %"] = planted(planted(world, "system", tenth), "cost", 2 * tenth)
    return out


def study(name: str, world: World, replicates: int, *, segments: bool = True) -> dict[str, Any]:
    """Runs every scenario of a world."""
    promise = contract(world, segments=segments)
    out: dict[str, Any] = {
        "promised_lift": round(world.lift, 5),
        "promised_net": round(world.net, 5),
    }
    se = attribute(Log(world).expected(), promise).gap.se
    out["lift_in_standard_errors"] = round(world.lift / se, 1)
    for number, (scenario, true) in enumerate(scenarios(world).items()):
        if not segments and scenario.startswith("mix"):
            continue
        times = round(replicates * MORE.get(scenario, 1))
        out[scenario] = replicate(true, promise, times, SEED + 1000 * len(name) + number)
    return out


WORLDS = {"plain": (PLAIN, True), "weak": (WEAK, True), "flat": (PLAIN, False)}


def run(replicates: int = 30, worlds: tuple[str, ...] = ("plain", "weak")) -> dict[str, object]:
    """Runs the study, by default at a size fit for every benchmark run; committed: 4,000."""
    began = time.process_time()
    out: dict[str, object] = {"units": UNITS, "treated_share": TREATED}
    for name in worlds:
        world, segments = WORLDS[name]
        out[name] = study(name, world, replicates, segments=segments)
    out["cpu_seconds"] = round(time.process_time() - began, 1)
    return out


def write(found: dict[str, Any], folder: Path) -> None:
    """Adds the worlds of a run to ``causes.json`` and writes the tables anew."""
    path = folder / "causes.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known.update({k: v for k, v in found.items() if k != "cpu_seconds"})
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    (folder / "causes.md").write_text(markdown(known), encoding="utf-8")


def markdown(found: dict[str, Any]) -> str:
    """Writes the tables that people read."""
    out = [
        "# Planted causes",
        "",
        (
            f"{found['units']:,} units, {found['treated_share']:.0%} treated, every column logged. "
            "Made by `python benchmarks/simulate_causes.py --world WORLD --replicates N --out "
            "docs/simulations`; seeds stand in `causes.json`."
        ),
        "",
        (
            "Targets: a planted operational, mix or cost cause worth 10 % of the promised net ranks "
            "first in at least 95 % of runs, a response or value cause where it is 4.5 standard errors "
            "or more; a cause invented in at most 5 %, family-wise; 95 % intervals cover 93 to 97 %."
        ),
        "",
        (
            "*first*: share of runs in which the planted cause (the larger one of a mixture) ranks "
            "first. *by size*: share in which ranking by the estimate would have named it. *invented*: "
            "share in which any cause that took nothing was called found. *coverage*: lowest and "
            "highest over the causes that vary, in money and in lift. *sum*: largest |sum of parts - "
            "gap| over the sum of |parts|."
        ),
    ]
    for world, (_, segments) in WORLDS.items():
        if world in found:
            out += ["", *_table(world, found[world], segments=segments)]
    return "\n".join(out) + "\n"


def _table(world: str, scenarios: dict[str, Any], *, segments: bool) -> list[str]:
    told = "" if segments else "; the promise names no segments"
    out = [
        f"## {world}: the promise is {scenarios['lift_in_standard_errors']} standard errors{told}",
        "",
        "| planted | runs | first | by size | invented | coverage, money | coverage, lift | sum |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, x in scenarios.items():
        if not isinstance(x, dict):
            continue
        worst = min(x["true_contributions"], key=lambda c: x["true_contributions"][c])
        planted_any = name != "nothing planted"
        first = f"{x['ranked_first'].get(worst, 0):.3f}" if planted_any else ""
        size = f"{x['largest_by_size_is_true']:.3f}" if planted_any else ""
        cells = [name, f"{x['replicates']:,}", first, size, f"{x['invented']:.4f}"]
        cells += [_range(x["coverage_money"]), _range(x["coverage_lift"])]
        out.append(f"| {' | '.join(cells)} | {x['worst_sum_error']:.0e} |")
    return out


def _range(coverage: dict[str, float]) -> str:
    return f"{min(coverage.values()):.3f} to {max(coverage.values()):.3f}"


def main() -> None:
    """Runs the study; ``--out`` names the folder of ``causes.json`` and ``causes.md``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=30)
    parser.add_argument("--world", choices=tuple(WORLDS), action="append")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = run(args.replicates, tuple(args.world or WORLDS))
    if args.out:
        write(found, args.out)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
