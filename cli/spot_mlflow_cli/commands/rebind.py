"""``spot rebind``: takes the record of a model over that other tools copied."""

from __future__ import annotations

import click

from spot_mlflow_cli.moving import destination_option, record_here
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.terminal import echo_json


@click.command("rebind")
@click.argument("model", metavar="MODEL")
@click.option("--from", "source", metavar="NAME", help="Earlier name, or the experiment's name.")
@destination_option
@format_option("text", "json")
def command(model: str, source: str | None, destination: str | None, output_format: str) -> None:
    """Bind the record of an earlier model to this one, which was copied or registered again.

    Tools that copy MLflow models and experiments give the model another creation time; its record then no
    longer counts. This command takes the record over by an entry that says so, and the record still verifies.

    \b
    Example:
      spot rebind churn
      spot rebind churn --from churn-2026

    Exit status: 0 bound, 1 refused (the earlier model is still there), 2 nothing to bind.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record.taking_over import take_over
    from spot_mlflow_cli.commands.import_record import say_taken

    record, keep, _, _ = record_here(destination)
    done = take_over(record, model, source, keep=keep)
    if output_format == "json":
        echo_json(done.to_dict())
    else:
        say_taken(done)
