"""``spot concern``: concerns as threads, closed by the one who raised them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from spot_mlflow.involvement.concerns import SEVERITY_WEIGHTS, check_follow_up, check_raise
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.identity import pseudonym_option, speaker
from spot_mlflow_cli.options import (
    dry_run_option,
    format_option,
    model_argument,
    person_options,
)
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.involvement.concerns import Concern


@click.group("concern")
def command() -> None:
    """Raise, answer, confirm or reopen a concern.

    A concern is closed when the person who raised it confirms the answer, not when somebody answers.

    \b
    Example:
      spot concern raise churn --person "Fay" --role frontline --severity blocking \\
        --what "customers are called twice a week"
      spot concern answer churn c3f2a9 --person "Dana" --role data_scientist \\
        --what "a customer is now left alone for 30 days"
      spot concern confirm churn c3f2a9 --person "Fay" --role frontline
      spot concern list churn
    """  # noqa: D301 - \b is click's mark for text to keep as it is


@command.command("raise")
@model_argument
@person_options
@click.option(
    "--severity",
    type=click.Choice(tuple(SEVERITY_WEIGHTS)),
    required=True,
    help="blocking: it must not go to Production like this.",
)
@click.option("--what", required=True, help="The concern, in a sentence.")
@pseudonym_option
@dry_run_option
def raise_(
    model: str,
    person: str,
    role: str,
    severity: str,
    what: str,
    *,
    as_pseudonym: bool,
    dry_run: bool,
) -> None:
    """Raise a concern and print its id."""
    from spot_mlflow import raise_concern

    check_raise(what=what, severity=severity)
    name, record = speaker(person, as_pseudonym=as_pseudonym)
    ref = record.resolve(model)
    if dry_run:
        click.echo(f"Would be raised for {ref}: {severity}: {what}")
        return
    id_ = raise_concern(ref, person=name, role=role, what=what, severity=severity, record=record)
    click.echo(id_)
    answer = f"spot concern answer {shlex.quote(ref.name)} {id_}"
    click.echo(f"Raised for {ref}. Answer it: {answer}", err=True)


class Step(NamedTuple):
    """One step of a thread after a concern was raised."""

    act: str
    teaching: str
    what: str
    then: str
    must_say: bool = True


STEPS: Final[Mapping[str, Step]] = {
    "answer": Step(
        "answered",
        "Answer a concern; it closes when the person who raised it confirms.",
        "The answer: what was done, or why nothing was done.",
        "It closes when the person who raised it confirms.",
    ),
    "confirm": Step(
        "confirmed",
        "Confirm that your concern was answered.",
        "A comment on the answer, if you like.",
        "It is closed.",
        must_say=False,
    ),
    "reopen": Step(
        "reopened",
        "Reopen your concern: the answer does not settle it.",
        "What is still open.",
        "It waits for an answer.",
    ),
}


def _step_command(name: str, step: Step) -> click.Command:
    """Returns the command of one step; they differ in words only."""
    if step.must_say:
        what = click.option("--what", required=True, help=step.what)
    else:
        what = click.option("--what", default="", help=step.what)

    @click.command(name, help=step.teaching)
    @model_argument
    @click.argument("concern", metavar="CONCERN")
    @person_options
    @what
    @pseudonym_option
    @dry_run_option
    def run(model: str, concern: str, **options: Any) -> None:
        _follow_up(step, model, concern, **options)

    return run


for _name, _step in STEPS.items():
    command.add_command(_step_command(_name, _step))


def _follow_up(
    step: Step,
    model: str,
    concern: str,
    *,
    person: str,
    role: str,
    what: str,
    as_pseudonym: bool,
    dry_run: bool,
) -> None:
    import spot_mlflow as spot

    name, record = speaker(person, as_pseudonym=as_pseudonym)
    ref = record.resolve(model)
    if dry_run:
        known = record.adoption(ref).involvement.concerns
        done = check_follow_up(
            known, concern=concern, act=step.act, person=name, role=role, what=what
        )
        click.echo(f"Would be recorded: {done['concern']} {step.act} by {name}")
        return
    write = {
        "answered": spot.answer_concern,
        "confirmed": spot.confirm_concern,
        "reopened": spot.reopen_concern,
    }[step.act]
    entry = write(ref, concern, person=name, role=role, what=what, record=record)
    click.echo(f"{entry.payload['concern']} {step.act}. {step.then}")


@command.command("list")
@model_argument
@format_option("text", "json")
@click.option("--open", "only_open", is_flag=True, help="Leave out those that are confirmed.")
def list_(model: str, output_format: str, *, only_open: bool) -> None:
    """List the concerns of a model with their threads, oldest first."""
    from spot_mlflow import get_adoption

    concerns = get_adoption(model).involvement.concerns
    shown = [c for c in concerns if not (only_open and c.closed)]
    if output_format == "json":
        echo_json([as_json(c) for c in shown])
        return
    if not shown:
        click.echo("No open concern." if only_open else "No concern has been raised.")
    for concern in shown:
        _print(concern)


def as_json(concern: Concern) -> dict[str, Any]:
    """Returns a concern as documented JSON values."""
    return {
        "id": concern.id,
        "severity": concern.severity,
        "status": concern.status,
        "raised_by": concern.raised_by,
        "role": concern.role,
        "raised_at": concern.raised_at.isoformat(),
        "version": concern.version,
        "what": concern.what,
        "age_days": concern.age_days,
        "waits_for": concern.waits_for,
        "thread": [
            {
                "act": a.act,
                "person": a.person,
                "role": a.role,
                "at": a.at.isoformat(),
                "what": a.what,
            }
            for a in concern.thread
        ],
    }


def _print(concern: Concern) -> None:

    waits = f", waits for {concern.waits_for}" if concern.waits_for else ""
    age = "today" if concern.age_days == 0 else f"{concern.age_days} d"
    click.secho(f"{concern.id}  {concern.severity}, {concern.status}, {age}{waits}", bold=True)
    for act in concern.thread:
        who = f"{act.person or 'somebody'} ({act.role or 'no role'})"
        click.echo(printable(f"  {act.at:%Y-%m-%d}  {act.act} by {who}: {act.what}"))
