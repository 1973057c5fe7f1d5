"""The panel in the terminal: letters first, then each question with every respondent's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spot_mlflow.involvement.score import count
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow.roles import ROLE_TABLE, ROLES, called
from spot_mlflow_cli.terminal import console

if TYPE_CHECKING:
    from spot_mlflow.readiness.instrument import Instrument
    from spot_mlflow.readiness.panel import Readiness
    from spot_mlflow.readiness.panel_results import QuestionResult


def as_json(readiness: Readiness) -> dict[str, Any]:
    """Returns the panel as documented JSON values: overall, S, P, O, T, then the details."""
    return {
        "overall": readiness.overall,
        **{letter: result.level for letter, result in readiness.letters.items()},
        "weakest": readiness.weakest,
        "people": readiness.people,
        "roles": sorted(readiness.roles),
        "missing_roles": list(readiness.missing_roles),
        "last_at": readiness.last_at.isoformat() if readiness.last_at else None,
        "stale": readiness.stale,
        "contested": list(readiness.contested),
        "unknown": list(readiness.unknown),
        "questions": {i: _question(q) for i, q in readiness.questions.items()},
        "plan": [
            {
                "question": p.question,
                "letter": p.letter,
                "now": p.now,
                "target": p.target,
                "by": p.by.isoformat() if p.by else None,
                "owner": p.owner,
                "overdue": p.overdue,
            }
            for p in readiness.plan
        ],
    }


def _question(q: QuestionResult) -> dict[str, Any]:
    return {
        "level": q.level,
        "low": q.low,
        "high": q.high,
        "target": q.target,
        "contested": q.contested,
        "noted": q.noted,
        "dont_know": q.dont_know,
        "answered": q.answered,
        "change": q.change,
        "hidden": q.hidden,
    }


def print_panel(readiness: Readiness, instrument: Instrument) -> None:
    """Prints the panel as a table, its plan, and who is missing; a light client leaves the table out."""
    if any(q.hidden for q in readiness.questions.values()):
        click.echo("Others' answers are shown once your own are in.")
        return
    try:
        _print_table(readiness, instrument)
    except ModuleNotFoundError as e:
        if e.name != "rich":
            raise
    _print_rest(readiness)


def _print_table(readiness: Readiness, instrument: Instrument) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "Question", "Now", "Target", "Answers"):
        table.add_column(name, no_wrap=name in ("", "Now", "Target"))
    for letter, result in readiness.letters.items():
        title = instrument.letters[letter].title  # type: ignore[index] # letters are the keys
        table.add_row(
            Text(letter, style="bold"),
            Text(title, style="bold"),
            Text(_level(result.level, result.change), style="bold"),
            Text(_target(result.target), style="bold"),
            "",
        )
        for question in instrument.questions_of(letter):
            q = readiness.questions[question.id]
            # Text, never markup: people's words are shown as they are.
            table.add_row(
                q.question,
                Text(question.text),
                _level(q.level, q.change),
                _target(q.target),
                Text(_answers(q)),
            )
    console().print(table)
    signs = ", ".join(f"{_sign(r)} {called(r)}" for r in ROLES if r in readiness.roles)
    if signs:
        click.echo(f"\n{signs}; ? does not know.")


def _print_rest(readiness: Readiness) -> None:
    overall = readiness.overall if readiness.overall is not None else "not known yet"
    people = count(readiness.people, "person", "people")
    click.echo(f"\nReadiness: {overall} (the weakest letter), {people}.")
    if readiness.missing_roles:
        click.echo(f"Not yet asked or answered: {', '.join(readiness.missing_roles)}.")
    for item in readiness.plan:
        late = "OVERDUE " if item.overdue else ""
        by = f" by {item.by}" if item.by else ""
        owner = f", {item.owner}" if item.owner else ", nobody named"
        now = item.now if item.now is not None else "?"
        click.echo(printable(f"  {late}{item.question}: {now} -> {item.target}{by}{owner}"))


def _level(level: int | None, change: int | None = None) -> str:
    if level is None:
        return "?"
    return f"{level}" + (f" ({change:+d})" if change else "")


def _target(target: int | None) -> str:
    return "-" if target is None else str(target)


def _sign(role: str) -> str:
    return ROLE_TABLE[role].sign if role in ROLE_TABLE else role


def _answers(q: QuestionResult) -> str:
    dots = " ".join(f"{_sign(d.role)}{d.level if d.level is not None else '?'}" for d in q.dots)
    mark = " contested" + (", noted" if q.noted else "") if q.contested else ""
    return (dots or "-") + mark
