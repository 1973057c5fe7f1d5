"""A table of written figures, the same for HTML, Markdown and the terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head; the first column names the row.

    Attributes:
        caption: what the table tells, one phrase.
        columns: heads, one per column.
        rows: cells as text, already written by ``figures``.
        numeric: positions of the columns that hold figures, set flush right.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()

    def markdown(self) -> str:
        """Writes the table as GitHub-flavoured Markdown; what people wrote is escaped."""
        rule = ["---:" if i in self.numeric else "---" for i in range(len(self.columns))]
        lines = [self.columns, tuple(rule), *self.rows]
        return "\n".join(
            "| " + " | ".join(c if line is lines[1] else escape_markdown(c) for c in line) + " |"
            for line in lines
        )


def escape_markdown(text: str) -> str:
    """Returns ``text`` so that Markdown shows it as it is: no markup, no HTML, one line."""
    flat = " ".join(str(text).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A bare address would become a link in most renderers.
    flat = re.sub(r"(?i)\b(https?|ftp|www)([:.])", r"\1&#8203;\2", flat)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", flat)


def printable(text: str) -> str:
    """Returns ``text`` without control characters: what a person wrote must not steer a terminal."""
    return harmless(" ".join(text.split()))


def harmless(text: str) -> str:
    """Returns ``text`` as ``printable`` does, with its line ends and blanks as they are."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
