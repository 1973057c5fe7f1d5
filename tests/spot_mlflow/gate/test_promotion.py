"""Requests: who asks, who decides, and what makes an approval void."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ready_model import BLOCK, CONTRACT, NOW, adoption, entry, facts, prediction, ready

from spot_mlflow.adoption import FileFacts
from spot_mlflow.errors import InvalidInput, NotFound, Refused
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import Policy
from spot_mlflow.gate.promotion import (
    check_approval,
    check_asked,
    check_rejection,
    check_withdrawal,
    request_id,
    requests_of,
)
from spot_mlflow.lift.promise.contract import PredictedLift

ID = "rabcde"
DIGEST = PredictedLift.load(CONTRACT).digest


def asked(person="Dan Sample", *, version="3", days_ago=9.0, id_=ID, **changed):
    """Returns a request of version 3 for Production by a builder, unless told otherwise."""
    payload = {
        "act": "asked",
        "request": id_,
        "target": "Production",
        "why": "beats version 2",
        "expires": "2027-06-20",
        "contract_digest": DIGEST,
        "manifest": "",
        **changed,
    }
    return entry(
        "request", payload, person=person, version=version, days_ago=days_ago, begins=id_[1:]
    )


def approved(person="Bo Sample", role="business", *, version="3", days_ago=5.0, **changed):
    """Returns the approval of that request by the business, unless told otherwise."""
    payload = {
        "target": "Production",
        "contract_digest": DIGEST,
        "signature": "s1",
        "note": "",
        "request": ID,
        "manifest": "",
        "policy_digest": BLOCK.digest,
        **changed,
    }
    return entry("sign-off", payload, person=person, role=role, version=version, days_ago=days_ago)


def answered(act, person="Bo Sample", days_ago=3.0):
    """Returns a rejection or a withdrawal of that request."""
    payload = {"act": act, "request": ID, "reason": "not yet"}
    return entry("request", payload, person=person, role="business", days_ago=days_ago)


def sign_off_of(*entries, requester="Dan Sample", policy=BLOCK, files=None, model=None):
    """Returns the sign-off requirement of a model that is ready but for that."""
    known = adoption([*ready(without=("sign_off",)), *entries], model=model)
    known = replace(known, files=files)
    found = decide(known, "Production", policy=policy, requester=requester)
    return next(r for r in found.requirements if r.name == "sign_off")


def test_an_approved_request_is_signed_off_for_whoever_carries_it_out() -> None:
    """For the one who asked, for somebody else, and for the one who approved."""
    for requester in ("Dan Sample", "ci", "Bo Sample"):
        found = sign_off_of(asked(), approved(), requester=requester)
        assert found.met, found.measured
        assert found.measured == "signed by Bo Sample (business) 5 days ago, on request rabcde"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([asked("bo  SAMPLE"), approved()], "who asked for it"),
        ([approved()], "which is not in the record"),
        ([asked(), approved(role="engineer")], "as engineer, who may not"),
        ([asked(version="2"), approved(version="3")], "request rabcde is open"),
        ([asked(target="@champion"), approved()], "request rabcde is open"),
        ([asked(), approved(policy_digest="of another")], "under another policy"),
        ([asked(), approved(contract_digest="of another")], "before the lift contract was changed"),
        ([asked(), approved(manifest="m1")], "with other files"),
        ([asked(), approved(), answered("withdrawn", "Dan Sample")], "is withdrawn"),
        ([asked(), approved(), answered("rejected")], "is rejected"),
        ([asked(), answered("rejected", days_ago=7), approved()], "is rejected"),
        ([asked(expires="2027-05-25"), approved(days_ago=5)], "is expired"),
        ([asked(days_ago=95), approved(days_ago=91)], "which has expired"),
        ([asked()], "not signed off; request rabcde is open"),
    ],
)
def test_an_approval_that_does_not_count_says_why(entries, said) -> None:
    """Each change after an approval voids it, and each way round a request is named."""
    found = sign_off_of(*entries)
    assert not found.met
    assert said in found.measured


def test_an_approval_is_of_its_own_version_only() -> None:
    """A retrain inherits a sign-off, and no approval: that binds the files."""
    both = [prediction(version="2", days_ago=40)]
    found = sign_off_of(asked(version="2"), approved(version="2"), *both)
    assert not found.met
    assert "approved for version 2 only" in found.measured


def test_replaying_an_approval_changes_nothing() -> None:
    """The first approval counts; a second entry of the same words does not."""
    first, again = approved(days_ago=5), approved(days_ago=2)
    assert sign_off_of(asked(), first, again).met
    assert sign_off_of(asked(), answered("rejected", days_ago=7), first, again).met is False


def test_an_approval_is_void_once_the_files_differ() -> None:
    """Another list of files, files found changed, and files that cannot be compared."""
    kept = FileFacts("inside", "runs:/1/model", manifest="m1")
    bound = approved(manifest="m1")
    assert sign_off_of(asked(), bound, files=kept).met
    for files in (replace(kept, manifest="m2"), replace(kept, changed=("x was added",)), None):
        assert not sign_off_of(asked(), bound, files=files).met


def test_a_policy_can_ask_for_a_request() -> None:
    """A plain sign-off does not count then, and policies that do not ask keep their digest."""
    said = {"roles": ["business"], "valid": "90d"}
    policy = {"name": "p", "version": "1", "mode": "block", "targets": {}}
    plain = Policy.load({**policy, "targets": {"Production": {"sign_off": said}}})
    strict = Policy.load(
        {**policy, "targets": {"Production": {"sign_off": {**said, "request": True}}}}
    )
    assert "request" not in str(plain.to_dict())
    assert plain.digest != strict.digest
    entries = [asked(), approved(policy_digest=strict.digest)]
    assert sign_off_of(*entries, policy=strict).met
    signed = entry("sign-off", {"target": "Production", "contract_digest": DIGEST}, person="Bo", role="business")  # fmt: skip
    found = sign_off_of(signed, policy=strict)
    assert "without a request" in found.measured
    assert sign_off_of(signed, policy=plain).met


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ([asked()], "open"),
        ([asked(expires="2027-05-31")], "expired"),
        ([asked(expires="2027-06-01")], "open"),
        ([asked(), approved()], "approved"),
        ([asked(), answered("rejected")], "rejected"),
        ([asked(), answered("withdrawn"), answered("rejected", days_ago=1)], "withdrawn"),
    ],
)
def test_a_request_says_what_became_of_it(entries, status) -> None:
    """The last day counts in full, and what comes after an end changes nothing."""
    (found,) = requests_of(entries, now=NOW)
    assert found.status == status
    assert found.to_dict()["status"] == status


@given(
    st.permutations([asked(), approved(), answered("rejected"), answered("withdrawn", days_ago=1)])
)
def test_the_order_of_reading_does_not_matter(entries) -> None:
    """Entries are put in order by their times."""
    assert requests_of(entries, now=NOW) == requests_of(reversed(entries), now=NOW)


def test_ids_are_their_entries_own() -> None:
    """Nobody chooses an id to take another request's place."""
    first, second = asked(), asked("Eve Sample", days_ago=1)
    other = asked("Eve Sample", days_ago=1, id_="r99999")
    forged = replace(other, payload={**other.payload, "request": ID})
    assert requests_of([first, forged], now=NOW)[0].asker == "Dan Sample"
    assert [r.id for r in requests_of([first, forged], now=NOW)] == [ID, "r99999"]
    assert len({r.id for r in requests_of([first, second], now=NOW)}) == 2
    assert request_id("abcdef" + "0" * 26, ["rabcde"]) == "rabcdef00"


def test_what_cannot_be_asked() -> None:
    """A target it holds, the same twice, and a day out of reach."""
    known = adoption([*ready(), asked()])
    with pytest.raises(InvalidInput, match="rabcde asks for the same"):
        check_asked(known, target="Production", expires=None, now=NOW)
    assert (
        check_asked(known, target="@champion", expires=None, now=NOW)
        == (NOW + timedelta(days=30)).date()
    )
    with pytest.raises(InvalidInput, match="2027-08-30"):
        check_asked(known, target="@champion", expires="2027-08-31", now=NOW)
    held = adoption(ready(), model=facts(Production=("3",)))
    with pytest.raises(InvalidInput, match="holds Production already"):
        check_asked(held, target="Production", expires=None, now=NOW)


def approve(known, person="Bo Sample", role="business", id_=ID, target="Production"):
    """Judges an approval as it is written."""
    return check_approval(
        known, id_, target=target, person=person, role=role, policy=BLOCK, now=NOW
    )


def test_who_may_approve() -> None:
    """Somebody else than the one who asks, in a role that signs off."""
    known = adoption([*ready(), asked()])
    assert approve(known).id == ID
    with pytest.raises(Refused, match="by the person who asked"):
        approve(known, person="dan sample")
    with pytest.raises(Refused, match="business or executive"):
        approve(known, role="data_scientist")
    with pytest.raises(NotFound, match="open requests: rabcde"):
        approve(known, id_="r00000")
    with pytest.raises(InvalidInput, match="asks for Production"):
        approve(known, target="@champion")


def test_a_request_whose_asker_was_erased_is_asked_again() -> None:
    """Nobody can tell any more who asked, so nobody approves it; it can be rejected, and what was approved stays so."""
    gone = replace(asked("(erased 1a2b3c)"), erased=True)
    known = adoption([*ready(), gone])
    with pytest.raises(Refused, match="name of the person who asked was erased"):
        approve(known)
    assert check_rejection(known, ID, person="Bo", role="business", policy=BLOCK, now=NOW).id == ID
    assert sign_off_of(gone, approved()).met


def test_what_was_changed_since_it_was_asked_cannot_be_approved() -> None:
    """The lift contract and the files are those that were asked for."""
    other = prediction({**CONTRACT, "minimum_viable": 0.01}, days_ago=1)
    with pytest.raises(InvalidInput, match="the lift contract changed"):
        approve(adoption([*ready(), asked(), other]))
    known = adoption([*ready(), asked(manifest="m1")])
    assert approve(replace(known, files=FileFacts("inside", "s", manifest="m1"))).id == ID
    for files in (FileFacts("inside", "s", manifest="m2"), None):
        with pytest.raises(InvalidInput, match="the files changed"):
            approve(replace(known, files=files))
    with pytest.raises(InvalidInput, match="may still be uploaded"):
        approve(replace(known, files=FileFacts("inside", "s", manifest="m1", arriving="later")))


def test_who_may_reject_and_withdraw() -> None:
    """Who decides rejects, also what is approved; who asked withdraws."""
    known = adoption([*ready(), asked(), approved()])
    who = {"person": "Bo Sample", "role": "business", "policy": BLOCK, "now": NOW}
    assert check_rejection(known, ID, **who).status == "approved"
    with pytest.raises(Refused, match="by the person who asked"):
        check_rejection(known, ID, **{**who, "person": "Dan Sample"})
    with pytest.raises(Refused, match="only by the person who asked"):
        check_withdrawal(known, ID, person="Bo Sample", now=NOW)
    assert check_withdrawal(known, ID, person="dan sample", now=NOW).id == ID
    over = adoption([*ready(), asked(), answered("rejected")])
    with pytest.raises(InvalidInput, match="is rejected"):
        check_withdrawal(over, ID, person="Dan Sample", now=NOW)
