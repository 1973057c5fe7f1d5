"""``spot approve``, ``spot reject`` and ``spot withdraw``: what becomes of a request."""

from __future__ import annotations

import shlex

import click

from spot_mlflow.roles import ROLES
from spot_mlflow_cli.options import dry_run_option, model_argument, person_options

_request_argument = click.argument("request_id", metavar="REQUEST")


@click.command("approve")
@model_argument
@_request_argument
@person_options
@click.option("--note", default="", help="A comment to record with it.")
@dry_run_option
def command(
    model: str, request_id: str, person: str, role: str, note: str, *, dry_run: bool
) -> None:
    """Approve somebody else's request for a target.

    It is a sign-off that also binds the version's files and the policy: when these or the lift contract
    change, it is void. `spot request MODEL` lists the requests.

    \b
    Example:
      spot approve churn r3f2a9 --person "A. Sample" --role business
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import approve_request, get_requests
    from spot_mlflow.gate.promotion import find_request
    from spot_mlflow.record import Record

    record = Record()
    ref = record.resolve(model)
    found = find_request(get_requests(ref, record=record), request_id)
    if not dry_run:
        approve_request(ref, found.id, person=person, role=role, note=note, record=record)
    said = "Would be approved" if dry_run else "Approved"
    typed = shlex.quote(f"{ref.name}/{found.version}")
    click.echo(
        f"{said} ({found.id}): {ref.name}/{found.version} to {found.target}, by {person} ({role}). "
        f"Next: spot gate {typed} --to {found.target}"
    )


@click.command("reject")
@model_argument
@_request_argument
@person_options
@click.option("--reason", required=True, help="Why; the person who asked reads it.")
@dry_run_option
def reject(
    model: str, request_id: str, person: str, role: str, reason: str, *, dry_run: bool
) -> None:
    """Reject a request for a target, or take its approval back.

    \b
    Example:
      spot reject churn r3f2a9 --reason "the April data are not in" --person "A. Sample" --role business
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import reject_request
    from spot_mlflow.person import check_text
    from spot_mlflow.record import Record

    check_text("reason", reason)
    record = Record()
    ref = record.resolve(model)
    if not dry_run:
        reject_request(ref, request_id, person=person, role=role, reason=reason, record=record)
    click.echo(f"{'Would be rejected' if dry_run else 'Rejected'}: {request_id} of {ref.name}.")


@click.command("withdraw")
@model_argument
@_request_argument
@click.option("--person", envvar="SPOT_PERSON", help="Who asked; default: the login.")
@click.option("--role", type=click.Choice(ROLES), help="In which role, if that matters.")
@click.option("--reason", default="", help="Why, if others should know.")
@dry_run_option
def withdraw(
    model: str, request_id: str, person: str | None, role: str | None, reason: str, *, dry_run: bool
) -> None:
    """Withdraw your own request; an approval ends with it.

    \b
    Example:
      spot withdraw churn r3f2a9
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import withdraw_request
    from spot_mlflow.record import Record
    from spot_mlflow.record.login import login

    record = Record()
    ref = record.resolve(model)
    if not dry_run:
        withdraw_request(
            ref, request_id, person=person or login(), role=role, reason=reason, record=record
        )
    click.echo(f"{'Would be withdrawn' if dry_run else 'Withdrawn'}: {request_id} of {ref.name}.")
