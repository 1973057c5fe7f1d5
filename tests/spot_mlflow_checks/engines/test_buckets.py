"""A table of a lake in a bucket is recognised by what lies in its folder, listed by DuckDB itself."""

from __future__ import annotations

import uuid
from typing import Any

import duckdb
import fsspec
import pytest

from spot_mlflow import InvalidInput
from spot_mlflow_checks.engines.lake import bucket_table, read

MARKS = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Hudi": ".hoodie/hoodie.properties",
    "Iceberg": "metadata/00000-1.metadata.json",
}


@pytest.fixture
def bucket() -> tuple[Any, Any, str]:
    """A DuckDB connection that reads a store of objects, the store, and an address in it."""
    store = fsspec.filesystem("memory")
    connection = duckdb.connect()
    connection.register_filesystem(store)
    return connection, store, f"memory://{uuid.uuid4().hex}/logs/outcomes"


@pytest.mark.parametrize("kind", MARKS)
@pytest.mark.parametrize(
    "tail", ["", "/", "/*.parquet", "/day=1/*.parquet", "/day=1/part-0.parquet"]
)
def test_a_table_is_recognised_from_any_path_into_it(
    kind: str, tail: str, bucket: tuple[Any, Any, str]
) -> None:
    """Its folder, all files, a partition, one file: each leads to the table's folder."""
    connection, store, root = bucket
    store.pipe(f"{root}/{MARKS[kind]}", b"{}")
    store.pipe(f"{root}/day=1/part-0.parquet", b"PAR1")
    found = bucket_table(connection, root + tail)
    assert found is not None
    assert (found.format, found.where) == (kind, root)


def test_plain_files_are_no_table(bucket: tuple[Any, Any, str]) -> None:
    """A folder of Parquet is read as such, and so is a place that cannot be listed."""
    connection, store, root = bucket
    store.pipe(f"{root}/part-0.parquet", b"PAR1")
    assert bucket_table(connection, f"{root}/*.parquet") is None
    assert bucket_table(connection, "nowhere://bucket/*.parquet") is None


@pytest.mark.parametrize("kind", MARKS)
def test_a_part_is_refused_and_so_is_what_nothing_reads(
    kind: str, bucket: tuple[Any, Any, str]
) -> None:
    """Rows that were deleted are in its files; the refusal names format, place and remedy."""
    connection, store, root = bucket
    store.pipe(f"{root}/{MARKS[kind]}", b"{}")
    part = f"{root}/day=1/*.parquet"
    found = bucket_table(connection, part)
    assert found is not None
    with pytest.raises(InvalidInput, match=rf"part of an? {kind} table.*Give the table's folder"):
        read(found, part, {})
    says = (
        "cannot be read at its current version"
        if kind == "Delta"
        else "in a bucket, which is not read"
    )
    with pytest.raises(InvalidInput, match=rf"{kind} table.*{says}|{says}.*Spark"):
        read(found, f"{root}/*.parquet", {})
