"""``spot gate``: may this version have this target?"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spot_mlflow.errors import NotFound, SpotError, Unavailable
from spot_mlflow.gate.formats import junit, junit_error, markdown, markdown_error, overview
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow_cli.each import EachModel, say_unread, say_where_looked
from spot_mlflow_cli.options import dry_run_option, format_option
from spot_mlflow_cli.sections import page, rich_table
from spot_mlflow_cli.terminal import echo_json, progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import Policies
    from spot_mlflow_cli.each import Unread

_MODES = ("observe", "warn", "block")


@click.command("gate")
@click.argument("model", metavar="[MODEL]", required=False)
@click.option(
    "--to", "target", required=True, metavar="TARGET", help="A stage, or an alias: @champion."
)
@click.option(
    "--all", "everything", is_flag=True, help="All models; says in advance which would be refused."
)
@click.option("--requester", envvar="SPOT_PERSON", help="Who asks; default: the login.")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    help="Decide by this policy instead of the registry's.",
)
@click.option("--mode", type=click.Choice(_MODES), help="Decide as if in this mode.")
@format_option("text", "json", "markdown", "junit")
@dry_run_option
def command(  # noqa: PLR0917 - click passes them by name
    model: str | None,
    target: str,
    everything: bool,  # noqa: FBT001 - click passes it by name
    requester: str | None,
    policy_file: Path | None,
    mode: str | None,
    output_format: str,
    dry_run: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """May this version be moved to the target? Lists what is missing, and the command that helps.

    The answer is recorded, a repeated refusal only once; --all and --dry-run write nothing.

    \b
    Example:
      spot gate churn/3 --to Production
      spot gate churn/3 --to @champion --format junit > gate.xml
      spot gate --all --to Production             who would be refused?
      spot gate churn/3 --to Production --mode block

    \b
    Exit status:
      0  allowed (in mode observe and warn everything is)
      1  refused
      2  wrong input
      3  could not be decided: no answer, no right to ask, or evidence is damaged; or, with
         --all, a model could not be read
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    with _whole(output_format, model or "", target):
        if bool(model) == everything:
            raise click.UsageError("Name one MODEL, or use --all.")
        status = _answer(
            model, target, policy_file, mode, requester, output_format, dry_run=dry_run
        )
    if status:
        raise SystemExit(status)


def _answer(  # noqa: PLR0917 - what was typed
    model: str | None,
    target: str,
    policy_file: Path | None,
    mode: str | None,
    requester: str | None,
    output_format: str,
    *,
    dry_run: bool,
) -> int:
    """Decides and prints; returns the exit status."""
    from spot_mlflow.record import Record

    record = Record()
    record.ways.check_target(target)
    policy, known = _policy(record, policy_file, mode)
    unread: list[Unread] = []
    if model is None:
        decisions, unread = _decide_all(record, target, policy, known)
    else:
        decisions = [_decide_one(record, model, target, policy, known, requester, dry_run=dry_run)]
    _show(decisions, unread, output_format, everything=model is None)
    if unread:
        return Unavailable.exit_status
    return 0 if all(d.allowed for d in decisions) else 1


@contextmanager
def _whole(output_format: str, model: str, target: str) -> Iterator[None]:
    """Prints a whole document also where nothing could be decided; the error goes on its way."""
    try:
        yield
    except Exception as e:
        said = e.message if isinstance(e, click.ClickException) else str(e)
        if output_format == "json":
            echo_json(undecided_json(e, said, model, target))
        elif output_format == "junit":
            click.echo(junit_error(model or "all models", target, type(e).__name__, said), nl=False)
        elif output_format == "markdown":
            click.echo(markdown_error(model or "all models", target, said), nl=False)
        raise


def undecided_json(error: Exception, said: str, model: str, target: str) -> dict[str, Any]:
    """Returns what `--format json` prints where there is no answer: ``allowed`` is null."""
    return {
        "model": model or None,
        "target": target,
        "allowed": None,
        "error": {
            "type": type(error).__name__,
            "what": getattr(error, "what", said),
            "where": getattr(error, "where", ""),
            "fix": getattr(error, "fix", ""),
        },
    }


def _policy(record: Record, file: Path | None, mode: str | None) -> tuple[Policy, Policies | None]:
    """Returns the policy to decide by; and what the record says of policies, where it is that one's."""
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record.policies import policies_in

    known = policies_in(record) if file is None else None
    policy = known.in_force if known is not None else Policy.load(file)  # type: ignore[arg-type] # one of both
    if mode is None:
        return policy, known
    return policy.model_copy(update={"mode": mode, "models": []}), known


def _decide_one(  # noqa: PLR0917 - private
    record: Record,
    model: str,
    target: str,
    policy: Policy,
    known: Policies | None,
    requester: str | None,
    *,
    dry_run: bool,
) -> GateDecision:
    from spot_mlflow.gate.decision import decide
    from spot_mlflow.record.asking import who_asks
    from spot_mlflow.record.decisions import record_decision

    ref = record.resolve(model)
    if ref.version is None:
        raise NotFound(f"model {ref.name!r} has no version yet")
    adoption = record.with_files(record.adoption(ref))
    if known is not None:
        known.check(adoption.facts, adoption.decisions)
    in_force = known is not None and known.at is not None and policy is known.in_force
    decision = decide(adoption, target, policy=policy, requester=who_asks(record, requester))
    if not dry_run:
        try:
            record_decision(
                record,
                decision,
                created=ref.created,
                known=adoption.decisions,
                in_force=in_force,
            )
        except SpotError as e:  # the answer stands even where this client may not write
            click.secho(f"The decision was not recorded: {e}", err=True, fg="yellow")
    return decision


def _decide_all(
    record: Record, target: str, policy: Policy, known: Policies | None
) -> tuple[list[GateDecision], list[Unread]]:
    """Decides for the newest version of every model; models without a version are left out.

    What cannot be read of one model is said and does not stop the others.
    """
    from spot_mlflow.gate.case import ANYBODY
    from spot_mlflow.gate.decision import decide
    from spot_mlflow.gate.policy import check_target

    check_target(policy, target)
    found: list[GateDecision] = []
    with progress() as bar:
        known_names = record.models()
        say_where_looked(record, known=len(known_names), shown=len(known_names), err=True)
        each = EachModel(bar.track(known_names, description=f"May they go to {target}?"))
        for name in each:
            with each.reading(name):
                adoption = record.with_files(record.adoption(name))
                if known is not None:
                    known.check(adoption.facts, adoption.decisions)
                if adoption.version is not None:
                    found.append(decide(adoption, target, policy=policy, requester=ANYBODY))
    return found, each.unread


def _show(
    decisions: list[GateDecision],
    unread: list[Unread],
    output_format: str,
    *,
    everything: bool,
) -> None:

    if output_format == "json":
        one = [d.to_dict() for d in decisions]
        missed = [{"model": name, "error": str(e)} for name, e in unread]
        whole: dict[str, Any] = {"overview": overview(decisions), "decisions": one}
        echo_json(whole | {"unread": missed} if everything else one[0])
    elif output_format == "junit":
        click.echo(junit(decisions, [(name, str(e)) for name, e in unread]), nl=False)
    elif output_format == "markdown":
        head = [f"{overview(decisions)}\n"] if everything else []
        tail = [markdown_error(name, "", str(e)) for name, e in unread]
        click.echo("\n".join([*head, *(markdown(d) for d in decisions), *tail]), nl=False)
    elif everything:
        if decisions:
            click.echo(overview(decisions))
        _table([d for d in decisions if not d.satisfied])
        say_unread(unread)
    else:
        click.echo(decisions[0].explain())


def _table(refused: list[GateDecision]) -> None:
    if not refused:
        return
    rows = []
    for d in refused:
        first = d.missing[0] if d.missing else None
        said = (first.title, first.fix) if first else (d.verdict, "")
        rows.append((f"{d.model}/{d.version}", str(len(d.missing)), *said))
    table = Table("Refused", ("model", "missing", "first", "fix"), tuple(rows), frozenset({1}))
    out = page()
    out.print(rich_table(table, out.width))
