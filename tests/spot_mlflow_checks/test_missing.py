"""Outcomes that are missing, wherever the log lies: shares by arm, and what the contract says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT: dict[str, Any] = {
    "metric": "stay",
    "predicted": 0.1,
    "tolerance": 0.08,
    "window": "30d",
    "columns": {"unit": "id", "arm": "arm", "outcome": "y", "decided_at": "d"},
}
AS_OF = "2027-06-01"


def log() -> pd.DataFrame:
    """4,000 units: a tenth of the treated, and a hundredth of the holdout, have no outcome.

    Each of 40 days has 50 units of either arm, so that days can be compared.
    """
    n = np.arange(4000)
    arm = n % 2
    y = (np.random.default_rng(5).random(4000) < 0.3 + 0.1 * arm).astype(float)
    y[(arm == 1) & (n // 2 % 10 == 0)] = np.nan
    y[(arm == 0) & (n // 2 % 100 == 0)] = np.nan
    days = pd.Timestamp("2027-01-01") + pd.to_timedelta(n // 100, unit="D")
    return pd.DataFrame({"id": n, "arm": arm, "y": y, "d": days})


def written(frame: pd.DataFrame, kind: str, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The log as an engine has it: (source, further arguments)."""
    if kind == "pandas":
        return frame, {}
    if kind == "text":
        return frame.assign(y=frame.y.map({0.0: "0", 1.0: "1"}).fillna("n/a")), {}
    if kind == "csv":
        frame.to_csv(folder / "log.csv", index=False)
        return str(folder / "log.csv"), {}
    if kind == "parquet":
        frame.to_parquet(folder / "log.parquet")
        return str(folder / "log.parquet"), {}
    engine = sa.create_engine(f"sqlite:///{folder / 'log.db'}")
    frame.to_sql("log", engine, index=False)
    return engine, {"table": "log"}


ENGINES = ["pandas", "text", "csv", "parquet", "sqlite"]


@pytest.mark.parametrize("kind", ENGINES)
def test_every_engine_counts_the_missing_by_arm(kind, tmp_path):
    """Shares, evidence and bounds of the lift are the same wherever the log lies."""
    source, more = written(log(), kind, tmp_path)
    lost = check_outcomes(source, CONTRACT, as_of=AS_OF, **more).to_dict()["attrition"]
    assert lost["arms"]["treatment"] == {"matured": 2000, "missing": 200, "share": 0.1}
    assert lost["arms"]["holdout"] == {"matured": 2000, "missing": 20, "share": 0.01}
    assert lost["alarm"]
    assert lost["bounds"]["low"] < lost["bounds"]["high"]


def test_spark_counts_the_missing_by_arm(spark):
    """Spark gives the same shares, and counts nothing as 0 unless it is declared."""
    frame = spark.createDataFrame(log())
    lost = check_outcomes(frame, CONTRACT, as_of=AS_OF).to_dict()["attrition"]
    assert [lost["arms"][a]["missing"] for a in ("treatment", "holdout")] == [200, 20]
    zero = check_outcomes(frame, CONTRACT | {"missing": "zero"}, as_of=AS_OF).to_dict()
    assert zero["attrition"] is None
    assert zero["realized"]["n_treatment"] == 2000


@pytest.mark.parametrize("kind", ENGINES)
def test_where_a_missing_outcome_means_nothing_happened_it_counts_as_0(kind, tmp_path):
    """Declared, the answer is that of the log with zeros written in, and a note says how many."""
    source, more = written(log(), kind, tmp_path)
    found = check_outcomes(source, CONTRACT | {"missing": "zero"}, as_of=AS_OF, **more).to_dict()
    whole = check_outcomes(log().fillna({"y": 0.0}), CONTRACT, as_of=AS_OF).to_dict()
    assert found["realized"] == whole["realized"]
    assert found["verdict"] == whole["verdict"]
    assert any(
        "220 of 4,000 mature units have no outcome and count as 0" in n for n in found["notes"]
    )


def test_units_that_are_not_mature_are_no_attrition():
    """Outcomes that cannot be there yet are not missing, though all of them are in one arm."""
    frame = log().fillna({"y": 0.0})
    young = (frame.d > "2027-01-20") & (frame.arm == 1)
    frame.loc[young, "y"] = np.nan
    assert check_outcomes(frame, CONTRACT, as_of="2027-02-18").to_dict()["attrition"] is None
    assert check_outcomes(frame, CONTRACT, as_of=AS_OF).to_dict()["attrition"]["alarm"]


def test_an_outcome_that_cannot_be_read_is_missing_even_where_missing_means_0():
    """A word in place of a number says that something is wrong, not that nothing happened."""
    frame = log().fillna({"y": 0.0}).astype({"y": object})
    frame.loc[frame.index[(frame.arm == 1)][:15], "y"] = "oops"
    found = check_outcomes(frame, CONTRACT | {"missing": "zero"}, as_of=AS_OF).to_dict()
    assert found["attrition"]["arms"]["treatment"]["missing"] == 15
    assert found["attrition"]["alarm"]


def test_closed_cohorts_keep_what_they_lack():
    """A check that builds on an earlier one counts the missing of closed cohorts, clusters included."""
    whole = log().assign(shop=lambda f: 2 * (f.d.dt.day + 100 * f.d.dt.month) + f.arm)
    contract = CONTRACT | {"columns": CONTRACT["columns"] | {"cluster": "shop"}}
    early = whole.sort_values("d", ignore_index=True).assign(id=np.arange(4000))
    first = early[early.d < "2027-01-15"]
    earlier = check_outcomes(first, contract, as_of="2027-02-14")
    later = check_outcomes(early[early.d >= "2027-01-15"], contract, as_of=AS_OF, previous=earlier)
    scratch = check_outcomes(early, contract, as_of=AS_OF)
    assert "closed cohorts from the earlier check" in later.moments.passes
    assert later.to_dict()["attrition"]["arms"] == scratch.to_dict()["attrition"]["arms"]
    ours, theirs = later.moments.clusters, scratch.moments.clusters
    assert ours is not None
    assert theirs is not None
    assert ours.missing is not None
    assert theirs.missing is not None
    assert np.allclose(ours.missing[:, [0, 1, 4, 5]], theirs.missing[:, [0, 1, 4, 5]])
