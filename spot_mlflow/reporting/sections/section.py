"""One part of a report; HTML, Markdown and terminal only set it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spot_mlflow.reporting.charts.drawing import Chart
    from spot_mlflow.reporting.words.tables import Table


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes:
        key: anchor, unique in the report.
        title: heading.
        text: sentences, one paragraph each.
        alerts: sentences that must not be overlooked.
        steps: what is to be done, each with the command that helps, or "".
        charts: pictures, each with its numbers.
        tables: tables that belong to no picture.
        notes: what a reader must know, in small print.
    """

    key: str
    title: str
    text: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
