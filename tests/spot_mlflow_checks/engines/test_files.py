from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from small_log import PART, WHOLE, seen, segments, small_log

from spot_mlflow import InvalidInput
from spot_mlflow_checks.engines.files import split_table

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, frame: object) -> str:
    """Writes a frame where a path says, as CSV or Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)  # type: ignore[attr-defined]
    else:
        frame.to_parquet(path, index=False)  # type: ignore[attr-defined]
    return str(path)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("folder", ["y=1", "Y=1", "arm=control", "unit=7"])
def test_a_folder_never_takes_the_place_of_a_column(kind: str, folder: str, tmp_path: Path) -> None:
    """The column of the file is the truth, whatever its folder is called."""
    assert seen(written(tmp_path / folder / f"o.{kind}", small_log())) == WHOLE


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_segment_is_that_of_the_file(kind: str, tmp_path: Path) -> None:
    """Neither is it overwritten by the folder, nor lost."""
    assert segments(written(tmp_path / "part=all" / f"o.{kind}", small_log())) == ["a", "b"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("end", ["", "/*/*", "/**/*"])
def test_a_column_that_only_the_folders_have_is_read(kind: str, end: str, tmp_path: Path) -> None:
    """Folders called key=value add the column, for CSV and Parquet alike, with its name unescaped."""
    for name, rows in small_log().groupby("part"):
        folder = tmp_path / "log" / f"part={name}%20%C3%A4"
        written(folder / f"o.{kind}", rows.drop(columns="part").assign(filename="x"))
    (tmp_path / "log" / "_SUCCESS").write_text("")
    source = f"{tmp_path}/log{end}.{kind}" if end else f"{tmp_path}/log"
    assert segments(source) == ["a ä", "b ä"]
    assert seen(source) == WHOLE


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    """A folder as Spark writes one is read, its marks aside; CSV beside Parquet is refused."""
    log = small_log()
    for i in range(2):
        written(tmp_path / "log" / f"part-{i}.parquet", log.iloc[i::2])
    (tmp_path / "log" / "_SUCCESS").write_text("")
    (tmp_path / "log" / ".part-0.parquet.crc").write_bytes(b"crc")
    assert seen(tmp_path / "log") == WHOLE
    written(tmp_path / "log" / "more.csv", log)
    with pytest.raises(InvalidInput, match="both CSV and Parquet"):
        seen(tmp_path / "log")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst", "a.csv", "a.dat"])
@pytest.mark.parametrize("packed", ["gzip", "zstd"])
def test_packed_files_are_known_by_what_they_hold(name: str, packed: str, tmp_path: Path) -> None:
    """Gzip and zstandard are read under any name, and a truncated file is refused by name."""
    with pa.output_stream(str(tmp_path / name), compression=packed) as f:
        f.write(small_log().to_csv(index=False).encode())
    assert seen(tmp_path / name) == WHOLE
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-30])
    with pytest.raises(InvalidInput, match=f"{name}: cannot be read"):
        seen(tmp_path / name)


def test_a_packed_parquet_file_is_refused(tmp_path: Path) -> None:
    """Parquet inside gzip is named and refused; DuckDB reads it in place or not at all."""
    path = written(tmp_path / "a.parquet", small_log())
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert seen(path) == WHOLE
    with pytest.raises(InvalidInput, match=r"a\.parquet\.gz: cannot be read"):
        seen(tmp_path / "a.parquet.gz")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
@pytest.mark.parametrize("line", ["header", "row"])
def test_another_encoding_is_refused_with_the_remedy(
    encoding: str, line: str, tmp_path: Path
) -> None:
    """The message says how the file becomes one that is read: the command, and Excel's own way."""
    log = small_log().astype({"y": str})
    log.loc[300, "y"] = "ä" if line == "row" else "1"
    log = log.rename(columns={"part": "pärt"}) if line == "header" else log
    (tmp_path / "o.csv").write_bytes(log.to_csv(index=False).encode(encoding))
    with pytest.raises(InvalidInput, match=f"iconv -f {encoding} -t utf-8 .*o.csv"):
        seen(tmp_path / "o.csv")


def test_an_sqlite_file_with_a_table_is_a_database(tmp_path: Path) -> None:
    """Its path is enough where the table is named; without one the refusal says how."""
    import sqlite3

    with sqlite3.connect(tmp_path / "log.db") as c:
        small_log().drop(columns="at").to_sql("o", c, index=False)
    c.close()
    assert seen(tmp_path / "log.db", table="o") == WHOLE
    assert seen(tmp_path / "log.db", query="SELECT * FROM o WHERE part = 'a'") == PART
    with pytest.raises(InvalidInput, match="an SQLite database"):
        seen(tmp_path / "log.db")


def test_a_database_and_its_table_are_given_in_one_text(tmp_path: Path) -> None:
    """As for raw tables; a file of such a name is a file, and an address of two colons an address."""
    import sqlalchemy as sa

    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    small_log().to_sql("log", engine, index=False)
    assert seen(f"sqlite:///{tmp_path / 'shop.db'}::log") == WHOLE
    assert seen(f"{tmp_path / 'shop.db'}::log") == WHOLE
    assert seen(written(tmp_path / "a::b.csv", small_log())) == WHOLE
    alone = "postgresql://ann@[::1]/crm"
    assert split_table(alone) == (alone, None)
    assert split_table(f"{alone}::orders") == (alone, "orders")
    engine.dispose()
