from __future__ import annotations

from typing import Any

import pytest
from gated import CONTRACT
from hypothesis import given
from hypothesis import strategies as st
from people import INSTRUMENT, NOW

from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.errors import InvalidInput, SpotError
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.statements import STATEMENTS, Known
from spot_mlflow_plugins.server.routes.entry_checks import check_payload


def recorded(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What the route records of a payload that a business expert sends."""
    facts = ModelFacts("churn", 1, KnownVersions([VersionFacts("1", NOW)]))
    adoption = build_adoption(facts, (), version="1", now=NOW)
    known = Known(
        person="Kim",
        role="business",
        adoption=adoption,
        policy=default_policy(),
        entry_id="3f2a9b10" + "0" * 24,
    )
    return check_payload(kind, payload, known, version="1")


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
        ("assessment", {"answers": {"S1": 3}, "instrument": 7}, "payload: instrument == 7"),
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


def answer_to(kind: str, payload: dict[str, Any]) -> tuple[dict[str, Any], SpotError | None]:
    """What is recorded, or what a client is told."""
    try:
        return recorded(kind, payload), None
    except SpotError as refused:
        return {}, refused


ENTRIES = {
    "prediction": {"contract": CONTRACT},
    "assessment": {
        "answers": {"S1": 3, "O2": "don't know", "P1": {"now": "2", "by": "2027-03-01"}}
    },
    "involvement": {"kind": "decided", "phase": "scope", "what": "w", "when": "2026-05-01"},
    "concern": {"act": "raised", "what": "too late", "severity": "minor"},
    "discussion": {"question": "S1", "note": "agreed on three"},
    "pulse": {"useful": 4, "would_use": 2},
    "sign-off": {"target": "production", "note": " fine "},
    "waiver": {"target": "Production", "requirement": "sign-off", "reason": "late"},
}
JUNK = [None, 0, 2.5, True, "", "x", [1], {"a": 1}, "\ud800", 10**400, float("nan")]


@pytest.mark.parametrize("kind", ENTRIES)
def test_what_is_recorded_can_be_sent_again(kind: str) -> None:
    """The route takes what the library wrote, and makes the same of it."""
    once = recorded(kind, dict(ENTRIES[kind]))
    assert recorded(kind, once) == once


@given(
    kind=st.sampled_from(sorted(STATEMENTS)),
    junk=st.sampled_from(JUNK) | st.recursive(st.none() | st.text(), st.lists, max_leaves=3),
    data=st.data(),
)
def test_junk_is_refused_by_name_or_recorded_as_the_library_would(
    kind: str, junk: Any, data: Any
) -> None:
    """No value of any key ends in anything but an answer that a client can act on."""
    sent = {**ENTRIES.get(kind, {})}
    keys = sorted(STATEMENTS[kind].model_fields)
    sent[data.draw(st.sampled_from(keys))] = junk
    once, refused = answer_to(kind, sent)
    if refused is not None:
        assert refused.what
        assert 400 <= refused.http_status < 500
    else:
        assert recorded(kind, once) == once


@pytest.mark.parametrize("kind", ENTRIES)
def test_every_missing_key_is_named(kind: str) -> None:
    """A client reads which keys it left out, all at once."""
    needed = [k for k, f in STATEMENTS[kind].model_fields.items() if f.is_required()]
    with pytest.raises(InvalidInput) as refused:
        recorded(kind, {})
    assert all(f"'{key}' is missing" in str(refused.value) for key in needed)
