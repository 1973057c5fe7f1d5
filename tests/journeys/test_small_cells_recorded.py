"""A check of a log in which some days have one customer: nothing on record tells what became of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import spot_mlflow as spot
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.record import Record
from spot_mlflow.record.outcomes import latest_moments
from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT: dict[str, Any] = {
    "metric": "spend",
    "kind": "money",
    "predicted": {"lift": 5.0, "se": 1.0},
    "score_edges": [0.2, 0.4, 0.6, 0.8],
    "guardrails": [
        {"name": "calls", "column": "calls", "kind": "count", "direction": "decrease", "margin": 1.0}
    ],
    "columns": {
        "unit": "id", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y", "segment": "shop",
        "decided_at": "day", "score": "score", "team": "team", "offer": "offer", "acted": "acted",
    },
}  # fmt: skip
CLUSTERED = {**CONTRACT, "columns": {**CONTRACT["columns"], "cluster": "street"}}
LONE = 77_123.457  # the amount of the only customer of a shop on its only day


def log(*, clusters: bool) -> pd.DataFrame:
    """Five customers a day in three shops, and one customer in a fourth."""
    r = np.random.default_rng(3)
    n = 300
    frame = pd.DataFrame(
        {
            "id": [f"customer-{i}" for i in range(n)],
            "arm": np.where(r.random(n) < 0.5, "t", "c"),
            "y": r.gamma(2, 50, n),
            "shop": r.choice(["A", "B", "C"], n),
            "day": pd.Timestamp("2025-03-03") + pd.to_timedelta(np.arange(n) // 5, unit="D"),
            "score": r.random(n),
            "team": r.choice(["north", "west"], n),
            "offer": r.choice(["call", "letter"], n),
            "acted": r.integers(0, 2, n),
            "calls": r.poisson(1, n),
            "street": [f"s{i // 3}" for i in range(n)],
        }
    )
    frame.loc[n - 1, ["shop", "y", "day"]] = ["D", LONE, pd.Timestamp("2025-09-01")]
    return frame if clusters else frame.drop(columns="street")


@pytest.fixture
def record(mlflow_uri: str) -> Record:
    """A record that knows churn/1."""
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    return Record()


def small(node: Any, path: str = "") -> Iterator[str]:
    """Yields where stored tables, rows of a report and segments have fewer than ten units of an arm."""
    if isinstance(node, dict):
        for key in ("n", "assigned", "n_treatment", "n_holdout", "recommended"):
            values = node.get(key)
            for x in values if isinstance(values, list) else [values]:
                if isinstance(x, int | float) and 0 < x < 10:
                    yield f"{path}.{key} {x}"
        if "clusters" in node and "s1" in node:
            yield from (f"{path}.s1 {row[0]}" for row in node["s1"] if 0 < row[0] < 10)
        for key, value in node.items():
            yield from small(value, f"{path}.{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from small(value, f"{path}[{i}]")


@pytest.mark.parametrize("clusters", [False, True], ids=["units", "clusters"])
def test_no_outcome_of_one_customer_is_on_record(
    record: Record, tmp_path: Path, *, clusters: bool
) -> None:
    """No table of fewer than ten, in moments, payload or report; the sums are those of the log."""
    frame, contract = log(clusters=clusters), CLUSTERED if clusters else CONTRACT
    spot.log_predicted_lift("churn/1", contract, record=record)
    report = check_outcomes(frame, contract, as_of="2026-01-01", model_version="1")
    spot.log_outcomes("churn/1", report, record=record)
    adoption = record.adoption("churn/1")
    check = adoption.latest_check
    assert check is not None
    folder = Path(record.client.download_artifacts(check["run_id"], "", str(tmp_path)))
    files = {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    tables = ("moments.json", "report.json", "validation.json")
    assert set(tables) < set(files)
    for name in tables:
        assert list(small(json.loads(files[name]))) == [], name
    assert list(small(dict(check))) == []
    stored = latest_moments(record, adoption)
    assert isinstance(stored, OutcomeMoments)
    total = (stored.cells.s1[:, 0] + stored.cells.n * stored.cells.center[0]).sum()
    assert total == pytest.approx(frame["y"].sum(), rel=1e-9)
    # Recorded again it is the same: nothing new is written.
    spot.log_outcomes("churn/1", report, record=record)
    assert len(record.adoption("churn/1").checks["1"]) == 1
