from __future__ import annotations

from dataclasses import replace

import pytest
from ready_model import BLOCK, adoption, concern, entry, facts, ready

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.history import earlier_holders, held_before
from spot_mlflow.gate.repeated import already_recorded


def applied(version: str, target: str = "Production", *, days_ago: float = 5, **changed):
    """Returns a decision that was carried out."""
    payload = {
        "model": "churn",
        "version": version,
        "target": target,
        "applied": True,
        "mode": "block",
        **changed,
    }
    return entry("decision", payload, version=version, days_ago=days_ago)


def test_what_was_carried_out_counts_and_what_was_only_asked_does_not() -> None:
    """A version held a target when its decision was applied, or when it was replaced there."""
    assert held_before(adoption([applied("2")]), "2", "production")
    assert not held_before(adoption([applied("2", applied=False)]), "2", "Production")
    replaced = applied("3", replaced={"Production": ["2"], "Staging": ["1"]})
    assert held_before(adoption([replaced]), "2", "Production")
    assert not held_before(adoption([replaced]), "1", "Production")


def test_holding_under_another_name_counts_in_mode_block_only() -> None:
    """A rename must not turn an unchecked holder into one to roll back to."""
    loose = applied("2", model="scratch", mode="observe")
    assert not held_before(adoption([loose]), "2", "Production")
    assert held_before(adoption([applied("2", model="old-name")]), "2", "Production")


def test_the_last_earlier_holder_comes_first() -> None:
    """A rollback goes back one step; what holds the target now is not among the earlier ones."""
    history = [
        applied("1", days_ago=9),
        applied("2", days_ago=8, replaced={"Production": ["1"]}),
        applied("3", days_ago=7, replaced={"Production": ["2"]}),
    ]
    known = adoption(history, model=facts(Production=("3",)))
    assert earlier_holders(known, "Production") == ("2", "1")
    back = adoption([*history, applied("1", days_ago=6)], model=facts(Production=("1",)))
    assert earlier_holders(back, "Production") == ("3", "2")


def test_deleted_versions_are_no_place_to_go_back_to() -> None:
    """A version that is gone is left out."""
    known = adoption([applied("9", days_ago=9)], model=facts(Production=("3",)))
    assert earlier_holders(known, "Production") == ()


@pytest.mark.parametrize("target", ["Production", "@champion"])
def test_the_same_refusal_is_recorded_once(target: str) -> None:
    """The same question on the same evidence, by the same person, is written down once."""
    refusal = decide(adoption([]), target, policy=BLOCK, requester="ann")
    known = [entry("decision", {**refusal.to_dict(), "applied": False})]
    assert already_recorded(known, refusal)


def test_anything_new_is_recorded_again() -> None:
    """Another requester, other evidence, another policy, or a transition in between counts anew."""
    entries = ready(without=("sign_off",))
    refusal = decide(adoption(entries), "Production", policy=BLOCK, requester="ann")
    known = [entry("decision", {**refusal.to_dict(), "applied": False})]
    assert not already_recorded([], refusal)
    assert not already_recorded(known, replace(refusal, requester="bo"))
    more = decide(
        adoption([*entries, concern("raised")]), "Production", policy=BLOCK, requester="ann"
    )
    assert not already_recorded(known, more)
    other = BLOCK.model_copy(update={"version": "2"})
    assert not already_recorded(
        known, decide(adoption(entries), "Production", policy=other, requester="ann")
    )
    assert not already_recorded([*known, applied("3")], refusal)
