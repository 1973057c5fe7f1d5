"""How the log was made of raw tables: what each rule touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.lift.moments.joined import Joined
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.join_rules import quiet_rows_of, rows_of, warnings_of
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from spot_mlflow.reporting.words.lift_view import LiftView


def joined_section(view: LiftView, *, brief: bool = False) -> Section | None:
    """Returns the rules and their counts; None for a ready log.

    Args:
        view: the check.
        brief: only what a reader must know, and nothing where there is no such thing.
    """
    found = view.data.get("joined")
    return None if not found else section_of(Joined.from_dict(found), brief=brief)


def section_of(joined: Joined, *, brief: bool = False) -> Section | None:
    """Returns the section of one join."""
    said = tuple(figures.sentence(w) for w in warnings_of(joined))
    if brief:
        return Section("tables", "How was the log made?", text=said) if said else None
    places = "; ".join(joined.places.values())
    table = _table("What each rule touched", rows_of(joined))
    return Section(
        "tables",
        "How was the log made?",
        text=(figures.sentence(f"Joined from {places}"), *said),
        tables=(table,),
    )


def quiet_table(joined: Joined) -> Table:
    """Returns the rules that were asked and touched nothing."""
    return _table("Rules that touched nothing", quiet_rows_of(joined))


def _table(caption: str, rows: list[tuple[str, str, str, str]]) -> Table:
    return Table(
        caption=caption,
        columns=("table", "rows or units", "share", "what was done"),
        rows=tuple(rows),
        numeric=frozenset({1, 2}),
    )
