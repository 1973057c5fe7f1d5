from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from small_log import WHOLE, seen, small_contract, small_log

from spot_mlflow import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def delta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Delta table whose second version replaced every row of the first; partitioned."""
    import deltalake

    root = tmp_path_factory.mktemp("delta") / "table"
    log = small_log()
    deltalake.write_deltalake(str(root), log.assign(y=0), partition_by=["part"])
    deltalake.write_deltalake(str(root), log, mode="overwrite", partition_by=["part"])
    return root


@pytest.fixture(scope="module")
def iceberg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Iceberg table whose second snapshot replaced every row of the first."""
    import pyarrow as pa
    from pyiceberg.catalog.memory import InMemoryCatalog

    home = tmp_path_factory.mktemp("iceberg")
    log = small_log().astype({"at": "datetime64[us]"})
    new = pa.Table.from_pandas(log, preserve_index=False)
    catalog = InMemoryCatalog("test", warehouse=str(home))
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=new.schema)
    table.append(pa.Table.from_pandas(log.assign(y=0), preserve_index=False))
    table.overwrite(new)
    return next(home.rglob("metadata")).parent


@pytest.mark.parametrize("end", ["", "/", "/*", "/**/*.parquet"])
def test_the_current_version_of_a_delta_table_is_read(delta: Path, end: str) -> None:
    """Replaced rows do not count, whichever way the whole table is named."""
    assert seen(f"{delta}{end}", small_contract({"segment": "part", "decided_at": "at"})) == WHOLE


@pytest.mark.parametrize("end", ["", "/", "/data/*.parquet"])
def test_the_current_snapshot_of_an_iceberg_table_is_read(iceberg: Path, end: str) -> None:
    """Replaced rows do not count, whichever way the whole table is named."""
    assert seen(f"{iceberg}{end}", small_contract({"segment": "part"})) == WHOLE


@pytest.mark.parametrize(
    "end",
    ["/part=a/*.parquet", "/part=a", "/_delta_log", "/_delta_log/*.json", "/../*/*/*.parquet"],
)
def test_a_part_of_a_delta_table_is_refused(delta: Path, end: str) -> None:
    """A path to some of its files, a single one too, is refused by name, with the folder to give."""
    one = next(delta.glob("part=b/*.parquet"))
    for path in (f"{delta}{end}", str(one)):
        with pytest.raises(InvalidInput, match=r"a Delta table.*Give the table's folder"):
            seen(path)


@pytest.mark.parametrize(("kind", "library"), [("delta", "deltalake"), ("iceberg", "pyiceberg")])
def test_without_its_library_a_table_is_refused_by_name(
    kind: str, library: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is named, and the extra that brings it; files are not mixed instead."""
    root = request.getfixturevalue(kind)
    for name in [m for m in sys.modules if m.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InvalidInput, match=rf"(?i)an? {kind} table.*spot-mlflow\[{kind}\]"):
        seen(str(root))


def test_a_hudi_table_is_refused_by_name(tmp_path: Path) -> None:
    """Its folder and its files are, since no library of ours knows which rows count."""
    (tmp_path / "t" / ".hoodie").mkdir(parents=True)
    small_log().to_parquet(tmp_path / "t" / "a.parquet")
    for path in ("t", "t/a.parquet", "t/*.parquet"):
        with pytest.raises(InvalidInput, match="Hudi"):
            seen(str(tmp_path / path))


def test_a_damaged_delta_log_is_refused(delta: Path, tmp_path: Path) -> None:
    """What the library says stands in the refusal; nothing of its own comes out."""
    import shutil

    broken: Any = tmp_path / "t"
    shutil.copytree(delta, broken)
    for entry in (broken / "_delta_log").iterdir():
        entry.write_text("{")
    with pytest.raises(InvalidInput, match="a Delta table that cannot be read"):
        seen(str(broken))
