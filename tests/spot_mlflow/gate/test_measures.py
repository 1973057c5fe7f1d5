from __future__ import annotations

import pytest
from ready_model import (
    BLOCK,
    PEOPLE,
    adoption,
    assessment,
    concern,
    entry,
    facts,
    failing,
    prediction,
    ready,
    sign_off,
)

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import Requirements


def test_no_question_is_known_is_not_zero() -> None:
    """A question that nobody knows fails as unknown, and not as a low level."""
    people = [assessment(p, r, P1=None) for p, r in PEOPLE.items()]
    assert failing([*ready(without=("assessment",)), *people]) == {"questions_known"}


def test_a_question_at_the_bottom_refuses() -> None:
    """One question at level 1 is enough, though its letter is far enough."""
    people = [assessment(p, r, P1=1) for p, r in PEOPLE.items()]
    assert failing([*ready(without=("assessment",)), *people]) == {"question_level"}


def test_a_contested_question_needs_a_note_not_agreement() -> None:
    """Answers two levels apart are refused until a note says what was discussed."""
    people = [assessment(p, r, S1=5 if r == "executive" else 3) for p, r in PEOPLE.items()]
    base = [*ready(without=("assessment",)), *people]
    assert failing(base) == {"contested_noted"}
    note = entry(
        "discussion", {"question": "S1", "note": "seen from two sites"}, person="Bo", days_ago=1
    )
    assert failing([*base, note]) == set()


def test_old_answers_do_not_count_as_people() -> None:
    """A panel of last year and one answer of yesterday are one person asked."""
    old = [assessment(p, r, days_ago=200) for p, r in PEOPLE.items()]
    fresh = assessment("Eve Sample", "engineer")
    missing = failing([*ready(without=("assessment",)), *old, fresh])
    assert {"assessment_people", "assessment_roles"} <= missing
    assert "assessment_age" not in missing


def test_one_person_answering_often_is_one_person() -> None:
    """Four assessments of one person do not make a panel, however the name is written."""
    names = ["Ann Sample", "ANN SAMPLE", "ann sample", "Ann  Sample"]
    often = [assessment(n, r) for n, r in zip(names, PEOPLE.values(), strict=True)]
    assert "assessment_people" in failing([*ready(without=("assessment",)), *often])


@pytest.mark.parametrize(
    ("severity", "acts", "missing"),
    [
        ("blocking", ("raised",), {"blocking_concerns"}),
        ("blocking", ("raised", "answered"), {"blocking_concerns"}),
        ("blocking", ("raised", "answered", "confirmed"), set()),
        ("blocking", ("raised", "answered", "confirmed", "reopened"), {"blocking_concerns"}),
        ("major", ("raised",), {"major_concerns"}),
        ("major", ("raised", "answered"), set()),
        ("minor", ("raised",), set()),
    ],
)
def test_concerns_stand_in_the_way_by_severity(severity, acts, missing) -> None:
    """A blocking concern needs its raiser's word, a major one an answer, a minor one is listed."""
    thread = [concern(a, severity=severity, days_ago=9 - i) for i, a in enumerate(acts)]
    assert failing([*ready(), *thread]) == missing


def test_the_review_must_be_of_this_version() -> None:
    """A review of version 2 says nothing of version 3 with another promise."""
    other = [e if e.payload.get("phase") != "review" else None for e in ready()]
    from ready_model import involvement

    review = involvement("review", "contributed", "Cleo Sample", "frontline", version="2")
    assert failing([*(e for e in other if e), review]) == {"review_age"}


def _retrain(*, signature: str = "s1", contract: dict | None = None, days_ago: float = 10):
    """Returns evidence where review and sign-off are of version 2, and 3 is its retrain."""
    from ready_model import involvement

    return [
        *ready(without=("review", "sign_off", "prediction")),
        prediction(version="2", days_ago=60),
        prediction(contract, version="3", signature=signature, days_ago=2),
        involvement(
            "review", "contributed", "Cleo Sample", "frontline", version="2", days_ago=days_ago
        ),
        sign_off(version="2", days_ago=days_ago),
    ]


def test_a_retrain_inherits_review_and_sign_off() -> None:
    """The same promise and signature carry both over, and the decision says from where."""
    decision = decide(adoption(_retrain()), "Production", policy=BLOCK)
    assert decision.allowed, decision.explain()
    said = {r.name: r.measured for r in decision.requirements}
    assert "inherited from version 2" in said["review_age"]
    assert "inherited from version 2" in said["sign_off"]


@pytest.mark.parametrize(
    "entries",
    [
        _retrain(signature="other"),
        _retrain(signature=""),
        _retrain(
            contract={
                "metric": "renewals",
                "predicted": {"lift": 0.2, "se": 0.01},
                "minimum_viable": 0.05,
                "columns": {"arm": "arm", "outcome": "renewed"},
                "measurement": {"owner": "Bo", "first_check": "2027-09-10"},
            }
        ),
        _retrain(days_ago=91),
    ],
    ids=["another signature", "no signature", "another promise", "expired"],
)
def test_what_is_no_plain_retrain_inherits_nothing(entries) -> None:
    """Another signature, none, another promise, or an old approval ends the inheritance."""
    assert failing(entries) == {"review_age", "sign_off"}


def test_fresh_policies_let_nothing_be_inherited() -> None:
    """`retrain: fresh` asks for both anew."""
    policy = BLOCK.model_copy(update={"retrain": "fresh"})
    missing = {r.name for r in decide(adoption(_retrain()), "Production", policy=policy).missing}
    assert missing == {"review_age", "sign_off"}


def test_a_check_that_says_not_viable_refuses_this_version_only() -> None:
    """The version's own bad result counts; the incumbent's is shown and does not."""
    bad = {"verdict": "shortfall", "viable": "not viable"}
    own = entry("outcomes", bad, version="3", days_ago=3)
    assert failing([*ready(), own]) == {"lift_viable"}
    incumbent = entry("outcomes", bad, version="1", days_ago=3)
    decision = decide(
        adoption([*ready(), incumbent], model=facts(Production=("1",))), "Production", policy=BLOCK
    )
    assert decision.allowed
    assert any("not viable" in n and "version 1" in n for n in decision.notes)


@pytest.mark.parametrize(
    ("setting", "verdicts", "met"),
    [
        ("harmless", {"complaints": "harmless", "opt-outs": "harmless"}, True),
        ("harmless", {"complaints": "harmless", "opt-outs": "undecided"}, False),
        ("harmless", {"complaints": "harmless"}, False),
        ("harmless", None, False),
        ("not harmful", {"complaints": "harmless", "opt-outs": "undecided"}, True),
        ("not harmful", {"complaints": "harmful", "opt-outs": "harmless"}, False),
        ("not harmful", None, True),
    ],
)
def test_guardrails_can_be_required(setting, verdicts, met) -> None:
    """The version's own newest check decides; "harmless" wants every guardrail shown to be so."""
    named = [
        {"name": n, "column": n, "direction": "decrease", "margin": 0.1}
        for n in ("complaints", "opt-outs")
    ]
    contract = {
        "metric": "renewals",
        "predicted": 0.1,
        "columns": {"arm": "arm", "outcome": "renewed"},
        "guardrails": named,
    }
    policy = BLOCK.model_copy(update={"targets": {"Production": Requirements(guardrails=setting)}})
    entries = [prediction(contract=contract, version="3")]
    if verdicts is not None:
        body = {"guardrails": [{"name": k, "verdict": v} for k, v in verdicts.items()]}
        entries.append(entry("outcomes", body, version="3", days_ago=1))
    decision = decide(adoption(entries), "Production", policy=policy)
    assert decision.allowed is met
    assert [r.name for r in decision.requirements] == ["guardrails"]


def test_guardrails_that_no_contract_names_cannot_be_harmless() -> None:
    """Nothing was guarded: "harmless" is refused, "not harmful" is not."""
    for setting, met in (("harmless", False), ("not harmful", True)):
        targets = {"Production": Requirements(guardrails=setting)}
        policy = BLOCK.model_copy(update={"targets": targets})
        decision = decide(adoption(ready()), "Production", policy=policy)
        assert decision.allowed is met
        assert "no guardrail in the lift contract" in decision.requirements[0].measured


def test_an_incumbent_is_measured_before_it_is_replaced() -> None:
    """An overdue outcome check of the holder stops its replacement, until it is there."""
    contract = {
        "metric": "renewals",
        "predicted": 0.1,
        "columns": {"arm": "arm", "outcome": "renewed"},
        "measurement": {"owner": "Bo Sample", "first_check": "2027-05-01"},
    }
    held = facts(Production=("1",))
    base = [*ready(), prediction(contract, version="1", days_ago=90)]
    assert failing(base, model=held) == {"incumbent_checked"}
    done = entry(
        "outcomes", {"verdict": "shortfall", "viable": "undecided"}, version="1", days_ago=2
    )
    assert failing([*base, done], model=held) == set()


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"lift": 0.10, "se": 0.03}, {"lift_lower_bound"}),
        ({"lift": 0.10, "low": 0.06, "high": 0.14}, set()),
        (0.10, set()),
    ],
)
def test_the_lower_bound_of_the_promise_must_clear_the_minimum(changed, missing) -> None:
    """0.10 +- 0.06 does not clear 0.05; bounds and commitments are read as given."""
    contract = {
        "metric": "renewals",
        "predicted": changed,
        "minimum_viable": 0.05,
        "columns": {"arm": "arm", "outcome": "renewed"},
        "measurement": {"owner": "Bo Sample", "first_check": "2027-09-10"},
    }
    entries = [*ready(without=("prediction", "sign_off")), prediction(contract)]
    assert failing(entries) == missing | {"sign_off"}
