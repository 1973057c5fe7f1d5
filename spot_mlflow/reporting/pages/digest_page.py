"""A digest as plain text, and as HTML for a mail: no script, no picture, nothing from elsewhere."""

from __future__ import annotations

import textwrap
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Final

from spot_mlflow.days import day
from spot_mlflow.figures import things
from spot_mlflow.reporting.words.tables import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spot_mlflow.reporting.message.digest import Digest, Line

_WIDTH: Final = 78  # columns that every mail program shows without breaking
_STYLE: Final = "font-family:system-ui,sans-serif;font-size:15px;line-height:1.45;color:#11171c"


def digest_text(digest: Digest) -> str:
    """Returns the digest as plain text of at most 78 columns, but for words that are longer."""
    lines = [digest.subject, _period(digest)]
    for model, found in _by_model(digest):
        lines += ["", printable(model)]
        for line in found:
            mark = "!" if line.urgent else "-"
            text = f"{mark} {day(line.at.date())}: {_said(line)}"
            lines.append(
                textwrap.fill(
                    printable(text), _WIDTH, initial_indent="  ", subsequent_indent="      "
                )
            )
    if any(line.urgent for line in digest.lines):
        lines += ["", "! means that somebody must act: spot todo"]
    if digest.unread:
        lines += ["", f"Not read: {printable(', '.join(digest.unread))}"]
    return "\n".join(lines) + "\n"


def digest_html(digest: Digest) -> str:
    """Returns the digest as one HTML document."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(digest.subject)}</title></head>",
        f'<body style="{_STYLE}"><h1 style="font-size:20px">{escape(digest.subject)}</h1>',
        f"<p>{escape(_period(digest))}</p>",
    ]
    for model, found in _by_model(digest):
        parts.append(f'<h2 style="font-size:17px">{escape(printable(model))}</h2><ul>')
        parts += [_item(line) for line in found]
        parts.append("</ul>")
    if digest.unread:
        parts.append(f"<p>Not read: {escape(printable(', '.join(digest.unread)))}</p>")
    return "\n".join([*parts, "</body></html>\n"])


def _item(line: Line) -> str:
    words = escape(printable(_said(line)))
    strong = f"<strong>To act on:</strong> {words}" if line.urgent else words
    return f"<li>{escape(day(line.at.date()))}: {strong}</li>"


def _said(line: Line) -> str:
    cause = f" (cause: {line.cause_text})" if line.cause_text else ""
    return f"{line.what}{cause}"


def _period(digest: Digest) -> str:
    form = "%Y-%m-%d %H:%M"
    return f"From {digest.since:{form}} to {digest.until:{form}} UTC, {things(digest.models, 'model')}."


def _by_model(digest: Digest) -> Iterator[tuple[str, Sequence[Line]]]:
    ordered = sorted(digest.lines, key=lambda line: line.model)
    for model, found in groupby(ordered, key=lambda line: line.model):
        yield model, list(found)
