"""Who may move a version, and where it must have been before."""

from __future__ import annotations

import pytest
from ready_model import adoption, entry, facts

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.case import ANYBODY, Asker
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import Policy


def policy(**required):
    """Returns a policy in mode block that asks this for @champion; Staging and @challenger are recorded."""
    targets = {"Staging": {}, "@challenger": {}, "@champion": required}
    return Policy.load({"name": "p", "version": "1", "mode": "block", "targets": targets})


def decided(rules, asker=None, *decisions, **holders):
    """Decides whether version 3 may become champion."""
    known = adoption(list(decisions), model=facts(**holders))
    return decide(known, "@champion", policy=rules, requester=asker)


def applied(version="3", target="Staging", *, days_ago=5.0, **changed):
    """Returns a decision that was carried out."""
    payload = {"model": "churn", "version": version, "target": target, "applied": True, "mode": "block", "basis": "requirements", **changed}  # fmt: skip
    return entry("decision", payload, version=version, days_ago=days_ago)


CI = policy(moved_by={"accounts": ["ci-bot"], "roles": ["engineer"]})


@pytest.mark.parametrize(
    ("asker", "met"),
    [
        ("ci-bot", True),
        ("CI-Bot", True),
        (Asker("Release Team", "ci-bot"), True),
        (Asker("Dan", "dan", ("data_scientist", "engineer")), True),
        (Asker("Dan", "dan", ("data_scientist",)), False),
        ("engineer", False),
        ("dan", False),
        (None, False),
        (Asker(None, None, ()), False),
    ],
)
def test_only_named_accounts_and_given_roles_move_it(asker, met) -> None:
    """By name or by login; a role counts where the operator gives it, and nobody is nobody."""
    decision = decided(CI, asker)
    (found,) = decision.requirements
    assert (found.met, decision.allowed) == (met, met)
    assert found.required == "moved by ci-bot or the role engineer"
    assert "dan" not in found.measured.lower(), "decisions hold no names"


def test_what_is_shown_to_everybody_depends_on_who_asks() -> None:
    """A page says so and is not red for that alone."""
    (found,) = decided(CI, ANYBODY).requirements
    assert (found.met, found.measured) == (True, "depends on who asks")


def test_going_back_is_open_to_everybody() -> None:
    """Who is on call at night goes back, whoever may move forward."""
    held = applied(target="@champion", days_ago=9)
    decision = decided(CI, "dan", held)
    assert (decision.allowed, decision.basis) == (True, "rollback")


WEEK = policy(held_before={"targets": ["Staging", "@challenger"], "least": "7d"})


@pytest.mark.parametrize(
    ("decisions", "holders", "met", "measured"),
    [
        ([], {}, False, "never held Staging or @challenger"),
        ([], {"Staging": ("3",)}, False, "held Staging for 0 minutes"),
        ([applied(days_ago=6)], {"Staging": ("3",)}, False, "held Staging for 6 days"),
        ([applied(days_ago=7)], {"Staging": ("3",)}, True, "held Staging for 7 days"),
        ([applied(days_ago=7)], {}, False, "held Staging for 0 minutes"),
        ([applied("2", days_ago=30)], {"Staging": ("2",)}, False, "never held"),
        ([applied(target="@challenger", days_ago=8)], {"challenger": ("3",)}, True, "held @challenger for 8 days"),
        (
            [
                applied(days_ago=20),
                applied("2", days_ago=16, replaced={"Staging": ["3"]}),
                applied(days_ago=3, basis="rollback", replaced={"Staging": ["2"]}),
            ],
            {"Staging": ("3",)},
            True,
            "held Staging for 7 days",
        ),
    ],
)  # fmt: skip
def test_a_version_was_tried_for_long_enough(decisions, holders, met, measured) -> None:
    """All its times on record together; what nobody recorded is not counted."""
    (found,) = decided(WEEK, "ann", *decisions, **holders).requirements
    assert found.met is met
    assert found.measured.startswith(measured)


def test_without_a_time_it_must_have_been_there_at_all() -> None:
    """Seen in the registry is enough."""
    rules = policy(held_before={"targets": ["Staging"]})
    assert decided(rules, "ann", Staging=("3",)).allowed
    assert not decided(rules, "ann").allowed


@pytest.mark.parametrize(
    ("required", "said"),
    [
        ({"moved_by": {}}, "name accounts or roles"),
        ({"moved_by": {"roles": ["boss"]}}, "moved_by.roles.0"),
        ({"held_before": {"targets": ["@shadow"]}}, "'@shadow' before, which is not among the targets"),
        ({"held_before": {"targets": []}}, "held_before.targets"),
        ({"held_before": {"targets": ["Staging"], "least": "soon"}}, "'soon'"),
    ],
)  # fmt: skip
def test_rules_that_nobody_could_meet_are_refused(required, said) -> None:
    """A policy that asks for what is not recorded, or lets nobody through, is not one."""
    with pytest.raises(InvalidInput) as refused:
        policy(**required)
    assert said in str(refused.value)


def test_both_are_written_only_where_they_are_asked() -> None:
    """A policy without them has no such key, so that its digest is what it was."""
    said = policy(lift_predicted=True).to_dict()["targets"]["@champion"]
    assert said == {"lift_predicted": True}
    assert Policy.load(WEEK.to_dict()).digest == WEEK.digest
