"""Whether clean logs keep their verdict: the check against a plain difference of two means.

A clean log has a constant share of treatment, no missing outcomes and no duplicates; its rate may move
with the season and differ between segments. Conditioning on strata must then change nothing that matters.
The plain difference is Welch's over all units of both arms, from scipy, judged by the same rule. Run with
``python -m benchmarks.simulate_clean_logs``; the logs of ``../shared/data`` are added where that folder is.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from benchmarks.simulation import SEED, replicates, write
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.results import Basis
from spot_mlflow.lift.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LOGS: Final = 1_000
PLANNED: Final = 3.24  # tolerance over standard error that decides nine of ten logs
DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
FIRST: Final = np.datetime64("2025-01-06")
# What arrives of the promise, by the verdict that is then right.
ARRIVING: Final = {"met": 1.0, "shortfall": 1 / 3, "exceeded": 5 / 3}


@dataclass(frozen=True)
class Kind:
    """One kind of clean log.

    Attributes:
        name: for the table.
        kind: of the contract's outcome.
        share: of the treated.
        level: mean of the holdout; lift: promised.
        segments: their number, each with a level of its own.
        season: greatest change of the level over the time, as a share of it.
        days: of decisions.
        contract: further keys of the contract.
    """

    name: str
    kind: str = "binary"
    share: float = 0.5
    level: float = 0.2
    lift: float = 0.06
    segments: int = 1
    season: float = 0.0
    days: int = 28
    contract: dict[str, Any] = field(default_factory=dict)

    @property
    def predicted(self) -> dict[str, Any]:
        """The promise; a third of it is tolerated."""
        columns = {
            "unit": "unit", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y", "decided_at": "day",
            **({"segment": "segment"} if self.segments > 1 else {}),
        }  # fmt: skip
        return {
            "metric": "m",
            "kind": self.kind,
            "predicted": self.lift,
            "tolerance": self.lift / 3,
            "treatment_share": self.share,
            "columns": columns,
            **self.contract,
        }

    def units(self, precision: float) -> int:
        """Units at which the standard error is the tolerance over ``precision``."""
        spread = self.level * (1 - self.level)
        if self.kind != "binary":
            spread = 2 * self.level**2 if self.kind == "money" else self.level
        each = spread * (1 / self.share + 1 / (1 - self.share))
        return math.ceil(each * (3 * precision / self.lift) ** 2)

    def draw(self, rng: np.random.Generator, arriving: float, precision: float) -> pd.DataFrame:
        """Draws a log in which a part of the promise arrives."""
        n = self.units(precision)
        day = rng.integers(0, self.days, n)
        segment = rng.integers(0, self.segments, n)
        treated = rng.random(n) < self.share
        factor = 1 + self.season * (day / max(self.days - 1, 1) - 0.5)
        factor *= np.linspace(0.6, 1.4, self.segments)[segment] if self.segments > 1 else 1.0
        mean = self.level * factor + treated * self.lift * arriving
        return pd.DataFrame(
            {
                "unit": np.arange(n),
                "arm": np.where(treated, "t", "c"),
                "y": self._outcomes(rng, mean),
                "day": FIRST + day,
                "segment": np.char.add("s", segment.astype(str)),
            }
        )

    def _outcomes(self, rng: np.random.Generator, mean: Floats) -> Floats:
        if self.kind == "binary":
            return (rng.random(len(mean)) < mean).astype(float)
        if self.kind == "count":
            return rng.poisson(mean).astype(float)
        return rng.gamma(0.5, 2 * mean)


KINDS: Final = (
    Kind("rate, half treated"),
    Kind("rate, nine of ten treated", share=0.9, lift=0.08),
    Kind("rate that doubles over the time", season=0.67, days=56),
    Kind("rate in five segments", segments=5, season=0.3),
    Kind("rate in forty segments, few units a day", segments=40, days=60),
    Kind("rare event", level=0.02, lift=0.01),
    Kind("money, half treated", kind="money", level=40.0, lift=8.0),
    Kind("money, eight of ten treated, three segments", kind="money", level=40.0, lift=10.0,
         share=0.8, segments=3, season=0.4),
    Kind("orders, by week", kind="count", level=1.5, lift=0.3, season=0.3, days=84,
         contract={"period": "7d"}),
    Kind("orders, few units a day", kind="count", level=1.5, lift=0.6, segments=4, days=90),
)  # fmt: skip


def plain(log: pd.DataFrame, contract: PredictedLift) -> str:
    """The verdict of Welch's interval over all units of both arms."""
    from scipy import stats

    c = contract.columns
    y = log[c.outcome].astype(float)
    treated, holdout = (y[log[c.arm] == x] for x in (c.treated_labels[0], c.holdout))
    found = stats.ttest_ind(treated, holdout, equal_var=False)
    low, high = found.confidence_interval(contract.confidence)
    lift = Interval(float(treated.mean() - holdout.mean()), float(low), float(high))
    return judge(Basis(lift, lift, float(len(y))), contract).verdict


def checked(log: pd.DataFrame, contract: PredictedLift) -> str:
    """The verdict of the check: what the log reduces to as stored, analysed, held by its data checks."""
    from spot_mlflow.lift.stored.cells import without_small_cells
    from spot_mlflow_checks.analyses import analysis_of
    from spot_mlflow_checks.engines import open_source
    from spot_mlflow_checks.outcomes import reduce_source

    as_of = str(FIRST + np.timedelta64(400, "D"))
    with open_source(log, contract) as source:
        reduced = reduce_source(source, contract, as_of=as_of)
    stored = without_small_cells(reduced, contract)
    return analysis_of(stored, contract).outcome.verdict


def row(name: str, pairs: list[tuple[str, str, str]]) -> dict[str, Any]:
    """One row of the table from (right verdict or "", plain, checked) of each log."""
    same = sum(p == c for _, p, c in pairs)
    given = [(p, c) for _, p, c in pairs if p != "inconclusive"]
    kept = sum(p == c for p, c in given)
    became = Counter(f"{p} to {c}" for _, p, c in pairs if p != c)
    known = [x for x in pairs if x[0]]
    return {
        "logs": name,
        "number": len(pairs),
        "same verdict": same / len(pairs),
        "verdicts of the plain difference": len(given),
        "of these kept": kept / len(given) if given else None,
        "right, plain": sum(p == t for t, p, _ in known) / len(known) if known else None,
        "right, checked": sum(c == t for t, _, c in known) / len(known) if known else None,
        "changes": ", ".join(f"{v} {k}" for k, v in sorted(became.items())) or "none",
    }


def real_logs() -> Iterator[tuple[str, pd.DataFrame, dict[str, Any]]]:
    """Real experiments and promises around what is known of them: (name, log, contract)."""
    if not DATA.is_dir():
        return
    nsw = pd.read_csv(DATA / "nsw_mixtape.csv")
    thornton = pd.read_csv(DATA / "thornton_hiv.csv").dropna(subset=["any", "got"])
    starbucks = pd.read_csv(DATA / "starbucks_promo_training.csv")
    mail = pd.read_csv(DATA / "hillstrom.csv")
    mens = mail[mail["segment"].isin(["Mens E-Mail", "No E-Mail"])]
    yes = {"treated": "Yes", "holdout": "No"}
    sent = {"arm": "segment", "treated": "Mens E-Mail", "holdout": "No E-Mail"}
    # Name, log, kind, columns, known lift, tolerance.
    known: tuple[tuple[str, pd.DataFrame, str, dict[str, Any], float, float], ...] = (
        ("nsw", nsw, "money", {"arm": "treat", "treated": 1, "holdout": 0, "outcome": "re78"}, 1794.0, 1500.0),
        ("thornton", thornton, "binary", {"arm": "any", "treated": 1, "holdout": 0, "outcome": "got"}, 0.45, 0.05),
        ("starbucks", starbucks, "binary", {"arm": "Promotion", **yes, "outcome": "purchase"}, 0.00946, 0.002),
        ("starbucks by V1", starbucks, "binary",
         {"arm": "Promotion", **yes, "outcome": "purchase", "segment": "V1"}, 0.00946, 0.002),
        ("mail, visits", mens, "binary", {**sent, "outcome": "visit"}, 0.0766, 0.01),
        ("mail, visits by place", mens, "binary", {**sent, "outcome": "visit", "segment": "zip_code"}, 0.0766, 0.01),
        ("mail, visits by spending", mens, "binary",
         {**sent, "outcome": "visit", "segment": "history_segment"}, 0.0766, 0.01),
        ("mail, buyers", mens, "binary", {**sent, "outcome": "conversion"}, 0.0068, 0.002),
        ("mail, spending", mens, "money", {**sent, "outcome": "spend"}, 0.77, 0.35),
        ("mail, spending by channel", mens, "money", {**sent, "outcome": "spend", "segment": "channel"}, 0.77, 0.35),
    )  # fmt: skip
    for name, log, kind, columns, lift, tolerance in known:
        for said, promised in (("kept", lift), ("half", 2 * lift), ("twice", lift / 2)):
            contract = {"metric": "m", "kind": kind, "predicted": promised, "tolerance": min(tolerance, 0.9 * promised), "columns": columns}  # fmt: skip
            yield f"{name}, {said}", log, contract


def run() -> list[dict[str, Any]]:
    """Draws and checks all logs; returns one row a kind, one for all, one for real logs."""
    rows: list[dict[str, Any]] = []
    everything: list[tuple[str, str, str]] = []
    each = max(3, replicates(LOGS) // len(KINDS))
    for number, kind in enumerate(KINDS):
        contract, pairs = PredictedLift.load(kind.predicted), []
        for i in range(each):
            rng = np.random.default_rng([SEED, number, i])
            right = list(ARRIVING)[i % len(ARRIVING)]
            log = kind.draw(rng, ARRIVING[right], PLANNED * rng.uniform(1.0, 2.0))
            pairs.append((right, plain(log, contract), checked(log, contract)))
        rows.append(row(kind.name, pairs))
        print(rows[-1], flush=True)
        everything += pairs
    rows.append(row("all", everything))
    real = [
        ("", plain(log, PredictedLift.load(c)), checked(log, PredictedLift.load(c)))
        for _, log, c in real_logs()
    ]
    if real:
        rows.append(row("real experiments, ten metrics, three promises each", real))
        print(rows[-1], flush=True)
    return rows


ABOUT: Final = (
    f"{LOGS:,} simulated logs, {LOGS // len(KINDS)} a kind (the generator of log i of kind k: seed {SEED}, k, i), and "
    "three real experiments' metrics at three promises each. The realized lift is the promised "
    "lift, a third of it, or five thirds; the tolerance is a third. Units are one to four times the number at which "
    "nine of ten logs are decided. Plain: Welch's interval over all units of both arms, without strata, by the same "
    "rule. Target: at least .99 of the plain difference's verdicts kept."
)


def main() -> None:
    """Writes the table."""
    write("clean_logs", "Clean logs keep their verdict", ABOUT, run())


if __name__ == "__main__":
    main()
