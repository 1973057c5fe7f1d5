"""Tests of what the gate makes of where a version's files are, and of what its record has lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ready_model import adoption, entry, ready

from spot_mlflow.adoption import FileFacts, GoneEvidence
from spot_mlflow.gate.decision import GateDecision, decide
from spot_mlflow.gate.policy import Policy, default_policy

SOURCE = "runs:/abc/model"


def decided(
    files: FileFacts | None, *, mode: str = "block", asked: str | None = None, **more: Any
) -> GateDecision:
    """Asks for Production, for a version that has all else that the policy wants."""
    said = default_policy().with_mode(mode).to_dict()  # type: ignore[arg-type] # one of the modes
    if asked is not None:
        said["targets"]["Production"]["files"] = asked
    found = replace(adoption(ready()), files=files, **more)
    return decide(found, "Production", policy=Policy.load(said), requester="somebody else")


@pytest.mark.parametrize("mode", ["observe", "warn", "block"])
def test_a_source_that_leads_nowhere_is_refused_by_every_policy(mode: str) -> None:
    """In mode block; elsewhere it passes and is told."""
    found = decided(FileFacts("unresolved", SOURCE), mode=mode)
    assert found.allowed is (mode != "block")
    assert [r.name for r in found.missing] == ["files"]
    assert f"{SOURCE} leads to nothing" in found.explain()


def test_files_that_may_still_arrive_are_refused_by_every_policy() -> None:
    """Nobody can say which files were approved."""
    found = decided(FileFacts("inside", SOURCE, arriving="2027-01-01T10:00:00+00:00"))
    assert not found.allowed
    assert "may still be uploaded until 2027-01-01T10:00" in found.explain()


def test_files_outside_pass_and_are_told() -> None:
    """The usual production set-up; a policy may refuse it."""
    outside = FileFacts("outside", "s3://bucket/model")
    found = decided(outside)
    assert found.allowed
    assert "not protected here: s3://bucket/model" in found.explain()
    assert not decided(outside, asked="inside").allowed
    assert not decided(outside, asked="hashed").allowed


def test_files_inside_are_what_a_policy_may_ask_for() -> None:
    """With a list of digests where it asks for that, and unchanged since."""
    inside = FileFacts("inside", SOURCE)
    assert decided(inside, asked="inside").allowed
    assert not decided(None, asked="inside").allowed
    assert not decided(inside, asked="hashed").allowed
    listed = replace(inside, manifest="a" * 64)
    assert decided(listed, asked="hashed").allowed
    assert not decided(replace(listed, changed=("MLmodel was changed",)), asked="hashed").allowed


def test_the_last_look_at_the_files_is_told() -> None:
    """When it was, and what it found: on pages and wherever a decision is explained."""
    looked = FileFacts("inside", SOURCE, "a" * 64, checked="2027-01-02T03:04:05+00:00")
    assert "hashed again at 2027-01-02T03:04:05+00:00: as they were" in decided(looked).explain()
    changed = replace(looked, changed=("MLmodel was changed",))
    assert "MLmodel was changed" in decided(changed).explain()
    assert "hashed again" not in decided(replace(looked, checked="")).explain()


def test_a_decision_names_the_list_of_files() -> None:
    """And is as it was where there is none: its JSON has no new key then."""
    assert decided(FileFacts("inside", SOURCE, "a" * 64)).to_dict()["manifest"] == "a" * 64
    assert "manifest" not in decided(FileFacts("inside", SOURCE)).to_dict()
    assert "manifest" not in decided(None).to_dict()


def test_a_lost_objection_still_counts() -> None:
    """What a restored database lost is named, and a blocking concern in it blocks."""
    lost = GoneEvidence(("concern of version 1 c7 of 2027-01-01",), blocking=("c7",))
    found = decided(None, gone=lost)
    assert not found.allowed
    assert [r.name for r in found.missing] == ["blocking_concerns"]
    assert "c7 blocking, remembered by the server" in found.explain()
    assert "1 entry on record is gone" in found.explain()


def test_other_lost_evidence_is_named_and_stops_nobody() -> None:
    """What is still there is enough."""
    found = decided(None, gone=GoneEvidence(tuple(f"pulse {n}" for n in range(7))))
    assert found.allowed
    assert "7 entries on record are gone" in found.explain()
    assert "pulse 4, ..." in found.explain()


def test_a_memory_that_cannot_be_read_shuts_the_gate() -> None:
    """Nobody can say whether an objection is missing."""
    found = decided(None, gone=GoneEvidence((), fault="the remembered entries cannot be read"))
    assert not found.allowed
    assert "cannot be read" in found.explain()


def test_going_back_is_not_stopped_by_files() -> None:
    """A version that held the target before may come back, whatever became of its source."""
    said = {"model": "churn", "version": "1", "target": "Production", "applied": True}
    applied = entry("decision", {**said, "mode": "observe"}, version="1")
    found = replace(adoption([applied], version="1"), files=FileFacts("unresolved", SOURCE))
    decision = decide(found, "Production", policy=default_policy().with_mode("block"))
    assert (decision.allowed, decision.basis) == (True, "rollback")
