"""Columns of a database by what they hold: each type read as a number, a time, text or a label.

What a database has no comparison, maximum or number for (PostgreSQL's uuid, enum, money, jsonb, bytea;
MySQL's text that ignores case) is turned into what every pass can use, once, where the log is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from spot_mlflow_checks.engines.mysql import binary_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow_checks.engines.dialect import Family

    Expression = sa.ColumnElement[Any]


class SqlColumn(NamedTuple):
    """How a column is read.

    Attributes:
        value: the expression; the column itself where nothing is to be done.
        family: of its type.
        kind: its type as the database calls it.
    """

    value: sa.ColumnElement[Any]
    family: Family
    kind: str


# PostgreSQL's types by name; enums are text, and all others labels.
_POSTGRES: Final[dict[str, Family]] = {
    "bool": "bool",
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "integer"),
    **dict.fromkeys(("float4", "float8", "numeric"), "float"),
    "date": "date",
    **dict.fromkeys(("timestamp", "timestamptz"), "time"),
    **dict.fromkeys(("text", "varchar"), "text"),
}
_POSTGRES_WORDS: Final = frozenset({"bpchar", "name", "citext", "char", "unknown"})


def postgres_columns(
    connection: sa.Connection, log: sa.FromClause, oids: Mapping[str, int]
) -> dict[str, SqlColumn]:
    """Reads each column by its type in PostgreSQL's catalogue; a domain is the type under it."""
    p = sa.table(
        "pg_type",
        *map(sa.column, ("oid", "typname", "typtype")),
        schema="pg_catalog",
    )
    named = sa.func.format_type(p.c.oid, sa.null())
    found = sa.select(p.c.oid, p.c.typname, sa.cast(p.c.typtype, sa.Text()), named)
    rows = connection.execute(found.where(p.c.oid.in_(sorted(set(oids.values())))))
    kinds = {row[0]: tuple(row[1:]) for row in rows}
    return {name: _postgres(log.c[name], *kinds[oid]) for name, oid in oids.items() if oid in kinds}


def _postgres(x: Expression, name: str, form: str, kind: str) -> SqlColumn:
    if name in _POSTGRES:
        return SqlColumn(x, _POSTGRES[name], kind)
    as_text = sa.cast(x, sa.Text())
    if name == "money":
        return SqlColumn(sa.cast(x, sa.Numeric()), "float", kind)
    if name in {"json", "jsonb"}:  # a string in it without its quotes
        return SqlColumn(x.op("#>>")(sa.literal_column("'{}'")), "text", kind)
    if name == "bytea":
        return SqlColumn(sa.func.encode(x, sa.literal_column("'hex'")), "label", kind)
    if form == "e" or name in _POSTGRES_WORDS:
        return SqlColumn(as_text, "text", kind)
    return SqlColumn(as_text, "label", kind)


# What a driver of MySQL and MariaDB reports for a column -> (family, name of the type).
_MYSQL: Final[dict[int, tuple[Family, str]]] = {
    0: ("float", "DECIMAL"), 246: ("float", "DECIMAL"), 4: ("float", "FLOAT"), 5: ("float", "DOUBLE"),
    1: ("integer", "TINYINT"), 2: ("integer", "SMALLINT"), 3: ("integer", "INT"),
    8: ("integer", "BIGINT"), 9: ("integer", "MEDIUMINT"), 13: ("integer", "YEAR"), 16: ("integer", "BIT"),
    7: ("time", "TIMESTAMP"), 12: ("time", "DATETIME"), 10: ("date", "DATE"), 14: ("date", "DATE"),
    15: ("text", "VARCHAR"), 247: ("text", "ENUM"), 248: ("text", "SET"), 245: ("text", "JSON"),
    253: ("text", "VARCHAR"), 254: ("text", "CHAR"), 6: ("text", "NULL"),
    249: ("text", "TEXT"), 250: ("text", "TEXT"), 251: ("text", "TEXT"), 252: ("text", "TEXT"),
    11: ("label", "TIME"), 255: ("label", "GEOMETRY"),
}  # fmt: skip
_MYSQL_BYTES: Final = (249, 250, 251, 252, 253, 254)  # text, or bytes: the character set tells


def mysql_columns(
    connection: sa.Connection, log: sa.FromClause, codes: Mapping[str, int]
) -> dict[str, SqlColumn]:
    """Reads each column by the type that the driver reports; text is compared byte by byte."""
    doubtful = [n for n, code in codes.items() if code in _MYSQL_BYTES]
    sets: Sequence[Any] = ()
    if doubtful:
        asked = sa.select(*[sa.func.charset(log.c[n]) for n in doubtful]).limit(1)
        sets = connection.execute(asked).fetchone() or ()
    binary = {n for n, charset in zip(doubtful, sets, strict=False) if charset == "binary"}
    return {
        name: _mysql(log.c[name], code, connection, bytes_=name in binary)
        for name, code in codes.items()
        if code in _MYSQL
    }


def _mysql(x: Expression, code: int, connection: sa.Connection, *, bytes_: bool) -> SqlColumn:
    family, kind = _MYSQL[code]
    mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
    if bytes_:
        return SqlColumn(
            binary_text(sa.func.lower(sa.func.hex(x)), mariadb=mariadb), "label", "BINARY"
        )
    if kind == "TIMESTAMP":  # shown in the session's zone, and kept in UTC
        micros = sa.func.unix_timestamp(x) * 1_000_000
        start: Expression = sa.literal_column("TIMESTAMP'1970-01-01 00:00:00'")
        unit: Expression = sa.literal_column("MICROSECOND")
        return SqlColumn(sa.func.timestampadd(unit, micros, start), family, kind)
    if kind == "BIT":
        return SqlColumn(x.op("+")(sa.literal_column("0")), family, kind)
    if kind == "JSON":
        return SqlColumn(binary_text(sa.func.json_unquote(x), mariadb=mariadb), family, kind)
    if family in {"text", "label"}:
        return SqlColumn(binary_text(sa.cast(x, sa.Text()), mariadb=mariadb), family, kind)
    return SqlColumn(x, family, kind)


def sqlite_columns(log: sa.FromClause, names: Sequence[str]) -> dict[str, SqlColumn]:
    """Any column of SQLite may hold anything; bytes are written in hexadecimal."""

    def read(x: Expression) -> Expression:
        return sa.case((sa.func.typeof(x) == "blob", sa.func.lower(sa.func.hex(x))), else_=x)

    return {n: SqlColumn(read(log.c[n]), "any", "") for n in names}
