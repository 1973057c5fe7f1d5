from __future__ import annotations

import json
from dataclasses import replace

import pytest
from people import NOW, assessment, event

from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.reporting.pages.adoption_view import adoption_dict, adoption_markdown
from spot_mlflow.reporting.words.respondent_view import HIDDEN, owes_answers, seen_by

FACTS = ModelFacts("churn", 1, KnownVersions([VersionFacts("1", NOW)]))
LEVELS = {"letter_levels", "weakest_letter", "question_level", "questions_known", "contested_noted"}


def known(*more):
    """A panel of two who disagree on P1 and plan a step, and what else was recorded."""
    said = {"P1": {"now": 1, "target": 4, "owner": "Ann"}, "S1": 2, "O1": 3, "T1": 3}
    first = assessment("Ann", "business", said)
    second = assessment("Bo", "frontline", {"P1": 5, "O1": 1})
    return build_adoption(FACTS, [first, second, *more], version="1", now=NOW)


def helped(person, role):
    """An entry of the involvement log."""
    return event(person, role, "scope", "contributed")


@pytest.mark.parametrize(
    ("person", "role", "owes"),
    [
        (None, None, False),  # nobody knows who reads
        ("Zoe", None, False),  # nobody asked her
        ("Fay", None, True),  # took part, has not answered
        (" fay ", None, True),
        ("Bo", None, False),  # has answered
        ("Bo", "executive", False),
        ("Zoe", "frontline", True),  # says that she is asked
        (None, "frontline", True),
    ],
)
def test_asked_is_who_took_part_or_says_so(person, role, owes):
    """Only a reader in a role that is asked, whose answers are not in, owes them."""
    adoption = known(helped("Fay", "frontline"))
    assert owes_answers(adoption, person, role) is owes


def test_nobody_owes_answers_where_there_are_none():
    """With an empty panel there is nothing to be anchored by."""
    adoption = build_adoption(FACTS, [helped("Fay", "frontline")], version="1", now=NOW)
    assert not owes_answers(adoption, "Fay")


def test_one_who_owes_answers_sees_no_level_anywhere():
    """Neither levels, plan, comments nor what the gate measured of them; the gate's answer stays."""
    adoption = known(helped("Fay", "frontline"))
    decision = decide(adoption, "Production", policy=default_policy())
    mine, told = seen_by(adoption, decision, "Fay")
    assert mine.readiness.hidden
    assert mine.readiness.people == 2
    assert told.missing != ()
    assert [(r.name, r.met) for r in told.requirements] == [
        (r.name, r.met) for r in decision.requirements
    ]
    assert told.verdict == decision.verdict
    for r in told.requirements:
        assert (r.measured == HIDDEN) == (r.name in LEVELS)
    text = adoption_markdown(mine, told)
    assert "2 people answered" in text
    assert "spot assess churn --role ROLE" in text
    for giveaway in ("P1", "not known", "1 to 5", "weakest answer", "What is planned"):
        assert giveaway in adoption_markdown(adoption, decision), giveaway
        assert giveaway not in text, giveaway
    data = json.dumps(adoption_dict(mine, told)["readiness"])
    assert '"hidden": true' in data
    assert not any(f'"level": {n}' in data for n in range(1, 6))


def test_others_see_what_they_always_saw():
    """Nothing is changed for those who answered, are not asked, or are not known."""
    adoption = known(helped("Fay", "frontline"))
    decision = decide(adoption, "Production", policy=default_policy())
    for person in ("Ann", "Zoe", None):
        assert seen_by(adoption, decision, person) == (adoption, decision)
    answered = known(helped("Fay", "frontline"), assessment("Fay", "frontline", {"O1": 4}))
    assert seen_by(answered, None, "Fay") == (answered, None)
    assert seen_by(replace(adoption), None, "Fay")[1] is None
