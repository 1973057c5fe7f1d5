"""``spot init`` over several tables: guesses the mapping, and asks what the tables cannot tell."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_checks.draft import as_yaml
from spot_mlflow_checks.engines import open_any
from spot_mlflow_checks.proposal.propose import KINDS, propose
from spot_mlflow_checks.proposal.samples import sample
from spot_mlflow_checks.proposal.written import Answers, arms_text, written
from spot_mlflow_cli.read_answers import (
    at_least_zero,
    at_most,
    complete,
    number,
    one_of,
    points,
    rate,
    share,
    some_of,
    span,
    zone,
)
from spot_mlflow_cli.terminal import mind_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spot_mlflow_checks.engines.source import Source
    from spot_mlflow_checks.proposal.propose import ArmsWay, Proposal
    from spot_mlflow_checks.proposal.roles import Chosen
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
    from spot_mlflow_checks.engines.files import is_database, split_table

    homes = [s for s in sources if is_database(s)] if tables else []
    if tables and len(homes) != 1:
        raise InvalidInput(
            f"--table names a table of one database, got {len(homes)} databases",
            fix="Give one database and its tables; export a table of another as CSV.",
        )
    out: list[tuple[str, str, str | None]] = [(t, homes[0], t) for t in tables]
    for source in sources:
        home, table = split_table(source)
        if table is not None:
            out.append((table, home, table))
        elif source not in homes:
            out.append((source, source, None))
    return out


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
        "\nWhat the tables do not show (Enter leaves it open, as TODO in the file):", err=True
    )
    said = _asked_arms(found)
    events = found.tables["events"]
    newest = f", {found.newest_event}" if found.newest_event else ""
    until = _prompt(
        f"Until when are all events in {events.sample.name}? "
        f"A day, latest (the newest{newest}), now, or 1d (always behind by a day)",
        complete,
    )
    counted = _asked_filter(found)
    by = _asked_id(events)
    guess = found.outcome[0]
    outcome = _prompt(
        f"What is the outcome? sum, count, any or none [{guess}]", one_of(list(KINDS))
    )
    kind = KINDS[outcome or guess]
    if (outcome or guess) == "sum" and not found.is_money:
        amount = printable(events.columns.get("amount", "amount"))
        asked = f"What is added up in {amount}? money, or count (pieces, points, visits)"
        kind = _prompt(asked, one_of(["money", "count"]))
    window = _prompt("How long after a decision does an event count? (30d)", span)
    zoned = ""
    if any(found.needs_zone(role) for role in found.tables):
        zoned = _prompt("Time zone of times written without one? (Europe/Berlin, UTC)", zone)
    return replace(
        _asked_promise(said, is_rate=kind == "binary"),
        complete_until=until,
        counted=counted,
        events_by=by,
        outcome=outcome or None,
        kind=kind,
        window=window,
        zone=zoned,
    )


def _asked_filter(found: Proposal) -> str:
    """Asks which rows of the events count, where some may have been cancelled."""
    if not found.doubted:
        return ""
    labels = found.statuses[found.doubted]
    asked = f"Which of these count, by {found.doubted}? {', '.join(labels)}; or all"
    picked = _prompt(printable(asked), some_of(labels))
    if picked in {"", "all"}:
        return str(picked)
    return f"{{{as_yaml(found.doubted)}: {picked}}}"


def _asked_id(events: Chosen) -> Literal["", "id", "row"]:
    """Asks whether an id counts once or in each row, where rows that repeat one are not the same."""
    column = events.doubtful_id
    if not column:
        return ""
    twice = events.sample.columns[column].repeats
    asked = f"{twice:,} rows repeat {column}. Counts each id once, by its latest row, or each row?"
    answer: Literal["", "id", "row"] = _prompt(
        printable(f"{asked} (id, row)"), one_of(["id", "row"])
    )
    return answer


def _asked_promise(said: Answers, *, is_rate: bool) -> Answers:
    """Asks for the promise, on the scale of its outcome; what it may do without is left out by Enter."""
    change = points if is_rate else number
    unit = "0.05 is 5 points" if is_rate else "per unit, for example 8.50"
    lift = _prompt(f"The promised lift? ({unit})", change)
    se = _prompt("Its standard error?", at_least_zero(change)) if lift else ""
    example = "0.12 is 12 % of the units" if is_rate else "the mean of the holdout"
    return replace(
        said,
        lift=lift,
        se=se,
        baseline=_prompt(
            f"The outcome without the model? ({example}; Enter: leave out)",
            rate if is_rate else number,
        ),
        minimum=_prompt(
            "The minimum worthwhile lift? (same unit; Enter: leave out)", at_most(lift, change)
        ),
        held=_prompt("The share held out by design? (0.1 is a tenth; Enter: leave out)", share),
        owner=_prompt("Who measures the outcome? (a name or a role; Enter: leave out)", str),
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
    picked = _prompt(f"Which of them is right? ({', '.join(numbers)})", one_of(numbers))
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
            answer = read(said)
        except ValueError as e:
            what = getattr(e, "what", str(e))
            click.secho(printable(what), fg="yellow", err=True)
            continue
        if answer.casefold() != said.casefold():
            click.echo(f"Understood as {answer}", err=True)
        return answer
