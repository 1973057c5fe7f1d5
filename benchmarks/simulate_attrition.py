"""Outcomes missing by arm: false verdicts where they differ, false alarms where they do not.

Run with ``python -m benchmarks.simulate_attrition [part of a design's name]``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.simulation import RESULTS, SEED, replicates, write
from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimation.realized import realize
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.soundness.attrition import attrition_of
from spot_mlflow.lift.soundness.missing_bounds import unseen_of
from spot_mlflow.lift.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable

ALIKE: Final = 20_000
RUNS: Final = 4_000
MONITORED: Final = 500
LOOKS: Final = 20
TOLERANCE: Final = 0.01


@dataclass(frozen=True)
class Design:
    """One way in which outcomes go missing.

    Attributes:
        name: for the table.
        rates: rate of the treated and of the holdout, in every stratum.
        gone: chance to be missing by (arm, outcome): treated 0, treated 1, holdout 0, holdout 1.
        strata: (treated, holdout, factor of the chances to be missing) of each stratum.
        amount: what an event is worth; other than 1 makes it money.
        contract: further keys of the contract.
    """

    name: str
    rates: tuple[float, float] = (0.25, 0.2)
    gone: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    strata: tuple[tuple[int, int, float], ...] = ((5000, 5000, 1.0),)
    amount: float = 1.0
    contract: dict[str, Any] = field(default_factory=dict)

    @property
    def predicted(self) -> PredictedLift:
        """A promise that the truth misses by just the tolerance: no verdict is a true one."""
        p, q = self.rates
        sign = -1 if self.contract.get("direction") == "decrease" else 1
        lift = self.amount * (p - q) if self.contract.get("effect") != "relative" else p / q - 1
        tolerance = TOLERANCE * self.amount if self.contract.get("effect") != "relative" else 0.05
        keys = {
            "metric": "m",
            "kind": "binary" if self.amount == 1 else "money",
            "predicted": sign * lift + tolerance,
            "tolerance": tolerance,
            "columns": {"arm": "a", "outcome": "y"},
        }
        return PredictedLift.load(keys | self.contract)


RAMP = tuple((1000 * s, 1000 * (10 - s), f) for s, f in ((2, 0.3), (4, 0.6), (6, 1.0), (8, 1.5)))
FALSE_VERDICTS: Final = (
    Design("non-buyers of the treated, 24 of 100 against 2", gone=(0.30, 0, 0.02, 0.02)),
    Design("non-buyers of the treated, 3 of 100", gone=(0.0375, 0, 0, 0)),
    Design("buyers of the holdout, 3 of 100", gone=(0, 0, 0, 0.15)),
    Design("a tenth of the treated, at random", gone=(0.1, 0.1, 0, 0)),
    Design("buyers of the treated, 1 of 100", gone=(0, 0.05, 0, 0)),
    Design("relative lift, buyers of the holdout", gone=(0, 0, 0, 0.15), contract={"effect": "relative"}),
    Design("fewer is better, events of the treated", (0.15, 0.2), gone=(0, 0.15, 0, 0), contract={"direction": "decrease"}),
    Design("money with a cap, non-buyers of the treated", gone=(0.05, 0, 0, 0), amount=50.0, contract={"bounds": {"high": 50}}),
    Design("ramp of four weeks, non-buyers of the treated", gone=(0.05, 0, 0, 0), strata=RAMP),
    Design("1,000 units an arm, buyers of the holdout, 2 of 100", gone=(0, 0, 0, 0.1), strata=((1000, 1000, 1.0),)),
    Design("just below half a point, buyers of the holdout", gone=(0, 0, 0, 0.02)),
    Design("just below half a point, relative lift", gone=(0, 0, 0, 0.02), contract={"effect": "relative"}),
    Design("just below half a point, events of the treated, fewer is better", (0.15, 0.2), gone=(0, 0.03, 0, 0), contract={"direction": "decrease"}),
    # Not to be seen in 10,000 units: every arm loses a tenth by chance, the holdout a few buyers more.
    Design("a tenth of both by chance, and 5 of 1,000 more, buyers of the holdout", gone=(0.1, 0.1, 0.1, 0.125)),
    Design("a tenth of both by chance, and 10 of 1,000 more, buyers of the holdout", gone=(0.1, 0.1, 0.1, 0.15)),
)  # fmt: skip
FALSE_ALARMS: Final = (
    Design("none differs, 5 of 100", gone=(0.05,) * 4),
    Design("none differs, 30 of 100", gone=(0.3,) * 4),
    Design("none differs, 9:1, 1 of 100", gone=(0.01,) * 4, strata=((9000, 1000, 1.0),)),
    Design("none differs, 200 in the holdout, 5 of 100", gone=(0.05,) * 4, strata=((1800, 200, 1.0),)),
    Design("ramp of four weeks, more missing each week", gone=(0.1,) * 4, strata=RAMP),
    Design("40 segments of 50 units", gone=(0.1,) * 4, strata=((25, 25, 1.0),) * 40),
)  # fmt: skip


def counts(design: Design, rng: np.random.Generator, runs: int) -> np.ndarray:
    """Draws (runs, strata, arms, 3): units, those missing, and events among those seen."""
    out = np.zeros((runs, len(design.strata), 2, 3))
    for s, (n_t, n_c, factor) in enumerate(design.strata):
        for a, n in enumerate((n_t, n_c)):
            events = rng.binomial(n, design.rates[a], runs)
            chances = [min(1.0, factor * g) for g in design.gone[2 * a : 2 * a + 2]]
            without = rng.binomial(n - events, chances[0])
            with_event = rng.binomial(events, chances[1])
            out[:, s, a] = np.stack(
                [np.full(runs, n), without + with_event, events - with_event], 1
            )
    return out


def table(drawn: np.ndarray, *, amount: float, segments: bool) -> OutcomeMoments:
    """One log: strata are days, or segments, of (units, missing, events) by arm."""
    strata = len(drawn)
    flat = drawn.reshape(-1, 3)
    matured, missing, events = flat.T.astype(np.int64)
    days = np.datetime64("2027-01-01") + np.arange(strata)
    sums = (events * amount)[:, None]
    cells = Moments(
        segment=np.array([f"s{i}" if segments else "" for i in range(strata) for _ in "tc"], dtype=object),
        arm=np.array([TREATMENT, HOLDOUT] * strata, dtype=object),
        period=np.repeat(days if not segments else np.full(strata, np.datetime64("NaT", "D")), 2).astype("datetime64[D]"),
        measures=("outcome",), assigned=matured, matured=matured, n=matured - missing,
        center=np.zeros(1), s1=sums, s2=(sums * amount)[:, :, None], s3=sums * amount**2,
        nonzero=events[:, None], largest=np.where(events > 0, amount, 0.0)[:, None],
        missing=np.zeros((len(flat), 1), dtype=np.int64),
    )  # fmt: skip
    return OutcomeMoments(cells, {}, "2027-06-01")


def verdicts(log: OutcomeMoments, predicted: PredictedLift) -> tuple[bool, bool, bool]:
    """Returns whether a check reaches a verdict, raises an alarm, and would without the guard."""
    lost = attrition_of(log, predicted)
    basis = realize(estimate_means(log, predicted), predicted).basis
    guarded = replace(basis, unseen=unseen_of(log, predicted, lost))
    given, bare = (judge(b, predicted).verdict != "inconclusive" for b in (guarded, basis))
    return given, lost is not None and lost.alarm, bare


def row(design: Design, looks: int, found: list[tuple[bool, bool, bool]]) -> dict[str, Any]:
    """One line of the table."""
    given, alarms, bare = (float(x) for x in np.mean(found, axis=0))
    return {
        "design": design.name, "looks": looks, "runs": len(found), "alarms": alarms,
        "false verdicts": given, "without the guard": bare,
    }  # fmt: skip


def false_verdicts(design: Design, number: int) -> dict[str, Any]:
    """Share of logs with a verdict, none of which is true; with and without the guard."""
    rng = np.random.default_rng([SEED, 4, number])
    drawn = counts(design, rng, replicates(RUNS))
    logs = (table(d, amount=design.amount, segments=False) for d in drawn)
    return row(design, 1, [verdicts(log, design.predicted) for log in logs])


def monitored(design: Design, number: int) -> dict[str, Any]:
    """Share of logs read on each of 20 days that ever get a verdict, none of which is true."""
    rng = np.random.default_rng([SEED, 5, number])
    keys = {**design.contract, "looks": "monitored", "planned_units": 1000 * LOOKS}
    daily = replace(design, strata=((500, 500, 1.0),) * LOOKS, contract=keys)
    predicted, found = daily.predicted, []
    for drawn in counts(daily, rng, replicates(MONITORED)):
        logs = [table(drawn[:day], amount=1.0, segments=False) for day in range(1, LOOKS + 1)]
        found.append(tuple(np.any([verdicts(log, predicted) for log in logs], axis=0)))
    return row(design, LOOKS, found)


def false_alarms(design: Design, number: int) -> dict[str, Any]:
    """Share of logs with an alarm though both arms lose outcomes alike."""
    rng = np.random.default_rng([SEED, 6, number])
    runs, predicted = replicates(ALIKE), design.predicted
    segments = "segments" in design.name
    alarms = []
    for drawn in counts(design, rng, runs):
        lost = attrition_of(table(drawn, amount=design.amount, segments=segments), predicted)
        alarms.append(lost is not None and lost.alarm)
    return {
        "design": design.name, "looks": 1, "runs": runs, "alarms": float(np.mean(alarms)),
        "false verdicts": None, "without the guard": None,
    }  # fmt: skip


def jobs() -> list[tuple[tuple[str, int], Callable[[], dict[str, Any]]]]:
    """Every line of the table, by design and looks, and what makes it."""
    alike = [((d.name, 1), partial(false_alarms, d, i)) for i, d in enumerate(FALSE_ALARMS)]
    given = [((d.name, 1), partial(false_verdicts, d, i)) for i, d in enumerate(FALSE_VERDICTS)]
    daily = [((d.name, LOOKS), partial(monitored, d, i)) for i, d in enumerate(FALSE_VERDICTS[1:3])]
    return [*alike, *given, *daily]


def main(wanted: str) -> None:
    """Runs the lines whose design holds ``wanted``, and keeps the stored ones of the others."""
    stored = RESULTS / "attrition.json"
    rows = json.loads(stored.read_text())["rows"] if stored.exists() else []
    known = {(r["design"], r["looks"]): r for r in rows}
    for key, made in jobs():
        if wanted not in key[0]:
            continue
        known[key] = made()
        print(known[key], flush=True)
        write(
            "attrition",
            "Outcomes missing by arm",
            "Rates of .25 and .2 (.15 where fewer is better); the truth misses the promise by exactly the tolerance "
            "(.01, relative .05), so every verdict is false. Targets: false verdicts at most .05; if both arms lose "
            "outcomes alike, alarms at most .001 at one look. The last column is the same estimate without the "
            "guard. The designs that lose a tenth in both arms by chance miss the target: chance can explain their "
            "further loss, so the message says what would change the verdict.",
            [known[k] for k, _ in jobs() if k in known],
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
