"""The join as the SQL of an engine, to be run there: for warehouses, and for who wants to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from typing_extensions import override

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.sources import Arms, ArmsFrom
from spot_mlflow.validation import utc
from spot_mlflow_checks.engines.source import log_table
from spot_mlflow_checks.feed_end import feed_end
from spot_mlflow_checks.holdout.written import compiler_named, dialect_named
from spot_mlflow_checks.raw import happened
from spot_mlflow_checks.raw.assembled import assembled, log_kinds
from spot_mlflow_checks.raw.chosen import Choice, chosen, chosen_kinds, with_arms
from spot_mlflow_checks.raw.events import EVENTS
from spot_mlflow_checks.raw.given import GUARDRAIL, sql_name
from spot_mlflow_checks.raw.guarded import as_events, key_of
from spot_mlflow_checks.raw.homes import Home
from spot_mlflow_checks.raw.joined import TIMES, micros_of, rule_for, span_of
from spot_mlflow_checks.raw.prepared import Raw, kinds_of, prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.promise.sources import Table
    from spot_mlflow.lift.promise.step_words import StepWords
    from spot_mlflow_checks.engines.dialect import Dialect, Family
    from spot_mlflow_checks.raw.homes import Kind

    Expression = sa.ColumnElement[Any]

_NUMBERS: Final = frozenset({"amount", "score", "propensity", "value", "cost", "handling"})
_FLAGS: Final = frozenset({"offered", "delivered", "acted"})


def log_sql(
    engine: str,
    predicted: PredictedLift,
    *,
    as_of: datetime | date | str | None = None,
    model_version: str | None = None,
) -> str:
    """Returns one query that makes the log of the contract's tables.

    Ids are compared as the engine writes them as text; times are its own timestamps, those without a
    zone in the zone of the contract; flags are 0 and 1.

    Args:
        engine: one of ``spot_mlflow_checks.holdout.written.ENGINES``.
        predicted: a contract with ``sources``.
        as_of: nothing after it counts; now where None. It stands in the query.
        model_version: decisions of other versions do not count.

    Raises:
        InvalidInput: where the contract has no sources, or a warehouse's dialect is not installed.
    """
    sources, window = predicted.sources, predicted.window
    if sources is None or window is None:
        raise InvalidInput("the contract has no sources", where="lift contract", fix="Add sources.")
    for role, doc in sources.tables.items():
        if doc.dates is not None or doc.decimal != ".":
            raise InvalidInput(
                "dates and decimal are of text, and in the query times and amounts have their own types",
                where=f"sources.{role}",
                fix="Convert the columns in the table itself, and leave dates and decimal out.",
            )
    dialect, moment = dialect_named(engine), utc(as_of)
    feeds = [sources.events, *sources.guardrails.values()]
    moment = min([moment, *(end for doc in feeds if (end := feed_end(doc, moment)) is not None)])
    home, columns = _Text(dialect), predicted.columns
    c = Choice(
        home, sources, micros_of(moment), model_version, columns.treated_labels[0], columns.holdout,
        rule_for(predicted, sources),
    )  # fmt: skip
    rows = {role: _rows(home, role, doc, c, moment) for role, doc in sources.tables.items()}
    armed = with_arms(c, rows["decisions"], rows.get("arms"))
    picked = home.keep("chosen", chosen(c, armed), chosen_kinds(c))
    w = happened.Windows(span_of(window), span_of(sources.before) if sources.before else 0)
    summed = _summed(home, c, rows[EVENTS], picked, w, "")
    guards = {
        g: _summed(
            home,
            as_events(c, g),
            rows[f"{GUARDRAIL}{g}"],
            picked,
            happened.Windows(w.after, 0),
            f"{g}_",
        )
        for g in sources.guardrails
    }
    stepped = None
    if sources.steps is not None:
        stepped = home.keep("steps_done", happened.stepped(c, rows["steps"], picked, w), {})
    kinds = log_kinds(c)
    log = assembled(c, picked, summed, stepped, kinds, guards).cte("joined_log")
    named = columns.model_dump() | {key_of(g): g for g in guards}
    said = [
        (_time(dialect, log.c[k]) if k in TIMES else log.c[k]).label(
            sa.quoted_name(named.get(k) or k, quote=True)
        )
        for k in kinds
    ]
    query = sa.select(*said)
    text = query.compile(
        dialect=compiler_named(engine, dialect), compile_kwargs={"literal_binds": True}
    )
    head = (
        f"-- The outcome log of {predicted.metric!r} as of {moment.isoformat(timespec='seconds')}"
    )
    return f"{' '.join(head.split())}\n{text}"


def _summed(  # noqa: PLR0917 - what is joined
    home: _Text, c: Choice, rows: Any, picked: Any, w: happened.Windows, name: str
) -> Any:
    """The events of each decision, each once, added up."""
    events: Any = happened.read_events(c, rows)
    if c.sources.events.id is not None:
        repeated = home.keep(f"{name}twice", happened.twice(events), {})
        events = happened.once(c, events, repeated)
    if c.sources.events.refund_of is not None:
        events = happened.linked(events)
    return home.keep(f"{name}happened", happened.summed(c, events.subquery("e"), picked, w), {})


class _Text(Home):
    """An engine that is not at hand: what it would keep becomes part of one query."""

    def __init__(self, dialect: Dialect) -> None:
        self.name, self.dialect = dialect.name, dialect

    @override
    def keep(self, name: str, query: Any, kinds: Any) -> Any:
        return query.cte(f"spot_{sql_name(name)}")

    @override
    def answer(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        raise NotImplementedError

    @override
    def write(self, name: str, query: Any, kinds: Any) -> str:
        raise NotImplementedError

    @override
    def receive(self, name: str, relation: Any, kinds: Any) -> str:
        raise NotImplementedError

    @override
    def stream(self, query: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
        raise NotImplementedError

    @override
    def close(self) -> None:
        """Nothing was taken."""


class _Table:
    """A table that is not at hand, its columns of the types that their meaning has."""

    def __init__(self, home: Home, role: str, doc: Table, named: Mapping[str, str]) -> None:
        self.name, self.dialect, self.kinds = role, home.dialect, dict.fromkeys(named.values(), "")
        self.families: dict[str, Family] = dict.fromkeys(doc.filter, "label")
        self.families |= {column: _family(key) for key, column in named.items()}
        self.families |= {words.column: _family_of(words) for words in doc.told.values()}
        place = (doc.place if isinstance(doc, Arms) else doc.table) or sql_name(role)
        schema, _, name = ("", "", place) if "/" in place else place.rpartition(".")
        if doc.query is not None:
            given = sa.text(doc.query.replace(":", "\\:")).columns(*map(_named, self.families))
            self.log: Any = given.subquery(f"{sql_name(role)}_given")
        elif place.endswith((".parquet", ".csv")):
            self.log = log_table(self.families, place)
        else:
            self.log = log_table(self.families, name, schema or None)

    def column(self, name: str) -> Expression:
        """A column of the table."""
        found: Expression = self.log.c[name]
        return found


def _named(name: str) -> sa.ColumnClause[Any]:
    return sa.column(sa.quoted_name(name, quote=True))


def _family(key: str) -> Family:
    if key in {"at", "due_at"}:
        return "time"
    if key in _FLAGS:
        return "integer"
    return "float" if key in _NUMBERS else "label"


def _family_of(words: StepWords) -> Family:
    """The type of a column of words; of numbers where all words are."""
    numbers = all(isinstance(w, int | float) for w in (*words.yes, *words.no))
    return "float" if numbers else "text"


def _rows(home: Home, role: str, doc: Table, c: Choice, as_of: datetime) -> Any:
    column = c.sources.arms.way is ArmsFrom.COLUMN and role == "decisions"
    arm = c.sources.arms.column if column else None
    named = doc.columns if arm is None else {**doc.columns, "arm": arm}
    table: Any = _Table(home, role, doc, named)
    raw = Raw(role, doc, table, c.sources.ids, as_of.timestamp(), arm)
    kinds: dict[str, Kind] = kinds_of(raw)
    rows = prepared(raw)
    return home.keep(role, sa.select(*[rows.c[k] for k in kinds]), kinds)


def _time(d: Dialect, micros: Expression) -> Expression:
    """Microseconds since 1970 as the engine's own timestamp, UTC."""
    found: Expression = _TIMESTAMPS.get(d.name, _from_seconds)(micros)
    return found


def _from_seconds(micros: Expression) -> Expression:
    return sa.func.to_timestamp(sa.cast(micros, sa.Double()) / 1e6)


def _added(micros: Expression) -> Expression:
    unit: Expression = sa.literal_column("MICROSECOND")
    start: Expression = sa.literal_column("TIMESTAMP'1970-01-01 00:00:00'")
    return sa.func.timestampadd(unit, micros, start)


def _mssql(micros: Expression) -> Expression:
    second: Expression = sa.literal_column("SECOND")
    micro: Expression = sa.literal_column("MICROSECOND")
    start: Expression = sa.literal_column("CAST('1970-01-01' AS DATETIME2(6))")
    whole = sa.cast(micros / sa.literal_column("1000000"), sa.Integer())
    rest = sa.cast(micros % sa.literal_column("1000000"), sa.Integer())
    return sa.func.dateadd(micro, rest, sa.func.dateadd(second, whole, start))


def _oracle(micros: Expression) -> Expression:
    start: Expression = sa.literal_column("TIMESTAMP '1970-01-01 00:00:00'")
    return start + sa.func.numtodsinterval(micros / sa.literal_column("1000000"), "SECOND")


def _sqlite(micros: Expression) -> Expression:
    second = sa.func.strftime("%Y-%m-%dT%H:%M:%S", micros / sa.literal_column("1000000"), "unixepoch")  # fmt: skip
    rest = sa.func.printf(".%06dZ", micros % sa.literal_column("1000000"))
    return second.concat(rest)


_TIMESTAMPS: Final[dict[str, Callable[[Any], Any]]] = {
    "duckdb": sa.func.make_timestamp,
    "spark": sa.func.timestamp_micros,
    "databricks": sa.func.timestamp_micros,
    "bigquery": sa.func.timestamp_micros,
    "snowflake": lambda x: sa.func.to_timestamp_ntz(x, sa.literal_column("6")),
    "trino": lambda x: sa.func.from_unixtime(sa.cast(x, sa.Double()) / 1e6),
    "mysql": _added,
    "mssql": _mssql,
    "oracle": _oracle,
    "sqlite": _sqlite,
}
