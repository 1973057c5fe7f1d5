"""``spot card``: writes the model card of a version."""

from __future__ import annotations

from pathlib import Path

import click

from spot_mlflow_cli.files import write_new
from spot_mlflow_cli.options import dry_run_option, model_argument


@click.command("card")
@model_argument
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("markdown", "html")),
    default="markdown",
    show_default=True,
    help="markdown prints; html is one file that needs no network.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File; printed otherwise.",
)
@dry_run_option
def command(model: str, output_format: str, output: Path | None, *, dry_run: bool) -> None:
    """Write the model card of a version: purpose, promise, result, readiness, users, open points.

    It comes from the record alone. The default is the newest version.

    \b
    Example:
      spot card churn/3
      spot card churn/3 --format html -o churn-3.html
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import get_adoption
    from spot_mlflow.reporting.pages import card

    adoption = get_adoption(model)
    text = card.html(adoption) if output_format == "html" else card.markdown(adoption)
    if output is None:
        click.echo(text, nl=False)
    elif dry_run:
        click.echo(f"Would write {output} ({len(text):,} characters).")
    else:
        write_new(output, text.encode())
        click.echo(str(output))
