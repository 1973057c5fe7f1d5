"""``spot report``: the report of a model's latest outcome check, or its picture, as one file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spot_mlflow.errors import InvalidInput, NotFound
from spot_mlflow_cli.options import model_argument

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption

_ENDINGS = {"html": "html", "markdown": "md", "json": "json", "svg": "svg", "png": "png"}


@click.command("report")
@model_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where to write it; - for standard output. Otherwise MODEL-VERSION-report.html here.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(tuple(_ENDINGS)),
    help="Default: by the ending of FILE, else html.",
)
def command(model: str, output: Path | None, output_format: str | None) -> None:
    """Write the report of a model's latest outcome check as one file.

    The HTML file needs no network, opens on a phone, follows light and dark, and prints. As svg or png
    it is the picture of promised and realized lift alone, for a mail or a slide; png needs
    `pip install 'spot-mlflow[png]'`.

    \b
    Example:
      spot report churn
      spot report churn/3 -o lift.html
      spot report churn/3 --format markdown -o -
      spot report churn/3 -o lift.svg
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record

    adoption = Record().adoption(model)
    ref = f"{adoption.facts.name}/{adoption.version}"
    if adoption.latest_check is None:
        raise NotFound(
            f"no outcome check is recorded for {ref}",
            fix=f"First: spot outcomes {shlex.quote(ref)} OUTCOMES.CSV",
        )
    chosen = output_format or _by_ending(output)
    content = _content(adoption, chosen)
    if str(output) == "-":
        click.echo(content, nl=False)
        return
    path = output or Path(f"{_file_name(ref)}-report.{_ENDINGS[chosen]}")
    _write(path, content)
    click.echo(f"Wrote {path}")


def _by_ending(output: Path | None) -> str:
    ending = output.suffix.lower().lstrip(".") if output else ""
    return next((name for name, e in _ENDINGS.items() if e == ending), "html")


def _content(adoption: Adoption, chosen: str) -> bytes:
    import json

    from spot_mlflow.reporting.charts.lift import lift_gap_png, lift_gap_svg
    from spot_mlflow.reporting.pages import lift_report

    check = adoption.latest_check or {}
    if chosen == "html":
        return lift_report.html(check, adoption).encode()
    if chosen == "markdown":
        return lift_report.markdown(check, adoption).encode()
    if chosen == "svg":
        return lift_gap_svg(check)
    if chosen == "png":
        return lift_gap_png(check)
    text = json.dumps(dict(check), indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _file_name(ref: str) -> str:
    """Returns a name that any file system takes; a model may be called almost anything."""
    return "".join(c if c.isalnum() or c in "._" else "-" for c in ref).strip("-.") or "model"


def _write(path: Path, content: bytes) -> None:
    """Writes the file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise InvalidInput(
            f"cannot be written: {e.strerror or e}",
            where=str(path),
            fix="Name another FILE with -o.",
        ) from e
