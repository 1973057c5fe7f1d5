"""Parquet files that are read together, and hold a column in types that must not become one.

DuckDB makes times without a zone times in UTC where another file has a zone, and 12.0 of an id that one
file has as a floating-point number and another as text. What the footers say is asked in one query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IDS: Final = frozenset({"unit", "id", "refund_of", "cluster"})
_ADJUSTED: Final = "isAdjustedToUTC=1"
# Kinds that do not go together -> (words of each, what to do).
_ZONES: Final = (
    {"naive": "times without a zone", "date": "days", "zoned": "times with a zone"},
    "Write it alike in all files (pandas: .dt.tz_localize('Europe/Berlin') of times without a zone).",
)
_NUMBERS: Final = (
    {"text": "text", "float": "floating-point numbers"},
    "Write ids as text, or as whole numbers, in all files (pandas: astype('Int64')).",
)


class _Found(NamedTuple):
    """Files in which a column is of one kind."""

    kind: str
    files: Sequence[str]


def refuse_mixed(connection: Any, files: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Refuses Parquet files in which a column of the contract has types that must not become one.

    Args:
        connection: of DuckDB.
        files: paths, or one glob.
        wanted: column -> contract key that names it.

    Raises:
        InvalidInput: naming the column and a file of each type.
    """
    if not wanted:
        return
    for column, found in _kinds(connection, files, wanted).items():
        _refuse(connection, column, wanted[column], found, *_ZONES, one="zoned")
        if wanted[column].rpartition(".")[2] in _IDS:
            _refuse(connection, column, wanted[column], found, *_NUMBERS, one="float")


def _kinds(
    connection: Any, files: Sequence[str], wanted: Mapping[str, str]
) -> dict[str, list[_Found]]:
    """Column -> its kinds, where the files have it in several types."""
    names = "SELECT unnest(?)"
    # A field of a record may have the name of a column: a file's types of a name are taken together.
    each = (
        "SELECT name, file_name, list_sort(list(DISTINCT concat_ws(' ', type, converted_type, logical_type))) "  # noqa: S608 - nothing of the caller's
        f"AS types FROM parquet_schema(?) WHERE num_children IS NULL AND name IN ({names}) GROUP BY ALL"
    )
    query = f"SELECT name, types, list(file_name ORDER BY file_name) FROM ({each}) GROUP BY ALL"  # noqa: S608 - likewise
    out: dict[str, list[_Found]] = {}
    for name, types, of in connection.execute(query, [list(files), list(wanted)]).fetchall():
        if len(types) == 1:
            out.setdefault(name, []).append(_Found(_kind(types[0]), of))
    return {name: sorted(found) for name, found in out.items() if len(found) > 1}


def _kind(said: str) -> str:
    """The kind of a type as a footer says it."""
    if "TIMESTAMP" in said.upper() or said.startswith("INT96"):
        return "zoned" if _ADJUSTED in said else "naive"
    if "DATE" in said.upper():
        return "date"
    if "UTF8" in said or "StringType" in said:
        return "text"
    return "float" if said in {"FLOAT", "DOUBLE"} else "other"


def _refuse(  # noqa: PLR0917 - what a refusal says
    connection: Any,
    column: str,
    key: str,
    found: Sequence[_Found],
    words: Mapping[str, str],
    fix: str,
    *,
    one: str,
) -> None:
    """Refuses a column that is of one kind in some files and of another of these in others."""
    kinds = {k: [f for x in found if x.kind == k for f in x.files] for k in words}
    if not kinds[one] or not any(kinds[k] for k in words if k != one):
        return
    # A column in which nothing stands has any type.
    kinds = {k: of for k, of in kinds.items() if of and _has_values(connection, of, column)}
    if one not in kinds or len(kinds) == 1:
        return
    said = " and ".join(
        f"{words[k]} in {len(of):,} of the files, first {of[0]}" for k, of in kinds.items()
    )
    raise InvalidInput(f"column {column!r} ({key}) holds {said}", where=kinds[one][0], fix=fix)


def _has_values(connection: Any, files: Sequence[str], column: str) -> bool:
    quoted = '"' + column.replace('"', '""') + '"'
    rows = connection.read_parquet(list(files), union_by_name=True, hive_partitioning=False)
    known = f"{quoted} IS NOT NULL AND lower(CAST({quoted} AS VARCHAR)) <> 'nan'"
    return bool(rows.filter(known).limit(1).fetchall())
