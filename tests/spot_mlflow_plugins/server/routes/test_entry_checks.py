from __future__ import annotations

from typing import Any

import pytest
from people import INSTRUMENT, NOW

from spot_mlflow.adoption import ModelFacts, VersionFacts, build_adoption
from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow_plugins.server.routes.entry_checks import check_payload


def recorded(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What the route records of a payload that a business expert sends."""
    facts = ModelFacts("churn", 1, (VersionFacts("1", NOW),))
    return check_payload(
        kind,
        payload,
        adoption=build_adoption(facts, (), version="1", now=NOW),
        policy=default_policy(),
        person="Kim",
        role="business",
        artifacts={},
        entry_id="3f2a9b10" + "0" * 24,
    )


def test_answers_are_recorded_in_the_form_that_readers_know() -> None:
    """Short answers, texts for numbers and keys that mean nothing do not reach the record."""
    said = {"S1": 3, "P1": {"now": "2", "target": "4"}, "O2": "don't know"}
    sent = {"answers": said, "instrument": dict(INSTRUMENT.stamp), "batch": {"id": "x", "of": 9}}
    assert recorded("assessment", sent) == parse_answers(said, INSTRUMENT)


@pytest.mark.parametrize(
    ("kind", "payload", "named"),
    [
        ("assessment", {"answers": {"S1": 9}}, "S1"),
        ("assessment", {"answers": {"S1": {}}}, "'now' is missing"),
        ("assessment", {"answers": {"S1": 3}, "instrument": 7}, "assessment"),
        ("assessment", {}, "answers"),
    ],
)
def test_what_no_reader_could_read_is_refused(
    kind: str, payload: dict[str, Any], named: str
) -> None:
    """Whoever calls the route without the library puts nothing in that the library would not."""
    with pytest.raises(InvalidInput, match=named):
        recorded(kind, payload)


@pytest.mark.parametrize("chosen", [None, "c00000", "c\x1b[2J", 7])
def test_a_concerns_id_is_its_entrys(chosen: Any) -> None:
    """Whatever a client would like it to be: no id of another's can be taken."""
    said = {"act": "raised", "what": "x", "severity": "minor", "concern": chosen}
    assert recorded("concern", said)["concern"] == "c3f2a9"
