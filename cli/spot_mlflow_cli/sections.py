"""Prints what ``spot_mlflow.reporting`` says: the sentence first, then sections with tables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from spot_mlflow.reporting.message.headline import TO_DO, WEAKENED
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.terminal import console

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    from spot_mlflow.reporting.message.headline import Headline
    from spot_mlflow.reporting.sections.section import Section
    from spot_mlflow.reporting.words.tables import Table

LONGEST_WORD = 24  # characters; what is longer breaks within itself, as digests and paths must
_EDGES = 2  # characters beside a table
_GAPS = (3, 2, 1)  # characters between two columns, as room allows
NARROWEST = 100  # columns where nobody looks: a pipe has no width of its own


def page() -> Console:
    """Returns the console; where the output is no terminal, wide enough for a table."""
    found = console()
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = max(found.width, NARROWEST)
    return found


def print_headline(out: Console, headline: Headline, title: str = "") -> None:
    """Prints the model and its result, where it is, what is to be done, what weakens it; a line each."""
    from rich.text import Text

    if title:
        out.print(Text(printable(title), style="dim"))
    out.print(Text(printable(headline.title), style="bold"))
    if headline.where:
        out.print(Text(printable(headline.where)))
    if headline.request:
        out.print(Text.assemble((f"{TO_DO} ", "bold cyan"), printable(headline.request)))
    if headline.weakness:
        out.print(Text.assemble((f"{WEAKENED} ", "bold yellow"), printable(headline.weakness)))
    out.print(Text(printable(headline.found)))


def print_sections(out: Console, sections: Iterable[Section]) -> None:
    """Prints sections; a picture is given by its sentence and its numbers."""
    from rich.text import Text

    for section in sections:
        out.print()
        out.print(Text(printable(section.title), style="bold"))
        for alert in section.alerts:
            _indented(out, Text(f"▲ {printable(alert)}", style="bold yellow"))
        for text in section.text:
            _indented(out, Text(printable(text)))
        for what, command in section.steps:
            _indented(out, Text(printable(what)))
            if command:
                _indented(out, Text(printable(command), style="cyan"), 6)
        for chart in section.charts:
            _indented(out, Text(printable(chart.alt)))
            _indented(out, rich_table(chart.table, out.width - 2))
        for table in section.tables:
            _indented(out, rich_table(table, out.width - 2))
        for note in section.notes:
            _indented(out, Text(printable(note), style="dim"))


def _indented(out: Console, what: Text | RichTable, by: int = 2) -> None:
    from rich.padding import Padding

    out.print(Padding(what, (0, 0, 0, by), expand=False))


def rich_table(table: Table, width: int) -> RichTable:
    """Returns a table for a terminal of this width: hairline under the head, figures flush right.

    Its cells break between words. Where even the longest words do not fit beside each other, each row
    becomes a block of lines, one for each column.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    cells = [tuple(map(printable, row)) for row in table.rows]
    least, most = _wanted([table.columns, *cells], table.numeric)
    room = width - _EDGES
    gap = next((g for g in _GAPS if sum(least) + g * (len(least) - 1) <= room), 0)
    if not gap:
        return _blocks(table.columns, cells)
    widths = _shared(least, most, room - gap * (len(least) - 1))
    made = RichTable(
        box=SIMPLE_HEAD,
        pad_edge=False,
        header_style="dim",
        padding=(0, 0) if gap == 1 else (0, 1),
        collapse_padding=gap < _GAPS[0],
    )
    for i, (head, wide) in enumerate(zip(table.columns, widths, strict=True)):
        justify: Literal["left", "right"] = "right" if i in table.numeric else "left"
        made.add_column(head, justify=justify, overflow="fold", width=wide)
    for row in cells:
        made.add_row(*map(Text, row))
    return made


def _wanted(rows: Sequence[Sequence[str]], numeric: Collection[int]) -> tuple[list[int], list[int]]:
    """Returns the least that each column needs, its longest word, and the most that it can use.

    Args:
        rows: the head and all rows.
        numeric: columns of figures, whose cells stay whole.
    """
    from rich.cells import cell_len

    least, most = [], []
    for i, (head, *body) in enumerate(zip(*rows, strict=True)):
        words = [w for text in (head, *(() if i in numeric else body)) for w in text.split()]
        need = [1, *(min(cell_len(w), LONGEST_WORD) for w in words)]
        need += map(cell_len, body) if i in numeric else []
        least.append(max(need))
        most.append(max(least[-1], *map(cell_len, (head, *body))))
    return least, most


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Returns the columns' widths: what is left beyond the least goes where it is used."""
    spare, used = room - sum(least), sum(most) - sum(least)
    if spare >= used:
        return list(most)
    return [low + spare * (high - low) // used for low, high in zip(least, most, strict=True)]


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> RichTable:
    """Returns a line for each cell, its column's head before it."""
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(box=None, pad_edge=False, show_header=False)
    made.add_column(style="dim", max_width=LONGEST_WORD)
    made.add_column(overflow="fold")
    for i, row in enumerate(rows):
        if i:
            made.add_row()
        for head, cell in zip(columns, row, strict=True):
            made.add_row(Text(head), Text(cell))
    return made
