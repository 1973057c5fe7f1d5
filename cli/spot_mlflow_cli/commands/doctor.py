"""``spot doctor``: looks at a server as this client sees it."""

from __future__ import annotations

import click

from spot_mlflow.errors import Unavailable
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.terminal import echo_json

_MARKS = {"ok": ("ok", None), "warning": ("!", "yellow"), "failed": ("✕", "red")}


@click.command("doctor")
@click.option("--server", metavar="URL", help="Which one; MLFLOW_TRACKING_URI where left out.")
@format_option("text", "json")
def command(server: str | None, output_format: str) -> None:
    """Look at a server as this client sees it: there, gated, ready, and who one is to it.

    Nothing is written.

    \b
    Example:
      spot doctor --server https://mlflow.example.org

    Exit status: 0 nothing failed, 3 something did.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    import mlflow

    from spot_mlflow.record.doctor import examined

    uri = (server or str(mlflow.get_tracking_uri())).rstrip("/")
    found = examined(uri)
    if output_format == "json":
        echo_json({"server": uri, "signs": [s.to_dict() for s in found]})
    for sign in found if output_format == "text" else ():
        mark, colour = _MARKS[sign.state]
        click.secho(printable(f"{mark:<3}{sign.name}: {sign.said}"), fg=colour)
        if sign.fix:
            click.echo(printable(sign.fix).rjust(len(sign.fix) + 3))
    if any(s.state == "failed" for s in found):
        raise SystemExit(Unavailable.exit_status)
