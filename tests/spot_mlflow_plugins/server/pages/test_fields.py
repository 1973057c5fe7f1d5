from __future__ import annotations

import pytest

from spot_mlflow_plugins.server.pages.fields import Field, every, faults_of

CHOICE = Field("c", "Which?", "choice", (("a", "A"), ("b", "B")))
FOLDED = Field("o", "Outer", required=False, more=(Field("i", "Inner", "day", required=False),))


@pytest.mark.parametrize(
    ("field", "typed", "fault"),
    [
        (CHOICE, "", "Choose one."),
        (CHOICE, "a", ""),
        (CHOICE, "z", "Choose one of these."),
        (Field("t", "Text", "text"), "  ", "This must not be empty."),
        (Field("t", "Text", "text", required=False), "", ""),
        (Field("t", "Text", "text"), "x" * 4_001, "This has 4,001 characters; 4,000 fit."),
        (Field("l", "Line"), "x" * 201, "This has 201 characters; 200 fit."),
        (Field("d", "Day", "day"), "2027-01-30", ""),
        (Field("d", "Day", "day"), "tomorrow", "This is not a date; write it as 2027-01-30."),
        (Field("m", "Time", "moment"), "2027-01-30T18:00", ""),
        (Field("m", "Time", "moment"), "six", "This is not a time; write it as 2027-01-30T18:00."),
        (Field("m", "Time", "moment"), "2" * 26, "This has 26 characters; 25 fit."),
    ],
)
def test_a_field_says_what_is_wrong_with_it(field: Field, typed: str, fault: str) -> None:
    """Empty, unknown, too long, no date: each in a sentence that says what to do."""
    assert field.fault({field.name: typed}) == fault


def test_folded_fields_are_checked_too() -> None:
    """What lies below another field has its own faults."""
    assert [f.name for f in every([FOLDED, CHOICE])] == ["o", "i", "c"]
    assert set(faults_of([FOLDED, CHOICE], {"i": "never"})) == {"i", "c"}
