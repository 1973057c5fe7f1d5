from __future__ import annotations

from typing import TYPE_CHECKING

from people import assessment
from reports import make_adoption, make_report

from spot_mlflow.reporting.sections.lift import checks_on_log, reason_words, sections_of
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


def keys(report: LiftReport, **more: object) -> list[str]:
    """Which sections there are, in order."""
    return [s.key for s in sections_of(lift_view(report), **more)]  # type: ignore[arg-type]


def test_sections_follow_the_columns(full_report: LiftReport, short_report: LiftReport) -> None:
    """What the log does not carry has no section; what it carries has one."""
    assert keys(full_report) == [
        "result",
        "lost",
        "worth",
        "scores",
        "adoption",
        "segments",
        "time",
        "checks",
        "method",
    ]
    assert keys(short_report) == ["result", "lost", "segments", "time", "checks", "method"]


def test_brief_is_what_a_terminal_has_room_for(full_report: LiftReport) -> None:
    """The short form has result, cause, money, adoption and the checks, in this order."""
    assert keys(full_report, brief=True) == ["result", "lost", "worth", "adoption", "checks"]


def test_readiness_is_told_where_it_is_known(full_report: LiftReport) -> None:
    """With a panel the report holds its letters against what happened."""
    adoption = make_adoption(assessment("Ann", "frontline", {"O1": 2, "O2": 2}), check=full_report)
    found = keys(full_report, adoption=adoption)
    assert found.index("lost") < found.index("reality") < found.index("worth")
    assert "readiness" in found


def test_the_reason_is_in_the_figures_of_the_report() -> None:
    """Why this verdict: in points, not in the record's raw decimals."""
    view = lift_view(make_report(lift=0.002, n=150_000))
    assert view.verdict == "shortfall"
    assert reason_words(view) == (
        f"{view.scale.number(view.realized.lift)} of 2.30 points realized; the gap is at most "
        f"{view.scale.signed(view.gap.high)}, beyond the tolerance of 0.90 points."
    )


def test_a_reason_that_knows_more_is_kept(short_report: LiftReport) -> None:
    """Too few events, or faults of the data: the record's own sentence is told."""
    data = short_report.to_dict() | {
        "verdict": "inconclusive",
        "reason": "12 of 20 events in the smallest arm",
    }
    assert reason_words(lift_view(data)) == "12 of 20 events in the smallest arm."


def test_verdicts_are_no_checks_on_the_log(full_report: LiftReport) -> None:
    """A shortfall does not make the log look faulty."""
    view = lift_view(full_report)
    names = {c["name"] for c in checks_on_log(view)}
    assert {c.name for c in full_report.checks} - names == {"lift_met", "lift_viable"}


def test_failed_checks_come_first() -> None:
    """What stops the verdict stands above what weakens it, failures above the rest."""
    made = [
        {"name": n, "severity": s, "success": ok, "observed": 0, "message": n}
        for n, s, ok in (("a", "info", False), ("b", "critical", True), ("c", "critical", False))
    ]
    view = lift_view(make_report().to_dict() | {"checks": made})
    section = next(s for s in sections_of(view) if s.key == "checks")
    assert [r[1] for r in section.tables[0].rows] == ["C.", "A.", "B."]
    assert section.text == ("1 of 3 checks passed.",)
