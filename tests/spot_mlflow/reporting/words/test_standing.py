from __future__ import annotations

from datetime import datetime, timezone

import pytest
from people import NOW, entry, pulse
from reports import VERSION, make_adoption

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.reporting.message.summary import summary_tags
from spot_mlflow.reporting.pages.adoption_view import gate_section
from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows
from spot_mlflow.reporting.words.standing import Standing, standing_of


def decided(target: str, days: int, version: str = VERSION, **more):
    """A decision that was carried out so many days ago."""
    said = {"model": "churn", "target": target, "version": version, "applied": True, **more}
    return entry("decision", said, None, None, days, version=version)


def asked(*entries, stage: str = "None"):
    """A model without evidence, and the gate's answer for Production."""
    adoption = make_adoption(pulse("Ann", "business", 3, 3, 5), *entries, stage=stage)
    return adoption, decide(adoption, "Production", policy=default_policy())


def test_a_version_in_production_without_evidence_is_never_answered_yes():
    """Mode observe let it in; what is asked is where it is and what it lacks, on every surface."""
    adoption, decision = asked(stage="Production")
    standing = standing_of(adoption, decision)
    count = len(decision.missing)
    assert standing.line == f"In Production. {count} requirements are not met."
    assert gate_section(adoption, decision).text[0].startswith(f"{count} requirements are not met.")
    tag = summary_tags(adoption, decision=decision)["spot"]
    assert tag.endswith(f" · in Production, {count} requirements not met")
    assert (
        portfolio_rows([("churn", {"spot": tag})])[0].gate
        == f"in Production, {count} requirements not met"
    )
    assert not any("yes" in text.lower() for text in (standing.line, tag))


def test_pages_ask_about_the_targets_that_the_policy_knows():
    """Aliases first, stages where a version is in them; the first line is Production's but for aliases alone."""
    from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.reporting.words.standing import first_target, targets_asked

    def facts(stage="None", *aliases):
        return ModelFacts("m", 1, KnownVersions([VersionFacts("1", NOW, stage, aliases)]))

    def policy(*targets):
        return Policy.load({"name": "p", "version": "1", "targets": {key: {} for key in targets}})

    both = policy("Staging", "Production", "@champion", "@*-live")
    assert targets_asked(both, facts()) == ("@champion",)
    assert targets_asked(both, facts("Production")) == ("@champion", "Production")
    assert targets_asked(policy("Staging", "Production"), facts()) == ("Staging", "Production")
    assert first_target(both, facts()) == "Production"
    assert first_target(both, facts("Production", "champion")) == "Production"
    assert first_target(both, facts("None", "champion")) == "@champion"
    assert first_target(policy("@blue"), facts()) == "@blue"
    assert first_target(policy("@*"), facts()) is None


def test_since_when_is_the_last_decision_that_was_carried_out():
    """The record says when it got there; a version that was given it twice got it the second time."""
    adoption, decision = asked(
        decided("Production", 40), decided("production", 9), decided("Staging", 2),
        decided("Production", 1, version="2"), stage="Production",
    )  # fmt: skip
    standing = standing_of(adoption, decision)
    assert (adoption.now - standing.since).days == 9
    assert standing.question.startswith("In Production since ")


def test_a_version_that_was_there_may_go_back_and_its_gaps_are_said():
    """A rollback is never blocked, and never looks as if the evidence were complete."""
    adoption, decision = asked(decided("Production", 40), stage="Archived")
    standing = standing_of(adoption, decision)
    count = len(decision.missing)
    assert standing.line == (
        f"Can it go back to Production? Yes, it was there before. {count} requirements are not met."
    )
    assert standing.tag == f"may go back to Production, {count} requirements not met"


SINCE = datetime(2027, 5, 3, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("standing", "line", "tag"),
    [
        (
            Standing("Production", True, SINCE, False, 13, 0),
            "In Production since 3 May 2027. All requirements are met.",
            "in Production",
        ),
        (
            Standing("@champion", True, None, False, 13, 1),
            "In @champion. 1 requirement is not met.",
            "in @champion, 1 requirement not met",
        ),
        (
            Standing("Staging", True, None, False, 0, 0),
            "In Staging. Nothing is required for it.",
            "in Staging",
        ),
        (
            Standing("Production", False, None, False, 13, 0),
            "Can it go to Production? Yes",
            "Production: yes",
        ),
        (
            Standing("Production", False, None, False, 13, 2),
            "Can it go to Production? No: 2 requirements are not met",
            "Production: no, 2 requirements not met",
        ),
    ],
)
def test_each_standing_has_one_line_and_one_tag_that_the_portfolio_reads(standing, line, tag):
    """The page's first line, the tag, and the portfolio's column agree."""
    assert standing.line == line
    assert standing.tag == tag
    assert portfolio_rows([("m", {"spot": f"not assessed · {tag}"})])[0].gate == tag
