from __future__ import annotations

import pytest
from ready_model import NOW, adoption

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.measures import MEASURES
from spot_mlflow.gate.policy import Requirements, default_policy
from spot_mlflow.gate.requirements import Measure, requirement_texts, word
from spot_mlflow_cli.main import SECTIONS


def test_words_measures_and_policy_name_the_same_requirements() -> None:
    """A requirement exists in all three places, in the same order, or in none."""
    fields = [n for n in Requirements.model_fields if n != "extends"]
    assert list(requirement_texts()) == fields == list(MEASURES)


@pytest.mark.parametrize("name", list(MEASURES))
def test_every_fix_is_a_command_that_exists(name: str) -> None:
    """What the gate prints as the fix begins with a command of ours."""
    first, command = requirement_texts()[name].fix.split()[:2]
    assert first == "spot"
    assert command in {c for commands in SECTIONS.values() for c in commands}


def test_names_in_a_fix_are_quoted_for_the_shell() -> None:
    """A model called "x; rm -rf ~" cannot turn the printed command into another one."""
    found = word(
        "lift_predicted",
        Measure(False, "", ""),
        model="x; rm -rf ~",
        ref="x; rm -rf ~/3",
        target="Production",
    )
    assert found.fix == "spot promise 'x; rm -rf ~/3' lift.yaml"


def test_nothing_is_left_unfilled_in_a_refusal() -> None:
    """With no evidence at all, every requirement is worded in full."""
    decision = decide(adoption([], now=NOW), "@champion", policy=default_policy())
    for r in decision.requirements:
        assert "{" not in r.fix + r.who + r.measured + r.required
        assert r.why.endswith(".")
        assert r.title
