"""Outcome checks and models for tests: simulated logs, judged by the product's own statistics."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from people import NOW, entry

from spot_mlflow.adoption import Adoption, KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.report import LiftReport
from spot_mlflow.lift.results import CheckResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from spot_mlflow.evidence import Evidence

PASSED = CheckResult("arms_assigned", "critical", True, 0.0, "Every row has an arm")


def make_report(
    *,
    lift: float = 0.009,
    promised: float = 0.023,
    n: int = 60_000,
    segments: tuple[str, ...] = ("West", "North", "South"),
    seed: int = 7,
    contract: dict[str, Any] | None = None,
    checks: tuple[CheckResult, ...] = (PASSED,),
) -> LiftReport:
    """Simulates ``n`` units over 12 weeks, without a funnel, and analyses them."""
    from spot_mlflow.lift.analysis import analyze

    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.8
    y = (rng.random(n) < 0.06 + lift * treated).astype(float)
    segment = rng.choice(list(segments), n)
    week = np.datetime64("2027-01-04") + 7 * rng.integers(0, 12, n)
    predicted = PredictedLift.load(
        {
            "metric": "renewed",
            "predicted": {"lift": promised, "se": 0.002, "source": "backtest"},
            "minimum_viable": 0.005,
            "columns": {"arm": "arm", "outcome": "renewed", "segment": "region"},
            **(contract or {}),
        }
    )
    moments = OutcomeMoments(
        cells=Moments.of_units(
            {"outcome": y}, np.where(treated, "treatment", "holdout"), segment=segment, period=week
        ),
        faults={},
        as_of="2027-04-15T00:00:00+00:00",
        source="outcomes.parquet",
        rows=n,
        columns=("arm", "outcome", "segment"),
    )
    return LiftReport(
        predicted=predicted,
        analysis=analyze(moments, predicted),
        checks=checks,
        moments=moments,
        created="2027-04-15T09:30:00+00:00",
    )


CONTRACT: dict[str, Any] = {
    "metric": "contracts renewed",
    "population": "top 30 % by score",
    "predicted": {"lift": 0.023, "se": 0.002, "source": "backtest"},
    "minimum_viable": 0.005,
    "window": "30d",
    "treatment_share": 0.8,
    "funnel": {"offered": 1.0, "delivered": 0.95, "on_time": 1.0},
    "economics": {
        "unit": "USD",
        "value": 180,
        "offer_cost": 0.8,
        "population": 400_000,
        "capacity": 100_000,
    },
    "score_edges": [0.2, 0.4, 0.6, 0.8],
    "decile_predictions": [0.004, 0.012, 0.022, 0.032, 0.045],
    "columns": {
        "unit": "customer",
        "arm": "arm",
        "treated": "offer",
        "holdout": "no offer",
        "outcome": "renewed",
        "decided_at": "decided",
        "segment": "region",
        "score": "score",
        "offered": "offered",
        "delivered": "delivered",
        "delivered_at": "delivered_at",
        "due_at": "due_at",
        "acted": "acted",
        "acted_at": "acted_at",
        "override_reason": "override",
        "team": "team",
        "actor": "actor",
        "value": "value",
        "cost": "cost",
    },
}


def make_log(n: int = 40_000, seed: int = 11) -> pd.DataFrame:
    """Simulates a whole outcome log in which team West leaves most offers undelivered."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.8
    region = rng.choice(["West", "North", "South"], n, p=[0.45, 0.3, 0.25])
    score = rng.random(n)
    decided = pd.Timestamp("2027-01-04") + pd.to_timedelta(rng.integers(0, 70, n), unit="D")
    offered = treated & (rng.random(n) < 0.97)
    reach = np.where(region == "West", 0.34, 0.8)
    delivered = offered & (rng.random(n) < reach)
    on_time = delivered & (rng.random(n) < 0.92)
    y = rng.random(n) < 0.06 + 0.06 * score * on_time
    late = np.where(on_time, 24, 24 * 9)
    return pd.DataFrame(
        {
            "customer": np.arange(n),
            "arm": np.where(treated, "offer", "no offer"),
            "renewed": y.astype(int),
            "decided": decided,
            "region": region,
            "score": score,
            "offered": offered.astype(int),
            "delivered": delivered.astype(int),
            "delivered_at": pd.Series(decided + pd.to_timedelta(late, unit="h")).where(delivered),
            "due_at": decided + pd.Timedelta(days=7),
            "acted": np.where(treated, delivered.astype(float), np.nan),
            "acted_at": pd.Series(decided + pd.to_timedelta(late, unit="h")).where(delivered),
            "override": np.where(
                treated & ~delivered, rng.choice(["no time", "customer knew"], n), None
            ),
            "team": region,
            "actor": [f"{r}-{k}" for r, k in zip(region, rng.integers(0, 9, n), strict=True)],
            "value": y * 180.0,
            "cost": delivered * 0.8,
        }
    )


@cache
def short_report() -> LiftReport:
    """A check that finds a shortfall; a log without a funnel."""
    return make_report(lift=0.002, n=100_000)


@cache
def kept_report() -> LiftReport:
    """A check that finds the promise kept."""
    return make_report(lift=0.023, n=150_000)


def faulty(report: LiftReport) -> dict[str, Any]:
    """Returns a check whose log cannot be trusted, as a record holds it."""
    fault = {
        "name": "arms_known", "severity": "critical", "success": False, "observed": 1, "message": "bad arms",
    }  # fmt: skip
    held = {"verdict": "inconclusive", "viable": "undecided", "checks": [fault]}
    return report.to_dict() | held


VERSION = "3"


def make_adoption(
    *entries: Evidence,
    check: LiftReport | None = None,
    predicted: PredictedLift | None = None,
    name: str = "churn",
    tags: Mapping[str, str] | None = None,
    stage: str = "None",
) -> Adoption:
    """Puts together a model with one version, its promise and its outcome check."""
    contract = check.predicted if check is not None else predicted
    found = list(entries)
    if contract is not None:
        found.append(
            entry("prediction", {"contract": contract.to_dict()}, None, None, 40, version=VERSION)
        )
    if check is not None:
        found.append(entry("outcomes", check.to_dict(), None, None, 1, version=VERSION))
    version = VersionFacts(VERSION, NOW, stage=stage)
    facts = ModelFacts(name, 1, KnownVersions([version]), tags=dict(tags or {}))
    return build_adoption(facts, found, version=None, now=NOW)
