"""Money by month of a whole portfolio, as it is kept while people check, correct and erase."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from click.testing import CliRunner
from mlflow import MlflowClient

import spot_mlflow as spot
from spot_mlflow.record import Record
from spot_mlflow.reporting.message.history import TAG, history_from, history_of, history_tag
from spot_mlflow_cli.main import spot as command_line

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT: dict[str, Any] = {
    "metric": "bought",
    "predicted": {"lift": 0.1, "se": 0.01},
    "window": "7d",
    "economics": {"unit": "USD", "value": 7.77, "offer_cost": 0.13},
    "columns": {"unit": "id", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y", "decided_at": "day"},
}  # fmt: skip
UNITS = 3000


def log(seed: int) -> pd.DataFrame:
    """August to October, about thirty-three units a day."""
    r = np.random.default_rng(seed)
    arm = np.where(np.arange(UNITS) % 2, "t", "c")
    day = pd.Timestamp("2027-08-01") + pd.to_timedelta(np.arange(UNITS) * 90 // UNITS, unit="D")
    bought = (r.random(UNITS) < np.where(arm == "t", 0.3, 0.2)).astype(int)
    return pd.DataFrame({"id": np.arange(UNITS), "arm": arm, "y": bought, "day": day.date})


def asked(*arguments: str) -> Any:
    """What a command prints as JSON."""
    found = CliRunner().invoke(
        command_line, [*arguments, "--format", "json"], standalone_mode=False
    )
    if found.exception is not None:
        raise found.exception
    return json.loads(found.stdout)


def check(folder: Path, model: str, rows: pd.DataFrame) -> dict[str, Any]:
    """Checks a log and records the answer; returns what it says of money to date."""
    path = folder / f"{model}.csv"
    rows.to_csv(path, index=False)
    body = asked("outcomes", f"{model}/1", str(path), "--as-of", "2027-12-01")
    assert body["recorded"]
    found: dict[str, Any] = body["economics"]["to_date"]
    return found


def money() -> dict[str, Any]:
    """The portfolio's money, in the one currency that there is."""
    (found,) = asked("portfolio")["money"]
    return dict(found)


def test_money_by_month_is_right_after_whatever_happened(mlflow_uri: str, tmp_path: Path) -> None:
    """After a check, a restated month, customers erased from the log, an erased name and a lost tag."""
    client = MlflowClient(mlflow_uri)
    for model in ("stay", "win"):
        client.create_registered_model(model)
        client.create_model_version(model, source="s3://nowhere/model")
        spot.log_predicted_lift(f"{model}/1", CONTRACT)
    first, second = (check(tmp_path, m, log(n)) for n, m in enumerate(("stay", "win")))
    before = money()
    assert_sums(before, first, second)
    assert [m["month"] for m in before["months"]] == ["2027-08", "2027-09", "2027-10"]

    restated = log(0)
    restated.loc[(restated["arm"] == "t") & (restated["day"].astype(str) < "2027-09"), "y"] = 0
    first = check(tmp_path, "stay", restated)
    after = money()
    assert_sums(after, first, second)
    august = [Decimal(x["months"][0]["arrived"]) for x in (before, after)]
    october = [Decimal(x["months"][2]["arrived"]) for x in (before, after)]
    assert august[1] < august[0] - 500  # five hundred treated customers, three in ten had bought
    assert abs(october[1] - october[0]) < 100

    first = check(tmp_path, "stay", restated.drop(index=[2203, 941, 40]))
    assert_sums(money(), first, second)

    spot.log_involvement(
        "stay/1", phase="review", kind="contributed", person="Kim Lee", role="frontline"
    )
    kept = asked("portfolio")["money"]
    erased = CliRunner().invoke(command_line, ["erase", "Kim Lee", "--yes"])
    assert erased.exit_code == 0, erased.output
    assert asked("portfolio")["money"] == kept

    client.set_registered_model_tag("win", TAG, "{}")
    assert_sums(money(), first)
    rebuilt = CliRunner().invoke(command_line, ["verify", "--all", "--rebuild"])
    assert rebuilt.exit_code == 0, rebuilt.output
    assert asked("portfolio")["money"] == kept
    for model in ("stay", "win"):
        derived = history_tag(history_of(Record().adoption(model)))
        assert client.get_registered_model(model).tags[TAG] == derived


def assert_sums(found: dict[str, Any], *models: dict[str, Any]) -> None:
    """The portfolio is the sum of the models' reports, and of its months, to the last cent."""
    for key, of in (("promised", lambda m: m["promised"]), ("arrived", lambda m: m["realized"]["lift"])):  # fmt: skip
        total = sum(Decimal(f"{of(m):.2f}") for m in models)
        assert Decimal(found[key]) == total
        assert sum(Decimal(m[key]) for m in found["months"]) == total


def test_the_tag_is_written_when_money_changes_and_only_then(
    mlflow_uri: str, tmp_path: Path
) -> None:
    """An assessment leaves it as it is; a version carries none, so that a copy brings none along."""
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("stay")
    client.create_model_version("stay", source="s3://nowhere/model")
    spot.log_predicted_lift("stay/1", CONTRACT)
    assert TAG not in client.get_registered_model("stay").tags
    check(tmp_path, "stay", log(0))
    tags = client.get_registered_model("stay").tags
    assert history_from("stay", tags).accounts[0].unit == "USD"
    assert len(tags[TAG]) < 1500
    spot.log_assessment("stay/1", {"S1": 3}, person="Bea", role="business")
    assert client.get_registered_model("stay").tags[TAG] == tags[TAG]
    assert TAG not in client.get_model_version("stay", "1").tags
