"""Which tables were given, and which the contract names; what reads each is told by what it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.sources import GUARDRAILS, Arms, Sources, Table
from spot_mlflow.validation import nearest
from spot_mlflow_checks.engines import files
from spot_mlflow_checks.engines.source import Source

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.sources import OutcomeLog, Place

ROLES: Final = ("decisions", "arms", "events", "steps")
GUARDRAIL: Final = f"{GUARDRAILS}."  # what the role of a guardrail's events begins with


@dataclass(frozen=True, slots=True)
class Given:
    """One table as it was given.

    Attributes:
        role: decisions, arms, events or steps.
        doc: what the contract says of it.
        what: a frame, path, URL, engine or connection.
        table: of a database.
        query: of a database.
        kind: duck, database or spark: what reads it.
    """

    role: str
    doc: Table
    what: Any
    table: str | None
    query: str | None
    kind: str


def given_tables(tables: Mapping[str, Any] | None, sources: Sources) -> list[Given]:
    """Puts together what the contract names and what was given at the call.

    Raises:
        InvalidInput: where a table is given that the contract does not know, or none is.
    """
    tables = dict(tables or {})
    guardrails = tables.pop(GUARDRAILS, None)
    guardrails = {} if guardrails is None else guardrails
    if not isinstance(guardrails, Mapping):
        raise InvalidInput(
            f"guardrails is a {type(guardrails).__name__}, must be the table of each guardrail's column",
            where="tables",
            fix='Give tables={"guardrails": {"complained": frame}}.',
        )
    tables |= {f"{GUARDRAIL}{column}": what for column, what in guardrails.items()}
    tables = {k: v for k, v in tables.items() if v is not None}
    docs = sources.tables
    for role in tables:
        if role not in docs:
            raise _no_such_role(role, docs, sources)
    return [_given(role, doc, tables.get(role)) for role, doc in docs.items()]


def _no_such_role(role: str, docs: Mapping[str, Table], sources: Sources) -> InvalidInput:
    where = f"sources.{role}"
    if role == "arms":
        way = sources.arms.way
        return InvalidInput(
            f"a table of arms is given, and the contract takes the arms from {way.value}",
            where=where,
            fix="Leave it out, or write sources.arms: {held_out: true, unit: NAME}.",
        )
    if role == "steps":
        return InvalidInput(
            "steps are given, and the contract does not say what their columns mean",
            where=where,
            fix="Add sources.steps to lift.yaml: {unit: NAME, at: NAME, delivered: NAME}.",
        )
    return InvalidInput(
        f"unknown table {role!r}{nearest(role, ROLES)}", where=where, fix=f"Give {', '.join(docs)}."
    )


def _given(role: str, doc: Table, what: Any) -> Given:
    table, query = (doc.place if isinstance(doc, Arms) else doc.table), doc.query
    database = _database(doc, f"sources.{role}")
    if isinstance(what, tuple) and len(what) == 2:  # noqa: PLR2004 - engine and table
        what, table, query = what[0], what[1], None
    elif isinstance(what, str | os.PathLike):
        text = os.fspath(what)
        home, name = files.split_table(text)
        if name is not None:
            what, table, query = home, name, None
        elif database is not None and "://" not in text and not Path(text).exists():
            what, table, query = database, text, None
        else:
            what, table = text, None if "://" not in text else table
    elif what is None:
        if table is None and query is None:
            raise InvalidInput(
                "names no table, and none was given",
                where=f"sources.{role}",
                fix=f"Give {option_of(role)}, or write table: FILE in lift.yaml.",
            )
        what = database
        if what is None:
            what, table = table, None
    kind = _kind(what)
    if kind == "duck" and isinstance(what, str) and files.database_kind(what) == "sqlite":
        what, kind = f"sqlite:///{what}", "database"
    if kind == "spark":  # the frame itself is given, whatever place the contract names
        table = query = None
    return Given(role, doc, what, table, query, kind)


def option_of(role: str) -> str:
    """How a table of a role is given at the command line."""
    column = role.removeprefix(GUARDRAIL)
    return f"--{role} FILE" if column == role else f"--guardrail {column}=FILE"


def sql_name(role: str) -> str:
    """A role as part of names in queries."""
    return role.replace(".", "_")


def ready_log(doc: OutcomeLog) -> tuple[str, str | None, str | None]:
    """Returns what to open of the log that a contract names: (path or URL, table, query)."""
    database = _database(doc, "outcome_log")
    return (str(doc.table), None, None) if database is None else (database, doc.table, doc.query)


def _database(doc: Place, where: str) -> str | None:
    """The URL of the contract's database; of an environment variable where it names one."""
    if doc.database is None or not doc.database.startswith("${"):
        return doc.database
    name = doc.database[2:-1]
    if not os.environ.get(name):
        raise InvalidInput(
            f"environment variable {name} is not set",
            where=f"{where}.database",
            fix=f"export {name}=postgresql://user:password@host/database",
        )
    return os.environ[name]


def _kind(what: Any) -> str:
    module = type(what).__module__.split(".", 1)[0]
    if module in {"sqlalchemy", "pyspark"}:
        return "database" if module == "sqlalchemy" else "spark"
    if isinstance(what, str):
        protocol, separator, _ = what.partition("://")
        ours = not separator or protocol in {"file", "duckdb", *files.PROTOCOLS}
        return "duck" if ours else "database"
    if isinstance(what, Source):  # opened already, as Great Expectations hands it over
        return {"database": "database", "spark": "spark"}.get(
            type(what).__module__.rpartition(".")[2], "duck"
        )
    return "duck"
