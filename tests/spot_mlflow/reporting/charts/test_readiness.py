from __future__ import annotations

import xml.etree.ElementTree as ET

from people import INSTRUMENT, NOW, assessment, note

from spot_mlflow.readiness.panel import readiness_of
from spot_mlflow.reporting.charts.readiness import (
    _places,
    readiness_chart,
)
from spot_mlflow.roles import ROLE_TABLE, ROLES


def panel(*entries, notes=()):
    """The panel of these entries."""
    return readiness_of(entries, INSTRUMENT, now=NOW, notes=notes)


def everybody():
    """Each role with its own answers, one contested question, one stale answer."""
    entries = [
        assessment(
            role,
            role,
            {q.id: {"now": 1 + i % 5, "target": 5} for q in INSTRUMENT.questions_for(role)},
        )
        for i, role in enumerate(ROLES)
    ]
    return panel(
        *entries, assessment("old", "business", {"P1": "don't know"}, 200), notes=[note("S1")]
    )


def test_the_picture_says_what_it_shows():
    """The alternative text is in the element, for those who cannot see it."""
    assert "Levels 1 to 5 by 6 people" in readiness_chart(everybody(), INSTRUMENT).svg()


def test_the_svg_shows_every_question_and_role():
    """Text stays text, so that it can be searched and read aloud."""
    text = readiness_chart(everybody(), INSTRUMENT).svg_file()
    root = ET.fromstring(text.encode())  # noqa: S314 - our own drawing
    words = " ".join(t.strip() for t in root.itertext())
    for question in INSTRUMENT.questions:
        assert question.label in words
    for said in (
        "panel today",
        "wanted",
        "business expert",
        "frontline",
        "contested, noted",
        "small: over 180 days",
    ):
        assert said in words


def test_every_respondent_has_a_dot():
    """As many places as answers; those on one level stand side by side, within their level."""
    crowd = [assessment(f"p{i}", "business", {"P1": 3}) for i in range(40)]
    dots = panel(*crowd, assessment("x", "business", {"P1": "don't know"})).questions["P1"].dots
    placed = [x for _, x in _places(dots)]
    assert len(set(placed)) == 41
    assert sum(2.5 < x < 3.5 for x in placed) == 40


def test_roles_differ_by_shape_not_by_colour_alone():
    """No two roles share a mark."""
    assert len({role.mark for role in ROLE_TABLE.values()}) == len(ROLES)


def test_nobody_and_hidden_answers_draw_as_well():
    """An empty panel, and one whose answers the reader may not see yet."""
    assert readiness_chart(panel(), INSTRUMENT).alt == "Nobody has answered yet."
    hidden = everybody().seen_by("Ann")
    assert "business expert" in readiness_chart(hidden, INSTRUMENT).svg_file()
    assert all(row[1] == "not known" for row in readiness_chart(hidden, INSTRUMENT).table.rows)
