from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spot_mlflow.reporting.message.request import wait_words
from spot_mlflow.reporting.sections.lift import reason_words
from spot_mlflow.reporting.words.lift_view import is_withheld, lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport

VAGUE = "1.0 points arrived, 2.0 points promised; the gap may be anything from -3.0 points to +1.0 points: never to be decided, the prediction itself is too uncertain"
BORDER = "1.0 points arrived, 2.0 points promised; the gap may be anything from -3.0 points to +1.0 points: never to be decided while the gap lies on the tolerance"
RAW = "realized 0.01 of 0.02 promised; the gap may be anything"


def old(report: LiftReport, **said: object) -> dict[str, object]:
    """A check as earlier versions recorded it: the sentence and no key beside it."""
    made = report.to_dict() | {"verdict": "inconclusive", "inconclusive": "units"} | said
    return {k: v for k, v in made.items() if k not in {"never_because", "withheld"}}


@pytest.mark.parametrize(("reason", "why"), [(VAGUE, "promise"), (BORDER, "border"), (RAW, None)])
def test_an_older_record_says_in_its_reason_that_nothing_would_decide(
    short_report: LiftReport, reason: str, why: str | None
) -> None:
    """What newer records have a key for is read from the sentence of older ones, and said as of newer ones."""
    view = lift_view(old(short_report, reason=reason))
    assert view.never_because == why
    assert view.undecidable is (why is not None)
    if why is not None:
        assert wait_words(view).startswith("more units cannot decide it")


def test_an_older_record_with_raw_decimals_is_told_in_the_figures_of_the_report(
    short_report: LiftReport,
) -> None:
    """Reasons once had raw decimals; the report puts its own figures in their place."""
    view = lift_view(old(short_report, reason=RAW, more_units=1200.0, more_days=None))
    assert "so far; the gap may be anything from" in reason_words(view)
    assert reason_words(view).endswith("; about 1,200 more units.")


@pytest.mark.parametrize("reason", [VAGUE, BORDER, RAW, f"data: {VAGUE}"])
def test_a_record_with_the_keys_is_never_asked_for_its_sentence(
    short_report: LiftReport, reason: str
) -> None:
    """However a reason is worded, the keys decide."""
    said = {"verdict": "inconclusive", "reason": reason, "never_because": None, "withheld": False}
    view = lift_view(short_report.to_dict() | said)
    assert (view.never_because, view.undecidable, is_withheld(view.data)) == (None, False, False)
    assert reason_words(view).startswith(reason[0].upper())
