"""Digests of documents that exist: one moved byte would void every sign-off and break every record.

The values were written down once, by the code that recorded such documents, and are never written anew.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from spot_mlflow import PredictedLift
from spot_mlflow.evidence import canonical, digest_of
from spot_mlflow.gate.policy import Policy, default_policy
from spot_mlflow.readiness.instrument import shipped_instrument
from spot_mlflow.record import ModelRef
from spot_mlflow.record.entry import Draft
from spot_mlflow.statements import STATEMENTS, Known, read_statement

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "digests.json").read_text("utf-8"))
AT = datetime(2027, 6, 1, 12, 0, 0, 250_000, tzinfo=timezone.utc)
SALT, ID = "5a" * 16, "3f2a9b10" + "0" * 24


@pytest.mark.parametrize("name", GOLDEN["contracts"])
def test_a_contract_keeps_its_digest(name):
    """However the document is read, written or arranged: the same promise is the same digest."""
    kept = GOLDEN["contracts"][name]
    found = PredictedLift.load(kept["document"])
    assert found.digest == kept["digest"]
    assert PredictedLift.stored(found.to_dict()).digest == kept["digest"]


@pytest.mark.parametrize("name", GOLDEN["policies"])
def test_a_policy_keeps_its_digest(name):
    """Decisions name the policy they were made under by its digest."""
    kept = GOLDEN["policies"][name]
    assert Policy.load(kept["document"]).digest == kept["digest"]


def test_what_ships_keeps_its_digest():
    """The default policy and the questionnaire; another one is another version."""
    shipped = {"policy": default_policy().digest, "instrument": shipped_instrument().hash}
    assert shipped == GOLDEN["shipped"]


@pytest.mark.parametrize("name", GOLDEN["entries"])
def test_an_entry_keeps_its_digest(name):
    """What is said, by whom, in which role and when: to the byte, or no old signature holds."""
    kept = GOLDEN["entries"][name]
    said: dict[str, Any] = kept["said"]
    draft = Draft(
        ModelRef("churn", said["version"], 1_800_000_000_000),
        name,
        said["payload"],
        person=said["person"],
        role=said["role"],
        at=AT,
        recorded_by="kim@example.org",
        parents=("a" * 64,),
        artifacts={"lift.yaml": b"metric: renewals\n"},
        id=ID,
        salt=SALT,
    )
    assert hashlib.sha256(draft.text().encode()).hexdigest() == kept["digest"]


@pytest.mark.parametrize("name", [n for n in GOLDEN["entries"] if "sent" in GOLDEN["entries"][n]])
def test_what_is_sent_becomes_the_payload_it_became(name):
    """The same words of a client are the same payload."""
    kept = GOLDEN["entries"][name]
    known = Known(person=kept["said"]["person"], role=kept["said"]["role"], entry_id=ID)
    assert read_statement(STATEMENTS[name], kept["sent"]).payload(known) == kept["said"]["payload"]


def test_json_has_one_form():
    """Sorted keys, no blanks, letters as they are; numbers as Python writes them."""
    value = {"ö": [1, 1.0, 1e-7, 0.1 + 0.2, True, None], "a": {"z": "\u2028", "b": ""}}
    assert canonical(value) == GOLDEN["canonical"]
    assert digest_of(value) == hashlib.sha256(GOLDEN["canonical"].encode()).hexdigest()
