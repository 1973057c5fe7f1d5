"""What every surface opens with: the model and its result, where it is, what is asked, what weakens it.

"Stay Radar: less than promised, 1.1 of 2.3 points. In Production since 3 May 2027. To do: Track every
week which share of the offers was delivered. Head of Sales, by 30 January 2027." Then the same with
interval and money, and where the rest was lost. Each part says as much as the evidence carries and no
more: where no cause is shown none is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.letters import letter_words
from spot_mlflow.lift.causes.words import joined
from spot_mlflow.lift.moments.left_out import LeftOut
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.cause import cause_sentence, losing_letter
from spot_mlflow.reporting.message.reality import readiness_meets_reality
from spot_mlflow.reporting.message.request import request_sentence, wait_words
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.words.lift_view import LiftView, lift_view, promise_scale, verdict_words
from spot_mlflow.reporting.words.standing import standing_of
from spot_mlflow.reporting.words.tables import escape_markdown
from spot_mlflow.reporting.words.weaknesses import weaknesses
from spot_mlflow.verdicts import DATA_FAULT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.message.worth import Money


TO_DO: Final = "To do:"
WEAKNESSES: Final = 2  # more would not be read
WEAKENED: Final = "What weakens it:"


@dataclass(frozen=True, slots=True)
class Headline:
    """The opening in its parts, each possibly empty.

    Attributes:
        finding: the verdict, what was realized and what was promised; units left out come before it.
        cause: where the rest was lost.
        request: what is to be done, by whom and by when, without "To do:".
        title: the model and its result, a heading.
        where: where the version is, and what it lacks there.
        weakness: what weakens the result, or why there is none.
        settled: whether nothing stands in the way where it is or may go; None where nobody was asked.
    """

    finding: str
    cause: str = ""
    request: str = ""
    title: str = ""
    where: str = ""
    weakness: str = ""
    settled: bool | None = None

    @property
    def asked(self) -> str:
        """The request behind its label."""
        return f"{TO_DO} {self.request}" if self.request else ""

    @property
    def weakened(self) -> str:
        """The weakness behind its label."""
        return f"{WEAKENED} {self.weakness}" if self.weakness else ""

    @property
    def found(self) -> str:
        """Result and cause, in full."""
        return " ".join(part for part in (self.finding, self.cause) if part)

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands under the title, in the order of reading."""
        every = (self.where, self.asked, self.weakened, self.found)
        return tuple(part for part in every if part)

    @property
    def markdown(self) -> list[str]:
        """Title and lines as paragraphs of Markdown; what people wrote is escaped."""
        return [f"**{escape_markdown(self.title)}**", *map(escape_markdown, self.lines)]

    @property
    def text(self) -> str:
        """Finding, cause and request as one line."""
        return " ".join(part for part in (self.finding, self.cause, self.asked) if part)


def headline(adoption: Adoption) -> str:
    """Returns the sentence for all that is known of a model."""
    return headline_of(adoption=adoption).text


def headline_of(
    check: LiftReport | Mapping[str, Any] | None = None,
    adoption: Adoption | None = None,
    decision: GateDecision | None = None,
) -> Headline:
    """Puts the opening together.

    Args:
        check: the outcome check to speak of; the latest one of ``adoption`` where None.
        adoption: what is known of the model, or None where only the check is at hand.
        decision: the gate's answer for the version in question, where there is one.
    """
    if check is None and adoption is not None:
        check = adoption.latest_check
    view = None if check is None else lift_view(check)
    letter = None if view is None else losing_letter(view)
    of = (
        adoption.name
        if adoption is not None
        else ""
        if view is None
        else figures.raised(view.metric)
    )
    result = result_words(view, adoption)
    standing = None if adoption is None or decision is None else standing_of(adoption, decision)
    return Headline(
        finding=_before_outcomes(adoption) if view is None else _finding(view),
        cause="" if view is None else _cause(view, adoption),
        request=request_sentence(view, adoption, letter=letter),
        title=f"{of}: {result}" if of else figures.sentence(result).rstrip("."),
        where=_held(adoption) if standing is None else standing.line,
        weakness="" if view is None else weakness_of(view),
        settled=None if standing is None else standing.settled,
    )


def result_words(view: LiftView | None, adoption: Adoption | None = None) -> str:
    """Returns the result as a phrase: "promise kept, 40.8 of 44.5 points"; the same on every surface.

    Args:
        view: the outcome check, or None where none was made.
        adoption: for what was promised, where there is no check.
    """
    if view is None:
        contract = None if adoption is None else adoption.predicted
        if contract is None:
            return "no lift promised"
        promised = promise_scale(contract).amount(contract.predicted.lift)
        return f"promised {promised}, not checked yet"
    verdict = figures.lowered(verdict_words(view))
    scale, arrived, promised_lift = view.scale, view.realized.lift, view.predicted.lift
    if view.data_fault:
        return verdict  # beside it even the promise would look like a result
    if math.isnan(arrived):
        return f"{verdict}, {scale.amount(promised_lift)} promised"
    if 0 <= arrived <= promised_lift:
        figure = f"{scale.number(arrived)} of {scale.amount(promised_lift)}"
    else:  # more than the promise, or a loss, is no part of it
        figure = f"{scale.amount(arrived)}, {scale.number(promised_lift)} promised"
    left_out = view.data.get("left_out")
    without = ", units left out" if left_out else ""
    return f"{verdict}, {figure}{' so far' if view.is_so_far else ''}{without}"


def weakness_of(view: LiftView) -> str:
    """Returns why there is no verdict, or the checks whose failure weakens the result; two at most."""
    if view.data_fault:
        return ""  # to be put right first; that is asked for
    told = weaknesses(view.data.get("checks") or ())
    if view.undecidable:
        told = list(dict.fromkeys((figures.sentence(wait_words(view)), *told)))
    more = [f"And {len(told) - WEAKNESSES} more."] if len(told) > WEAKNESSES else []
    return " ".join([*told[:WEAKNESSES], *more])


def _held(adoption: Adoption | None) -> str:
    """Returns what the version holds, where nobody was asked what it lacks there."""
    facts = None if adoption is None else adoption.facts.version(adoption.version)
    if facts is None:
        return "" if adoption is None else "It has no version yet."
    held = [*([] if facts.stage == "None" else [facts.stage]), *(f"@{a}" for a in facts.aliases)]
    return f"In {joined(held)}." if held else ""


def _cause(view: LiftView, adoption: Adoption | None) -> str:
    surprised = [r for r in readiness_meets_reality(view, adoption) if r.surprise]
    rated = (
        f"{letter_words(surprised[0].letter)} had been rated {surprised[0].level} of 5."
        if surprised
        else ""
    )
    return " ".join(part for part in (cause_sentence(view), rated) if part)


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
    state = "so far" if view.is_so_far else "realized"
    found = f"{scale.amount(view.realized.lift)} {state} ({scale.interval(view.realized)})"
    money = money_of(view)
    return f"{verdict}: {found}, {promised}{'' if money is None else _in_money(money)}."


def _in_money(money: Money) -> str:
    return f"; in money {money.realized_text}, {money.promised_text} promised"
