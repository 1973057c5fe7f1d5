"""``spot request``: asks for a target; somebody else decides, and the gate judges again."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING, Any, Final

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow.roles import ROLES
from spot_mlflow_cli.options import dry_run_option, format_option, model_argument
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.gate.promotion import PromotionRequest
    from spot_mlflow.record import Record

WIDTH: Final = 80
MOST: Final = 8  # requirements in the list; with the commands they fit on a screen


@click.command("request")
@model_argument
@click.option("--to", "target", metavar="TARGET", help="A stage, or an alias: @champion.")
@click.option("--why", help="The reason, in a sentence or two.")
@click.option("--person", envvar="SPOT_PERSON", help="Who asks; default: the login.")
@click.option("--role", type=click.Choice(ROLES), help="In which role, if that matters.")
@click.option(
    "--expires", metavar="DATE", help="Last day to decide on it; default: 30 days from now."
)
@format_option("text", "json")
@dry_run_option
def command(  # noqa: PLR0917 - click passes them by name
    model: str,
    target: str | None,
    why: str | None,
    person: str | None,
    role: str | None,
    expires: str | None,
    output_format: str,
    *,
    dry_run: bool,
) -> None:
    """Ask for a target for a version, or list a model's requests.

    It shows what the gate would say now, and who may decide. Somebody else approves or rejects it; an
    approval binds the version, its files, its lift contract and the policy. The gate decides again when the
    change is made.

    \b
    Example:
      spot request churn/3 --to @champion --why "beats version 2 in the March test"
      spot request churn                          list them
      spot approve churn r3f2a9 --person "A. Sample" --role business
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import request_promotion
    from spot_mlflow.record import Record
    from spot_mlflow.record.login import login

    record = Record()
    if target is None:
        if why is not None:
            raise click.UsageError("--why needs --to, the target to request.")
        _list(record, model, output_format)
        return
    if why is None:
        raise click.UsageError("Say --why.")
    asker = person or login()
    if not asker:
        raise InvalidInput("it is not known who asks", fix="Give --person, or set SPOT_PERSON.")
    about = record.about(model)
    id_ = ""
    if not dry_run:
        said: Any = {"target": target, "why": why, "expires": expires}
        id_ = request_promotion(about.ref, person=asker, role=role, record=record, **said)
    ref = record.resolve(about.ref)
    decision, policy = _answer(record, ref, target, asker)
    _show(record, ref, id_, decision, policy, output_format)


def _answer(
    record: Record, ref: Any, target: str, asker: str | None
) -> tuple[GateDecision, Policy]:
    from spot_mlflow.gate.case import Asker
    from spot_mlflow.gate.decision import decide
    from spot_mlflow.record.policies import adoption_under_policy

    adoption, policy = adoption_under_policy(record, ref)
    adoption = record.with_files(adoption)
    return decide(adoption, target, policy=policy, requester=Asker(asker, anybody=True)), policy


def _show(  # noqa: PLR0917 - private
    record: Record,
    ref: Any,
    id_: str,
    decision: GateDecision,
    policy: Policy,
    output_format: str,
) -> None:
    from spot_mlflow import get_requests
    from spot_mlflow.gate.promotion import deciding_roles

    request = next((r for r in get_requests(ref, record=record) if r.id == id_), None)
    roles = deciding_roles(policy, decision.target)
    if output_format == "json":
        decides = {"roles": list(roles), "not": decision.requester}
        said = None if request is None else {"model": ref.name, **request.to_dict()}
        echo_json({"request": said, "decision": decision.to_dict(), "decides": decides})
        return
    if request is None:
        click.echo(f"Would be requested: {ref} to {decision.target}.")
    else:
        end = request.expires.isoformat()
        click.echo(f"Requested ({id_}): {ref} to {decision.target}.")
        click.echo(f"It can be decided until {end}.")
    click.echo(_missing_words(decision))
    click.echo(f"Decided by {' or '.join(roles)}, not by {decision.requester}:")
    who = f"{shlex.quote(ref.name)} {id_ or 'REQUEST'} --person NAME --role {roles[0]}"
    click.echo(f"  spot approve {who}")
    click.echo(f"  spot reject {who} --reason TEXT")


def _missing_words(decision: GateDecision) -> str:
    """Returns the gate's answer and a list of what is missing; ``spot gate`` tells why, and what helps."""
    missing = decision.missing if decision.basis == "requirements" else ()
    lines = [_filled(f"{decision.verdict} (policy {decision.policy}).")]
    lines += [
        _filled(f"{r.title}: {r.measured}; required: {r.required}.", "- ") for r in missing[:MOST]
    ]
    if missing:
        left = len(missing) - MOST
        more = f"{left} more; why" if left > 0 else "Why"
        about = shlex.quote(f"{decision.model}/{decision.version}")
        lines.append(f"{more}, and what helps:\n  spot gate {about} --to {decision.target}")
    lines += [_filled(f"Note: {note}") for note in decision.notes]
    return "\n".join(lines)


def _filled(text: str, mark: str = "") -> str:
    return textwrap.fill(
        printable(text), WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _list(record: Record, model: str, output_format: str) -> None:
    from spot_mlflow import get_requests

    ref = record.resolve(model)
    found = get_requests(ref, record=record)
    if output_format == "json":
        echo_json([{"model": ref.name, **r.to_dict()} for r in found])
        return
    if not found:
        click.echo(f"Nothing was requested for {ref.name}.")
    for r in found:
        click.secho(printable(_line(ref.name, r)), bold=r.status == "open")
        text = f'"{r.why}"' + (f" {r.status}: {r.reason}" if r.reason else "")
        click.echo(_filled(text, "  "))


def _line(model: str, r: PromotionRequest) -> str:
    asker = r.asker or "somebody whose name was erased"
    state = f"open until {r.expires.isoformat()}" if r.status == "open" else r.status
    if r.decided_at is not None:
        state += f" by {r.decided_by or 'somebody'} on {r.decided_at.date().isoformat()}"
    return f"{r.id} · {model}/{r.version} to {r.target} · asked by {asker} · {state}"
