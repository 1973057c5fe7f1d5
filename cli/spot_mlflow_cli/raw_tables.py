"""``spot init`` over several tables: guesses the mapping, and asks what the tables cannot tell."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.sources import CompleteUntil
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow.validation import nearest, parse_span
from spot_mlflow_checks.engines import open_any
from spot_mlflow_checks.proposal.propose import KINDS, propose
from spot_mlflow_checks.proposal.samples import sample
from spot_mlflow_checks.proposal.written import Answers, arms_text, written
from spot_mlflow_cli.terminal import mind_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spot_mlflow_checks.engines.source import Source
    from spot_mlflow_checks.proposal.propose import ArmsWay, Proposal
    from spot_mlflow_checks.proposal.samples import Sample

VARIABLE: Final = "SPOT_DATABASE"  # named in the contract where the address has a password
_PASSWORD: Final = re.compile(r"://[^/@:]*:[^@]+@")
_ROLES: Final = {
    "decisions": "what was decided",
    "arms": "who was held out",
    "events": "what happened",
    "steps": "what was done",
}


def contract_of_tables(sources: Sequence[str], tables: Sequence[str], *, ask: bool | None) -> str:
    """Returns the text of a contract whose ``sources`` are these tables.

    Args:
        sources: paths, and one database at most.
        tables: of that database.
        ask: whether to ask what the tables cannot tell; None asks where a person types.

    Raises:
        InvalidInput: a table cannot be read, or no two of them fit together.
    """
    with ExitStack() as stack:
        opened: dict[str, Source] = {}
        samples: list[Sample] = []
        for name, place, table in _places(sources, tables):
            source = stack.enter_context(open_any(place, {}, table=table))
            if name in opened:
                raise InvalidInput("is given twice", where=name)
            opened[name] = source
            database = "" if table is None else _database(place)
            samples.append(sample(source, name, table or place, database))
        found = propose(samples, opened)
    _tell(found)
    asked = sys.stdin.isatty() if ask is None else ask
    return written(found, _asked(found) if asked else Answers())


def _places(sources: Sequence[str], tables: Sequence[str]) -> list[tuple[str, str, str | None]]:
    """Returns (name, place, table or None) of every table."""
    homes = [s for s in sources if _is_database(s)] if tables else []
    if tables and len(homes) != 1:
        raise InvalidInput(
            f"--table names a table of one database, got {len(homes)} databases",
            fix="Give one database and its tables; export a table of another as CSV.",
        )
    out: list[tuple[str, str, str | None]] = [(t, homes[0], t) for t in tables]
    for source in sources:
        home, separator, table = source.rpartition("::")
        if separator and _is_database(home):
            out.append((table, home, table))
        elif source not in homes:
            out.append((source, source, None))
    return out


def _is_database(source: str) -> bool:
    from spot_mlflow_checks.engines.files import database_kind

    protocol = source.partition("://")[0] if "://" in source else ""
    return bool(database_kind(source)) or protocol not in {"", "s3", "gs", "http", "https", "file"}


def _database(address: str) -> str:
    """An address as a contract may hold it: one with a password is named by a variable."""
    if not _PASSWORD.search(address):
        return address
    click.echo(
        f"The contract names the database as ${{{VARIABLE}}}: export {VARIABLE}=ADDRESS", err=True
    )
    return f"${{{VARIABLE}}}"


def _tell(found: Proposal) -> None:
    """Says on standard error which table is which."""
    for role, words in _ROLES.items():
        chosen = found.tables.get(role)
        if chosen is not None:
            click.echo(printable(f"{words}: {chosen.sample.name} ({chosen.why})"), err=True)
    for name, why in found.spare.items():
        click.echo(printable(f"not used: {name} ({why})"), err=True)


# -- what the tables cannot tell ------------------------------------------------------------------


def _asked(found: Proposal) -> Answers:
    """Asks, one thing at a time; Enter leaves it open."""
    mind_interrupts()
    click.echo(
        "\nWhat the tables cannot tell (Enter leaves it open, as TODO in the file):", err=True
    )
    said = _asked_arms(found)
    events = found.tables["events"]
    newest = f", {found.newest_event}" if found.newest_event else ""
    complete = _prompt(
        f"Until when are all events in {events.sample.name}? "
        f"A day, latest (the newest{newest}), now, or 1d (always behind by a day)",
        _complete,
    )
    guess = found.outcome[0]
    outcome = _prompt(f"What is the outcome? sum, count, any or none [{guess}]", _outcome)
    window = _prompt("How long after a decision does an event count? (30d)", _span)
    zone = ""
    if any(found.needs_zone(role) for role in found.tables):
        zone = _prompt("Time zone of times written without one? (Europe/Berlin, UTC)", _zone)
    lift = _prompt("The promised lift? (0.05 is 5 points of a rate)", _number)
    se = _prompt("Its standard error?", _number) if lift else ""
    return replace(
        said,
        complete_until=complete,
        outcome=outcome or None,
        window=window,
        zone=zone,
        lift=lift,
        se=se,
    )


def _asked_arms(found: Proposal) -> Answers:
    """Asks who was held out, also where only one way is in sight: a wrong guess changes the answer."""
    if not found.arms:
        click.echo("No table says who was held out; see arms in the file.", err=True)
        return Answers()
    click.echo("Who was held out?", err=True)
    for i, way in enumerate(found.arms, 1):
        click.echo(printable(f"  {i})  {arms_text(way)}   ({way.why})"), err=True)
    numbers = [str(i) for i in range(1, len(found.arms) + 1)]
    picked = _prompt(f"Which of them is right? ({', '.join(numbers)})", _one_of(numbers))
    if not picked:
        return Answers()
    way = found.arms[int(picked) - 1]
    return _labelled(way)


def _labelled(way: ArmsWay) -> Answers:
    unknown = [k for k, v in way.keys.items() if v is None]
    said = {k: _prompt(f"The label of {_LABELS[k]}?", str) for k in unknown}
    return Answers(arms=way, **said)


_LABELS: Final = {"treated": "treatment", "holdout": "the holdout"}


def _prompt(text: str, read: Callable[[str], str]) -> Any:
    """Asks until the answer can be read; "" where it is left open."""
    while True:
        said = str(click.prompt(text, default="", show_default=False, err=True)).strip()
        if not said:
            return ""
        try:
            return read(said)
        except ValueError as e:
            what = getattr(e, "what", str(e))
            click.secho(printable(what), fg="yellow", err=True)


def _one_of(known: Sequence[str]) -> Callable[[str], str]:
    def read(said: str) -> str:
        if said.casefold() not in known:
            raise ValueError(f"{said!r} must be one of {', '.join(known)}{nearest(said, known)}")
        return said.casefold()

    return read


_outcome = _one_of(list(KINDS))


def _span(said: str) -> str:
    parse_span(said)
    return said


def _complete(said: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    if re.fullmatch(r"\d+[dhw]", said):
        return f"{{behind: {_span(said)}}}"
    try:
        TypeAdapter(CompleteUntil).validate_python(said)
    except ValidationError as e:
        raise ValueError(e.errors()[0]["msg"].removeprefix("Value error, ")) from None
    return said


def _zone(said: str) -> str:
    known = sorted(available_timezones())
    if said not in known:
        raise ValueError(f"{said!r} is not a time zone{nearest(said, known)}")
    return said


def _number(said: str) -> str:
    try:
        float(said)
    except ValueError:
        raise ValueError(f"{said!r} is not a number; use 0.05") from None
    return said
