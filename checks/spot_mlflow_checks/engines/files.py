"""CSV and Parquet files, told apart by what they hold; a fault is named with file and line.

The head of each CSV file is read here, so that a column which occurs twice, a byte order mark, UTF-16
or a spreadsheet under a wrong name is recognised; DuckDB then streams the rows as text.
"""

from __future__ import annotations

import csv
import glob
import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.engines.source import check_names

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD: Final = 1 << 18  # bytes; a header is shorter
_SHOWN: Final = 200  # characters of a path in a message
_DELIMITERS: Final = ",;\t|"
_WILD: Final = re.compile(r"[*?\[]")
_LINE: Final = re.compile(r"on Line: (\d+)")
_SECRET: Final = re.compile(
    r"(\w+:/*)(?:(?<=//)[^/]*|[^/:]+:.*)@"
)  # user and password of an address
_PARQUET: Final = b"PAR1"
# How files of another kind begin.
_OTHERS: Final[dict[bytes, str]] = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet (xlsx)",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet (xls)",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database; give sqlite:///FILE with --table",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"<html": "a web page, perhaps of a login",
    b"<!doc": "a web page, perhaps of a login",
    b"<!DOC": "a web page, perhaps of a login",
    b"<?xml": "XML",
    b"{": "JSON",
    b"[{": "JSON",
    b"ORC": "ORC",
    b"ARROW1": "Arrow IPC",
}
_ADVICE: Final = "Give CSV in UTF-8, or Parquet."


def is_remote(path: str) -> bool:
    """Whether a path lies behind a protocol; DuckDB reads it, not we."""
    return "://" in path


def shown(path: str) -> str:
    """A path as it may be printed: no password, of a misspelt address neither, no signed query."""
    safe = _SECRET.sub(r"\1***@", path)
    return safe.split("?", 1)[0] if is_remote(path) else safe


def read(connection: Any, path: str, wanted: Mapping[str, str]) -> Any:
    """Returns DuckDB's relation over the files that ``path`` names.

    Raises:
        InvalidInput: naming the file and what is wrong with it.
    """
    if is_remote(path):
        remote = re.search(r"\.(parquet|pq|parq)([?*]|$)", path.lower())
        if remote:
            return connection.read_parquet(path, union_by_name=True)
        return connection.read_csv(path, all_varchar=True, header=True)
    files = _files(path)
    if _head(files[0]).startswith(_PARQUET):
        return _read_parquet(connection, files, wanted)
    return _read_csv(connection, files, wanted)


def _files(path: str) -> list[str]:
    if not path.strip():
        raise InvalidInput("no path was given", fix="Name a file, a glob or a database.")
    where = shown(path)[:_SHOWN]
    try:
        if Path(path).is_file():
            return [path]
        if Path(path).is_dir():
            fix = f"Name its files: '{path.rstrip('/')}/*.parquet'."
            raise InvalidInput("is a folder", where=where, fix=fix)
        # A pipe can be read once only, and every pass reads.
        what = "is no regular file" if Path(path).exists() else "no such file"
    except OSError as e:  # a name too long
        raise InvalidInput(f"cannot be read: {e.strerror}", where=where) from None
    if not _WILD.search(path):
        raise InvalidInput(what, where=where)
    files = sorted(f for f in glob.glob(path, recursive=True) if Path(f).is_file())  # noqa: PTH207 - the pattern may be absolute
    if not files:
        raise InvalidInput("no file matches this pattern", where=where)
    return files


def _head(file: str) -> bytes:
    try:
        with Path(file).open("rb") as f:
            head = f.read(_HEAD)
        if not head:
            raise InvalidInput("the file is empty", where=file, fix="Give one row per unit.")
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(file) as f:
                return f.read(_HEAD)
    except (OSError, EOFError, zlib.error) as e:
        raise InvalidInput(
            f"cannot be read: {getattr(e, 'strerror', None) or e}", where=file
        ) from None
    return head


def _read_parquet(connection: Any, files: list[str], wanted: Mapping[str, str]) -> Any:
    names = connection.execute(
        "SELECT name FROM parquet_schema(?) WHERE num_children IS NULL", [files[0]]
    )
    check_names([row[0] for row in names.fetchall()], wanted, files[0])
    return connection.read_parquet(files, union_by_name=True)


def _read_csv(connection: Any, files: list[str], wanted: Mapping[str, str]) -> Any:
    delimiter, names = _header(files[0], wanted)
    check_names(names, wanted, files[0])
    for other in files[1:]:
        if _header(other, wanted) != (delimiter, names):
            raise InvalidInput(
                f"its columns differ from those of {files[0]}",
                where=other,
                fix="Bring them into one form, or check them apart.",
            )
    return connection.read_csv(
        files,
        header=True,
        sep=delimiter,
        quotechar='"',
        escapechar='"',
        auto_detect=False,
        # All as text: a value that does not parse is then counted, with its unit.
        columns=dict.fromkeys(_told_apart(names), "VARCHAR"),
    )


def _header(file: str, wanted: Mapping[str, str]) -> tuple[str, list[str]]:
    """Returns (delimiter, column names) of a CSV file.

    The delimiter is the one that finds most of the wanted columns, and of those the one that finds
    most columns: a quoted name may hold others.
    """
    head = _head(file)
    kind = next((text for start, text in _OTHERS.items() if head.lstrip().startswith(start)), None)
    if kind is None and head.startswith(_PARQUET):
        kind = "Parquet among CSV files"
    if kind is None and b"\0" in head:
        kind = "binary"
    if kind is not None:
        raise InvalidInput(f"is {kind}", where=file, fix=_ADVICE)
    try:
        line = head.partition(b"\n")[0].decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise InvalidInput(f"line 1 is not UTF-8: {e.reason}", where=file, fix=_ADVICE) from None
    line = line.rstrip("\r")
    if "\r" in line:
        fix = "Save it with line ends LF or CRLF."
        raise InvalidInput("line 1 has no end: its line ends are CR alone", where=file, fix=fix)
    if line.lower().startswith("sep="):
        raise InvalidInput(
            f"line 1 is {line!r}, a hint to spreadsheets", where=file, fix="Delete it."
        )
    found = {d: _names(line, d) for d in _DELIMITERS}
    delimiter = max(found, key=lambda d: (len(wanted.keys() & set(found[d])), len(found[d])))
    names = found[delimiter]
    if not any(n.strip() for n in names):
        raise InvalidInput(
            "line 1 names no columns", where=file, fix="The first line must be the header."
        )
    return delimiter, names


def _names(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a field longer than any name
        return []


def _told_apart(names: list[str]) -> list[str]:
    """Columns nobody wants may share a name, or have none; DuckDB must tell them apart."""
    seen: set[str] = {""}
    out = []
    for i, name in enumerate(names):
        out.append(f"{name} ({i})" if name.casefold() in seen else name)
        seen.add(name.casefold())
    return out


def reason(error: Exception) -> str:
    """What DuckDB says of a file, without the row itself: it may hold a person's data."""
    text = str(error).strip()
    lines = text.splitlines()
    line = _LINE.search(text)
    if line is None:
        first = lines[0] if lines else type(error).__name__
        return re.sub(r"^(IO|Invalid Input|Binder|Catalog|Conversion|HTTP) Error: ", "", first)
    said = [x for x in lines[1:] if x.strip() and not x.startswith(("Original Line", "Possible"))]
    known = [
        x
        for x in said
        if re.match(r"(Invalid unicode|Expected Number|Value with|Maximum line|The CSV|Error)", x)
    ]
    return f"line {line[1]}: {(known or ['is not valid CSV'])[0]}"
