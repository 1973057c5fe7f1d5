"""``spot doctor``: what is missing here, and what sets it right."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

import click

from spot_mlflow.errors import InvalidInput, Unavailable
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from spot_mlflow.record.sign import Sign

_MARKS = {"ok": ("ok", None), "warning": ("!", "yellow"), "failed": ("✕", "red")}


@click.command("doctor")
@click.option("--server", metavar="URL", help="Which MLflow; default: MLFLOW_TRACKING_URI.")
@click.option(
    "--write",
    is_flag=True,
    help="Also write a small file into the artifact store, and delete it again.",
)
@format_option("text", "json")
def command(server: str | None, output_format: str, *, write: bool) -> None:
    """Check this client and its MLflow: what is missing, and how to fix it.

    Versions, whether a server or store answers, whether it is gated and knows who asks, whether it can
    write artifacts, where records and policy are, and whether the key of pseudonyms can be read. Without
    --write nothing is written.

    \b
    Example:
      spot doctor
      spot doctor --server https://mlflow.example.org --write

    Exit status: 0 nothing failed, 3 something did.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    import mlflow

    from spot_mlflow.record.doctor import examined

    uri = (server or str(mlflow.get_tracking_uri())).rstrip("/")
    found = (*examined(uri, write=write), _key())
    if output_format == "json":
        echo_json({"server": uri, "signs": [s.to_dict() for s in found]})
    for sign in found if output_format == "text" else ():
        mark, colour = _MARKS[sign.state]
        click.secho(_wrapped(f"{sign.name}: {sign.said}", f"{mark:<3}"), fg=colour)
        if sign.fix:
            click.echo(_wrapped(sign.fix, "   "))
    if any(s.state == "failed" for s in found):
        raise SystemExit(Unavailable.exit_status)


def _wrapped(text: str, first: str) -> str:
    return textwrap.fill(
        printable(text),
        80,
        initial_indent=first,
        subsequent_indent="   ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _key() -> Sign:
    """Whether pseudonyms can be made: by a secret that is set, or one kept on this computer."""
    from spot_mlflow.record.sign import Sign
    from spot_mlflow_cli.identity import KEY_VARIABLE, pseudonym_key, state_folder

    path = state_folder() / "pseudonym.key"
    if os.environ.get(KEY_VARIABLE):
        return Sign("key", "ok", f"pseudonyms are made with {KEY_VARIABLE}")
    if path.exists():
        try:
            pseudonym_key()
        except InvalidInput as e:
            return Sign("key", "failed", f"{e.where}: {e.what}", e.fix)
        return Sign("key", "ok", f"pseudonyms are made with {path}")
    there = next(p for p in path.parents if p.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return Sign("key", "ok", f"none yet; the first pseudonym makes {path}")
    fix = f"Set SPOT_HOME to a folder of yours, or {KEY_VARIABLE} to a secret."
    return Sign("key", "warning", f"{path} cannot be made: no drafts, no pseudonyms", fix)
