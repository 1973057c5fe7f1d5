"""Parquet files that are read together hold a column in types that may become one, or are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_log import seen, small_log

from spot_mlflow import InvalidInput, PredictedLift
from spot_mlflow_checks.engines.alike import refuse_mixed
from spot_mlflow_checks.engines.files import read
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAIVE = pd.to_datetime(["2027-01-04 07:30", "2027-01-04 09:30"])
ZONED = NAIVE.tz_localize("America/New_York")
WANTED = {"at": "sources.events.at", "unit": "sources.events.unit", "net": "sources.events.amount"}


def files(folder: Path, *frames: pd.DataFrame) -> list[str]:
    """One file of each frame."""
    paths = [str(folder / f"part-{i}.parquet") for i in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        frame.to_parquet(path, index=False)
    return paths


def refusal(paths: Sequence[str]) -> InvalidInput:
    """How the files are refused."""
    with pytest.raises(InvalidInput) as e:
        refuse_mixed(duckdb.connect(), paths, WANTED)
    return e.value


def test_times_with_a_zone_do_not_make_others_utc(tmp_path: Path) -> None:
    """Files of a feed that got a zone in between would be hours apart."""
    paths = files(tmp_path, *(pd.DataFrame({"at": at}) for at in (NAIVE, NAIVE, ZONED)))
    said = refusal(paths)
    assert said.what == (
        "column 'at' (sources.events.at) holds times without a zone in 2 of the files, first "
        f"{paths[0]} and times with a zone in 1 of the files, first {paths[2]}"
    )
    assert "tz_localize" in str(said.fix)
    days = pd.DataFrame({"at": NAIVE.date})
    assert "holds days in 1" in refusal(files(tmp_path, days, pd.DataFrame({"at": ZONED}))).what


def test_ids_of_numbers_and_of_text_are_not_one(tmp_path: Path) -> None:
    """12.0 of one file would be another unit than the 12 of the other."""
    paths = files(tmp_path, *(pd.DataFrame({"unit": x}) for x in (["12", "13"], [12.0, np.nan])))
    assert "holds text in 1 of the files" in refusal(paths).what


@pytest.mark.parametrize(
    "columns",
    [
        {"at": (NAIVE, NAIVE.as_unit("ms"))},
        {"at": (ZONED, ZONED.tz_convert("UTC"))},
        {"at": (pd.to_datetime([None, None]), ZONED)},
        {"unit": (["12", "13"], [np.nan, np.nan])},
        {"unit": ([12, 13], ["a", "b"])},
        {"net": ([12.5, np.nan], ["12.5", "x"])},
        {"other": (NAIVE, ZONED)},
    ],
    ids=["units", "zones", "no times", "no ids", "whole ids", "amounts", "not wanted"],
)
def test_what_loses_nothing_is_read(
    columns: dict[str, tuple[object, object]], tmp_path: Path
) -> None:
    """Neither units and zones of times, nor a column in which nothing stands, nor one nobody reads."""
    frames = [pd.DataFrame({k: v[i] for k, v in columns.items()}) for i in range(2)]
    files(tmp_path, *frames)
    assert len(read(duckdb.connect(), str(tmp_path / "*.parquet"), WANTED).fetchall()) == 4


def test_a_field_of_a_record_is_no_column(tmp_path: Path) -> None:
    """A record may have a time of the same name."""
    record = pa.array([{"at": ZONED[0].to_pydatetime()}], pa.struct({"at": pa.timestamp("us", "UTC")}))  # fmt: skip
    for i, unit in enumerate(("us", "ns")):
        table = pa.table({"at": pa.array(NAIVE[:1]).cast(pa.timestamp(unit)), "said": record})
        pq.write_table(table, tmp_path / f"{i}.parquet")
    refuse_mixed(duckdb.connect(), [str(tmp_path / "*.parquet")], WANTED)


def test_raw_tables_and_ready_logs_are_refused_by_what_they_are(tmp_path: Path) -> None:
    """A glob is refused with its role, and a ready log with the key of its column."""
    decisions = pd.DataFrame(
        {"unit": ["1", "2"], "at": "2027-01-04 08:00", "arm": ["offer", "control"]}
    )
    paths = files(tmp_path, *(pd.DataFrame({"unit": ["1", "2"], "at": at}) for at in (NAIVE, ZONED)))  # fmt: skip
    contract = PredictedLift.load({
        "metric": "m", "kind": "binary", "predicted": {"lift": 0.1, "se": 0.01}, "window": "5d",
        "sources": {
            "decisions": {"unit": "unit", "at": "at"},
            "arms": {"column": "arm", "treated": "offer", "holdout": "control"},
            "events": {"unit": "unit", "at": "at", "complete_until": "now", "zone": "America/New_York"},
            "outcome": "any",
        },
    })  # fmt: skip
    tables = {"decisions": decisions, "events": f"{tmp_path}/*.parquet"}
    with (
        pytest.raises(InvalidInput, match=r"times without a zone") as e,
        joined_log(tables, contract, as_of="2027-03-01"),
    ):
        pass
    assert str(e.value.where).startswith("events: ")
    assert paths[0] in str(e.value)
    log = small_log()
    (tmp_path / "log").mkdir()
    odd = log.assign(unit=np.arange(len(log)) + 0.0)
    files(tmp_path / "log", log.assign(unit=[str(i) for i in range(len(log))]), odd)
    with pytest.raises(InvalidInput, match=r"\(columns\.unit\) holds text"):
        seen(f"{tmp_path}/log/*.parquet")
