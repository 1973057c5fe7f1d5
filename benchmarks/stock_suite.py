"""The 12 built-in Expectations of Great Expectations nearest to ours, for the benchmark of the checks.

Each stands for one of our own: unknown arms (two), completeness, duplicate units, units in both arms, decisions
that lie ahead, outcomes before decisions, negative values, negative costs, delivered without offered, offered in
the holdout, segment mix. What a suite of built-in ones cannot say (immature rows, sample ratio, late rows, the
lift itself, its gap and its causes) it is not asked.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from benchmarks.checks_data import AS_OF

SEGMENTS = 7


def suite(*, dates: type = dt.datetime) -> Any:
    """Returns the suite of 12; ``dates`` is what the engine wants a time to be."""
    import great_expectations as gx
    import great_expectations.expectations as e
    from great_expectations.expectations.row_conditions import Column

    mix = {"values": [f"seg{i}" for i in range(SEGMENTS)], "weights": [1 / SEGMENTS] * SEGMENTS}
    expectations = [
        e.ExpectColumnValuesToNotBeNull(column="arm"),
        e.ExpectColumnValuesToBeInSet(column="arm", value_set=["treat", "hold"]),
        e.ExpectColumnValuesToNotBeNull(column="outcome"),
        e.ExpectColumnValuesToBeUnique(column="unit"),
        e.ExpectCompoundColumnsToBeUnique(column_list=["unit", "arm"]),
        e.ExpectColumnValuesToBeBetween(column="decided_at", max_value=dates.fromisoformat(AS_OF)),
        e.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="observed_at", column_B="decided_at", or_equal=True
        ),
        e.ExpectColumnValuesToBeBetween(column="value", min_value=0),
        e.ExpectColumnValuesToBeBetween(column="cost", min_value=0),
        e.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="offered", column_B="delivered", or_equal=True
        ),
        e.ExpectColumnValuesToBeInSet(
            column="offered", value_set=[0], row_condition=Column("arm") == "hold"
        ),
        e.ExpectColumnKLDivergenceToBeLessThan(
            column="segment", partition_object=mix, threshold=0.1
        ),
    ]
    return gx.ExpectationSuite(name="stock", expectations=expectations)


def context() -> Any:
    """Returns a silent context of its own."""
    import great_expectations as gx

    made = gx.get_context(mode="ephemeral")
    made.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return made


def validated(batch: Any, of: Any) -> None:
    """Validates, and makes sure that every Expectation really ran."""
    results = batch.validate(of).results
    broken = [
        r.expectation_config.type for r in results if r.exception_info.get("raised_exception")
    ]
    if broken or len(results) != len(of.expectations):
        raise RuntimeError(f"the stock suite did not run: {broken}")


def on_parquet(path: str) -> None:
    """Great Expectations' own way to a Parquet file: read with pandas, then validated."""
    from pathlib import Path

    file = Path(path)
    source = context().data_sources.add_pandas_filesystem("files", base_directory=file.parent)
    asset = source.add_parquet_asset("log")
    batch = asset.add_batch_definition_path("all", path=file.name).get_batch()
    validated(batch, suite())


def on_frame(frame: Any) -> None:
    """On a pandas frame that is in memory already."""
    asset = context().data_sources.add_pandas("frames").add_dataframe_asset("log")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    validated(batch, suite())


def on_postgres(url: str, table: str) -> None:
    """On a table of PostgreSQL, in its SQL."""
    asset = (
        context()
        .data_sources.add_postgres("server", connection_string=url)
        .add_table_asset("log", table_name=table)
    )
    validated(asset.add_batch_definition_whole_table("all").get_batch(), suite())


def on_spark(frame: Any) -> None:
    """On a Spark frame."""
    asset = context().data_sources.add_spark("spark").add_dataframe_asset("log")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    validated(batch, suite())
