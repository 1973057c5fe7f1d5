from __future__ import annotations

from datetime import date

import pytest
from people import INSTRUMENT

from spot_mlflow.errors import InvalidInput, NotFound
from spot_mlflow.readiness.assessment import parse_answers, parse_discussion


def test_the_three_forms_of_an_answer():
    """A level, the long form and "don't know" become one payload in the instrument's order."""
    payload = parse_answers(
        {
            "O3": "don't know",
            "S2": {"now": 2, "target": 4, "by": "2027-03-01", "owner": "Kim", "comment": "soon"},
            "S1": 3,
        },
        INSTRUMENT,
    )
    assert list(payload["answers"]) == ["S1", "S2", "O3"]
    blank = {"target": None, "by": None, "owner": None, "comment": None}
    assert payload["answers"]["S1"] == {"now": 3, **blank}
    assert payload["answers"]["S2"] == {
        "now": 2, "target": 4, "by": "2027-03-01", "owner": "Kim", "comment": "soon",
    }  # fmt: skip
    assert payload["answers"]["O3"] == {"now": None, **blank}
    assert payload["instrument"] == INSTRUMENT.stamp


@pytest.mark.parametrize("said", ["don't know", "Don’t know", " ? ", "I don't know", None])
def test_not_knowing_can_be_said_in_many_ways(said):
    """None of them is a level, and none is zero."""
    assert parse_answers({"S1": said}, INSTRUMENT)["answers"]["S1"]["now"] is None


@pytest.mark.parametrize(
    "bad", [0, 6, -1, 2.5, True, "three", [3], {"now": 9}, {"level": 3}, float("nan")]
)
def test_what_is_no_level_is_refused_with_its_question(bad):
    """Levels are whole numbers from 1 to 5, keys are known ones."""
    with pytest.raises(InvalidInput, match="P1"):
        parse_answers({"S1": 3, "P1": bad}, INSTRUMENT)


def test_a_remark_alone_is_no_answer():
    """Whoever leaves a remark or a target only has not said that they do not know."""
    with pytest.raises(
        InvalidInput, match=r"S1: 'now' is missing; give a level .* or \"don't know\""
    ):
        parse_answers({"S1": {"target": 3, "comment": "soon"}}, INSTRUMENT)


def test_words_that_look_like_numbers_and_dates_stay_words():
    """YAML reads the remark 42 as a number and a day as a date."""
    given = {"now": 2, "comment": 42, "owner": date(2027, 3, 1)}
    answer = parse_answers({"S1": given}, INSTRUMENT)["answers"]["S1"]
    assert (answer["comment"], answer["owner"]) == ("42", "2027-03-01")


def test_every_fault_is_named_at_once():
    """One round is enough to correct a file."""
    with pytest.raises(InvalidInput) as caught:
        parse_answers(
            {"S1": 9, "X7": 2, "P1": {"now": 2, "by": "soon"}}, INSTRUMENT, where="a.yaml"
        )
    text = str(caught.value)
    for said in ("a.yaml", "S1", "X7", "P1", "soon", "2027-01-31"):
        assert said in text


def test_a_target_below_today_is_refused():
    """Two columns were mixed up, most likely."""
    with pytest.raises(InvalidInput, match=r"target == 2, must be at or above now == 4"):
        parse_answers({"S1": {"now": 4, "target": 2}}, INSTRUMENT)


@pytest.mark.parametrize("nothing", [{}, [], "S1: 3", None])
def test_no_answers_are_refused(nothing):
    """An assessment without an answer is none."""
    with pytest.raises(InvalidInput):
        parse_answers(nothing, INSTRUMENT)


def test_the_stamp_of_the_worksheet_read_is_kept():
    """Minor versions may be read together, and which words were read stays known."""
    stamp = {"name": "spot", "version": "1.4.0", "hash": "ab"}
    assert parse_answers({"S1": 3}, INSTRUMENT, stamp=stamp)["instrument"] == stamp
    with pytest.raises(InvalidInput, match=r"spot 2\.0\.0, must be to spot 1\.x"):
        parse_answers({"S1": 3}, INSTRUMENT, stamp={**stamp, "version": "2.0.0"})


def test_texts_are_plain():
    """Line ends are one character, control characters go, blanks at the ends too."""
    payload = parse_answers(
        {"S1": {"now": 1, "comment": " a\r\nb\x1b[31m\x00 ", "owner": " Kim \n Lee "}}, INSTRUMENT
    )
    assert payload["answers"]["S1"]["comment"] == "a\nb[31m"
    assert payload["answers"]["S1"]["owner"] == "Kim Lee"


def test_a_date_may_be_a_date():
    """Python callers hold dates."""
    payload = parse_answers({"S1": {"now": 1, "by": date(2027, 1, 31)}}, INSTRUMENT)
    assert payload["answers"]["S1"]["by"] == "2027-01-31"


def test_a_discussion_note_names_a_question_and_says_something():
    """A note on nothing is refused."""
    assert parse_discussion("P1", " agreed ", INSTRUMENT) == {"question": "P1", "note": "agreed"}
    with pytest.raises(NotFound):
        parse_discussion("P9", "agreed", INSTRUMENT)
    with pytest.raises(InvalidInput):
        parse_discussion("P1", " ", INSTRUMENT)
