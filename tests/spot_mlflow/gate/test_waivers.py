from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ready_model import BLOCK, NOW, adoption, entry, facts, ready

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.waivers import check_waiver


def waiver(*, days_ago: float = 1, version: str | None = "3", **changed):
    """Returns a waiver of the sign-off for Production, unless told otherwise."""
    payload = {
        "target": "Production",
        "requirement": "sign_off",
        "reason": "owner away until Monday",
        "approver": "Eve Sample",
        "expires": "2027-06-10",
        **changed,
    }
    return entry("waiver", payload, person=payload["approver"], version=version, days_ago=days_ago)


def decided(*waivers, target="Production", requester="Dan Sample", now=NOW, version="3"):
    """Decides on a model that lacks the sign-off only."""
    entries = [*ready(without=("sign_off",)), *waivers]
    known = adoption(entries, model=facts(), now=now, version=version)
    return decide(known, target, policy=BLOCK, requester=requester)


def test_a_waiver_lets_one_requirement_go_and_is_shown() -> None:
    """The waived requirement passes unmet, with reason, approver and days left in the decision."""
    decision = decided(waiver())
    assert decision.allowed
    assert decision.outcome == "waived"
    assert [r.name for r in decision.waived] == ["sign_off"]
    assert "owner away until Monday (approved by Eve Sample, 9 days left)" in decision.explain()


@pytest.mark.parametrize(
    "one",
    [
        waiver(requirement="review_age"),
        waiver(target="Staging"),
        waiver(version="2"),
        waiver(approver="DAN  sample"),
        waiver(approver=""),
        waiver(reason=" "),
        waiver(expires="2027-05-31"),
        waiver(expires="someday"),
        waiver(days_ago=120, expires="2028-01-01"),
    ],
    ids=[
        "other requirement",
        "other target",
        "other version",
        "self-approved",
        "no approver",
        "no reason",
        "expired",
        "no date",
        "older than the longest",
    ],
)
def test_what_is_no_valid_waiver_waives_nothing(one) -> None:
    """A waiver for something else, by the requester, without reason, or past its end is no waiver."""
    assert not decided(one).allowed


def test_a_waiver_holds_through_its_last_day() -> None:
    """A waiver that expires on 2027-06-10 holds on that day, and not on the next."""
    last = NOW.replace(month=6, day=10, hour=23)
    assert decided(waiver(), now=last).allowed
    assert not decided(waiver(), now=last + timedelta(hours=2)).allowed


def test_a_waiver_for_production_serves_the_aliases_that_extend_it() -> None:
    """@prod asks what Production asks, so that one waiver is enough."""
    assert decided(waiver(), target="@prod").allowed


def test_a_met_requirement_still_shows_its_waiver() -> None:
    """Waivers are always shown, even where they are no longer needed."""
    known = adoption([*ready(), waiver()])
    found = {r.name: r.waived for r in decide(known, "Production", policy=BLOCK).requirements}
    assert found["sign_off"] is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"requirement": "sign_of"}, "did you mean 'sign_off'"),
        ({"requirement": "user_champion"}, "must be one of"),
        ({"target": "Prod"}, "must be one of"),
        ({"reason": " "}, "needs a reason"),
        ({"approver": ""}, "needs an approver"),
        ({"approver": "dan SAMPLE"}, "is also the requester"),
        ({"expires": "2027-05-31"}, "must be between today and 2027-08-30"),
        ({"expires": "2027-08-31"}, "longest waiver is 90d"),
        ({"expires": "June"}, "is not a date"),
    ],
)
def test_a_faulty_waiver_is_refused_before_it_is_recorded(change, message) -> None:
    """Each fault is named; nothing is returned that could be recorded."""
    given_ = {
        "target": "Production",
        "requirement": "sign-off",
        "reason": "r",
        "approver": "Eve",
        "expires": None,
    }
    with pytest.raises(InvalidInput) as e:
        check_waiver(**{**given_, **change}, now=NOW, requester="Dan Sample")
    assert message in str(e.value)


def test_thirty_days_are_the_default() -> None:
    """A waiver without a date holds for thirty days; hyphens in the name are fine."""
    payload = check_waiver(
        target="production",
        requirement="sign-off",
        reason="r",
        approver="Eve",
        expires=None,
        now=NOW,
    )
    assert payload["expires"] == "2027-07-01"
    assert (payload["target"], payload["requirement"]) == ("Production", "sign_off")


@given(st.integers(-5, 100))
def test_a_waiver_that_was_accepted_holds_now(days: int) -> None:
    """Whatever `check_waiver` accepts is a waiver to the gate at that moment."""
    expires = date(2027, 6, 1) + timedelta(days=days)
    try:
        payload = check_waiver(
            target="Production",
            requirement="sign_off",
            reason="r",
            approver="Eve",
            expires=expires,
            now=NOW,
        )
    except InvalidInput:
        assert not 0 <= days <= 90
    else:
        assert decided(entry("waiver", payload, person="Eve", days_ago=0)).allowed
