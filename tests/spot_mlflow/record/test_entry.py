from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.errors import InvalidInput, RecordDamaged
from spot_mlflow.record.entry import (
    CHUNK,
    DIGEST,
    ERASED,
    PART,
    PERSON,
    ROLE,
    SALT,
    Draft,
    Fault,
    read,
    split,
)
from spot_mlflow.record.reading import counted
from spot_mlflow.record.references import ModelRef

REF = ModelRef("churn", "3", 1234)
# What UTF-8 and databases can hold: no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def run_of(draft, *, status="FINISHED", **changed_tags):
    """Returns what MLflow would hold of a draft."""
    text = draft.text()
    parts = split(text)
    tags = draft.tags(text, len(parts)) | changed_tags
    return SimpleNamespace(
        info=SimpleNamespace(run_id="r1", status=status),
        data=SimpleNamespace(
            tags={k: v for k, v in tags.items() if v is not None},
            params={f"{PART}{i:05d}": p for i, p in enumerate(parts)},
        ),
    )


@given(payload=st.dictionaries(TEXT, JSON, max_size=5), person=TEXT.filter(bool))
def test_what_was_written_is_read(payload, person):
    """Any JSON payload and any name come back as they went in."""
    reading = read(run_of(Draft(REF, "assessment", payload, person=person, role="business")))
    assert reading.fault is None
    assert reading.evidence.payload == payload
    assert (reading.evidence.person, reading.evidence.role) == (person, "business")


@given(text=st.text(max_size=3 * CHUNK))
def test_parts_are_never_truncated(text):
    """No part reaches the length at which MLflow truncates, and together they are the text."""
    parts = split(text)
    assert all(len(p) < 6_000 for p in parts)
    assert "".join(p[1:-1] for p in parts) == text


def test_large_payload_spans_parts():
    """A payload of many parts is read whole."""
    payload = {"text": "ä" * 40_000}
    run = run_of(Draft(REF, "outcomes", payload))
    assert len(run.data.params) > 6
    assert read(run).evidence.payload == payload


@pytest.mark.parametrize("status", ["RUNNING", "FAILED", "KILLED", "SCHEDULED"])
def test_unfinished_entry_does_not_count(status):
    """Only a finished run is an entry."""
    reading = read(run_of(Draft(REF, "pulse", {"useful": 3}), status=status))
    assert reading.evidence is None
    assert reading.fault.trouble == "half written"


def test_missing_part_does_not_count():
    """An entry without one of its parts is a fault, not a shorter entry."""
    run = run_of(Draft(REF, "outcomes", {"text": "x" * 20_000}))
    del run.data.params[f"{PART}00001"]
    assert read(run).fault.trouble == "edited"


def test_changed_part_does_not_count():
    """An edited payload no longer matches its digest."""
    run = run_of(Draft(REF, "pulse", {"useful": 3}))
    run.data.params[f"{PART}00000"] = run.data.params[f"{PART}00000"].replace("3", "5")
    assert read(run).fault == Fault("edited", "the payload does not match its digest")


@pytest.mark.parametrize(
    "tags",
    [
        {"spot.kind": "sign-off"},
        {"spot.version": "4"},
        {ROLE: "executive"},
        {"spot.at": "2020-01-01T00:00:00+00:00"},
        {PERSON: "somebody else"},
        {"spot.recorded_by": "somebody else"},
        {DIGEST: "0" * 64},
        {PERSON: None},
    ],
)
def test_changed_tag_does_not_count(tags):
    """A tag that contradicts the entry is an edit, whichever it is."""
    draft = Draft(REF, "pulse", {"useful": 3}, person="Kim", role="frontline", recorded_by="kim")
    reading = read(run_of(draft, **tags))
    assert reading.evidence is None
    assert reading.fault.trouble == "edited"


def test_erased_name_still_verifies():
    """Without the name and its salt the entry still counts and says so."""
    draft = Draft(REF, "pulse", {"useful": 3}, person="Kim", role="frontline")
    reading = read(run_of(draft, **{ERASED: "true", PERSON: "(erased 1a2b3c)", SALT: None}))
    assert reading.fault is None
    assert reading.evidence.erased
    assert reading.evidence.person == "(erased 1a2b3c)"


def test_foreign_run_does_not_count():
    """A run that is no entry of ours is named as such."""
    run = SimpleNamespace(
        info=SimpleNamespace(run_id="r", status="FINISHED"),
        data=SimpleNamespace(tags={}, params={}),
    )
    assert read(run).fault.trouble == "foreign"


@pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": object()}, {"x": "\ud800"}])
def test_what_json_cannot_hold_is_refused(payload):
    """A payload that cannot be written is refused before anything is written."""
    with pytest.raises(InvalidInput, match="cannot be written"):
        Draft(REF, "pulse", payload).text()


# As version 0.1.0 wrote it, letter for letter. It stays here as it is: a later version reads it too.
FORMAT_1 = (
    '{"artifacts":{},"at":"2027-03-01T09:00:00+00:00","created":1234,"format":1,'
    '"id":"00000000000000000000000000000001","kind":"involvement","model":"churn","parents":[],'
    '"payload":{"kind":"contributed","phase":"scope","what":"named the offers"},"person":'
    '"a7f90a91d0ea4e8a5ff3c4f9a0a6ce1f","recorded_by":null,"role":"business","version":null}'
)


def stored(text: str, salt: str = "s", person: str = "Ann"):
    """A finished run that holds an envelope as it stands."""
    import hashlib
    import json

    from spot_mlflow.record.entry import commitment

    said = json.loads(text) | {"person": commitment(salt, person)}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    tags = {
        "spot.entry": said["id"], "spot.kind": said["kind"], "spot.at": said["at"], "spot.role": said["role"],
        DIGEST: hashlib.sha256(text.encode()).hexdigest(), "spot.parts": "1", SALT: salt, PERSON: person,
    }  # fmt: skip
    return SimpleNamespace(
        info=SimpleNamespace(run_id="r1", status="FINISHED"),
        data=SimpleNamespace(tags=tags, params={f"{PART}00000": f"|{text}|"}),
    )


def test_an_entry_of_the_first_format_is_read_by_every_later_version():
    """What was recorded with 0.1.0 keeps its meaning: kind, payload, person and time."""
    (entry,) = counted(ModelRef("churn", None, 1234), [read(stored(FORMAT_1))])
    assert (entry.kind, entry.person, entry.role) == ("involvement", "Ann", "business")
    assert entry.payload == {"kind": "contributed", "phase": "scope", "what": "named the offers"}
    assert entry.at.isoformat() == "2027-03-01T09:00:00+00:00"


def test_an_entry_of_a_later_format_is_never_left_out_in_silence():
    """An older client says that it is too old, instead of answering from a part of the evidence."""
    reading = read(stored(FORMAT_1.replace('"format":1', '"format":2')))
    assert reading.fault is not None
    assert reading.fault.trouble == "newer"
    with pytest.raises(
        RecordDamaged, match=r"format 2, this version reads up to 1.*pip install -U"
    ):
        counted(ModelRef("churn", None, 1234), [reading])
    assert counted(ModelRef("other", None, 99), [reading]) == []
