"""``spot assess``: the S.P.O.T. questions, one at a time or from files."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow.involvement.score import count
from spot_mlflow.person import check_person, check_role
from spot_mlflow.readiness.answer_file import read_answer_files
from spot_mlflow.readiness.assessment import parse_discussion
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.record.login import login
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow.roles import ROLES
from spot_mlflow_cli.drafts import Draft
from spot_mlflow_cli.identity import pseudonym_option, speaker
from spot_mlflow_cli.interview import WIDTH, Stopped, in_words, interview
from spot_mlflow_cli.options import dry_run_option, format_option, model_argument
from spot_mlflow_cli.panel_view import as_json, print_panel
from spot_mlflow_cli.sheets import answers_of
from spot_mlflow_cli.terminal import echo_json, progress

if TYPE_CHECKING:
    from spot_mlflow.readiness.answer_file import AnswerFile
    from spot_mlflow.readiness.instrument import Instrument
    from spot_mlflow.record import ModelRef, Record


@click.command("assess")
@model_argument
@click.option("--person", envvar="SPOT_PERSON", help="Who answers. Default: SPOT_PERSON.")
@click.option("--role", type=click.Choice(ROLES), help="In which role; decides what is asked.")
@click.option(
    "--from",
    "sources",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Answer file: YAML, JSON, CSV, a filled worksheet, or the mail it wrote. Repeatable; "
    "recorded only if all of them are valid.",
)
@click.option("--all", "everything", is_flag=True, help="Ask all questions, not only the role's.")
@click.option("--only-now", is_flag=True, help="Ask for today only: no target, date, remark.")
@click.option("--restart", is_flag=True, help="Discard the draft and start again.")
@click.option(
    "--note",
    nargs=2,
    metavar="QUESTION TEXT",
    help="Note the result of discussing a contested question.",
)
@pseudonym_option
@format_option("text", "json")
@dry_run_option
def command(
    *,
    model: str,
    person: str | None,
    role: str | None,
    sources: tuple[Path, ...],
    everything: bool,
    only_now: bool,
    restart: bool,
    note: tuple[str, str] | None,
    as_pseudonym: bool,
    output_format: str,
    dry_run: bool,
) -> None:
    """Answer the S.P.O.T. questions: where are we, where do we want to be?

    The terminal asks one question at a time, only those for your role. Every answer is saved at once: after
    Ctrl-C the same command continues where you stopped. A later answer of yours replaces the earlier one, which
    stays in the record. You see others' answers after giving yours.

    \b
    Example:
      spot assess churn --person "Kim" --role business
      spot assess churn --from answers/spot-churn-business-kim.json
      spot assess churn --person "Kim" --role business --note P1 "the discount counts as an offer"
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    instrument = default_instrument()
    if sources:
        record, ref, seen_as = _from_files(
            model, sources, instrument, person, role, as_pseudonym=as_pseudonym, dry_run=dry_run
        )
    else:
        if output_format == "json" and not note:
            raise click.UsageError("--format json needs --from FILE: questions are asked in text.")
        for option, value in (("--person", person), ("--role", role)):
            if not value:
                raise click.UsageError(f"Missing option '{option}' (or --from FILE).")
        name, record = speaker(str(person), as_pseudonym=as_pseudonym)
        ref, seen_as = record.resolve(model), name
        if note:
            _note(
                record,
                ref,
                instrument,
                question=note[0],
                note=note[1],
                name=name,
                role=str(role),
                dry_run=dry_run,
            )
        else:
            _ask(
                record,
                ref,
                instrument,
                name,
                str(role),
                everything=everything,
                only_now=only_now,
                restart=restart,
                dry_run=dry_run,
            )
    _report(record, ref, instrument, seen_as, output_format, dry_run=dry_run)


def _from_files(
    model: str,
    sources: tuple[Path, ...],
    instrument: Instrument,
    person: str | None,
    role: str | None,
    *,
    as_pseudonym: bool,
    dry_run: bool,
) -> tuple[Record, ModelRef, str | None]:

    files = [f for path in sources for f in read_answer_files(path, instrument)]
    _, record = speaker(login() or "import", as_pseudonym=as_pseudonym)
    ref = record.resolve(model)
    said = [_whose(f, ref, person, role, several=len(files) > 1) for f in files]
    named = [(speaker(who, as_pseudonym=as_pseudonym)[0], as_role) for who, as_role in said]
    if not dry_run:
        with progress() as bar:
            pairs = list(zip(files, named, strict=True))
            for f, (who, as_role) in bar.track(pairs, description="Recording"):
                record.append(ref, "assessment", f.payload, person=who, role=as_role, refresh=False)
        record.refresh(ref)
    for f, (who, as_role) in zip(files, named, strict=True):
        word = "Would be recorded" if dry_run else "Recorded"
        click.echo(f"{word}: {len(f.answers)} answers of {who} ({as_role}).", err=True)
    return record, ref, named[0][0] if named else None


def _whose(
    file: AnswerFile, ref: ModelRef, person: str | None, role: str | None, *, several: bool
) -> tuple[str, str]:
    """Returns person and role of a file; what the command says wins for a single file."""
    if file.model and file.model != ref.name:
        raise InvalidInput(
            f"the answers are for model {file.model!r}, not {ref.name!r}",
            where=file.where,
            fix=f"spot assess {file.model} --from ...",
        )
    if several and (person or role):
        person, role = file.person or person, file.role or role
    found, as_role = (person or file.person, role or file.role)
    if not found or not as_role:
        raise InvalidInput(
            f"{'person' if not found else 'role'} is missing",
            where=file.where,
            fix="Give --person and --role.",
        )
    return check_person(found, where=file.where), check_role(as_role, where=file.where)


def _note(
    record: Record,
    ref: ModelRef,
    instrument: Instrument,
    *,
    question: str,
    note: str,
    name: str,
    role: str,
    dry_run: bool,
) -> None:

    payload = parse_discussion(question, note, instrument)
    if not dry_run:
        record.append(ref, "discussion", payload, person=name, role=role)
    click.echo(f"{'Would be noted' if dry_run else 'Noted'} on {question}.", err=True)


def _ask(
    record: Record,
    ref: ModelRef,
    instrument: Instrument,
    name: str,
    role: str,
    *,
    everything: bool,
    only_now: bool,
    restart: bool,
    dry_run: bool,
) -> None:
    from spot_mlflow import log_assessment

    adoption = record.adoption(ref)
    draft = Draft(
        f"{record.client.tracking_uri}\0{ref.name}\0{ref.created}", name, role, instrument
    )
    if restart:
        draft.forget()
        draft.answers = {}
    questions = instrument.questions_for(None if everything else role)
    click.secho(printable(f"{adoption.name}: {instrument.title}"), bold=True)
    click.echo(textwrap.fill(instrument.intro, WIDTH))
    if draft.answers:
        click.echo(f"Going on with your draft: {len(draft.answers)} of {len(questions)} answered.")
    before = answers_of(adoption, name, role)
    try:
        interview(questions, instrument, draft, before=before, only_now=only_now)
        if not draft.answers:
            click.echo("\nNothing was answered, nothing is recorded.")
            raise click.exceptions.Exit(0)
        _read_back(draft.answers, instrument)
        wanted = click.confirm("Record these answers?", default=True)
    except (Stopped, click.Abort):
        _keep(draft, ref, name, role)
        raise click.exceptions.Exit(130) from None
    if not wanted:
        _keep(draft, ref, name, role)
        raise click.exceptions.Exit(0)
    if not dry_run:
        log_assessment(ref, draft.answers, person=name, role=role, record=record)
        draft.forget()
        click.echo("Recorded.")


def _keep(draft: Draft, ref: ModelRef, name: str, role: str) -> None:

    click.echo()
    command = shlex.join(["spot", "assess", ref.name, "--person", name, "--role", role])
    if draft.answers:
        click.echo(
            f"{count(len(draft.answers), 'answer')} kept on this computer, nothing is recorded yet. "
            f"Go on with: {printable(command)}"
        )
    else:
        click.echo("Nothing was answered, nothing is recorded.")


def _read_back(answers: dict[str, dict[str, Any]], instrument: Instrument) -> None:

    click.echo()
    click.secho("Your answers", bold=True)
    for question in instrument.questions:
        if question.id in answers:
            click.echo(f"  {question.text}\n    {in_words(question, answers[question.id])}")


def _report(
    record: Record,
    ref: ModelRef,
    instrument: Instrument,
    person: str | None,
    output_format: str,
    *,
    dry_run: bool,
) -> None:

    readiness = record.adoption(ref).readiness.seen_by(person)
    if output_format == "json":
        echo_json({"model": ref.name, "recorded": not dry_run, "readiness": as_json(readiness)})
    elif not dry_run:
        print_panel(readiness, instrument)
