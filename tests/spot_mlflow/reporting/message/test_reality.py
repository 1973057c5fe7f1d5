from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from people import assessment
from reports import make_adoption

from spot_mlflow.reporting.message.reality import readiness_meets_reality
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.message.reality import Reality


def found(report: LiftReport, **answers: object) -> tuple[Reality, ...]:
    """What is said when Ann of the frontline has answered so."""
    adoption = make_adoption(assessment("Ann", "frontline", dict(answers)), check=report)
    return readiness_meets_reality(lift_view(report), adoption)


def test_a_low_letter_that_lost_was_foreseen(full_report: LiftReport) -> None:
    """Rated two, lost most: the panel saw it coming, and the open plan is named."""
    plan = {"now": 2, "target": 4, "by": "2027-01-30"}
    (said,) = found(full_report, O1=plan, O2=2, O3=2, T2=3)
    assert not said.surprise
    assert said.words.startswith(
        "The panel saw it coming: Operation was rated 2 of 5, and 0.9 points"
    )
    assert len(said.plan) == 1


@pytest.mark.parametrize("level", [4, 5])
def test_a_high_letter_that_lost_is_a_surprise(full_report: LiftReport, level: int) -> None:
    """Rated high and lost all the same: said louder."""
    (said,) = found(full_report, O1=level, O2=level, O3=level, O4=level, T2=3)
    assert said.surprise
    assert "all the same" in said.words


def test_the_middle_says_nothing(full_report: LiftReport) -> None:
    """A three neither foresaw nor missed it."""
    assert found(full_report, O1=3, O2=3, O3=3, T2=3) == ()


def test_an_unknown_letter_that_lost_is_said(full_report: LiftReport) -> None:
    """Nobody could say how ready Operation is: that is told, not taken as zero."""
    (said,) = found(full_report, T2=3)
    assert said.level is None
    assert said.words.startswith("Nobody could say how ready Operation is")


def test_small_losses_are_left_alone(full_report: LiftReport) -> None:
    """Product lost a twentieth: no word on how it was rated."""
    assert {r.letter for r in found(full_report, O1=1, P1=1, T2=1)} == {"O", "T"}


def test_nothing_to_compare(full_report: LiftReport, short_report: LiftReport) -> None:
    """Without a panel, or without a shown loss, there is nothing to compare."""
    assert readiness_meets_reality(lift_view(full_report), make_adoption(check=full_report)) == ()
    assert readiness_meets_reality(lift_view(full_report), None) == ()
    view = lift_view(short_report.to_dict() | {"attribution": None})
    assert (
        readiness_meets_reality(view, make_adoption(assessment("A", "frontline", {"O1": 1}))) == ()
    )
