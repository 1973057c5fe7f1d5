"""CSV and Parquet files, told apart by what they hold; a fault is named with file and line.

The head of each CSV file is read here, so that a column which occurs twice, a byte order mark, UTF-16
or a spreadsheet under a wrong name is recognised; DuckDB then streams the rows as text. A folder called
``key=value`` adds a column to files that have none of that name.
"""

from __future__ import annotations

import csv
import glob
import gzip
import re
import shlex
import uuid
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.engines.alike import refuse_mixed
from spot_mlflow_checks.engines.lake import bucket_table, lake_table
from spot_mlflow_checks.engines.lake import read as read_lake
from spot_mlflow_checks.engines.source import check_names

if TYPE_CHECKING:
    from collections.abc import Mapping

# What DuckDB reads behind a protocol; any other "name://" is a database.
BETWEEN: Final = "::"  # a database's URL and its table, in one text
PROTOCOLS: Final = ("s3", "http", "https", "gs", "gcs", "r2", "az", "azure", "abfss", "hf")
_HEAD: Final = 1 << 18  # bytes; a header is shorter
_SHOWN: Final = 200  # characters of a path in a message
_LONGEST: Final = 4096  # characters of a path
_DELIMITERS: Final = ",;\t|"
_WILD: Final = re.compile(r"[*?\[]")
_LINE: Final = re.compile(r"on Line: (\d+)")
_NAMED: Final = re.compile(r"^ *file = (.+)$", re.MULTILINE)
_SECRET: Final = re.compile(
    r"(\w+:/*)(?:(?<=//)[^/]*|[^/:]+:.*)@"
)  # user and password of an address
_PARQUET: Final = b"PAR1"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GZIP: Final = b"\x1f\x8b"
_DUCKDB: Final = b"DUCK"  # from byte 8 on
_SQLITE: Final = b"SQLite format 3"
_DATA: Final = re.compile(r"\.(parquet|pq|parq|csv|tsv|txt)(\.(gz|zst))?$", re.IGNORECASE)
_FOLDER: Final = re.compile(r"^([^=]+)=(.*)$")
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"
_FILE: Final = "file of the row"  # the column in which DuckDB says where a row is from
# How files of another kind begin.
_OTHERS: Final[dict[bytes, str]] = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet (xlsx)",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet (xls)",
    b"%PDF": "a PDF",
    _SQLITE: "an SQLite database; give sqlite:///FILE with --table",
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


def database_kind(path: str) -> str:
    """Returns "duckdb" or "sqlite" where a path names such a database file, else ""."""
    try:
        with Path(path).open("rb") as f:
            head = f.read(16)
    except (OSError, ValueError):
        return ""
    if head[8:12] == _DUCKDB:
        return "duckdb"
    return "sqlite" if head.startswith(_SQLITE) else ""


def is_database(source: str) -> bool:
    """Whether a text names a database: a URL of one, or a file of DuckDB's or SQLite's."""
    protocol = source.partition("://")[0] if "://" in source else ""
    return bool(database_kind(source)) or protocol not in {"", "file", *PROTOCOLS}


def split_table(text: str) -> tuple[str, str | None]:
    """Takes "postgresql://ann@db/crm::orders" apart: the database, and the table; None where none is named."""
    home, between, table = text.rpartition(BETWEEN)
    # An address like [::1] has two colons too.
    named = between and table and not set(table) & set("/]") and is_database(home)
    return (home, table) if named else (text, None)


def read(connection: Any, path: str, wanted: Mapping[str, str]) -> Any:
    """Returns DuckDB's relation over the files, or the table of a lake, that ``path`` names.

    Raises:
        InvalidInput: naming the file and what is wrong with it.
    """
    if is_remote(path):
        table = bucket_table(connection, path)
        if table is None:
            return _read_remote(connection, path, wanted)
        return _registered(connection, read_lake(table, path, wanted))
    table = lake_table(path) if path.strip() and len(path) <= _LONGEST else None
    files = [] if table else _files(path)
    table = table or lake_table(path, files)
    if table is not None:
        return _registered(connection, read_lake(table, path, wanted))
    if _head(files[0]).startswith(_PARQUET):
        return _read_parquet(connection, files, wanted)
    return _read_csv(connection, files, wanted)


def _registered(connection: Any, table: Any) -> Any:
    name = f"lake {uuid.uuid4().hex}"  # a connection may hold several
    connection.register(name, table)
    return connection.table(_quoted(name))


def _read_remote(connection: Any, path: str, wanted: Mapping[str, str]) -> Any:
    if re.search(r"\.(parquet|pq|parq)([?*]|$)", path.lower()):
        if _WILD.search(path.split("?", 1)[0]):
            refuse_mixed(connection, [path], wanted)
        read = partial(_scan_parquet, connection, [path])
    else:
        read = partial(
            connection.read_csv, path, all_varchar=True, header=True, hive_partitioning=False
        )
    plain = read()
    try:
        found = connection.execute("SELECT file FROM glob(?)", [path]).fetchall()
    except Exception:  # noqa: BLE001 - a place that cannot list what it has
        found = []
    return _with_folders(read, plain, [path, *(row[0] for row in found)])


def _with_folders(read: Any, plain: Any, files: list[str]) -> Any:
    """Adds the columns that folders called ``key=value`` name; one that the files have is theirs.

    DuckDB's own reading of such folders would put the folder's name in place of the column.
    """
    taken = {c.casefold() for c in plain.columns}
    keys: dict[str, None] = {}
    for file in files:
        for part in re.split(r"[/\\]", file)[:-1]:
            found = _FOLDER.match(part)
            if found and unquote(found[1]).casefold() not in taken:
                keys[found[1]] = None
    if not keys:
        return plain
    columns = ", ".join(f"{_folder_value(k)} AS {_quoted(unquote(k))}" for k in keys)
    return read(filename=_FILE).project(f"* EXCLUDE ({_quoted(_FILE)}), {columns}")


def _folder_value(key: str) -> str:
    pattern = f"(?:^|[/\\\\]){re.escape(key)}=([^/\\\\]*)[/\\\\]".replace("'", "''")
    value = f"regexp_extract({_quoted(_FILE)}, '{pattern}', 1)"
    return f"url_decode(nullif(nullif({value}, ''), '{_NO_VALUE}'))"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _files(path: str) -> list[str]:
    if not path.strip():
        raise InvalidInput("no path was given", fix="Name a file, a glob or a database.")
    where = shown(path)[:_SHOWN]
    try:
        if Path(path).is_file():
            return [path]
        if Path(path).is_dir():
            return _files_below(path)
        # A pipe can be read once only, and every pass reads.
        what = "is not a regular file" if Path(path).exists() else "no such file"
    except OSError as e:  # a name too long
        raise InvalidInput(f"cannot be read: {e.strerror}", where=where) from None
    if not _WILD.search(path):
        raise InvalidInput(what, where=where)
    found = sorted(f for f in glob.glob(path, recursive=True) if Path(f).is_file())  # noqa: PTH207 - the pattern may be absolute
    # What Spark and others write beside the data: _SUCCESS, _committed_123.
    files = [f for f in found if not Path(f).name.startswith("_")] or found
    if not files:
        raise InvalidInput("no file matches this pattern", where=where)
    return files


def _files_below(folder: str) -> list[str]:
    """The data files of a folder, as Spark and others write a log into one."""
    found = sorted(
        str(f)
        for f in Path(folder).rglob("*")
        if _DATA.search(f.name)
        and f.is_file()
        and not any(p.startswith(("_", ".")) for p in f.relative_to(folder).parts)
    )
    kinds = {"parquet" if re.search(r"\.(parquet|pq|parq)$", f.lower()) else "csv" for f in found}
    if len(kinds) != 1:
        what = (
            "is a folder with both CSV and Parquet files"
            if found
            else "is a folder without CSV or Parquet files"
        )
        fix = f"Name its files: '{folder.rstrip('/')}/*.parquet'."
        raise InvalidInput(what, where=shown(folder)[:_SHOWN], fix=fix)
    return found


def _head(file: str) -> bytes:
    try:
        with Path(file).open("rb") as f:
            head = f.read(_HEAD)
        if not head:
            raise InvalidInput("the file is empty", where=file, fix="Give one row per unit.")
        if head.startswith(_GZIP):
            with gzip.open(file) as f:
                return f.read(_HEAD)
        if head.startswith(_ZSTD):
            import pyarrow as pa

            with pa.input_stream(file, compression="zstd") as f:
                return bytes(f.read(_HEAD))
    except (OSError, EOFError, zlib.error) as e:
        raise InvalidInput(
            f"cannot be read: {getattr(e, 'strerror', None) or e}", where=file
        ) from None
    return head


def _compression(files: list[str]) -> str:
    """How the files are packed, by what they hold; "auto", by their names, where they differ."""
    found = set()
    for file in files:
        with Path(file).open("rb") as f:
            head = f.read(len(_ZSTD))
        found.add("gzip" if head.startswith(_GZIP) else "zstd" if head == _ZSTD else "none")
    return found.pop() if len(found) == 1 else "auto"


def _read_parquet(connection: Any, files: list[str], wanted: Mapping[str, str]) -> Any:
    names = connection.execute(
        "SELECT name FROM parquet_schema(?) WHERE num_children IS NULL", [files[0]]
    )
    check_names([row[0] for row in names.fetchall()], wanted, files[0])
    if len(files) > 1:
        refuse_mixed(connection, files, wanted)
    read = partial(_scan_parquet, connection, files)
    return _with_folders(read, read(), files)


def _scan_parquet(connection: Any, files: list[str], *, filename: str | None = None) -> Any:
    if filename is None:
        return connection.read_parquet(files, union_by_name=True, hive_partitioning=False)
    # The method takes a truth value alone, and a file may have a column of the usual name.
    listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
    options = f"union_by_name = true, hive_partitioning = false, filename = '{filename}'"
    return connection.sql(f"SELECT * FROM read_parquet([{listed}], {options})")  # noqa: S608 - quoted above


def _read_csv(connection: Any, files: list[str], wanted: Mapping[str, str]) -> Any:
    delimiter, names = _header(files[0], wanted)
    check_names(names, wanted, files[0])
    for other in files[1:]:
        if _header(other, wanted) != (delimiter, names):
            raise InvalidInput(
                f"its columns differ from those of {files[0]}",
                where=other,
                fix="Give them the same columns, or check them separately.",
            )
    read = partial(
        connection.read_csv,
        files,
        header=True,
        sep=delimiter,
        quotechar='"',
        escapechar='"',
        auto_detect=False,
        # All as text: a value that does not parse is then counted, with its unit.
        columns=dict.fromkeys(_told_apart(names), "VARCHAR"),
        compression=_compression(files),
        hive_partitioning=False,
    )
    return _with_folders(read, read(), files)


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
        advice = recoded(file, "utf-16") if kind.startswith("UTF-16") else _ADVICE
        raise InvalidInput(f"is {kind}", where=file, fix=advice)
    try:
        line = head.partition(b"\n")[0].decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise InvalidInput(
            f"line 1 is not UTF-8: {e.reason}", where=file, fix=recoded(file)
        ) from None
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


def recoded(file: str, encoding: str = "cp1252") -> str:
    """How a text file in another encoding becomes one that is read."""
    name = shlex.quote(shown(file))
    return (
        f"Convert it: iconv -f {encoding} -t utf-8 {name} > new.csv. "
        "Excel: save as 'CSV UTF-8 (comma delimited)'."
    )


def named_file(error: Exception) -> str:
    """The file that an error of DuckDB names, or ""."""
    found = _NAMED.search(str(error))
    return "" if found is None else found[1].strip()


def remedy(error: Exception, file: str) -> str:
    """What to do about what DuckDB says of a file; "" where that says it already.

    Args:
        error: DuckDB's; of CSV it names the file, where several are read.
        file: the one that is named otherwise; "" where it is not known.
    """
    said, known = str(error), named_file(error) or file
    odd = "unicode" in said.casefold() or "utf-8" in said.casefold()
    return recoded(known) if odd and known else ""


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
