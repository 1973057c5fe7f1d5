"""``spot break-glass``: an administrator lets a version through, seen everywhere, for hours."""

from __future__ import annotations

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow_cli.options import dry_run_option, model_argument


@click.command("break-glass")
@model_argument
@click.option(
    "--to", "target", required=True, metavar="TARGET", help="A stage, or an alias: @champion."
)
@click.option(
    "--reason", required=True, help="Why it cannot wait; shown in every decision on the version."
)
@click.option(
    "--until",
    metavar="TIME",
    help="When it ends (UTC); default: in 24 hours; at most 7 days.",
)
@click.option("--person", envvar="SPOT_PERSON", help="Who answers for it; default: the login.")
@dry_run_option
def command(
    model: str, target: str, reason: str, until: str | None, person: str | None, *, dry_run: bool
) -> None:
    """Let a version through although requirements are not met; for emergencies.

    On a gated server an administrator does this. It is not a waiver: all requirements stay open, it ends within
    days, and page, tags, digest and every decision say that it was used. A rollback cannot return to this
    version because of it. Anybody with permission then makes the change.

    \b
    Example:
      spot break-glass churn/3 --to Production --reason "version 2 offers nothing since 9:00"
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import break_glass
    from spot_mlflow.gate.policy import check_target
    from spot_mlflow.person import check_text
    from spot_mlflow.record import Record
    from spot_mlflow.record.login import login
    from spot_mlflow.record.policies import current_policy

    check_text("reason", reason)
    record = Record()
    ref = record.resolve(model)
    key = check_target(current_policy(record), target)
    who = person or login()
    if not who:
        raise InvalidInput("it is not known who answers for it", fix="Say --person.")
    if dry_run:
        click.echo(f"Would break the glass for {ref} to {key}.")
        return
    entry = break_glass(ref, target=key, reason=reason, person=who, until=until, record=record)
    click.secho(
        f"BREAK-GLASS for {ref} to {key} until {entry.payload['until']}.", fg="red", bold=True
    )
