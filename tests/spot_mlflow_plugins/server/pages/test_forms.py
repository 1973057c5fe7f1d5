from __future__ import annotations

from typing import Any

import pytest
from people import act, raised
from reports import make_adoption, short_report

from spot_mlflow.errors import NotFound
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.roles import ROLES
from spot_mlflow.statements import STATEMENTS, Known, read_statement
from spot_mlflow_plugins.server.pages.fields import every
from spot_mlflow_plugins.server.pages.forms import FOLLOW_UPS, RECORDED, Form, form_of
from spot_mlflow_plugins.server.pages.target_forms import TARGET_FORMS

CONCERN = raised("Cleo", "frontline", "blocking", what="<b>late</b>", days=3)
ANSWERED = act(CONCERN, "answered", "Dan", "data_scientist", days=2)
MODEL = make_adoption(CONCERN, ANSWERED, check=short_report())
ID = CONCERN.payload["concern"]


def form(key: str, **more: Any) -> Form:
    """A form of a model with an answered concern."""
    return form_of(key, MODEL, targets=("Production",), concern=ID, **{"role": "frontline", **more})


def filled(made: Form) -> dict[str, str]:
    """The shortest that may be sent: the first option, or a word."""
    said = {f.name: f.options[0][0] if f.options else "word" for f in made.fields if f.required}
    if made.key == "involve":
        said["phase"] = "scope"  # only a champion needs none
    return said or {made.fields[0].name: "3"}


OWN = sorted(set(RECORDED) - TARGET_FORMS - {"agree"})  # the others: test_target_forms


@pytest.mark.parametrize("key", OWN)
def test_what_a_form_makes_is_what_the_library_takes(key: str) -> None:
    """The shortest form that may be sent is an entry by the library's own documents."""
    made = form(key)
    said = filled(made)
    assert made.faults(said) == {}
    role = "executive" if key == "decide" else "frontline"
    known = Known(person="Cleo", role=role, adoption=MODEL, entry_id="a" * 32)
    assert read_statement(STATEMENTS[made.kind], made.payload(said)).payload(known)


@pytest.mark.parametrize("key", [k for k in OWN if k != "confirm"])
def test_an_empty_form_has_a_fault_beside_a_field(key: str) -> None:
    """Nothing is sent by mistake; each fault has a field of the form to stand beside."""
    made = form(key)
    faults = made.faults({})
    assert faults
    assert set(faults) <= {f.name for f in every(made.fields)}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_asked_its_own_questions(role: str) -> None:
    """Those of the questionnaire, in its order; without a role none yet."""
    asked = [q.id for q in default_instrument().questions if role in q.asks]
    assert [f.name for f in form("assess", role=role).fields] == asked
    assert form("assess", role="").fields == ()


def test_an_assessment_says_all_that_was_typed() -> None:
    """Level, "I don't know", target, date, owner and remark; what was left empty is left out."""
    said = {"O1": "3", "O1-target": "4", "O1-by": "2027-01-30", "O1-owner": "Ann", "O3": "?"}
    made = form("assess")
    assert made.payload(said | {"O1-comment": " ", "T2": ""}) == {
        "answers": {
            "O1": {"now": "3", "target": 4, "by": "2027-01-30", "owner": "Ann"},
            "O3": {"now": None},
        }
    }
    assert made.faults(said) == {}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"O1": "3", "O1-target": "2"}, "O1-target"),
        ({"O1": "9"}, "O1"),
        ({"O1": "3", "O1-by": "soon"}, "O1-by"),
    ],
)
def test_a_wrong_answer_is_told_beside_its_field(said: dict[str, str], field: str) -> None:
    """A target below today, a level that there is not, no date."""
    assert field in form("assess").faults(said)


@pytest.mark.parametrize("key", FOLLOW_UPS)
def test_who_acts_on_a_concern_reads_what_was_said(key: str) -> None:
    """The thread stands above the field, in the words of those who spoke."""
    assert "“<b>late</b>”" in form(key).intro[0]
    with pytest.raises(NotFound):
        form_of(key, MODEL, targets=(), concern="c00000")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"kind": "contributed"}, "phase"),
        ({"kind": "decided", "phase": "naming"}, "what"),
        ({"kind": "champion"}, None),
    ],
)
def test_who_took_part_says_in_which_phase(said: dict[str, str], field: str | None) -> None:
    """A phase, but for a champion; the name where one was decided."""
    assert set(form("involve").faults(said)) == ({field} if field else set())


def test_who_signs_sees_what_for() -> None:
    """Promise, minimum worthwhile lift, failing checks and open concerns."""
    facts = form("sign").facts
    assert facts is not None
    told = dict(facts.rows)
    assert told["Promised"].endswith("points")
    assert "<b>late</b>" in told["Open concern"]


def test_there_is_no_other_form() -> None:
    """An unknown name in the address is not found."""
    with pytest.raises(NotFound):
        form("delete")
