"""Prints what ``spot_mlflow.reporting`` says: the sentence first, then sections with tables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from spot_mlflow.reporting.message.headline import TO_DO, WEAKENED
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    from spot_mlflow.reporting.message.headline import Headline
    from spot_mlflow.reporting.sections.section import Section
    from spot_mlflow.reporting.words.tables import Table

NAME_WIDTH = 20  # characters of a row's name that are kept together
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
            _indented(out, rich_table(chart.table))
        for table in section.tables:
            _indented(out, rich_table(table))
        for note in section.notes:
            _indented(out, Text(printable(note), style="dim"))


def _indented(out: Console, what: Text | RichTable, by: int = 2) -> None:
    from rich.padding import Padding

    out.print(Padding(what, (0, 0, 0, by), expand=False))


def rich_table(table: Table) -> RichTable:
    """Returns a table for the terminal: hairline under the head, figures flush right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for i, head in enumerate(table.columns):
        figure = i in table.numeric
        # The name of a row stays readable however narrow the terminal is.
        longest = max((len(w) for row in table.rows for w in row[0].split()), default=1)
        made.add_column(
            head,
            justify="right" if figure else "left",
            no_wrap=figure,
            overflow="fold",
            min_width=min(longest, NAME_WIDTH) if i == 0 else None,
        )
    for row in table.rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    return made
