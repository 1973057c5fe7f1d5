"""Opens each raw table where it lies, and finds the one place where all of them can be joined.

Rows go to where the tables are, never the other way: a file may be carried into a database or to
Spark, rows of a database stay there. Two databases, or a database and Spark, are refused with the
export that helps.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.sources import ArmsFrom
from spot_mlflow_checks.engines import files, open_any, refuse_unknown
from spot_mlflow_checks.engines.database import DatabaseSource
from spot_mlflow_checks.engines.duck import DuckSource
from spot_mlflow_checks.engines.excel import is_workbook
from spot_mlflow_checks.engines.source import Source
from spot_mlflow_checks.engines.spark import SparkSource
from spot_mlflow_checks.raw.chosen import as_kind
from spot_mlflow_checks.raw.given import Given, sql_name
from spot_mlflow_checks.raw.homes import DatabaseHome, DuckHome, Home, SparkHome
from spot_mlflow_checks.raw.prepared import (
    Raw,
    check_columns,
    is_plain,
    kinds_of,
    marks_in,
    prepared,
    whole_ids,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from spot_mlflow.lift.promise.sources import Sources
    from spot_mlflow_checks.raw.reach import Reach

_CARRIED: Final = 5_000_000  # rows of a file that are carried into a database or to Spark


@dataclass(frozen=True)
class Place:
    """All tables of one check, in one place; each is prepared when it is first asked for.

    Attributes:
        home: where they are joined.
        names: role -> where the table lies, for people.
        whole: keys of ids that are whole numbers.
    """

    home: Home
    names: Mapping[str, str]
    whole: frozenset[str]
    _raws: Mapping[str, Raw]
    _apart: frozenset[str]
    _kept: dict[str, tuple[Reach | None, sa.FromClause]] = field(default_factory=dict)

    @property
    def roles(self) -> Mapping[str, Raw]:
        """Role -> the table as it lies."""
        return self._raws

    def rows(self, role: str, span: Reach | None = None, *, undated: bool = True) -> sa.FromClause:
        """The prepared rows of a table; of a span of time only where one is given, ``undated`` ones as well.

        What has to be kept is kept once, as long as no more is asked for: the widest span first.
        """
        raw, kept = replace(self._raws[role], reach=span), self._kept.get(role)
        if kept is not None and (kept[0] is None or (span is not None and kept[0].holds(span))):
            rows = kept[1]
        elif role in self._apart or self._is_costly(raw):
            keep = _carried if role in self._apart else _prepared
            rows = keep(self.home, raw)
            self._kept[role] = span, rows
        else:
            rows = prepared(raw)
        if span is None:
            return rows
        near = span.of_moment(rows.c.moment, undated=undated)
        return sa.select(*rows.c).where(near).subquery(sql_name(role))

    def count(self, role: str) -> int:
        """All rows of a table, as they lie."""
        source = self._raws[role].source
        return int(source.fetch(sa.select(sa.func.count()).select_from(source.log))[0][0])

    def _is_costly(self, raw: Raw) -> bool:
        """Whether rows are kept, so that times in text are parsed once, not in every step.

        Spark pulls expressions of inner queries up to wherever they are named, and cannot compile what
        comes of it, unless they are plain.
        """
        at = raw.named.get("at")
        text = at is not None and raw.source.families[at] in {"text", "any"}
        if isinstance(raw.source, SparkSource):
            return not is_plain(raw) or at in raw.source.worked_out
        return text


def open_place(given: list[Given], sources: Sources, as_of: float, taken: ExitStack) -> Place:
    """Opens all tables and brings them to one place.

    Args:
        given: the tables.
        sources: the contract's.
        as_of: seconds since 1970 at which the check is made.
        taken: what is to be given back in the end.

    Raises:
        InvalidInput: where they cannot be joined, or one cannot be read.
    """
    kinds = {g.kind for g in given}
    if kinds >= {"database", "spark"}:
        raise _apart(given, "database", "Spark")
    ducks = DuckHome() if "duck" in kinds else None
    if ducks is not None:
        taken.callback(ducks.close)
    opened = _elsewhere(given, sources, taken)
    home = _home(opened, ducks, taken)
    apart: set[str] = set()
    for g in given:
        if g.role not in opened:
            assert ducks is not None  # noqa: S101 - made where there is such a table
            opened[g.role], own = _beside(g, ducks, _wanted(g, sources), taken)
            if own or home is not ducks:
                apart.add(g.role)
    if ducks is not None and home is ducks:
        ducks.settle(f"{sql_name(g.role)}_raw" for g in given if g.role not in apart)
    raws = [
        Raw(g.role, g.doc, opened[g.role], sources.ids, as_of, _arm_column(g, sources))
        for g in given
    ]
    for raw in raws:
        check_columns(raw)
    raws = [replace(r, marks=marks_in(r)) for r in raws]
    whole = whole_ids(raws)
    return Place(
        home,
        {g.role: opened[g.role].name for g in given},
        whole,
        {r.role: replace(r, whole=whole) for r in raws},
        frozenset(apart),
    )


def _prepared(home: Home, raw: Raw) -> sa.FromClause:
    """The prepared rows, kept."""
    rows, kinds = prepared(raw), kinds_of(raw)
    columns = [as_kind(rows.c[k], kind).label(k) for k, kind in kinds.items()]
    return home.keep(f"{sql_name(raw.role)}_{_part(raw)}prepared", sa.select(*columns), kinds)


def _part(raw: Raw) -> str:
    return "" if raw.reach is None else "near_"


def _elsewhere(given: list[Given], sources: Sources, taken: ExitStack) -> dict[str, Source]:
    """Opens the tables of a database, all through one connection, or the frames of Spark."""
    opened: dict[str, Source] = {}
    connection: sa.Connection | None = None
    for g in given:
        if g.kind == "duck":
            continue
        what = g.what
        if connection is not None:
            if not _same_database(what, connection):
                raise _apart(given, "one database", "another")
            what = what if isinstance(what, Source) else connection
        source = _named(g, _opened(g, what, _wanted(g, sources)))
        taken.callback(source.close)
        connection = source.connection if isinstance(source, DatabaseSource) else None
        _refuse_warehouse(source, g)
        opened[g.role] = source
    return opened


def _home(opened: Mapping[str, Source], ducks: DuckHome | None, taken: ExitStack) -> Home:
    """The place where all is joined: the database or Spark where there is one, else DuckDB."""
    for source in opened.values():
        home: Home = (
            DatabaseHome(source) if isinstance(source, DatabaseSource) else SparkHome(source)  # type: ignore[arg-type] # the only other kind
        )
        taken.callback(home.close)
        return home
    assert ducks is not None  # noqa: S101 - decisions and events are always given
    return ducks


def _wanted(g: Given, sources: Sources) -> dict[str, str]:
    found = {column: f"sources.{g.role}.{key}" for column, key in g.doc.wanted.items()}
    arm = _arm_column(g, sources)
    return found if arm is None else {**found, arm: "sources.arms.column"}


def _arm_column(g: Given, sources: Sources) -> str | None:
    if g.role != "decisions" or sources.arms.way is not ArmsFrom.COLUMN:
        return None
    return sources.arms.column


def _opened(g: Given, what: Any, wanted: Mapping[str, str]) -> Source:
    if isinstance(what, Source):
        return what
    try:
        return open_any(what, wanted, table=g.table, query=g.query)
    except InvalidInput as e:
        raise _at(g, e) from None


def _at(g: Given, e: InvalidInput) -> InvalidInput:
    """A fault of one table, with the role that it was given for."""
    if g.role in (e.where or ""):
        return e
    return InvalidInput(e.what, where=f"{g.role}: {e.where}" if e.where else g.role, fix=e.fix)


def _named(g: Given, source: Source) -> Source:
    if not source.name.startswith(f"{g.role} "):
        source.name = f"{g.role} {source.name}"
    return source


def _beside(
    g: Given, ducks: DuckHome, wanted: Mapping[str, str], taken: ExitStack
) -> tuple[Source, bool]:
    """Opens a table that DuckDB reads: files and frames in one connection, others in their own.

    Returns:
        The source, and whether it has a connection of its own.
    """
    plain = isinstance(g.what, str) and g.table is None and g.query is None
    plain = plain and not files.database_kind(g.what) and not g.what.startswith("duckdb:")
    frame = not isinstance(g.what, str) and type(g.what).__module__.split(".", 1)[0] not in {
        "duckdb", "_duckdb", "spot_mlflow_checks",
    }  # fmt: skip
    try:
        if frame and g.table is None:
            refuse_unknown(g.what, type(g.what).__module__.split(".", 1)[0])
        if plain and not _is_workbook(g.what):
            path = g.what.removeprefix("file://")
            return _named(g, ducks.open(path, wanted, f"{sql_name(g.role)}_raw")), False
        if frame:
            return _named(g, ducks.open(g.what, wanted, f"{sql_name(g.role)}_raw")), False
    except InvalidInput as e:
        raise _at(g, e) from None
    source = _opened(g, g.what, wanted)
    if source is not g.what:
        taken.callback(source.close)
    return _named(g, source), True


def _is_workbook(path: str) -> bool:
    return not files.is_remote(path) and is_workbook(path)


def _carried(home: Home, raw: Raw) -> sa.FromClause:
    """Brings the prepared rows of a file to where the other tables are."""
    source = raw.source
    assert isinstance(source, DuckSource)  # noqa: S101 - no other is carried
    kinds, rows = kinds_of(raw), prepared(raw)
    if not isinstance(home, DuckHome):
        count = source.fetch(sa.select(sa.func.count()).select_from(rows))[0][0]
        if count > _CARRIED:
            raise InvalidInput(
                f"has {count:,} rows; at most {_CARRIED:,} are carried into {home.name}",
                where=source.name,
                fix="Load it there as a table, or export the other tables to Parquet or CSV: "
                + _export(home),
            )
    query = sa.select(*[rows.c[k] for k in kinds])
    return home.take(f"{sql_name(raw.role)}_{_part(raw)}carried", source.relation(query), kinds)


def _export(home: Home) -> str:
    """The command that writes a table of a place to files."""
    if isinstance(home, SparkHome):
        return "frame.write.parquet('events')"
    if home.dialect.name == "postgresql":
        return "psql -c \"\\copy (SELECT * FROM events) TO 'events.csv' CSV HEADER\""
    if home.dialect.name == "sqlite":
        return "sqlite3 -header -csv FILE 'SELECT * FROM events' > events.csv"
    return "mariadb --batch -e 'SELECT * FROM events' > events.tsv"


def _refuse_warehouse(source: Source, g: Given) -> None:
    """A warehouse's temporary tables were never tried from here."""
    if isinstance(source, DatabaseSource) and source.dialect.sql is not None:
        raise InvalidInput(
            f"tables of {source.dialect.name} are not joined from here",
            where=f"sources.{g.role}",
            fix=f"spot log lift.yaml --sql {source.dialect.name} prints the query that makes the log "
            "there; check the table that it makes.",
        )


def _same_database(what: Any, connection: sa.Connection) -> bool:
    if isinstance(what, DatabaseSource):
        return what.connection is connection
    if isinstance(what, sa.Connection):
        return what is connection
    url = what.url if isinstance(what, sa.Engine) else _url(what)
    return url is not None and _key(url) == _key(connection.engine.url)


def _url(what: Any) -> sa.URL | None:
    try:
        return sa.make_url(what)
    except (sa.exc.ArgumentError, ValueError):
        return None


def _key(url: sa.URL) -> tuple[Any, ...]:
    return url.get_backend_name(), url.username, url.host, url.port, url.database


def _apart(given: list[Given], one: str, other: str) -> InvalidInput:
    lie = "; ".join(f"{g.role}: {g.kind}" for g in given)
    return InvalidInput(
        f"tables of {one} and {other} cannot be joined ({lie})",
        where="sources",
        fix="Export all but one place to Parquet or CSV, for example "
        "psql -c \"\\copy (SELECT * FROM orders) TO 'orders.csv' CSV HEADER\" or "
        "frame.write.parquet('orders'), and give the files.",
    )
