from __future__ import annotations

from people import NOW, assessment, entry

from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.readiness.assessment import parse_discussion
from spot_mlflow.readiness.instrument import shipped_instrument
from spot_mlflow.reporting.sections.readiness import readiness_section

Q = shipped_instrument().question


def section(*entries, **options):
    """What is told of the panel of these entries."""
    facts = ModelFacts("churn", 1, KnownVersions([VersionFacts("1", NOW)]))
    adoption = build_adoption(facts, entries, version="1", now=NOW)
    return readiness_section(adoption, **options)


def test_the_weakest_letter_stands_first_with_what_was_said():
    """The sentence is the one chosen, also where the question lies below its letter."""
    told = section(
        assessment("Kim", "business", {"S1": 4, "P1": 3, "P2": 3, "P3": 1, "O2": 2, "T1": 5}),
    )
    assert told.tables[0].rows == (
        ("Operation", "2", "–", "In people's heads"),
        ("Product", "3", "–", Q("P3").level(1).text.rstrip(".")),
        ("Strategy", "4", "–", "Every manager concerned can say it, unprompted"),
        ("Technology", "5", "–", "It recovers within the time the business needs"),
    )


def test_what_a_level_hides_is_said():
    """Dissent, not knowing, silence, age, and what has changed since the last round."""
    told = section(
        assessment("Ann", "executive", {"S1": 2, "P2": 2, "O1": 2, "T3": 2}, 60),
        assessment("Fay", "frontline", {"O1": 4, "O3": "don't know"}, 200),
        assessment("Ann", "executive", {"S1": 4, "P2": 2}, 3),
        assessment("Kim", "business", {"S1": 2, "P2": "don't know"}, 2),
        entry("discussion", parse_discussion("S1", "families", shipped_instrument()), "Kim", "business"),
    )  # fmt: skip
    unsaid = ("S2", "S3", "P1", "P3", "P4", "O2", "O3", "O4", "T1", "T2")
    assert told.notes == (
        "Contested: Purpose (2 to 4, discussed), Who delivers (2 to 4, not yet discussed).",
        "“I don't know”: Cost of offers 1 of 2, Preparation 1 of 1.",
        "Nobody has said: " + ", ".join(Q(i).label for i in unsaid) + ".",
        "Not heard: data scientist, engineer.",
        "1 assessment older than 180 days.",
        "Since the last round, before 29 October 2026: nothing has changed.",
    )


def test_the_change_since_the_last_round_is_told_for_letters_and_questions():
    """Up and down, with the sign."""
    told = section(
        assessment("Kim", "business", {"P1": 2, "O2": 4}, 60),
        assessment("Kim", "business", {"P1": 4, "O2": 3}, 2),
    )
    assert told.notes[-1] == (
        "Since the last round, before 30 October 2026: Product +2, Operation -1, "
        "Something to offer +2, Terms written down -1."
    )


def test_the_plan_is_told_once():
    """Where a section of its own tells it, this one does not."""
    wanted = assessment("Kim", "business", {"P1": {"now": 1, "target": 2, "owner": "Bo"}})
    told = [sum("Planned" in n for n in section(wanted, plan=p).notes) for p in (True, False)]
    assert told == [1, 0]
