"""``spot restore``: what the operator says after an older database was restored."""

from __future__ import annotations

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow.figures import things
from spot_mlflow_cli.options import dry_run_option
from spot_mlflow_plugins import mlflow_private
from spot_mlflow_plugins.server.record import restore


@click.group("restore")
def command() -> None:
    """After a restore: accept entries that the server remembers and the database no longer has."""


@command.command("accept")
@click.option("--reason", required=True, help="Why it stays missing; this is recorded.")
@dry_run_option
def accept(reason: str, *, dry_run: bool) -> None:
    """Accept that entries which the server remembers are gone for good.

    Run it on the server's host, on its database and with its SPOT_MLFLOW_HOME: it needs the server's
    key. Until then every decision names what is missing, and a missing blocking concern still blocks. If the
    host lost its folder, its memory is built again from what its key signed. Who accepted what, and why, is an
    entry of the record.

    \b
    Example:
      spot --tracking-uri postgresql://mlflow@db/mlflow restore accept --reason "backup of 3 May"
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record
    from spot_mlflow.record.login import login

    uri = str(Record().client.tracking_uri)
    if uri.startswith(("http://", "https://")):
        raise InvalidInput(
            "only the operator can do this, on the server's host",
            fix="spot --tracking-uri DATABASE restore accept --reason WHY, with its SPOT_MLFLOW_HOME.",
        )
    if not reason.strip():
        raise InvalidInput("reason must not be empty", fix="Say what was restored, and from when.")
    mlflow_private.serve(uri)
    found = restore.accept(reason, login()) if not dry_run else restore.losses_here()
    for loss in found:
        for line in (*loss.described, *([loss.fault] if loss.fault else ())):
            click.echo(f"  gone: {line}")
    count = sum(len(loss.gone) for loss in found)
    click.echo(
        f"{'Would accept' if dry_run else 'Accepted'} that {things(count, 'entry', 'entries')} {'is' if count == 1 else 'are'} gone."
    )
