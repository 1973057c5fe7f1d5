from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ready_model import (
    BLOCK,
    NOW,
    PEOPLE,
    adoption,
    assessment,
    concern,
    entry,
    facts,
    failing,
    ready,
)

from spot_mlflow.adoption import FileFacts, GoneEvidence
from spot_mlflow.errors import AccessDenied, InvalidInput, NotFound
from spot_mlflow.gate.decision import ALWAYS, decide, removal, tampering, undecided
from spot_mlflow.gate.policy import Requirements, default_policy


@pytest.mark.parametrize("target", ["Staging", "Production", "@champion", "@production", "@prod"])
def test_a_ready_model_may_go_anywhere(target: str) -> None:
    """With all evidence there, every target of the default policy is allowed in mode block."""
    decision = decide(adoption(ready()), target, policy=BLOCK, requester="Dan Sample")
    assert decision.allowed, decision.explain()
    assert decision.outcome == "allowed"
    assert decision.missing == ()


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            "assessment",
            {
                "assessment_age",
                "assessment_people",
                "assessment_roles",
                "weakest_letter",
                "questions_known",
            },
        ),
        ("scope", {"involvement_includes", "involvement_phases"}),
        ("review", {"involvement_includes", "involvement_phases", "review_age"}),
        ("champion", {"user_champion"}),
        (
            "prediction",
            {"lift_predicted", "lift_minimum", "lift_lower_bound", "measurement_set", "sign_off"},
        ),
        ("sign_off", {"sign_off"}),
    ],
)
def test_each_part_of_the_evidence_is_asked_for(part: str, expected: set[str]) -> None:
    """Taking one part away fails the requirements that rest on it, and no other."""
    assert failing(ready(without=(part,)), "@champion") == expected


def test_nothing_known_is_refused_and_explained_with_fixes() -> None:
    """A model never touched is refused; every missing thing comes with a command and a person."""
    decision = decide(adoption([]), "Production", policy=BLOCK)
    assert not decision.allowed
    assert decision.explain().startswith("churn/3 may not go to Production: ")
    for r in decision.missing:
        assert r.fix in decision.explain()
        assert r.title in decision.explain()


def test_a_refusal_fits_a_dialog() -> None:
    """Three short lines: the verdict, three reasons and how many more, and where all of it is."""
    said = decide(adoption([]), "Production", policy=BLOCK).brief("spot/model?name=churn")
    verdict, reasons, where = said.split("\n")
    assert verdict.startswith("churn/3 may not go to Production: ")
    assert re.fullmatch(r"[^;]+; [^;]+; [^;]+; and \d+ more\.", reasons)
    assert where == "All of it: spot gate churn/3 --to Production, or spot/model?name=churn"
    assert max(map(len, (verdict, reasons, where))) <= 160
    one = decide(adoption(ready(without=("sign_off",))), "Production", policy=BLOCK).brief("x")
    assert one.split("\n")[1] == "Signed off by the business."


def test_what_is_met_is_not_explained() -> None:
    """The explanation names only what fails."""
    decision = decide(adoption(ready(without=("sign_off",))), "Production", policy=BLOCK)
    assert "Signed off" in decision.explain()
    assert "Recent assessment" not in decision.explain()


@pytest.mark.parametrize(
    ("mode", "allowed", "outcome"),
    [("observe", True, "observed"), ("warn", True, "warned"), ("block", False, "refused")],
)
def test_the_mode_decides_what_a_missing_thing_means(mode, allowed, outcome) -> None:
    """Observe and warn let it pass and say so; block refuses."""
    decision = decide(adoption([]), "Production", policy=default_policy().with_mode(mode))
    assert (decision.allowed, decision.outcome) == (allowed, outcome)
    assert not decision.satisfied


def test_a_version_that_held_the_target_may_come_back() -> None:
    """A rollback is never blocked by readiness, whatever the evidence says now."""
    applied = entry(
        "decision",
        {
            "model": "churn",
            "version": "1",
            "target": "Production",
            "applied": True,
            "mode": "observe",
        },
        version="1",
    )
    decision = decide(adoption([applied], version="1"), "production", policy=BLOCK)
    assert decision.allowed
    assert decision.basis == "rollback"
    assert not decide(adoption([applied], version="2"), "Production", policy=BLOCK).allowed
    assert decision.verdict == "churn/1 may go back to Production, which it held before"


def test_a_version_that_holds_the_target_is_not_told_to_go_back() -> None:
    """It may be given the target once more, and is there already."""
    decision = decide(adoption([], model=facts(Production=("3",))), "Production", policy=BLOCK)
    assert (decision.allowed, decision.verdict) == (True, "churn/3 already holds Production")


def test_a_rename_into_a_stricter_pattern_is_judged_by_its_requirements() -> None:
    """What was held under a loosely watched name is no merit under a strictly watched one."""
    policy = default_policy().with_mode("block", pattern="churn-eu")
    held = facts(Production=("3",))
    assert decide(adoption([], model=held), "Production", policy=policy).allowed
    assert not decide(
        adoption([], model=held), "Production", policy=policy, renamed="churn-eu"
    ).allowed


def test_ages_are_judged_at_the_moment_that_is_asked_about() -> None:
    """Evidence enough today is too old in a year; the decision bears that year's date."""
    later = NOW + timedelta(days=365)
    known = adoption(ready())
    found = decide(known, "Production", policy=BLOCK, now=later)
    same = decide(adoption(ready(), now=later), "Production", policy=BLOCK)
    assert found.at == later
    assert [(r.name, r.measured) for r in found.missing] == [
        (r.name, r.measured) for r in same.missing
    ]
    assert "assessment_age" in {r.name for r in found.missing}


def test_nothing_is_decided_for_a_reader_who_may_not_see_the_answers() -> None:
    """The refusal names the model, and the command that gives one's own answers."""
    known = adoption(ready())
    hidden = replace(known, readiness=known.readiness.withheld())
    with pytest.raises(AccessDenied, match="after you have given your own") as e:
        decide(hidden, "Production", policy=BLOCK)
    assert (e.value.where, e.value.fix) == ("model 'churn'", "spot assess churn")


def test_a_decision_names_what_it_was_made_from() -> None:
    """Who asked, for which version, under which policy; a state that is known is not reckoned anew."""
    found = decide(adoption(ready()), "production", policy=BLOCK, requester="ann", state="known")
    said = found.to_dict()
    assert (said["model"], said["version"], said["requester"]) == ("churn", "3", "ann")
    assert (said["policy"], said["policy_digest"]) == (BLOCK.label, BLOCK.digest)
    assert (said["state"], said["at"]) == ("known", NOW.isoformat())


def test_what_goes_unmeasured_names_who_asked_for_what_all_the_same() -> None:
    """A removal, a deletion, a new name and unread evidence keep version, requester and policy."""
    asked = {"policy": BLOCK, "requester": "ann"}
    for found in (
        removal("churn", "1", "@champion", **asked),
        removal("churn", "1", "@champion", **asked, deleting=True),
        removal("churn", "1", "@champion", **asked, renamed="free"),
        undecided("churn", "1", "@champion", **asked, why="gone"),
    ):
        said = found.to_dict()
        assert (said["model"], said["version"], said["target"]) == ("churn", "1", "@champion")
        assert (said["requester"], said["requirements"]) == ("ann", [])
        assert (said["policy"], said["policy_digest"]) == (BLOCK.label, BLOCK.digest)


@pytest.mark.parametrize("mode", ["observe", "warn", "block"])
def test_a_version_is_not_deleted_from_under_its_target(mode: str) -> None:
    """In mode block a holder is not deleted; elsewhere it is, and that is no plain removal."""
    policy = default_policy().with_mode(mode)
    found = removal("churn", "1", "Production", policy=policy, requester=None, deleting=True)
    assert found.basis == "deletion"
    assert found.allowed is (mode != "block")
    assert found.verdict == (
        f"churn/1 may {'not ' if mode == 'block' else ''}be deleted while it holds Production"
    )
    assert not found.satisfied


def test_tampering_is_refused_whatever_the_policy() -> None:
    """Nobody may; the refusal says what was tried, on what and by whom."""
    one = tampering("churn", "2", "set tag 'spot.readiness'", requester="ann")
    assert (one.allowed, one.outcome, one.policy) == (False, "refused", ALWAYS)
    assert (one.model, one.version, one.requester, one.missing) == ("churn", "2", "ann", ())
    assert one.verdict == "nobody may set tag 'spot.readiness' (of churn/2)"
    assert tampering("churn", None, "x", requester=None).verdict == "nobody may x (of churn)"
    assert tampering("", None, "x", requester=None).verdict == "nobody may x (of no model)"


def test_a_refusal_names_three_reasons_and_counts_the_others() -> None:
    """Three fit, and no more are counted; what has no reasons to name explains itself."""
    unknown = [assessment(p, r, P1=None) for p, r in PEOPLE.items()]
    three = [*ready(without=("sign_off", "assessment")), *unknown, concern("raised")]
    for entries, rest in ((three, ""), ([], "; and 10 more")):
        decision = decide(adoption(entries), "Production", policy=BLOCK)
        assert len(decision.missing) == (13 if rest else 3)
        named = "; ".join(r.title for r in decision.missing[:3])
        assert decision.brief("x").split("\n")[1] == f"{named}{rest}."
    fine = decide(adoption(ready()), "Production", policy=BLOCK)
    assert fine.brief("x") == fine.explain()
    given_up = removal("churn", "1", "Production", policy=BLOCK, requester=None)
    assert given_up.brief("x") == given_up.explain()


def test_an_open_concern_is_told_and_a_settled_one_is_not() -> None:
    """With its id, severity and words; what was answered or confirmed is listed no more."""
    thread = [concern("raised", severity="minor", days_ago=9)]
    told = "open concerns: cabcde (minor): offers come too late"
    assert decide(adoption([*ready(), *thread]), "Production", policy=BLOCK).notes == (told,)
    thread.append(concern("answered", days_ago=8))
    assert decide(adoption([*ready(), *thread]), "Production", policy=BLOCK).notes == ()
    thread += [concern("confirmed", days_ago=7), concern("reopened", days_ago=6)]
    assert decide(adoption([*ready(), *thread]), "Production", policy=BLOCK).notes == (told,)


def test_the_result_of_the_holder_is_told_beside_the_newcomer() -> None:
    """Its newest check, with both verdicts; of a holder never checked nothing is told."""
    held = facts(Production=("1", "2"))
    checks = [
        entry("outcomes", {"verdict": "met", "viable": "viable"}, version="1", days_ago=40),
        entry("outcomes", {"verdict": "shortfall", "viable": "undecided"}, version="1", days_ago=3),
    ]
    found = decide(adoption([*ready(), *checks], model=held), "Production", policy=BLOCK)
    assert found.notes == (
        "version 1, which holds Production now, was checked: shortfall, undecided",
    )


@pytest.mark.parametrize(("lost", "more"), [(5, False), (6, True)])
def test_lost_entries_are_named_up_to_five(lost: int, more: bool) -> None:  # noqa: FBT001 - a table
    """The fifth is named, and only where there is a sixth a row of dots says so."""
    gone = GoneEvidence(tuple(f"pulse {n}" for n in range(lost)))
    (said,) = decide(replace(adoption(ready()), gone=gone), "Production", policy=BLOCK).notes
    assert said.startswith(f"{lost} entries on record are gone from the database: pulse 0,")
    assert "pulse 4" in said
    assert ("pulse 4, ..." in said) is more


def test_what_changed_in_the_files_is_told_and_nothing_else() -> None:
    """One line with the time of the look: what changed, or that nothing did."""
    looked = FileFacts("inside", "runs:/a/m", "a" * 64, checked="2027-01-02T03:04:05+00:00")
    for changed, said in (((), "as they were"), (("MLmodel", "data"), "MLmodel, data")):
        known = replace(adoption(ready()), files=replace(looked, changed=changed))
        assert decide(known, "Production", policy=BLOCK).notes == (
            f"the files were hashed again at 2027-01-02T03:04:05+00:00: {said}",
        )


def test_no_waiver_answers_for_files_that_nobody_can_name() -> None:
    """A waiver of the files counts while they are known, and no longer once they are lost."""
    policy = BLOCK.model_copy(update={"targets": {"Production": Requirements(files="hashed")}})
    body = {
        "target": "Production",
        "requirement": "files",
        "reason": "hashed by hand",
        "approver": "Eve Sample",
        "expires": "2027-06-10",
    }
    waived = entry("waiver", body, person="Eve Sample", days_ago=1)
    known = adoption([waived])
    inside = replace(known, files=FileFacts("inside", "runs:/a/m"))
    lost = replace(known, files=FileFacts("unresolved", "runs:/a/m"))
    found = decide(inside, "Production", policy=policy, requester="Dan Sample")
    assert (found.allowed, found.outcome) == (True, "waived")
    assert found.verdict.endswith("all 1 requirements met, 1 of them waived")
    assert "waived: " in found.explain()
    refused = decide(lost, "Production", policy=policy, requester="Dan Sample")
    assert (refused.allowed, refused.requirements[0].waived) == (False, None)
    assert refused.verdict == "churn/3 may not go to Production: 1 requirement not met"


def test_removing_is_always_allowed() -> None:
    """Giving up a target is a decision, and an allowed one."""
    decision = removal("churn", "1", "production", policy=BLOCK, requester="ann")
    assert decision.allowed
    assert (decision.basis, decision.outcome, decision.target) == (
        "removal",
        "allowed",
        "Production",
    )


@pytest.mark.parametrize(
    ("before", "after", "allowed", "outcome"),
    [
        ("block", "block", True, "allowed"),
        ("block", "warn", False, "refused"),
        ("block", "observe", False, "refused"),
        ("warn", "observe", True, "warned"),
        ("observe", "warn", True, "observed"),
    ],
)
def test_a_holder_keeps_to_names_that_are_watched(
    before: str,
    after: str,
    allowed: bool,  # noqa: FBT001 - a table
    outcome: str,
) -> None:
    """Under a new name a version that holds a target is watched no less where it was in mode block."""
    policy = default_policy().with_mode(before, pattern="churn").with_mode(after, pattern="free")
    decision = removal("churn", "1", "@champion", policy=policy, requester="ann", renamed="free")
    assert (decision.allowed, decision.outcome) == (allowed, outcome)
    assert f"'free' is watched in mode {after}" in decision.explain()


def test_unreadable_evidence_is_never_called_satisfied() -> None:
    """Outside mode block it passes, and is not mistaken for a yes."""
    decision = undecided(
        "churn", "1", "Production", policy=default_policy(), requester=None, why="gone"
    )
    assert decision.allowed
    assert (decision.basis, decision.satisfied) == ("unread", False)
    assert decision.verdict.endswith("in mode observe; the evidence cannot be read")
    assert "gone" in decision.explain()


def test_unknown_versions_and_targets_are_named() -> None:
    """A version or target that is not there is an error, and no decision."""
    with pytest.raises(NotFound, match="it has 1, 2, 3"):
        decide(adoption([]), "Production", policy=BLOCK, version="9")
    with pytest.raises(InvalidInput, match="did you mean 'Production'"):
        decide(adoption([]), "Prodution", policy=BLOCK)


def test_the_json_keys_are_a_contract() -> None:
    """What a machine reads is documented and does not change unnoticed."""
    found = decide(adoption([]), "Production", policy=BLOCK, requester="ann").to_dict()
    assert set(found) == {
        "model", "version", "target", "allowed", "outcome", "mode", "policy", "policy_digest",
        "basis", "verdict", "requirements", "notes", "requester", "at", "state",
    }  # fmt: skip
    assert (found["basis"], found["outcome"], found["notes"]) == ("requirements", "refused", [])
    assert {"name", "met", "measured", "required", "why", "fix", "who", "waived"} <= set(
        found["requirements"][0]
    )


def test_refusals_do_not_change_the_state_they_rest_on() -> None:
    """A recorded decision leaves the state's digest as it was; new evidence changes it."""
    before = decide(adoption(ready()), "Production", policy=BLOCK).state
    again = entry("decision", {"version": "3", "target": "Production"})
    assert decide(adoption([*ready(), again]), "Production", policy=BLOCK).state != ""
    entries = ready()
    first = decide(adoption(entries), "Production", policy=BLOCK).state
    assert decide(adoption([*entries, again]), "Production", policy=BLOCK).state == first
    assert (
        decide(adoption([*entries, concern("raised")]), "Production", policy=BLOCK).state != first
    )
    assert before


@settings(max_examples=30)
@given(
    st.sets(
        st.sampled_from(
            ["assessment", "naming", "scope", "review", "champion", "prediction", "sign_off"]
        )
    ),
    st.integers(0, 400),
)
def test_less_evidence_or_more_time_never_helps(dropped: set[str], days: int) -> None:
    """Taking evidence away, or waiting, never turns a refusal into an approval."""
    full = {r.name for r in decide(adoption(ready()), "@champion", policy=BLOCK).missing}
    known = adoption(ready(without=tuple(dropped)), now=NOW + timedelta(days=days))
    less = decide(known, "@champion", policy=BLOCK)
    assert full <= {r.name for r in less.missing}
    assert less.allowed == (not less.missing)


@settings(max_examples=30)
@given(st.permutations(ready()))
def test_the_order_of_reading_does_not_matter(entries) -> None:
    """A decision depends on the evidence, not on the order in which a database gives it."""
    expected = decide(adoption(ready()), "@champion", policy=BLOCK)
    found = decide(adoption(list(entries)), "@champion", policy=BLOCK)
    assert [(r.name, r.met) for r in found.requirements] == [
        (r.name, r.met) for r in expected.requirements
    ]
