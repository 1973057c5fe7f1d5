from __future__ import annotations

import pytest
from ready_model import BLOCK, adoption, ready, sign_off

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import Policy, default_policy


def signed(*entries, target="Production", requester="Dan Sample", policy=BLOCK):
    """Returns the sign-off requirement of a model that has these sign-offs only."""
    known = adoption([*ready(without=("sign_off",)), *entries])
    decision = decide(known, target, policy=policy, requester=requester)
    return next(r for r in decision.requirements if r.name == "sign_off")


def test_the_business_signs_off_with_a_name() -> None:
    """A valid sign-off is met, and says who, in which role, how long ago."""
    assert signed(sign_off()).measured == "signed by Bo Sample (business) 10 days ago"
    assert signed(sign_off()).met


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (sign_off(role="data_scientist"), "as data_scientist, who may not"),
        (sign_off(person="dan sample"), "who is the requester"),
        (sign_off(days_ago=91), "which has expired"),
        (sign_off(digest="of another contract"), "before the lift contract was changed"),
        (sign_off(target="Staging"), "signed off for Staging only"),
        (sign_off(version="2"), "not signed off"),
        (sign_off(person=None), "signed without a name"),
    ],
    ids=[
        "role",
        "requester",
        "expired",
        "contract changed",
        "target",
        "replayed from version 2",
        "nobody",
    ],
)
def test_a_sign_off_that_does_not_count_says_why(one, said) -> None:
    """Each way in which a sign-off fails is named in what was measured."""
    found = signed(one)
    assert not found.met
    assert said in found.measured


def test_an_erased_name_still_signed() -> None:
    """Erasing a name on request does not take the signature back."""
    assert signed(sign_off(person=None, erased=True)).met


def test_a_later_faulty_sign_off_does_not_hide_a_valid_one() -> None:
    """One valid sign-off is enough, whatever came after."""
    assert signed(sign_off(days_ago=9), sign_off(role="engineer", days_ago=2)).met


def test_a_sign_off_for_an_alias_serves_what_asks_no_more() -> None:
    """@prod extends Production and asks the same: a yes to the one is a yes to the other, not to Staging."""
    assert signed(sign_off(target="@prod")).met
    assert signed(sign_off(target="PRODUCTION"), target="@champion").met
    assert signed(sign_off(target="@champion")).met


@pytest.mark.parametrize("granted", ["@canary", "@early"])
def test_a_yes_to_an_easier_target_opens_no_harder_one(granted) -> None:
    """@canary asks less than Production, which it extends; @early asks for other ages: neither is a yes to it."""
    easier = {
        "@canary": {"extends": "Production", "weakest_letter": 2},
        "@early": {"extends": "Production", "assessment_age": "365d"},
        "@blue": {"extends": "Production"},
    }
    targets = {**default_policy().to_dict()["targets"], **easier}
    policy = Policy.load({**default_policy().to_dict(), "mode": "block", "targets": targets})
    given = sign_off(target=granted)
    assert "signed off for" in signed(given, policy=policy).measured
    assert not signed(given, policy=policy).met
    assert not signed(given, target="@blue", policy=policy).met
    assert signed(given, target=granted, policy=policy).met
    assert signed(sign_off(target="Production"), target=granted, policy=policy).met
