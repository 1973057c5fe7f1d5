"""Tables of a lake: Delta, Iceberg and Hudi folders, recognised wherever a path points into one.

Their folders keep the files of rows that were replaced or deleted. Read as plain Parquet, old and new
rows are mixed; so the table is read at its current version by its own library, or it is refused.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WHY: Final = "its folder also keeps the files of rows that were replaced or deleted"
_ELSEWHERE: Final = "or let an engine that knows it write its current rows to a plain Parquet file"
# The last parts of a path that name all files of a table, and not some.
_ALL: Final = frozenset({"", ".", "*", "**", "*.parquet", "*.snappy.parquet", "*.zstd.parquet"})
_METADATA: Final = re.compile(r"^v?(\d+)(-[^/]*)?(\.gz)?\.metadata\.json(\.gz)?$")


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table of a lake.

    Attributes:
        format: "Delta", "Iceberg" or "Hudi".
        root: its folder, here or in a bucket.
    """

    format: str
    root: Path | str

    @property
    def where(self) -> str:
        """The folder, for people."""
        return str(self.root)

    @property
    def in_bucket(self) -> bool:
        """Whether it lies behind a protocol."""
        return isinstance(self.root, str)


def lake_table(path: str, files: Iterable[str] = ()) -> LakeTable | None:
    """Returns the table that a path points at or into, or that one of its files belongs to."""
    seen: dict[Path, str | None] = {}
    for name in (path, *files):
        place = Path(os.path.abspath(name))  # noqa: PTH100 - links stay as they were given
        for folder in (place, *place.parents):
            if folder not in seen:
                seen[folder] = _format(folder)
            if kind := seen[folder]:
                return LakeTable(kind, folder)
    return None


# What lies in the folder of a table -> its format.
_MARKS: Final = {
    "_delta_log/*": "Delta",
    ".hoodie/*": "Hudi",
    "metadata/*.metadata.json": "Iceberg",
}


def bucket_table(connection: Any, path: str) -> LakeTable | None:
    """Returns the table in a bucket that a path points at or into; None where nothing can be listed.

    Args:
        connection: DuckDB's, which lists what it can read.
        path: with its protocol; may hold a pattern.
    """
    protocol, _, rest = path.partition("?")[0].partition("://")
    plain = re.split(r"[*?\[]", rest)[0]
    parts = plain.rstrip("/").split("/") if plain == rest else plain.split("/")[:-1]
    try:
        for k in range(len(parts), 0, -1):
            root = f"{protocol}://{'/'.join(parts[:k])}"
            for mark, kind in _MARKS.items():
                listed = connection.execute("SELECT 1 FROM glob(?) LIMIT 1", [f"{root}/{mark}"])
                if listed.fetchone():
                    return LakeTable(kind, root)
    except Exception:  # noqa: BLE001 - a place that cannot list what it has
        return None
    return None


def _format(folder: Path) -> str | None:
    try:
        if (folder / "_delta_log").is_dir():
            return "Delta"
        if (folder / ".hoodie").is_dir():
            return "Hudi"
        metadata = folder / "metadata"
        if metadata.is_dir() and any(_METADATA.match(f.name) for f in metadata.iterdir()):
            return "Iceberg"
    except OSError:  # not ours to read, or a name that is none
        return None
    return None


def read(table: LakeTable, path: str, wanted: Mapping[str, str]) -> Any:
    """Returns what DuckDB can scan of a table's current version.

    Args:
        table: as recognised.
        path: what was given; it must name the whole table.
        wanted: columns that are needed; all where empty.

    Raises:
        InvalidInput: where the path names a part of the table, its library is not installed, or
            that cannot read it.
    """
    _refuse_part(table, path)
    if table.format == "Hudi" or (table.format == "Iceberg" and table.in_bucket):
        place = " in a bucket" if table.in_bucket else ""
        raise InvalidInput(
            f"is {_a(table)}{place}, which is not read: {_WHY}",
            where=table.where,
            fix=f"Read it with Spark and give the DataFrame, {_ELSEWHERE}.",
        )
    reader, extra = (_delta, "delta") if table.format == "Delta" else (_iceberg, "iceberg")
    try:
        return reader(table, wanted)
    except ModuleNotFoundError as e:
        raise InvalidInput(
            f"is {_a(table)}; {_WHY}, and {e.name!r}, which knows them apart, is not installed",
            where=table.where,
            fix=f"pip install 'spot-mlflow[{extra}]', {_ELSEWHERE}.",
        ) from None
    except InvalidInput:
        raise
    except Exception as e:  # noqa: BLE001 - each library has errors of its own
        said = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise InvalidInput(
            f"is {_a(table)} that cannot be read at its current version: {said}",
            where=table.where,
            fix=f"Read it with Spark and give the DataFrame, {_ELSEWHERE}.",
        ) from None


def _a(table: LakeTable) -> str:
    return f"{'an' if table.format == 'Iceberg' else 'a'} {table.format} table"


def _refuse_part(table: LakeTable, path: str) -> None:
    """A path to some of the files does not say which of their rows still count."""
    place = path.rstrip("/") if table.in_bucket else os.path.abspath(path)  # noqa: PTH100 - links stay
    while place != table.where and place.rpartition("/")[2] in (_ALL | {"data"}):
        place = place.rpartition("/")[0]
    if place != table.where:
        raise InvalidInput(
            f"is part of {_a(table)}; {_WHY}",
            where=path,
            fix=f"Give the table's folder, {table.where!r}; its current version is read.",
        )


def _delta(table: LakeTable, wanted: Mapping[str, str]) -> Any:
    from deltalake import DeltaTable

    del wanted  # the scan itself reads only the columns that a query names
    return DeltaTable(table.where).to_pyarrow_dataset()


def _iceberg(table: LakeTable, wanted: Mapping[str, str]) -> Any:
    """The wanted columns, in memory: the library streams a table once only, and passes are several."""
    from pyiceberg.table import StaticTable

    current = StaticTable.from_metadata(str(_current_metadata(Path(table.root))))
    names = [f.name for f in current.schema().fields]
    kept = tuple(n for n in names if n in wanted) if wanted else tuple(names)
    return current.scan(selected_fields=kept or tuple(names[:1])).to_arrow()


def _current_metadata(root: Path) -> Path:
    """The newest metadata file: that of the hint, else of the highest number."""
    folder = root / "metadata"
    found = [(int(m[1]), f) for f in folder.iterdir() if (m := _METADATA.match(f.name))]
    hint = folder / "version-hint.text"
    if hint.is_file():
        said = hint.read_text(encoding="utf-8").strip()
        hinted = [f for n, f in found if said in {str(n), f.name, f"v{n}"}]
        if hinted:
            return hinted[0]
    newest = max(n for n, _ in found)
    latest = [f for n, f in found if n == newest]
    if len(latest) > 1:
        raise InvalidInput(
            f"is an Iceberg table with {len(latest)} metadata files of number {newest}",
            where=str(root),
            fix="Read it through its catalogue with Spark, and give the DataFrame.",
        )
    return latest[0]
