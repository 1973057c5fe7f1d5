from __future__ import annotations

import io

import pytest
from rich.console import Console

from spot_mlflow.reporting.message.headline import Headline
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow_cli.sections import page, print_headline, print_sections

EVIL = "[bold]x[/bold] \x1b[2J"


def printed(width: int = 60, **section: object) -> str:
    """What a terminal of this width shows."""
    out = Console(file=io.StringIO(), width=width, color_system=None)
    head = Headline("Promised 1.", "Lost.", "Do it.", "churn: kept", "In Production.", "No arm.")
    print_headline(out, head, f"churn {EVIL}")
    print_sections(out, [Section("k", "Title", **section)])  # type: ignore[arg-type]
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_sentence_stands_first() -> None:
    """The model and its result, where it is, what is to be done, what weakens it, then all of it."""
    assert printed().splitlines()[1:6] == [
        "churn: kept",
        "In Production.",
        "To do: Do it.",
        "What weakens it: No arm.",
        "Promised 1. Lost.",
    ]


def test_what_people_wrote_is_neither_markup_nor_control() -> None:
    """Brackets stay brackets, an escape character does not reach the terminal."""
    shown = printed(
        text=(EVIL,), notes=(EVIL,), alerts=(EVIL,), tables=(Table("t", ("a",), ((EVIL,),)),)
    )
    assert "[bold]x[/bold]" in shown
    assert "\x1b" not in shown


def test_steps_keep_their_command_in_one_piece() -> None:
    """The command that helps stands on its own line, to be copied."""
    shown = printed(steps=(("✕ Someone is missing", "spot ask churn --role business"),))
    assert "      spot ask churn --role business\n" in shown


def test_nothing_trails() -> None:
    """Lines end where their words end."""
    shown = printed(text=("words",), steps=(("what", "command"),))
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_a_pipe_has_room_for_a_table(monkeypatch) -> None:
    """Where nobody looks a table is as wide as it needs, unless COLUMNS says otherwise."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert page().width >= 100


WIDE = Table(
    "Models",
    ("model", "S", "promised", "realized", "verdict", "where", "concerns"),
    (
        ("Come and know (result-incentive)", "3", "44.5 points (36.5 to 52.4)", "40.8 points", "cannot be told", "in Production", "0"),
        ("churn", "–", "2.0 points", "–", "promised", "Production: no, 4 requirements not met", "12"),
    ),
    frozenset({1, 6}),
)  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_breaks_between_words_and_keeps_to_its_terminal(width: int) -> None:
    """No word of a head or a cell is cut, however narrow; where columns cannot stand, lines do."""
    shown = printed(width, tables=(WIDE,))
    lines = shown.splitlines()
    assert max(map(len, lines)) <= width
    words = {w for row in (WIDE.columns, *WIDE.rows) for cell in row for w in cell.split()}
    assert words <= set(shown.split())


def test_what_is_too_narrow_for_columns_has_a_line_for_each_cell() -> None:
    """Head and cell beside each other, a blank line between two models."""
    lines = [line.split() for line in printed(44, tables=(WIDE,)).splitlines()]
    assert ["model", "churn"] in lines
    assert ["concerns", "12"] in lines
