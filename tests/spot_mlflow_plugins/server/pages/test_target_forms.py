"""The forms of a version's way to a target, and for whom a point waits, without a server."""

from __future__ import annotations

import pytest
from people import NOW, entry

from spot_mlflow.adoption import Adoption, KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.errors import NotFound
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting.message.todo import Todo
from spot_mlflow.statements import STATEMENTS, Known, read_statement
from spot_mlflow_plugins.server.pages.forms import form_of
from spot_mlflow_plugins.server.pages.me import Reader, waits_for
from spot_mlflow_plugins.server.pages.target_forms import waiting_requests

TARGETS = ("Staging", "Production")
ASKED = {
    "act": "asked",
    "request": "",
    "target": "Production",
    "why": "beats the incumbent",
    "expires": "2999-01-01",
    "contract_digest": None,
    "manifest": "",
}


def known() -> Adoption:
    """A model with one open request of Dan's."""
    asked = entry("request", ASKED, "Dan", None, 1, "1")
    facts = ModelFacts("churn", 1, KnownVersions([VersionFacts("1", NOW)]))
    return build_adoption(facts, [asked], version="1", now=NOW)


def test_each_form_makes_the_entry_that_the_library_makes() -> None:
    """Kind, act and request; an approval is a sign-off that shows what is signed."""
    adoption = known()
    (request,) = waiting_requests(adoption)
    made = {
        key: form_of(key, adoption, targets=TARGETS, about=request.id)
        for key in ("request", "approve", "reject", "withdraw", "waive", "break-glass")
    }
    kinds = {key: form.kind for key, form in made.items()}
    assert kinds == {
        "request": "request",
        "approve": "sign-off",
        "reject": "request",
        "withdraw": "request",
        "waive": "waiver",
        "break-glass": "break-glass",
    }
    assert [key for key, form in made.items() if form.administrators] == ["break-glass"]
    approval = made["approve"]
    assert approval.payload({}) == {"target": "Production", "request": request.id, "note": ""}
    assert approval.facts is not None
    assert "beats the incumbent" in approval.intro[0]
    assert made["reject"].payload({"reason": "no"})["act"] == "rejected"
    assert made["withdraw"].payload({})["act"] == "withdrawn"
    asked = made["request"].payload({"target": "Production", "why": "w", "expires": ""})
    assert (asked["act"], asked["expires"]) == ("asked", None)


@pytest.mark.parametrize(
    ("key", "person", "said"),
    [
        ("request", "Kim", {"target": "Staging", "why": "w"}),
        ("approve", "Bea", {}),
        ("reject", "Bea", {"reason": "no"}),
        ("withdraw", "Dan", {}),
        ("waive", "Bea", {"target": "Production", "requirement": "sign_off", "reason": "r"}),
        ("break-glass", "Bea", {"target": "Production", "reason": "r", "until": ""}),
    ],
)
def test_the_library_takes_what_a_form_makes(key: str, person: str, said: dict[str, str]) -> None:
    """By its own documents, the policy in force and the request as it stands."""
    adoption = known()
    (request,) = waiting_requests(adoption)
    made = form_of(key, adoption, targets=TARGETS, about=request.id)
    assert made.faults(said) == {}
    spoken = Known(
        person=person,
        role="business",
        adoption=adoption,
        policy=default_policy(),
        entry_id="b" * 32,
    )
    assert read_statement(STATEMENTS[made.kind], made.payload(said)).payload(spoken)


@pytest.mark.parametrize(
    ("until", "fault"),
    [
        ("", ""),
        ("2026-11-08T11:59", ""),
        ("2026-11-08T12:01", "Choose a time within 7 days from now, UTC."),
        ("2026-11-01T11:59", "Choose a time within 7 days from now, UTC."),
        ("never", "This is not a time; write it as 2027-01-30T18:00."),
    ],
)
def test_a_broken_glass_ends_within_a_week(until: str, fault: str) -> None:
    """A fault in the end time is shown beside its field."""
    form = form_of("break-glass", known(), targets=TARGETS)
    faults = form.faults({"target": "Production", "reason": "night", "until": until})
    assert faults == ({"until": fault} if fault else {})


def test_what_was_written_down_is_confirmed_as_it_stands() -> None:
    """The form shows all that was written, and by whom; it confirms that entry and no other."""
    said = {"kind": "contributed", "phase": "scope", "what": "<b>x</b>", "taken_down": True}
    taken = entry("involvement", said, "Fay", "frontline", 1, "1")
    facts = ModelFacts("churn", 1, KnownVersions([VersionFacts("1", NOW)]))
    adoption = build_adoption(facts, [taken], version="1", now=NOW)
    made = form_of("agree", adoption, targets=(), about=taken.id)
    assert made.payload({}) == {"entry": taken.id}
    assert made.facts is not None
    assert ("what", "<b>x</b>") in made.facts.rows
    spoken = Known(person="Fay", role="frontline", adoption=adoption)
    assert read_statement(STATEMENTS[made.kind], made.payload({})).payload(spoken)


def test_answers_that_were_written_down_are_shown_in_words() -> None:
    """Question and chosen sentence, not numbers; nothing of how the server keeps them."""
    given = {"S1": {"now": 2, "target": 4, "by": "2027-03-01", "owner": "Bo"}, "P1": {"now": None}}
    said = {"answers": given, "instrument": default_instrument().stamp, "taken_down": True}
    taken = entry("assessment", said, "Fay", "business", 1)
    adoption = build_adoption(ModelFacts("churn", 1), [taken], version=None, now=NOW)
    facts = form_of("agree", adoption, targets=(), about=taken.id).facts
    assert facts is not None
    strategy, product = (default_instrument().question(q) for q in given)
    now, wanted = (strategy.level(n).text for n in (2, 4))
    assert facts.rows == (
        (strategy.text, f"{now}; wanted: {wanted}; by 1 March 2027; Bo"),
        (product.text, "I don't know"),
    )


def test_a_missing_reason_and_a_missing_request_are_told() -> None:
    """Beside the field; or as a page that says which requests there are."""
    adoption = known()
    (request,) = waiting_requests(adoption)
    assert "reason" in form_of("reject", adoption, targets=TARGETS, about=request.id).faults({})
    assert {"target", "requirement", "reason"} <= set(
        form_of("waive", adoption, targets=TARGETS).faults({})
    )
    with pytest.raises(NotFound, match=request.id):
        form_of("approve", adoption, targets=TARGETS, about="r00000")
    with pytest.raises(NotFound, match="does not wait for a confirmation"):
        form_of("agree", adoption, targets=TARGETS, about="0" * 32)


def todo(who: str = "the builders", **more: object) -> Todo:
    """An open point."""
    return Todo("churn", who, None, "what", None, overdue=False, command="", **more)  # type: ignore[arg-type] # as given


@pytest.mark.parametrize(
    ("point", "person", "roles", "waits"),
    [
        (todo("Kim"), "kim ", (), "yes"),
        (todo("Kim"), "Bea", ("business",), "no"),
        (todo(form="answer"), "Dan", ("engineer",), "yes"),
        (todo(form="answer"), "Fay", ("frontline",), "no"),
        (todo(roles=("business",), asker="Bea"), "Bea", ("business",), "no"),
        (todo(roles=("business",), asker="Dan"), "Bea", ("business",), "yes"),
        (todo(roles=("business",), asker="Dan"), "Bea", (), "no"),
        (todo(""), "", (), "no"),
    ],
)
def test_for_whom_a_point_waits(
    point: Todo, person: str, roles: tuple[str, ...], waits: str
) -> None:
    """By name without regard to case; by role; never a request for the one who asks."""
    found = waits_for(point, Reader(person, login=False, roles=roles))
    assert found is (waits == "yes")


def test_an_assessment_waits_for_the_role_that_is_missing() -> None:
    """A role that nobody has answered in waits for everybody who reads in it."""
    point = Todo(
        "churn", "frontline", "frontline", "w", None, overdue=False, command="", form="assess"
    )
    assert waits_for(point, Reader("Fay", login=False, roles=("frontline",)))
    assert not waits_for(point, Reader("Bea", login=False, roles=("business",)))
