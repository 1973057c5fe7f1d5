"""The sentence that every surface opens with: verdict and lift, cause and request.

"Less than promised: 1.1 points arrived (0.6 to 1.6), 2.3 points promised; in money 47k USD (30k to
64k), 120k USD promised. Most was lost in Operation: 41 % of offers not delivered. Asked of you: capacity
for team West by 30 January." Each part says as much as the evidence carries and no more: verdict and
interval are those of the check, money stands beside them, where no cause is shown none is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow.letters import letter_words
from spot_mlflow.lift.moments.left_out import LeftOut
from spot_mlflow.reporting.message.cause import cause_sentence, losing_letter
from spot_mlflow.reporting.message.reality import readiness_meets_reality
from spot_mlflow.reporting.message.request import request_sentence
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.words.lift_view import LiftView, lift_view, promise_scale, verdict_words
from spot_mlflow.verdicts import DATA_FAULT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.message.worth import Money


@dataclass(frozen=True, slots=True)
class Headline:
    """The opening sentence in its three parts, each possibly empty.

    Attributes:
        finding: the verdict, what arrived and what was promised; units left out come before it.
        cause: where the rest was lost.
        request: what is asked of the reader, without "Asked of you:".
    """

    finding: str
    cause: str = ""
    request: str = ""

    @property
    def text(self) -> str:
        """The sentence as one line."""
        asked = f"Asked of you: {self.request}" if self.request else ""
        return " ".join(part for part in (self.finding, self.cause, asked) if part)


def headline(adoption: Adoption) -> str:
    """Returns the sentence for all that is known of a model."""
    return headline_of(adoption=adoption).text


def headline_of(
    check: LiftReport | Mapping[str, Any] | None = None, adoption: Adoption | None = None
) -> Headline:
    """Puts the sentence together.

    Args:
        check: the outcome check to speak of; the latest one of ``adoption`` where None.
        adoption: what is known of the model, or None where only the check is at hand.
    """
    if check is None and adoption is not None:
        check = adoption.latest_check
    if check is None:
        return Headline(_before_outcomes(adoption), request=request_sentence(None, adoption))
    view = lift_view(check)
    letter = losing_letter(view)
    surprised = [r for r in readiness_meets_reality(view, adoption) if r.surprise]
    rated = (
        f" {letter_words(surprised[0].letter)} had been rated {surprised[0].level} of 5."
        if surprised
        else ""
    )
    cause = cause_sentence(view)
    return Headline(
        _finding(view), f"{cause}{rated}".strip(), request_sentence(view, adoption, letter=letter)
    )


def _before_outcomes(adoption: Adoption | None) -> str:
    if adoption is None or adoption.predicted is None:
        return "No lift was promised yet."
    contract = adoption.predicted
    promised = promise_scale(contract).amount(contract.predicted.lift)
    return f"Promised {promised}; no outcome was checked yet."


def _finding(view: LiftView) -> str:
    return " ".join(part for part in (_left_out(view), _verdict_and_lift(view)) if part)


def _left_out(view: LiftView) -> str:
    """What of the last check's units is missing comes before any figure."""
    found = view.data.get("left_out")
    return LeftOut.from_dict(found).words if found else ""


def _verdict_and_lift(view: LiftView) -> str:
    scale = view.scale
    promised = f"{scale.amount(view.predicted.lift)} promised"
    if view.data_fault:
        return f"{DATA_FAULT}: this log cannot show the realized lift, {promised}."
    verdict = verdict_words(view)
    if math.isnan(view.realized.lift):
        return f"{verdict}: no realized lift can be reported yet, {promised}."
    arrived = "so far" if view.kept is None else "arrived"
    found = f"{scale.amount(view.realized.lift)} {arrived} ({scale.interval(view.realized)})"
    money = money_of(view)
    return f"{verdict}: {found}, {promised}{'' if money is None else _in_money(money)}."


def _in_money(money: Money) -> str:
    return f"; in money {money.realized_text}, {money.promised_text} promised"
