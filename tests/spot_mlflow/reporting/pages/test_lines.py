from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reports import make_report

from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.pages.lines import check_lines, section_lines, table_lines
from spot_mlflow.reporting.sections.lift import sections_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


def test_a_check_opens_with_the_sentence(full_report: LiftReport) -> None:
    """The first lines are money and cause; verdicts, figures and the checks follow."""
    lines = check_lines(full_report)
    head = headline_of(full_report)
    assert lines[:2] == [head.finding, head.cause]
    assert "… Cannot be told · ✓ Worth having · Evidence A: randomized holdout" in lines
    assert "  Arrived         1.4 points (0.7 to 2.0)" in lines
    assert any(re.fullmatch(r"\d+ of \d+ checks passed\.", x) for x in lines)


def test_a_failed_check_is_told() -> None:
    """A failure stands on a line of its own with its severity; control characters do not."""
    bad = {
        "name": "x",
        "severity": "warning",
        "success": False,
        "observed": 1,
        "message": "9 rows \x1b[2J twice",
    }
    lines = check_lines(make_report().to_dict() | {"checks": [bad]})
    assert lines[-1] == "  ✕ 9 rows �[2J twice (warning)"


def test_tables_are_aligned() -> None:
    """Columns line up, figures flush right."""
    table = Table("t", ("who", "lift"), (("West", "1.2"), ("Overseas", "-10.0")), frozenset({1}))
    assert table_lines(table) == [
        "    who        lift",
        "    West        1.2",
        "    Overseas  -10.0",
    ]


def test_a_picture_is_given_by_its_sentence_and_numbers(short_report: LiftReport) -> None:
    """Where nothing can be drawn the sentence and the numbers of the picture are told."""
    section = sections_of(lift_view(short_report))[0]
    lines = section_lines(section)
    assert lines[0] == "Did the promised lift arrive?"
    assert f"  {section.charts[0].alt}" in lines
    assert any(line.strip().startswith("promised") for line in lines)
