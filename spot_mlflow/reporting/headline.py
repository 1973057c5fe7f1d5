"""The sentence that every surface opens with: money, cause and request.

"Promised 120k, arrived 47k. Most was lost in Operation: 41 % of offers not delivered. Asked of you:
capacity for team West by 30 January." Each part says as much as the evidence carries and no more:
where there is no money it speaks of lift, where no cause is shown it names none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.bridge import letter_words
from spot_mlflow.reporting import figures, words
from spot_mlflow.reporting.cause import cause_sentence, losing_letter
from spot_mlflow.reporting.lift_view import LiftView, lift_view, promise_scale
from spot_mlflow.reporting.reality import readiness_meets_reality
from spot_mlflow.reporting.request import request_sentence
from spot_mlflow.reporting.worth import money_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.worth import Money


@dataclass(frozen=True, slots=True)
class Headline:
    """The opening sentence in its three parts, each possibly empty.

    Attributes:
        money: what was promised and what arrived.
        cause: where the rest was lost.
        request: what is asked of the reader, without "Asked of you:".
    """

    money: str
    cause: str = ""
    request: str = ""

    @property
    def text(self) -> str:
        """The sentence as one line."""
        asked = f"Asked of you: {self.request}" if self.request else ""
        return " ".join(part for part in (self.money, self.cause, asked) if part)


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
        _money(view), f"{cause}{rated}".strip(), request_sentence(view, adoption, letter=letter)
    )


def _before_outcomes(adoption: Adoption | None) -> str:
    if adoption is None or adoption.predicted is None:
        return "No lift was promised yet."
    contract = adoption.predicted
    promised = promise_scale(contract).amount(contract.predicted.lift)
    return f"Promised {promised}; no outcome was checked yet."


def _money(view: LiftView) -> str:
    scale = view.scale
    promised = scale.amount(view.predicted.lift)
    if view.data_fault:
        return f"Promised {promised}; what arrived cannot be told from this log."
    if math.isnan(view.realized.lift):
        return f"Promised {promised}; nothing can be told of what arrived yet."
    money = money_of(view)
    if money is not None:
        return _in_money(view, money)
    arrived = scale.number(view.realized.lift)
    bounds = scale.interval(view.realized)
    if view.verdict == "inconclusive":
        return f"Promised {promised}, {arrived} so far ({bounds}): {_open(view)}."
    return f"Promised {promised}, arrived {arrived} ({bounds})."


def _open(view: LiftView) -> str:
    """Says why there is no verdict: time will tell, or it never will."""
    word = words.UNDECIDABLE if view.undecidable else words.VERDICTS["inconclusive"]
    return word.lower()


def _in_money(view: LiftView, money: Money) -> str:
    arrived = figures.money(money.realized.lift, half_width=money.half_width)
    if view.verdict == "inconclusive":
        return (
            f"Promised {money.promised_text}, {arrived} so far ({money.range_text}): {_open(view)}."
        )
    return f"Promised {money.promised_text}, arrived {arrived} ({money.range_text})."
