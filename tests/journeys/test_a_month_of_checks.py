"""A month of weekdays on which cron runs ``spot outcomes`` over two weeks of files, corrected once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import spot_mlflow as spot
from spot_mlflow_checks import check_outcomes
from spot_mlflow_cli.main import spot as command_line

if TYPE_CHECKING:
    from pathlib import Path

    from spot_mlflow.record import Record

CONTRACT: dict[str, Any] = {
    "metric": "bought",
    "predicted": {"lift": 0.1, "se": 0.01},
    "window": "7d",
    "looks": "monitored",
    "planned_units": 2800,
    "columns": {"unit": "id", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y",
                "decided_at": "day", "team": "team"},
}  # fmt: skip
FIRST = pd.Timestamp("2027-03-01")  # a Monday
FILES, EACH = 14, 200


def file_of(day: int) -> pd.DataFrame:
    """The units decided on one day, with the outcomes that they will have had."""
    r = np.random.default_rng(day)
    arm = np.where(np.arange(EACH) % 2, "t", "c")
    return pd.DataFrame(
        {
            "id": day * 1000 + np.arange(EACH),
            "arm": arm,
            "y": (r.random(EACH) < np.where(arm == "t", 0.3, 0.2)).astype(int),
            "day": (FIRST + pd.Timedelta(days=day)).date(),
            "team": np.where(np.arange(EACH) % 3, "North", "South"),
        }
    )


@pytest.fixture
def promised(mlflow_uri: str) -> Record:
    """churn/1 with its promise on record."""
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    record = Record()
    spot.log_predicted_lift("churn/1", CONTRACT, record=record)
    return record


def cron(folder: Path, as_of: pd.Timestamp) -> dict[str, Any]:
    """One run of the scheduler; it must end well."""
    found = CliRunner().invoke(
        command_line,
        [
            "outcomes",
            "churn/1",
            f"{folder}/*.csv",
            "--as-of",
            as_of.isoformat(),
            "--format",
            "json",
        ],
        standalone_mode=False,
    )
    assert found.exception is None, found.exception
    body: dict[str, Any] = json.loads(found.stdout)
    return body


def test_a_month_of_daily_checks_has_no_wrong_and_no_failed_run(
    promised: Record, tmp_path: Path
) -> None:
    """Each answer rests on all units so far and equals a check from scratch; nothing new writes nothing."""
    recorded, units = [], 0
    for day in range(30):
        if day < FILES:
            file_of(day).to_csv(tmp_path / f"{day:02d}.csv", index=False)
        if day == 17:  # outcomes of one closed day were wrong
            wrong = file_of(2)
            wrong.loc[wrong["arm"] == "t", "y"] = 1 - wrong.loc[wrong["arm"] == "t", "y"]
            wrong.to_csv(tmp_path / "02.csv", index=False)
        as_of = FIRST + pd.Timedelta(days=day, hours=23)
        if as_of.weekday() >= 5 or day < 8:  # cron runs on weekdays, from the first outcomes on
            continue
        body = cron(tmp_path, as_of)
        analysed = body["realized"]["n_treatment"] + body["realized"]["n_holdout"]
        assert analysed >= units, day
        assert analysed == EACH * min(FILES, day - 6), day
        assert body["left_out"] is None
        units = analysed
        recorded.append(body["recorded"])
        if day == 17:
            assert any("was corrected" in note for note in body["notes"])
    files = pd.concat([pd.read_csv(p) for p in sorted(tmp_path.glob("*.csv"))])
    whole = check_outcomes(files, CONTRACT, as_of=as_of, model_version="1").to_dict()["realized"]
    for key in ("lift", "n_treatment", "n_holdout"):
        assert body["realized"][key] == pytest.approx(whole[key], rel=1e-9)
    # The windows of all units have passed on day 21: from the check after that nothing is new.
    assert recorded[-5:] == [False] * 5
    assert len(promised.adoption("churn/1").checks["1"]) == sum(recorded)
