"""Further metrics of a contract, wherever the log lies: from the same pass, judged as the headline is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks import check_outcomes, outcome_suite

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2027-06-01"
GUARDRAILS = [
    {"name": "complaints", "column": "c", "direction": "decrease", "margin": 0.03},
    {"name": "opt-outs", "column": "o", "direction": "decrease", "margin": 0.01},
    {"name": "profit", "column": "m", "kind": "money", "direction": "increase", "margin": 1.0},
]
CONTRACT: dict[str, Any] = {
    "metric": "stay",
    "predicted": 0.1,
    "window": "30d",
    "columns": {"unit": "id", "arm": "arm", "outcome": "y", "decided_at": "d", "segment": "s"},
    "guardrails": GUARDRAILS,
}


def log(n: int = 8000) -> pd.DataFrame:
    """Complaints stay as they are, opt-outs rise by 6 points, profit stays; 2 % of complaints unknown."""
    r = np.random.default_rng(11)
    i = np.arange(n)
    arm = i % 2
    frame = pd.DataFrame({
        "id": i,
        "arm": arm,
        "y": (r.random(n) < 0.3 + 0.1 * arm).astype(int),
        "c": (r.random(n) < 0.05).astype(float),
        "o": (r.random(n) < 0.05 + 0.06 * arm).astype(int),
        "m": np.round(r.normal(20, 10, n), 2),
        "s": np.where(i // 2 % 3 == 0, "a", "b"),
        "d": pd.Timestamp("2027-01-01") + pd.to_timedelta(i // 2 % 40, unit="D"),
        "shop": i % 400,
    })  # fmt: skip
    frame.loc[i // 2 % 50 == 7, "c"] = np.nan
    return frame


def found(
    source: Any, contract: dict[str, Any] = CONTRACT, **more: Any
) -> dict[str, dict[str, Any]]:
    """The guardrails of a check, by name."""
    body = check_outcomes(source, contract, as_of=AS_OF, **more).to_dict()
    return {g["name"]: g for g in body["guardrails"]}


def test_each_guardrail_has_its_verdict_and_its_check():
    """One harmless, one harmful, and the check of each says so with its margin."""
    report = check_outcomes(log(), CONTRACT, as_of=AS_OF)
    verdicts = [g.verdict for g in report.analysis.guardrails]
    assert verdicts == ["harmless", "harmful", "harmless"]
    checks = {c.name: c for c in report.checks if c.name.startswith("guardrail:")}
    assert list(checks) == ["guardrail:opt-outs", "guardrail:complaints", "guardrail:profit"]
    assert not checks["guardrail:opt-outs"].success
    assert "worse by at least" in checks["guardrail:opt-outs"].message
    assert "beyond the margin of 1.0 points" in checks["guardrail:opt-outs"].message
    assert not report.analysis.outcome.withheld


def test_guardrails_cost_no_pass_of_their_own():
    """They are summed in the base pass; only clusters need a grain of their own."""
    assert check_outcomes(log(), CONTRACT, as_of=AS_OF).moments.passes == ("base", "units")


@pytest.mark.parametrize(
    "more",
    [{}, {"looks": "monitored", "planned_units": 8000}, {"columns": {**CONTRACT["columns"], "cluster": "shop"}}],
    ids=["once", "monitored", "clusters"],
)  # fmt: skip
def test_a_guardrail_is_estimated_as_a_headline_would_be(more):
    """Level and interval are those of a contract whose outcome is the guardrail, at Holm's level."""
    guarded = found(log(), CONTRACT | more)
    for g in GUARDRAILS:
        mine = guarded[g["name"]]
        columns = {**(CONTRACT | more)["columns"], "outcome": g["column"]}
        alone = CONTRACT | more | {
            "columns": columns, "guardrails": [], "kind": g.get("kind", "binary"),
            "direction": g["direction"], "confidence": mine["confidence"], "predicted": 5.0,
            "tolerance": 0.5,
        }  # fmt: skip
        if g.get("kind") != "money":
            alone |= {"predicted": 0.05, "tolerance": 0.01}
        expected = check_outcomes(log(), alone, as_of=AS_OF).to_dict()["realized"]
        for key in ("lift", "low", "high"):
            assert mine["estimate"][key] == pytest.approx(expected[key], abs=1e-9)
        assert mine["n_treatment"] == expected["n_treatment"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "sqlite", "polars"])
def test_every_engine_gives_the_same_answer(kind, tmp_path: Path):
    """Verdict, interval, units and missing values do not depend on where the log lies."""
    frame, more = log(), {}
    source: Any
    if kind == "csv":
        source = str(tmp_path / "log.csv")
        frame.to_csv(source, index=False)
    elif kind == "parquet":
        source = str(tmp_path / "log.parquet")
        frame.to_parquet(source)
    elif kind == "polars":
        source = pytest.importorskip("polars").from_pandas(frame)
    else:
        source = sa.create_engine(f"sqlite:///{tmp_path / 'log.db'}")
        frame.to_sql("log", source, index=False)
        more = {"table": "log"}
    ours, theirs = found(frame), found(source, **more)
    for name, expected in ours.items():
        assert theirs[name]["verdict"] == expected["verdict"]
        assert theirs[name]["missing"] == expected["missing"]
        assert theirs[name]["estimate"]["low"] == pytest.approx(
            expected["estimate"]["low"], abs=1e-9
        )


def test_a_missing_value_is_said_and_counts_as_nothing():
    """It is not 0: units without a value leave the comparison, unless the contract says otherwise."""
    mine = found(log())["complaints"]
    assert mine["missing"] == 160
    assert mine["n_treatment"] + mine["n_holdout"] == 8000 - 160
    known = log().dropna(subset=["c"])
    assert mine["mean_holdout"] == pytest.approx(known[known.arm == 0].c.mean(), abs=2e-3)
    report = check_outcomes(log(), CONTRACT, as_of=AS_OF)
    message = next(c.message for c in report.checks if c.name == "guardrail:complaints")
    assert "160 of 8,000 units have no value of it" in message
    zero = [{**GUARDRAILS[0], "missing": "zero"}]
    assert found(log(), CONTRACT | {"guardrails": zero})["complaints"]["missing"] == 0


def test_values_missing_by_arm_leave_no_verdict():
    """Complaints that are lost for the treated clear nothing."""
    frame = log()
    frame.loc[(frame.arm == 1) & (frame.id % 20 == 1), "c"] = np.nan
    mine = found(frame)["complaints"]
    assert (mine["verdict"], mine["inconclusive"]) == ("undecided", "data")
    assert "are missing for" in mine["reason"]


def test_money_missing_by_arm_needs_the_bounds_of_its_own_guardrail():
    """A declared cap lets a wide margin be cleared; without one nothing is."""
    frame = log()
    frame["m"] = frame["m"].clip(lower=0, upper=60)
    frame.loc[(frame.arm == 1) & (frame.id % 20 == 1), "m"] = np.nan
    wide = {**GUARDRAILS[2], "margin": 12.0}
    without = found(frame, CONTRACT | {"guardrails": [wide]})["profit"]
    assert "bounds: {low" in without["remedy"]
    bounded = CONTRACT | {"guardrails": [{**wide, "bounds": {"high": 60}}]}
    assert found(frame, bounded)["profit"]["verdict"] == "harmless"


def test_a_guardrail_whose_column_is_not_logged_is_undecided():
    """The check fails and names the column; the rest of the report stays."""
    report = check_outcomes(log().drop(columns="o"), CONTRACT, as_of=AS_OF)
    mine = next(g for g in report.analysis.guardrails if g.name == "opt-outs")
    assert (mine.verdict, mine.inconclusive) == ("undecided", "data")
    assert mine.reason == "the log has no column 'o'"
    assert any("guardrail 'opt-outs'" in n for n in report.analysis.notes)


def test_where_the_log_carries_no_verdict_no_guardrail_is_cleared():
    """Half of the outcomes missing takes back the guardrails' verdicts, too."""
    frame = log().astype({"y": float})
    frame.loc[frame.id % 4 < 2, "y"] = np.nan
    assert {g["verdict"] for g in found(frame).values()} == {"undecided"}


def test_closed_cohorts_keep_their_guardrails():
    """A check that builds on an earlier one gives the guardrails of a check from scratch."""
    whole = log().sort_values("d", ignore_index=True).assign(id=np.arange(8000))
    first = whole[whole.d < "2027-01-15"]
    earlier = check_outcomes(first, CONTRACT, as_of="2027-02-14")
    kept = OutcomeMoments.from_dict(earlier.moments.to_dict())
    later = check_outcomes(whole[whole.d >= "2027-01-15"], CONTRACT, as_of=AS_OF, previous=kept)
    scratch = check_outcomes(whole, CONTRACT, as_of=AS_OF)
    assert "closed cohorts from the earlier check" in later.moments.passes
    for mine, theirs in zip(later.analysis.guardrails, scratch.analysis.guardrails, strict=True):
        assert mine.verdict == theirs.verdict
        assert mine.estimate.low == pytest.approx(theirs.estimate.low, abs=1e-9)


def test_logged_propensities_weight_guardrails_too():
    """Where units were weighted for the headline, a guardrail has the same weights."""
    r = np.random.default_rng(4)
    n = 8000
    risk = r.random(n) < 0.5
    share = np.where(risk, 0.8, 0.3)
    arm = (r.random(n) < share).astype(int)
    frame = pd.DataFrame({
        "id": np.arange(n), "arm": arm, "y": (r.random(n) < 0.3 + 0.1 * arm).astype(int),
        "c": (r.random(n) < np.where(risk, 0.2, 0.05)).astype(int),
        "p": np.where(arm == 1, share, 1 - share),
    })  # fmt: skip
    contract = {
        "metric": "stay", "predicted": 0.1, "design": "logged_propensity",
        "columns": {"unit": "id", "arm": "arm", "outcome": "y", "propensity": "p"},
        "guardrails": [{**GUARDRAILS[0], "margin": 0.03}],
    }  # fmt: skip
    mine = found(frame, contract)["complaints"]
    pooled = frame[frame.arm == 1].c.mean() - frame[frame.arm == 0].c.mean()
    assert pooled > 0.05
    assert abs(mine["estimate"]["lift"]) < 0.02
    assert mine["verdict"] == "harmless"


def test_a_suite_asks_each_guardrail_and_counts_them():
    """One Expectation a guardrail; a contract without guardrails has none, and the count is right."""
    plain = PredictedLift.load({k: v for k, v in CONTRACT.items() if k != "guardrails"})
    few, many = outcome_suite(plain), outcome_suite(CONTRACT)
    assert len(many.expectations) == len(few.expectations) + 3
    assert (many.meta or {})["spot_mlflow"]["expectations"] == len(many.expectations)
    named = [e.guardrail for e in many.expectations if hasattr(e, "guardrail")]
    assert named == ["complaints", "opt-outs", "profit"]
