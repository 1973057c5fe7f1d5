"""Columns of a warehouse by what its driver says of them; each driver has its own words for types.

What a driver does not say is told from the first values (``database``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow_checks.engines.columns_sql import SqlColumn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow_checks.engines.dialect import Dialect, Family

# What a driver calls a type, in lower case -> its family; the first that is found counts.
_KINDS: Final[tuple[tuple[str, Family], ...]] = (
    (r"^(timestamp|datetime|smalldatetime)", "time"),
    (r"interval|array|map|struct|record|row\(|variant|object|geo|json|raw|blob|bytes|binary|uuid|\btime\b", "label"),
    (r"bool|^bit$", "bool"),
    (r"clob|char|text|string|^str$", "text"),
    (r"float|double|real|decimal|numeric|number|fixed|money", "float"),
    (r"int", "integer"),
    (r"date", "date"),
)  # fmt: skip
# Snowflake's driver gives numbers.
_SNOWFLAKE: Final = {
    0: "fixed", 1: "real", 2: "text", 3: "date", 4: "timestamp", 5: "variant", 6: "timestamp_ltz",
    7: "timestamp_tz", 8: "timestamp_ntz", 9: "object", 10: "array", 11: "binary", 13: "boolean",
}  # fmt: skip


def driver_kinds(backend: str, description: Sequence[Any]) -> dict[str, str]:
    """Returns column -> its type in the driver's words, of those that it has words for."""
    out = {}
    for entry in description:
        code = entry[1] if len(entry) > 1 else None
        if backend == "snowflake" and isinstance(code, int):
            code = _SNOWFLAKE.get(code)
        kind = getattr(code, "name", None) or getattr(code, "__name__", None) or code
        if isinstance(kind, str) and kind:
            # Oracle's date has a time of day.
            said = kind.lower().removeprefix("db_type_")
            out[str(entry[0])] = "datetime" if backend == "oracle" and said == "date" else said
    return out


def warehouse_columns(
    dialect: Dialect, log: sa.FromClause, kinds: Mapping[str, str]
) -> dict[str, SqlColumn]:
    """Reads each column by the type that the driver reports; text as the dialect compares it."""
    return {n: warehouse_column(dialect, log.c[n], kind) for n, kind in kinds.items() if n in log.c}


def warehouse_column(dialect: Dialect, x: Any, kind: str) -> SqlColumn:
    """Reads one column; what is no number, time or text counts as a label."""
    family: Family = next((f for form, f in _KINDS if re.search(form, kind)), "label")
    if family == "label":
        return SqlColumn(dialect.text(x), family, kind)
    if family == "text":
        padded = kind in {"char", "nchar"}  # up to the length of the column
        return SqlColumn(
            sa.func.rtrim(dialect.text(x)) if padded else dialect.plain(x), family, kind
        )
    if family == "time" and dialect.name == "oracle" and kind.endswith("tz"):
        return SqlColumn(sa.func.sys_extract_utc(x), family, kind)
    return SqlColumn(x, family, kind)
