"""What is asked of the reader: from open faults, concerns, plan and overdue checks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from spot_mlflow.lift.causes.words import joined
from spot_mlflow.lift.holds.words import lacking_words
from spot_mlflow.lift.verdict.words import NEVER, waiting_words
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.cause import bridge_of, losing_letter
from spot_mlflow.reporting.words import old_records
from spot_mlflow.verdicts import VIABILITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.readiness.plan import PlanItem
    from spot_mlflow.reporting.words.lift_view import LiftView

REQUESTS: Final = 2  # more would not be read
TOO_LONG: Final = 3_650  # days; a count of them would look like a plan
QUOTED: Final = 90  # characters of what a person wrote


def request_sentence(
    view: LiftView | None, adoption: Adoption | None, *, letter: str | None = None
) -> str:
    """Returns the most pressing one or two requests; empty where nothing is asked.

    Args:
        view: the outcome check spoken of, or None where none was made.
        adoption: what is known of the model, or None.
        letter: letter (or letters) of the loss, whose plan comes first.
    """
    found: list[str] = []
    for request in _requests(view, adoption, letter or ""):
        if request not in found:
            found.append(request)
        if len(found) == REQUESTS:
            break
    said = "; ".join(found)
    return said if said.endswith((".", "!", "?")) or not said else f"{said}."


def _requests(view: LiftView | None, adoption: Adoption | None, letter: str) -> Iterator[str]:
    """Yields requests, the most pressing one first."""
    if view is not None:
        yield from _about_the_log(view)
    if adoption is not None:
        yield from _concerns(adoption, "blocking")
        yield from _plan(adoption, lambda p: bool(letter) and p.letter in letter)
        if view is None:  # a report does not ask for the check that it is
            yield from _overdue_check(adoption)
        yield from _plan(adoption, lambda p: p.overdue)
    if view is not None:
        yield from _about_the_verdict(view)
    if adoption is not None:
        yield from _concerns(adoption, "major")
        yield from _plan(adoption, lambda _: view is None or view.verdict != "met")
        yield from _beginnings(adoption)


def _about_the_log(view: LiftView) -> Iterator[str]:
    if not view.data_fault:
        return
    failed = [c for c in view.data["checks"] if not c["success"] and c["severity"] == "critical"]
    if failed:
        yield f"a log without this fault: {str(failed[0]['message']).rstrip('.')}"
    else:
        yield "a log without the faults that took the verdict back"


def _about_the_verdict(view: LiftView) -> Iterator[str]:
    more = view.data.get("more_units")
    if view.kept is None and not view.data_fault:
        soon = (view.data.get("more_days") or 0) <= TOO_LONG and not view.undecidable
        if more is not None and math.isfinite(more) and soon:
            yield f"to wait for {wait_words(view)}"
    elif VIABILITY[view.viable].good is False:
        yield "a decision to change the offer or to stop"
    if not view.data_fault:
        yield from _missing_columns(view)


def _missing_columns(view: LiftView) -> Iterator[str]:
    """Asks for the columns that would tell folded causes apart, where one of them took the lift."""
    bridge = bridge_of(view)
    if bridge is None or view.kept:
        return
    if bridge.unsplit and "/" in (losing_letter(view) or ""):
        columns = joined([joined(step) for step in bridge.unsplit[0].columns])
        yield f"to log {columns}, so that the causes can be told apart"


def wait_words(view: LiftView) -> str:
    """Returns what an undecided verdict waits for: "about 1,200 more units, 18 days".

    Where no number of units would decide, the record's reason says why.
    """
    more, days = view.data.get("more_units"), view.data.get("more_days")
    clustered = bool((view.contract.get("columns") or {}).get("cluster"))
    counted = "clusters" if clustered else "units"
    if view.never_because is not None:
        return NEVER[view.never_because]
    if math.isnan(view.realized.lift) and old_records.has_raw_figures(view.data):
        return "nothing can be estimated from this log yet"
    if more is None or not math.isfinite(more) or view.undecidable:
        return _held_words(view, waiting_words(more, days, counted, None))
    units = f"about {figures.about(more)} more {counted}"
    if days is None or not math.isfinite(days):
        return units
    if days > TOO_LONG:
        return f"{units}, more than ten years at the present rate"
    return f"{units}, {figures.things(math.ceil(days), 'day')}"


def _held_words(view: LiftView, wait: str) -> str:
    """Returns why there is no verdict; "too early" is said by what goes before it."""
    by = view.data.get("blocked_by")
    if by is not None and by["by"] == "too_few_units":
        return f"{lacking_words(by['arm'], by['units'])}{wait}"
    return old_records.without_too_early(view.data)


def _concerns(adoption: Adoption, severity: str) -> Iterator[str]:
    for c in adoption.involvement.open_concerns:
        if c.severity == severity:
            asked = "the confirmation of" if c.status == "answered" else "an answer to"
            yield f"{asked} the {severity} concern {c.id}, {quoted(c.what)}"


def _plan(adoption: Adoption, wanted: Callable[[PlanItem], bool]) -> Iterator[str]:
    for item in adoption.readiness.plan:
        if wanted(item) and item.now != item.target:
            yield plan_words(item)


def plan_words(item: PlanItem) -> str:
    """Returns one step of the plan: what shall be true, by when, and who sees to it."""
    said = quoted(target_text(item.question, item.target))
    if item.by is not None:
        said += (
            f", overdue since {figures.day(item.by)}"
            if item.overdue
            else f" by {figures.day(item.by)}"
        )
    return f"{said} ({item.owner})" if item.owner else said


def target_text(question: str, level: int) -> str:
    """Returns the words of a level of the questionnaire; those of ids only, where it has others."""
    from spot_mlflow.readiness.instrument import default_instrument

    for q in default_instrument().questions:
        if q.id == question and 1 <= level <= len(q.levels):
            return q.levels[level - 1].text.rstrip(".")
    return f"{question} at level {level}"


def _overdue_check(adoption: Adoption) -> Iterator[str]:
    contract = adoption.predicted
    plan = contract.measurement if contract is not None else None
    due: date | None = plan.first_check if plan is not None else None
    if (
        plan is not None
        and due is not None
        and due < adoption.now.date()
        and not adoption.latest_check
    ):
        yield f"the outcome check, due since {figures.day(due)} ({plan.owner})"


def _beginnings(adoption: Adoption) -> Iterator[str]:
    if not adoption.readiness.people:
        yield "an assessment by the business, the front line and the builders"
    if adoption.predicted is None:
        yield "a promise: how much lift, and the least worth having"


def quoted(text: str) -> str:
    """Returns what a person wrote in quotation marks, on one line, at most 90 characters."""
    flat = " ".join(text.split())
    return f"“{flat if len(flat) <= QUOTED else flat[: QUOTED - 1] + '…'}”"
