from __future__ import annotations

from datetime import timedelta

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.policy import Policy
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.promise.sources import Behind
from spot_mlflow.validation import (
    format_span,
    nearest,
    nearest_zone,
    parse_document,
    parse_length,
    shortened,
)

CONTRACT = {
    "metric": "got",
    "predicted": {"lift": 0.35, "se": 0.02},
    "columns": {"arm": "any", "outcome": "got"},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"treatment_share": 1.5}, "treatment_share == 1.5, must be less than 1"),
        ({"treatment_share": {"a": 2}}, "treatment_share.a == 2, must be less than or equal to 1"),
        ({"predicted": "lots"}, "predicted == 'lots', must be keys and values"),
        (
            {"measurement": {"owner": "Mia", "first_check": "31.01.2027"}},
            "measurement.first_check == '31.01.2027', must be a date, for example 2027-01-31",
        ),
        ({"minimum_viable": "much"}, "minimum_viable == 'much', must be a number"),
        (
            {"columns": {"arm": "any", "outcome": "got", "treated": {"a": 1}}},
            "columns.treated == {'a': 1}, must be a valid string",
        ),
        (
            {"columns": {"arm": "got", "outcome": "got"}},
            "columns: arm and outcome must be two columns, both are 'got'",
        ),
    ],
    ids=["number", "by-arm", "text", "date", "amount", "label", "one-column"],
)
def test_one_fault_is_one_sentence_in_the_reader_s_words(change, said):
    """Where a key may have several forms, the fault is told once, without the checker's own terms."""
    with pytest.raises(InvalidInput) as refused:
        PredictedLift.load({**CONTRACT, **change})
    assert refused.value.what == said


def test_a_message_repeats_no_more_than_a_line_of_the_input():
    """A megabyte in the wrong place does not scroll the message away."""
    with pytest.raises(InvalidInput) as refused:
        PredictedLift.load({**CONTRACT, "predicted": {"lift": "x" * 1_000_000}})
    assert len(str(refused.value)) < 300
    assert shortened("abcdef", 4) == "ab…ef"
    assert shortened("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    ("word", "meant"), [("CHURN", "churn"), ("chrun", "churn"), ("Prod", "prod")]
)
def test_the_nearest_word_is_found_in_any_case(word, meant):
    """Capitals hide no word."""
    assert nearest(word, ["churn", "prod"]) == f"; did you mean '{meant}'?"


def test_a_file_without_end_is_refused(tmp_path):
    """A device in the place of a file is read for as long as a file may be, and no longer."""
    from spot_mlflow.validation import load_yaml

    endless = tmp_path / "roles.yaml"
    endless.symlink_to("/dev/zero")
    with pytest.raises(InvalidInput, match="more than"):
        load_yaml(endless)


COMMANDS = ("demo", "digest", "confirm", "log", "outcomes", "gate", "verify", "sign-off", "restore")


@pytest.mark.parametrize("word", ["list", "deploy", "status", "delete", "gate", "verify"])
def test_nothing_unrelated_is_suggested_nor_the_word_itself(word):
    """A few letters in common are no slip; what is there already is not meant."""
    assert nearest(word, COMMANDS) == ""


@pytest.mark.parametrize(
    ("word", "meant"),
    [("gaet", "gate"), ("singoff", "sign-off"), ("out", "outcomes"), ("Gate", "gate")],
)
def test_a_slip_or_a_beginning_is_suggested(word, meant):
    """Turned letters, a missing sign, other capitals, the first letters."""
    assert nearest(word, COMMANDS) == f"; did you mean '{meant}'?"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("berlin", "Europe/Berlin"),
        ("Europ/Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
    ],
)
def test_a_time_zone_is_known_by_its_city(said, meant):
    """A slip in the city or the continent, or the city alone."""
    assert nearest_zone(said) == f"; did you mean '{meant}'?"
    assert nearest_zone("Nowhere/Xyzzyplugh") == ""


def test_the_known_keys_are_listed_once():
    """Three unknown keys of one place: three faults, one list behind them."""
    with pytest.raises(InvalidInput) as refused:
        PredictedLift.load({**CONTRACT, "zzz": 1, "qqq": 2, "minimum_viabel": 3})
    said = refused.value.what
    assert "unknown key 'zzz'; unknown key 'qqq'" in said
    assert "did you mean 'minimum_viable'" in said
    assert said.count("known keys") == 1
    assert said.count("minimum_viable_lift") <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; expected keys and values"),
        ("- a", "expected keys and values, got list"),
        ("metric: [a", "but got the end of the file"),
    ],
)
def test_a_file_that_holds_no_keys_says_what_it_holds(tmp_path, text, said):
    """No word of the parser, and none of Python's where the file is just empty."""
    path = tmp_path / "lift.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as refused:
        PredictedLift.load(path)
    assert said in str(refused.value)
    assert "NoneType" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (30, "30 has no unit; use for example 30d, 4w or 12h"),
        ("30", "'30' has no unit; use for example 30d, 4w or 12h"),
        (0, "0 has no unit"),
        ("0d", "'0d' is not longer than 0; use for example 30d, 4w or 12h"),
        ("-5d", "'-5d' is not longer than 0"),
        ("-P5D", "'-P5D' is not longer than 0"),
        ("1m", "'1m' may be minutes or months; write 1min or 30d"),
        ("soon", "'soon' is not a duration; use for example 30d, 4w or 12h"),
        ("9999999999999d", "'9999999999999d' is too long"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "data", "key"),
    [
        (PredictedLift, lambda span: {**CONTRACT, "window": span}, "window"),
        (PredictedLift, lambda span: {**CONTRACT, "period": span}, "period"),
        (Policy, lambda span: {"name": "p", "version": "1", "waivers": {"longest": span},
                               "targets": {}}, "waivers.longest"),
        (Behind, lambda span: {"behind": span}, "behind"),
    ],
    ids=["window", "period", "policy", "behind"],
)  # fmt: skip
def test_a_span_without_a_unit_or_not_longer_than_zero_is_refused(kind, data, key, written, said):
    """Nobody who writes ``window: 30`` means 30 seconds."""
    with pytest.raises(InvalidInput) as refused:
        parse_document(kind, data(written))
    assert refused.value.what.startswith(f"{key}: {said}")


@pytest.mark.parametrize(
    ("written", "hours"),
    [("30d", 720), ("4w", 672), ("12h", 12), (" 1.5 D ", 36), ("90min", 1.5), ("P30D", 720)],
)
def test_a_span_with_its_unit_is_read(written, hours):
    """The forms that a message names, and the one that a record holds, are one length each."""
    assert parse_length(written) == timedelta(hours=hours)
    assert parse_length(format_span(parse_length(written))) == timedelta(hours=hours)
