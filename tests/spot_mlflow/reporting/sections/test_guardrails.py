from __future__ import annotations

from typing import Any

from reports import short_report

from spot_mlflow.reporting.pages import lift_report
from spot_mlflow.reporting.sections.guardrails import guardrails_section, harm_verdict
from spot_mlflow.reporting.sections.lift import checks_on_log, sections_of
from spot_mlflow.reporting.words.lift_view import lift_view


def guardrail(name: str, verdict: str, **changes: Any) -> dict[str, Any]:
    """One guardrail as the record holds it."""
    base = {
        "name": name, "column": name, "kind": "binary", "direction": "decrease", "margin": 0.002,
        "verdict": verdict, "reason": "worse by at least 0.0048, beyond the margin of 0.002",
        "estimate": {"lift": -0.0061, "low": -0.0074, "high": -0.0048, "se": 0.0007},
        "n_treatment": 9000, "n_holdout": 1000, "missing": 0,
    }  # fmt: skip
    return base | changes


def body(*guardrails: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A check with these guardrails."""
    return short_report().to_dict() | {"guardrails": list(guardrails)} | changes


def test_harm_stands_beside_the_verdict_the_worst_first():
    """One harmed metric is named before those not decided; all harmless is said, too."""
    few = [guardrail("a", "harmless"), guardrail("b", "undecided"), guardrail("c", "harmful")]
    assert harm_verdict(lift_view(body(*few))) == ("✕", "Harm to c")
    assert harm_verdict(lift_view(body(*few[:2]))) == ("…", "Harm to b not excluded yet")
    assert harm_verdict(lift_view(body(*few[:1]))) == ("✓", "No harm to a")
    assert harm_verdict(lift_view(body())) is None


def test_every_surface_shows_guardrails():
    """Terminal, Markdown, HTML and sections name the harmed metric with its margin."""
    check = body(guardrail("opt-outs", "harmful", missing=12))
    text = lift_report.markdown(check)
    assert "Was anything else harmed?" in text
    assert "0.20 points" in text
    assert "12 units have no value of it" in text
    assert "Was anything else harmed?" in lift_report.html(check)
    keys = [s.key for s in sections_of(lift_view(check), brief=True)]
    assert keys.index("guardrails") == keys.index("result") + 1


def test_a_guardrail_without_an_estimate_has_a_row():
    """A column that was not logged gives a dash, and why."""
    nothing = dict.fromkeys(("lift", "low", "high", "se"))
    section = guardrails_section(
        lift_view(
            body(guardrail("x", "undecided", estimate=nothing, reason="the log has no column 'x'"))
        )
    )
    assert section is not None
    assert section.tables[0].rows[0][1:4] == ("… not decided yet", "–", "–")
    assert "the log has no column 'x'" in section.notes[0]


def test_without_guardrails_or_verdicts_nothing_is_shown():
    """Records from before have none; where the log carries no verdict none is shown."""
    old = short_report().to_dict()
    old.pop("guardrails", None)
    assert guardrails_section(lift_view(old)) is None
    withheld = body(guardrail("a", "harmless"), withheld=True, verdict="inconclusive")
    assert guardrails_section(lift_view(withheld)) is None
    assert harm_verdict(lift_view(withheld)) is None


def test_a_guardrail_is_no_check_on_the_log():
    """Its check stands in the record, and does not make the log look faulty."""
    failing = {
        "name": "guardrail:a",
        "severity": "warning",
        "success": False,
        "observed": 0,
        "message": "m",
    }
    view = lift_view(body(guardrail("a", "harmful"), checks=[failing]))
    assert checks_on_log(view) == []


def test_what_more_units_cannot_mend_is_not_called_too_early():
    """Units lost by arm, a design or an overlap that cannot tell: no reader is told to wait."""
    for doubt in ("data", "design", "overlap"):
        view = lift_view(
            body(verdict="inconclusive", inconclusive=doubt, reason="outcomes are missing")
        )
        assert lift_report.verdict_words(view) == "No verdict"
    waiting = lift_view(body(verdict="inconclusive", inconclusive="units", reason="realized 1"))
    assert lift_report.verdict_words(waiting) == "Too early to tell"


def test_every_arm_has_a_row():
    """Of several treatment arms the harmed one and the harmless one are both shown."""
    arms = [guardrail("c", "harmless", arm="a"), guardrail("c", "harmful", arm="b")]
    section = guardrails_section(lift_view(body(arms[1] | {"arms": arms})))
    assert section is not None
    assert [row[:2] for row in section.tables[0].rows] == [
        ("c, a", "✓ not harmed"),
        ("c, b", "✕ harmed"),
    ]
