from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.reporting.words.tables import Table, escape_markdown, printable


def test_markdown_table() -> None:
    """A table becomes GitHub-flavoured Markdown with figures flush right."""
    table = Table("t", ("who", "lift"), (("West", "1.2"),), frozenset({1}))
    assert table.markdown() == "| who | lift |\n| --- | ---: |\n| West | 1.2 |"


@given(st.text())
def test_what_people_write_stays_in_its_cell(text: str) -> None:
    """No text opens a column, a row, a tag or a link."""
    lines = Table("t", ("a", "b"), ((text, "x"),)).markdown().split("\n")
    assert len(lines) == 3
    unescaped = lines[2].replace("\\\\", "").replace("\\|", "")
    assert unescaped.count("|") == 3
    assert "<" not in lines[2]


def test_links_and_pictures_are_disarmed() -> None:
    """Neither a Markdown picture nor a bare address survives."""
    said = escape_markdown("![x](http://evil.example/a.png) and https://evil.example")
    assert "![" not in said
    assert "http://" not in said
    assert "https://" not in said


@given(st.text())
def test_printable_has_no_control_characters(text: str) -> None:
    """A terminal gets nothing that could steer it."""
    assert all(c.isprintable() for c in printable(text))


def test_printable_keeps_words() -> None:
    """Escape sequences lose their escape, words stay."""
    assert printable("a\x1b[31mred\nb — ü 漢") == "a�[31mred b — ü 漢"
