"""``spot server``: MLflow's own server with the gate and the S.P.O.T. pages."""

from __future__ import annotations

import os
import sys
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STORE: Final = "MLFLOW_BACKEND_STORE_URI"
_NO_DATABASE: Final = ("http", "databricks", "file:", "spot+")


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
    before; the gate decides on every deployment by the evidence, and no client can bypass it to write evidence.

    \b
    Examples:
      spot server --port 5000
      spot server --auth --backend-store-uri postgresql://mlflow@db/mlflow --workers 4

    Without --backend-store-uri it serves the database that MLFLOW_TRACKING_URI names. If a store cannot be
    gated, it does not start, and says why.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    environment = dict(os.environ)
    if home:
        environment["SPOT_MLFLOW_HOME"] = home
    if ui:
        environment["SPOT_MLFLOW_UI"] = ui
    app = "spot-auth" if auth else "spot"
    environment |= own_store(ctx.args, environment)
    line = [sys.executable, "-m", "mlflow", "server", "--app-name", app, *ctx.args]
    click.echo(f"The S.P.O.T. pages will be at {pages_at(ctx.args, environment)}", err=True)
    # This process becomes MLflow's: signals, exit status and terminal are its own then.
    os.execve(sys.executable, line, environment)  # noqa: S606 - our own interpreter, no shell


def own_store(args: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the variable by which MLflow serves the database of ``MLFLOW_TRACKING_URI``.

    None where another store is named. A variable, as an option would show a password to every user of the host.
    """
    named = _given(args, ("--backend-store-uri",)) or environment.get(_STORE)
    uri = environment.get("MLFLOW_TRACKING_URI", "")
    is_database = "://" in uri and not uri.startswith(_NO_DATABASE)
    return {_STORE: uri} if is_database and not named else {}


def pages_at(args: Sequence[str], environment: Mapping[str, str]) -> str:
    """Returns the address of the pages, by the options that MLflow takes and their variables."""
    host = _given(args, ("--host", "-h")) or environment.get("MLFLOW_HOST") or "127.0.0.1"
    port = _given(args, ("--port", "-p")) or environment.get("MLFLOW_PORT") or "5000"
    prefix = _given(args, ("--static-prefix",))
    return f"http://{host}:{port}{prefix}/spot/"


def _given(args: Sequence[str], names: tuple[str, ...]) -> str:
    """Returns the value of an option, written after a space or an equals sign."""
    for here, after in zip_longest(args, args[1:], fillvalue=""):
        if here in names:
            return after
        name, equals, value = here.partition("=")
        if equals and name in names:
            return value
    return ""
