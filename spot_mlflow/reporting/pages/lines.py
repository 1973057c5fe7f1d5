"""Sections as plain lines of text, for a terminal or a log; wide where a table asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.pages.lift_report import cards, verdicts
from spot_mlflow.reporting.sections.lift import checks_on_log
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.reporting.words.tables import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.message.headline import Headline
    from spot_mlflow.reporting.sections.section import Section
    from spot_mlflow.reporting.words.tables import Table


def check_lines(
    check: LiftReport | Mapping[str, Any], adoption: Adoption | None = None
) -> list[str]:
    """Returns a check as ``spot outcomes`` prints it: sentence, verdicts, figures, failed checks."""
    view = lift_view(check)
    lines = [*headline_lines(headline_of(check, adoption)), ""]
    lines.append(" · ".join(f"{sign} {text}".strip() for sign, text in verdicts(view)))
    figures_shown = [(c.label, f"{c.figure} {c.unit}".strip(), c.detail) for c in cards(view)]
    width = max(len(label) for label, _, _ in figures_shown)
    lines += [
        f"  {label:<{width}}  {figure}{f' ({detail})' if detail else ''}"
        for label, figure, detail in figures_shown
    ]
    checks = checks_on_log(view)
    failed = [c for c in checks if not c["success"]]
    total = len(checks)
    if total:
        lines += ["", f"{total - len(failed)} of {total} checks passed."]
    lines += [f"  ✕ {printable(c['message'])} ({c['severity']})" for c in failed]
    return lines


def headline_lines(headline: Headline) -> list[str]:
    """Returns the opening sentence, one line for each part."""
    asked = f"Asked of you: {headline.request}" if headline.request else ""
    return [printable(part) for part in (headline.finding, headline.cause, asked) if part]


def section_lines(section: Section) -> list[str]:
    """Returns a section as lines; a picture is given by its sentence and its numbers."""
    lines = [section.title, *(f"  ! {printable(a)}" for a in section.alerts)]
    lines += [f"  {printable(t)}" for t in section.text]
    for what, command in section.steps:
        lines += [f"  {printable(what)}", *([f"      {printable(command)}"] if command else [])]
    for chart in section.charts:
        lines += [f"  {chart.alt}", *table_lines(chart.table)]
    for table in section.tables:
        lines += table_lines(table)
    return [*lines, *(f"  {printable(note)}" for note in section.notes)]


def table_lines(table: Table) -> list[str]:
    """Returns a table with its columns aligned, figures flush right."""
    rows = [tuple(printable(c) for c in row) for row in (table.columns, *table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]

    def line(row: tuple[str, ...]) -> str:
        cells = [
            c.rjust(w) if i in table.numeric else c.ljust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        return f"    {'  '.join(cells)}".rstrip()

    return [line(row) for row in rows]
