from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import spot_mlflow as spot
from spot_mlflow import InvalidInput, PredictedLift
from spot_mlflow_checks.holdout.assign_file import assign_file

CONTRACT = PredictedLift.load({
    "metric": "stays", "predicted": 0.02, "assignment": {"salt": "it's", "holdout": 0.3},
    "columns": {"arm": "the arm", "outcome": "y", "unit": "my id", "treated": "it's new", "holdout": "old"},
})  # fmt: skip
SCHEDULE = PredictedLift.load({
    "metric": "stays", "predicted": 0.02,
    "assignment": {"salt": "s", "schedule": [
        {"from": "2027-01-10", "holdout": 0.9}, {"from": "2027-02-10", "holdout": 0.1},
        {"from": "2027-01-10", "segment": "b", "holdout": 0.5},
    ]},
    "columns": {"arm": "arm", "outcome": "y", "unit": "id", "decided_at": "at", "segment": "part"},
})  # fmt: skip


def scored(n=500):
    """Scores with ids that a careless reader would change."""
    return pd.DataFrame(
        {
            "score": [i / 7 for i in range(n)],
            "my id": [f"{i:05d}" for i in range(n)],
            "note": 'a "b", ü',
        }
    )


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_rows_come_back_in_order_with_their_arm(tmp_path, suffix):
    """The same arms as in Python; everything else is as it was read."""
    frame = scored()
    frame.to_csv(tmp_path / "scored.csv", index=False)
    out = tmp_path / f"arms{suffix}"
    counts = assign_file(str(tmp_path / "scored.csv"), out, CONTRACT)
    found = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out, dtype={"my id": str})
    expected = spot.assign_arms(frame, CONTRACT)
    assert found["my id"].tolist() == frame["my id"].tolist()
    assert found["note"].tolist() == frame["note"].tolist()
    assert found["the arm"].tolist() == expected["the arm"].tolist()
    assert counts == {k: int((expected["the arm"] == k).sum()) for k in ("old", "it's new")}
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_parquet_keeps_its_types_and_every_row_its_step(tmp_path):
    """The time of each row and its segment pick the step, as in Python."""
    n = 400
    frame = pd.DataFrame({
        "id": range(n), "at": pd.date_range("2027-01-10", periods=n, freq="4h", tz="Europe/Berlin"),
        "part": ["a", "b"] * (n // 2),
    })  # fmt: skip
    frame["at"] = frame["at"] + pd.Timedelta("1h")
    frame.to_parquet(tmp_path / "scored.parquet")
    assign_file(str(tmp_path / "scored.parquet"), tmp_path / "arms.parquet", SCHEDULE)
    found = pq.read_table(tmp_path / "arms.parquet")
    assert found.schema.field("id").type == pa.int64()
    assert found["arm"].to_pylist() == spot.assign_arms(frame, SCHEDULE)["arm"].tolist()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"id": ["1", None]}, "1 rows have no id"),
        ({"id": ["1", "12.0"]}, r"1 ids end in .0"),
        ({"id": [1.5, 2.0]}, "ids are of type DOUBLE"),
        ({"id": [True, False]}, "ids are of type BOOLEAN"),
        ({"ID number": ["1"]}, "no column 'id'"),
        ({"id": ["1"], "arm": ["x"]}, "there is a column 'arm' already"),
        ({"id": ["1"]}, "no column 'part'"),
        ({"id": ["1"], "part": ["a"], "at": ["2027-01-09"]}, "no step of the schedule is in force for 1 rows"),
    ],
)  # fmt: skip
def test_a_fault_is_named_and_nothing_is_written(tmp_path, frame, message):
    """What is there stays as it was."""
    pq.write_table(pa.table(frame), tmp_path / "scored.parquet")
    out = tmp_path / "arms.csv"
    out.write_text("before")
    with pytest.raises(InvalidInput, match=message):
        assign_file(str(tmp_path / "scored.parquet"), out, SCHEDULE)
    assert out.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["arms.csv", "scored.parquet"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """No folder, or an ending that says nothing of the format."""
    scored().to_csv(tmp_path / "scored.csv", index=False)
    with pytest.raises(InvalidInput, match=r"arms.csv: cannot be written"):
        assign_file(str(tmp_path / "scored.csv"), tmp_path / "missing" / "arms.csv", CONTRACT)
    with pytest.raises(InvalidInput, match=r"must end in .csv"):
        assign_file(str(tmp_path / "scored.csv"), tmp_path / "arms.xlsx", CONTRACT)
