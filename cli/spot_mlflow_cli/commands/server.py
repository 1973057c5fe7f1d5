"""``spot server``: MLflow's own server with the gate and the S.P.O.T. pages."""

from __future__ import annotations

import os
import sys

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    epilog="Every other option is passed on to `mlflow server`; see `mlflow server --help`.",
)
@click.option(
    "--auth/--no-auth",
    default=False,
    help="Use MLflow's basic auth; requester, recorder and approver are then the "
    "authenticated user. Needs `pip install mlflow[auth]`.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False),
    envvar="SPOT_MLFLOW_HOME",
    help="Folder for the signing key and the anchors, outside the database. "
    "[default: ~/.spot-mlflow]",
)
@click.option(
    "--ui",
    type=click.Choice(["inject", "pages"]),
    default=None,
    help="inject: a line and a link in MLflow's own pages too; pages: only the pages under spot/.",
)
@click.pass_context
def command(ctx: click.Context, auth: bool, home: str | None, ui: str | None) -> None:  # noqa: FBT001 - click passes flags so
    """Start MLflow with the gate and the S.P.O.T. pages.

    The same as `mlflow server --app-name spot` (or `spot-auth`). Plain MLflow clients work as
    before; what changes a deployment is decided on evidence, and nobody writes into it from aside.

    \b
    Examples:
      spot server --port 5000
      spot server --auth --backend-store-uri postgresql://mlflow@db/mlflow --workers 4

    It stops, with the reason, where a store could not be gated.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    environment = dict(os.environ)
    if home:
        environment["SPOT_MLFLOW_HOME"] = home
    if ui:
        environment["SPOT_MLFLOW_UI"] = ui
    app = "spot-auth" if auth else "spot"
    line = [sys.executable, "-m", "mlflow", "server", "--app-name", app, *ctx.args]
    # This process becomes MLflow's: signals, exit status and terminal are its own then.
    os.execve(sys.executable, line, environment)  # noqa: S606 - our own interpreter, no shell
