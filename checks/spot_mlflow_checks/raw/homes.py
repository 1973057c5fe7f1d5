"""The one place where raw tables are joined: it answers queries, and keeps a result until it is closed.

A result is kept once: DuckDB writes Parquet into its spill folder, a database a temporary table, Spark
caches a frame. Whatever ends the check, ``close`` removes it.
"""

from __future__ import annotations

import contextlib
import itertools
import uuid
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa
from typing_extensions import override

from spot_mlflow.errors import InvalidInput, SpotError
from spot_mlflow.validation import shortened
from spot_mlflow_checks.engines import duck, files, ordered
from spot_mlflow_checks.engines.source import EngineRefused, Source, log_table
from spot_mlflow_checks.engines.stoppable import stoppable

Kind = Literal["text", "whole", "double"]  # of a column that is kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from spot_mlflow_checks.engines.database import DatabaseSource
    from spot_mlflow_checks.engines.dialect import Dialect, Family
    from spot_mlflow_checks.engines.spark import SparkSource

    Kinds = Mapping[str, Kind]

_LONGEST: Final = 512  # characters of an id in MySQL, which joins by an index
_MEGABYTES: Final = 650  # for DuckDB: a join keeps more than a group-by; resident memory is larger
_SMALL: Final = 4 * ordered.SHARE  # rows of a table that is joined in one thread
_STREAMED: Final = 50_000  # rows that are handed on at once
_BATCH: Final = 5_000  # rows of one insert
_HASHED: Final = 200_000  # units up to which PostgreSQL may join by hashing
_OF_A_PART: Final = 5_000  # rows of a part in Spark: with fewer, the parts cost more than they save
_ID: Final = frozenset({"unit", "id"})
_CSV: Final = "CSV Error"  # in what DuckDB says of a file


class Home(ABC):
    """Where all tables of one check can be joined.

    Attributes:
        name: what it is, for people.
        dialect: how its engine says things.
        sorts: whether it finds events that come twice by putting all in order; else by grouping them first.
        moves: whether rows move to where all of their unit are: counts by unit then cost least after that.
    """

    name: str
    dialect: Dialect
    sorts: bool = False
    moves: bool = False

    @abstractmethod
    def answer(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        """Runs a query; the engine's own errors may come out."""

    @abstractmethod
    def write(self, name: str, query: sa.Select[Any] | sa.CompoundSelect[Any], kinds: Kinds) -> str:
        """Keeps the result of a query; returns the name under which it is found."""

    @abstractmethod
    def receive(self, name: str, relation: Any, kinds: Kinds) -> str:
        """Keeps rows that DuckDB streams from another place; returns their name."""

    @abstractmethod
    def stream(self, query: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
        """Runs a query and gives its rows in batches."""

    def in_order(self, name: str, columns: Sequence[str]) -> str:  # noqa: ARG002 - of those that can
        """Keeps a small log in the order of columns; returns its name, "" where that was not done."""
        return ""

    def joining(self, units: int, kind: Kind) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002 - of those that need it
        """While it lasts, events and units are joined in the way that suits so many of them.

        Args:
            units: whose decisions count.
            kind: of their ids.
        """
        return contextlib.nullcontext()

    @abstractmethod
    def close(self) -> None:
        """Removes what was kept, and gives back what was taken."""

    def fetch(self, query: Any) -> Sequence[Sequence[Any]]:
        """Runs a query and returns its few rows.

        Raises:
            EngineRefused: whatever the engine does not do.
        """
        with self._said():
            return self.answer(query)

    def keep(
        self, name: str, query: sa.Select[Any] | sa.CompoundSelect[Any], kinds: Kinds
    ) -> sa.TableClause:
        """Runs a query once and keeps its rows; returns what to select from."""
        with self._said():
            return log_table(kinds, self.write(name, query, kinds))

    def keep_by_unit(
        self,
        name: str,
        query: sa.Select[Any],
        kinds: Kinds,
        rows: int,  # noqa: ARG002 - of those that move them
    ) -> sa.TableClause:
        """Keeps rows that will be joined and grouped by their unit; about so many."""
        return self.keep(name, query, kinds)

    def take(self, name: str, relation: Any, kinds: Kinds) -> sa.TableClause:
        """Keeps rows of another place; returns what to select from."""
        with self._said():
            return log_table(kinds, self.receive(name, relation, kinds))

    def reason(self, error: Exception) -> str:
        """What an error of the engine says, on one line."""
        return (str(error).strip().splitlines() or [type(error).__name__])[0]

    def place_of(self, error: Exception) -> str:  # noqa: ARG002 - of those that say where
        """Where an error arose, for people: the file, where the engine names one."""
        return self.name

    @contextlib.contextmanager
    def _said(self) -> Any:
        try:
            yield
        except (SpotError, MemoryError):
            raise
        except Exception as e:  # noqa: BLE001 - each engine has errors of its own, and drivers more
            if "interrupted" in str(e).casefold() and isinstance(e, RuntimeError):
                raise KeyboardInterrupt from None  # what DuckDB makes of Ctrl-C
            # A file may be carried here from DuckDB, which then says what is wrong with it.
            said = files.reason(e) if _CSV in str(e) else self.reason(e)
            place, fix = self.place_of(e), files.remedy(e, "")
            raise EngineRefused(shortened(said), where=place, fix=fix) from None


class DuckHome(Home):
    """Files and frames, in a connection of our own."""

    def __init__(self) -> None:
        from spot_mlflow_checks.engines.dialect import DuckDialect

        self.name, self.dialect = "DuckDB", DuckDialect()
        self._connection, self._spill = duck.connect(_MEGABYTES)

    def open(self, given: Any, wanted: Mapping[str, str], view: str) -> duck.DuckSource:
        """Opens files or a frame beside the others, under a name of its own."""
        return duck.open_beside(self._connection, given, wanted, view)

    @override
    def answer(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        text, connection = self.dialect.compile(query), self._connection
        rows: list[tuple[Any, ...]] = stoppable(
            lambda: connection.execute(text).fetchall(), connection.interrupt
        )
        return rows

    @override
    def write(self, name: str, query: Any, kinds: Kinds) -> str:
        return self._copied(name, self._connection.sql(self.dialect.compile(query)))

    def settle(self, views: Iterable[str]) -> None:
        """Joins small tables in one thread, so that sums of amounts come out the same each time."""
        ordered.in_one_thread(self._connection, views, _SMALL)

    @override
    def in_order(self, name: str, columns: Sequence[str]) -> str:
        return ordered.in_order(self._connection, name, columns)

    @override
    def receive(self, name: str, relation: Any, kinds: Kinds) -> str:
        return self._copied(name, relation)

    def _copied(self, name: str, relation: Any) -> str:
        folder = Path(self._spill.path).parent
        path = str(folder / f"{name}.parquet")
        stoppable(
            lambda: relation.write_parquet(path, compression="snappy", row_group_size=100_000),
            self._connection.interrupt,
        )
        self._connection.read_parquet(path).create_view(name, replace=True)
        return name

    @override
    def stream(self, query: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
        cursor = self._connection.cursor().execute(self.dialect.compile(query))
        while rows := cursor.fetchmany(_STREAMED):
            yield rows

    @override
    def reason(self, error: Exception) -> str:
        return files.reason(error)

    @override
    def place_of(self, error: Exception) -> str:
        named = files.named_file(error)
        return files.shown(named) if named else self.name

    @override
    def close(self) -> None:
        self._connection.close()
        self._spill.cleanup()


class DatabaseHome(Home):
    """One database, where results are temporary tables of the connection."""

    sorts = True

    def __init__(self, first: DatabaseSource) -> None:
        self.name, self.dialect, self._first = first.name, first.dialect, first
        self.connection = first.connection
        self._kept: list[sa.Table] = []
        self._mark = uuid.uuid4().hex[:8]

    @override
    def answer(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        return self._first.answer(query)

    @override
    def write(self, name: str, query: Any, kinds: Kinds) -> str:
        table = self._made(name, kinds)
        self._run(sa.insert(table).from_select(list(kinds), query))
        self._ready(table)
        return table.name

    @override
    def receive(self, name: str, relation: Any, kinds: Kinds) -> str:
        table = self._made(name, kinds)
        for batch in relation.to_arrow_reader(_BATCH):
            if batch.num_rows:
                self.connection.execute(sa.insert(table), batch.to_pylist())
        self._ready(table)
        return table.name

    @override
    def stream(self, query: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
        # Of this statement alone: the connection may be the caller's, and would keep it.
        with self.connection.execute(query.execution_options(yield_per=_STREAMED)) as found:
            yield from found.partitions()

    @override
    @contextlib.contextmanager
    def joining(self, units: int, kind: Kind) -> Iterator[None]:
        # PostgreSQL takes a look into a large hash table to be as cheap as into a small one. It misses
        # the processor's cache, and sorting both by whole numbers costs two thirds of it.
        if self.dialect.name != "postgresql" or kind != "whole" or units < _HASHED:
            yield
            return
        name = "enable_hashjoin"
        before = self.connection.execute(sa.select(sa.func.current_setting(name))).scalar()
        self.connection.execute(sa.select(sa.func.set_config(name, "off", True)))
        try:
            yield
        finally:
            with contextlib.suppress(sa.exc.SQLAlchemyError):  # of a connection that is gone
                self.connection.execute(sa.select(sa.func.set_config(name, before, True)))

    def _run(self, statement: Any) -> None:
        if self.connection.dialect.name != "postgresql":
            self.connection.execute(statement)
            return
        with self.connection.begin_nested():  # a refusal must not end the caller's transaction
            self.connection.execute(statement)

    def _made(self, name: str, kinds: Kinds) -> sa.Table:
        columns = [
            sa.Column(sa.quoted_name(c, quote=True), self._type(c, k)) for c, k in kinds.items()
        ]
        table = sa.Table(
            sa.quoted_name(f"spot_{name}_{self._mark}", quote=True),
            sa.MetaData(),
            *columns,
            prefixes=["TEMPORARY"],
        )
        try:
            self._run(sa.schema.CreateTable(table))
        except sa.exc.SQLAlchemyError as e:
            raise InvalidInput(
                f"a temporary table cannot be made: {self.reason(e)}",
                where=self.name,
                fix="Grant TEMPORARY, or write the log yourself: spot log lift.yaml --sql ENGINE "
                "prints the query.",
            ) from None
        self._kept.append(table)
        return table

    def _type(self, name: str, kind: Kind) -> Any:
        if kind != "text":
            return sa.BigInteger() if kind == "whole" else sa.Double()
        if self.dialect.name != "mysql":
            return sa.Text()
        mariadb = bool(getattr(self.connection.dialect, "is_mariadb", False))
        collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return (
            sa.String(_LONGEST, collation=collation)
            if name in _ID
            else sa.Text(collation=collation)
        )

    def _ready(self, table: sa.Table) -> None:
        """Tells the planner how large it is; MySQL joins text only by an index."""
        name = self.connection.dialect.identifier_preparer.format_table(table)
        if self.dialect.name == "postgresql":
            self._run(sa.text(f"ANALYZE {name}"))
        if self.dialect.name == "mysql":
            for key in _ID & set(table.c.keys()):
                self._run(sa.schema.CreateIndex(sa.Index(f"by_{key}", table.c[key])))

    @override
    def reason(self, error: Exception) -> str:
        return self._first.reason(error)

    @override
    def close(self) -> None:
        with contextlib.suppress(
            sa.exc.SQLAlchemyError
        ):  # a connection that is gone took them along
            for table in self._kept:
                self._run(sa.schema.DropTable(table, if_exists=True))


class SparkHome(Home):
    """One Spark session, where results are cached frames."""

    moves = True

    def __init__(self, first: SparkSource) -> None:
        self.name, self.dialect = "Spark", first.dialect
        self.session = first.session
        self._kept: list[tuple[str, Any]] = []
        self._mark = uuid.uuid4().hex[:8]

    @override
    def answer(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        return [tuple(r) for r in self.session.sql(self.dialect.compile(query)).collect()]

    @override
    def write(self, name: str, query: Any, kinds: Kinds) -> str:
        return self._cached(name, self.session.sql(self.dialect.compile(query)))

    @override
    def keep_by_unit(
        self, name: str, query: sa.Select[Any], kinds: Kinds, rows: int
    ) -> sa.TableClause:
        # As many parts as joins have, or Spark would move the rows once more for each of these.
        said = str(self.session.conf.get("spark.sql.shuffle.partitions"))
        if not said.isdecimal() or rows < _OF_A_PART * int(said):
            return self.keep(name, query, kinds)
        with self._said():
            frame = self.session.sql(self.dialect.compile(query)).repartition(int(said), "unit")
            frame = frame.sortWithinPartitions("unit")
            return log_table(kinds, self._cached(name, frame))

    @override
    def receive(self, name: str, relation: Any, kinds: Kinds) -> str:
        types = {"text": "string", "whole": "bigint", "double": "double"}
        schema = ", ".join(f"`{c}` {types[k]}" for c, k in kinds.items())
        rows: Iterable[Any] = relation.fetchall()
        return self._cached(name, self.session.createDataFrame(rows, schema))

    @override
    def stream(self, query: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
        rows = self.session.sql(self.dialect.compile(query)).toLocalIterator()
        while batch := [tuple(r) for r in itertools.islice(rows, _STREAMED)]:
            yield batch

    def _cached(self, name: str, frame: Any) -> str:
        view = f"spot_{name}_{self._mark}"
        frame = frame.persist()
        frame.createOrReplaceTempView(view)
        self._kept.append((view, frame))
        return view

    @override
    def close(self) -> None:
        for view, frame in self._kept:
            self.session.catalog.dropTempView(view)
            frame.unpersist()


class JoinedSource(Source):
    """The joined log as an ordinary source: every pass and check reads it as any other."""

    def __init__(  # noqa: PLR0917 - what a log is
        self,
        home: Home,
        name: str,
        table: sa.TableClause,
        columns: Mapping[str, str],
        kinds: Kinds,
        times: frozenset[str],
    ) -> None:
        self.name, self.dialect, self._home = name, home.dialect, home
        self._name, self._keys = table.name, {c: k for k, c in columns.items()}
        families: dict[str, Family] = {}
        for key, column in columns.items():
            family: dict[str, Family] = {"text": "text", "whole": "integer", "double": "float"}
            families[column] = "micros" if key in times else family[kinds[key]]
        self.families = families
        self._select(table, columns.values())

    def _select(self, table: sa.TableClause, columns: Iterable[str]) -> None:
        said = [table.c[self._keys[c]].label(sa.quoted_name(c, quote=True)) for c in columns]
        self.log = sa.select(*said).select_from(table).subquery("joined_log")

    @override
    def answer(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Sequence[Any]]:
        return self._home.answer(query)  # type: ignore[arg-type] # either kind of query

    @override
    def put_in_order(self, columns: Sequence[str]) -> None:
        keys = [self._keys[c] for c in columns]
        if name := self._home.in_order(self._name, keys):
            self._select(log_table(keys, name), columns)

    @override
    def reason(self, error: Exception) -> str:
        return self._home.reason(error)
