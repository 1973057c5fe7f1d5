"""The three ways that the documentation gives for a log that changed behind a check, as a person types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import spot_mlflow as spot
from spot_mlflow_cli.main import spot as command_line

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT: dict[str, Any] = {
    "metric": "bought",
    "predicted": {"lift": 0.1, "se": 0.01},
    "window": "7d",
    "columns": {"unit": "id", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y", "decided_at": "day"},
}  # fmt: skip
UNITS = 3100


def log() -> pd.DataFrame:
    """August, a hundred units a day."""
    r = np.random.default_rng(8)
    arm = np.where(np.arange(UNITS) % 2, "t", "c")
    day = pd.Timestamp("2027-08-01") + pd.to_timedelta(np.arange(UNITS) // 100, unit="D")
    bought = (r.random(UNITS) < np.where(arm == "t", 0.3, 0.2)).astype(int)
    return pd.DataFrame({"id": np.arange(UNITS), "arm": arm, "y": bought, "day": day.date})


@pytest.fixture
def checked(mlflow_uri: str, tmp_path: Path) -> Path:
    """churn/1 with a promise and one check of the whole log on record; the folder of the log."""
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    spot.log_predicted_lift("churn/1", CONTRACT, record=Record())
    assert outcomes(tmp_path, log())["recorded"]
    return tmp_path


def outcomes(folder: Path, rows: pd.DataFrame, *more: str) -> dict[str, Any]:
    """One ``spot outcomes`` over the whole log."""
    path = folder / "log.csv"
    rows.to_csv(path, index=False)
    asked = ["outcomes", "churn/1", str(path), "--as-of", "2027-10-01", "--format", "json", *more]
    found = CliRunner().invoke(command_line, asked, standalone_mode=False)
    if found.exception is not None:
        raise found.exception
    body: dict[str, Any] = json.loads(found.stdout)
    return body


def units(body: dict[str, Any]) -> int:
    """Units that an answer rests on."""
    return int(body["realized"]["n_treatment"] + body["realized"]["n_holdout"])


def test_a_restated_month_is_given_as_the_whole_log(checked: Path) -> None:
    """Everything is read again, each corrected cohort is told, and no unit is missing."""
    new = log()
    new.loc[new["arm"] == "t", "y"] = 1
    body = outcomes(checked, new)
    assert units(body) == UNITS
    assert body["recorded"]
    assert body["left_out"] is None
    assert any("was corrected" in note for note in body["notes"])


def test_a_few_units_erased_on_request_are_counted_in_the_first_sentence(checked: Path) -> None:
    """The log without them is the answer, and the answer says how many it lacks."""
    body = outcomes(checked, log().drop(index=[40, 941, 2203]))
    assert units(body) == UNITS - 3
    assert body["recorded"]
    assert body["left_out"]["units"] == 3


def test_many_erased_units_need_a_reason(checked: Path) -> None:
    """Without one nothing is recorded; with one it is, and the reason is shown."""
    kept = log().iloc[: UNITS - 500]
    with pytest.raises(spot.InvalidInput, match=r"leaves out 500 of the 3,100.*--fewer"):
        outcomes(checked, kept)
    body = outcomes(checked, kept, "--fewer", "erased on request, 12 November")
    assert units(body) == UNITS - 500
    assert body["left_out"]["units"] == 500
    assert body["left_out"]["reason"] == "erased on request, 12 November"
