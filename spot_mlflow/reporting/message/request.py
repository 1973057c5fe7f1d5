"""What is asked, of whom and by when: from open faults, concerns, plan and overdue checks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from spot_mlflow.due import names_its_sources
from spot_mlflow.lift.causes.words import joined
from spot_mlflow.lift.holds.words import lacking_words
from spot_mlflow.lift.verdict.words import NEVER, waiting_words
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.cause import bridge_of, losing_letter
from spot_mlflow.reporting.words import old_records
from spot_mlflow.reporting.words.steps import step
from spot_mlflow.verdicts import VIABILITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.involvement.concerns import Concern
    from spot_mlflow.readiness.plan import PlanItem
    from spot_mlflow.reporting.words.lift_view import LiftView

REQUESTS: Final = 2  # more would not be read
TOO_LONG: Final = 3_650  # days; a count of them would look like a plan
QUOTED: Final = 90  # characters of what a person wrote
ANSWER_WITHIN: Final = {"blocking": 3, "major": 14, "minor": 30}  # days for an answer
CONFIRM_WITHIN: Final = 7  # days
BUILDERS: Final = "the builders"


@dataclass(frozen=True, slots=True)
class Request:
    """Something to be done.

    Attributes:
        what: in the imperative, without a full stop.
        who: a person, or a role in words; "" where whoever reads may do it.
        by: until when, or None.
        overdue: whether that has passed.
    """

    what: str
    who: str = ""
    by: date | None = None
    overdue: bool = False

    @property
    def words(self) -> str:
        """The sentence: "Track every week which share was delivered. Head of Sales, by 30 January 2027."."""
        when = ""
        if self.by is not None:
            when = f"{'overdue since' if self.overdue else 'by'} {figures.day(self.by)}"
        owner = ", ".join(part for part in (self.who, when) if part)
        return " ".join(figures.sentence(part) for part in (self.what, owner) if part)


def request_sentence(
    view: LiftView | None, adoption: Adoption | None, *, letter: str | None = None
) -> str:
    """Returns the most pressing one or two requests in words; empty where nothing is asked.

    Args:
        view: the outcome check in question, or None where none was made.
        adoption: what is known of the model, or None.
        letter: letter (or letters) of the loss, whose plan comes first.
    """
    return " ".join(r.words for r in requests_of(view, adoption, letter=letter))


def requests_of(
    view: LiftView | None, adoption: Adoption | None, *, letter: str | None = None
) -> tuple[Request, ...]:
    """Returns the most pressing one or two requests; arguments as of ``request_sentence``."""
    found = dict.fromkeys(_requests(view, adoption, letter or ""))
    return tuple(islice(found, REQUESTS))


def _requests(view: LiftView | None, adoption: Adoption | None, letter: str) -> Iterator[Request]:
    """Yields requests, the most pressing one first."""
    measurer = _measurer(adoption)
    if view is not None:
        yield from _about_the_log(view, measurer)
    if adoption is not None:
        yield from _concerns(adoption, "blocking")
        yield from _plan(adoption, lambda p: bool(letter) and p.letter in letter)
        if view is None:  # a report does not ask for the check that it is
            yield from _overdue_check(adoption)
        yield from _plan(adoption, lambda p: p.overdue)
    if view is not None:
        yield from _about_the_verdict(view, measurer, adoption)
    if adoption is not None:
        yield from _concerns(adoption, "major")
        yield from _plan(adoption, lambda _: view is None or view.verdict != "met")
        yield from _beginnings(adoption)


def _measurer(adoption: Adoption | None) -> str:
    """Returns who sees to the measurement, as the promise names them; "" where it names nobody."""
    contract = None if adoption is None else adoption.predicted
    plan = None if contract is None else contract.measurement
    return "" if plan is None else plan.owner


def _about_the_log(view: LiftView, measurer: str) -> Iterator[Request]:
    if not view.data_fault:
        return
    failed = [c for c in view.data["checks"] if not c["success"] and c["severity"] == "critical"]
    fault = f": {str(failed[0]['message']).rstrip('.')}" if failed else ""
    yield Request(f"Correct the outcome log{fault}", measurer)


def _about_the_verdict(
    view: LiftView, measurer: str, adoption: Adoption | None
) -> Iterator[Request]:
    more = view.data.get("more_units")
    if view.kept is None and not view.data_fault:
        soon = (view.data.get("more_days") or 0) <= TOO_LONG and not view.undecidable
        if more is not None and math.isfinite(more) and soon:
            yield Request(f"Wait for {wait_words(view)}{_then_by_hand(adoption)}")
    elif VIABILITY[view.viable].good is False:
        yield Request("Decide whether to change the offer or to stop")
    if not view.data_fault:
        yield from _missing_columns(view, measurer)


def _then_by_hand(adoption: Adoption | None) -> str:
    """Says how to check later, where a schedule checks the version but the contract allows one look."""
    contract = None if adoption is None else adoption.predicted
    if adoption is None or contract is None or contract.looks_used != "once":
        return ""
    if not names_its_sources(contract):
        return ""
    return (
        f", then run spot outcomes {adoption.facts.name}: its contract allows one look, so that no schedule "
        "checks it again (looks: monitored allows more)"
    )


def _missing_columns(view: LiftView, measurer: str) -> Iterator[Request]:
    """Asks for the columns that would tell folded causes apart, where one of them took the lift."""
    bridge = bridge_of(view)
    if bridge is None or view.kept:
        return
    if bridge.unsplit and "/" in (losing_letter(view) or ""):
        columns = joined([joined(step) for step in bridge.unsplit[0].columns])
        yield Request(f"Log {columns}, so that the causes can be separated", measurer)


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


def _concerns(adoption: Adoption, severity: str) -> Iterator[Request]:
    for c in adoption.involvement.open_concerns:
        if c.severity == severity:
            act = "Confirm or reopen" if c.status == "answered" else "Answer"
            who, by = concern_turn(c)
            what = f"{act} the {severity} concern {quoted(c.what)}"
            yield Request(what, who, by, by < adoption.now.date())


def concern_turn(concern: Concern) -> tuple[str, date]:
    """Returns whose turn it is with an open concern, and until when."""
    if concern.status == "answered":
        since = max(a.at for a in concern.thread if a.act == "answered")
        return concern.raised_by or "the person who raised it", _within(since, CONFIRM_WITHIN)
    since = max(a.at for a in concern.thread if a.act in ("raised", "reopened"))
    return BUILDERS, _within(since, ANSWER_WITHIN.get(concern.severity, 14))


def _within(since: datetime, days: int) -> date:
    return (since + timedelta(days=days)).date()


def _plan(adoption: Adoption, wanted: Callable[[PlanItem], bool]) -> Iterator[Request]:
    for item in adoption.readiness.plan:
        if wanted(item) and item.now != item.target:
            yield plan_request(item)


def plan_request(item: PlanItem) -> Request:
    """Returns a step of the plan as what is to be done."""
    return Request(step(item.question, item.target), item.owner or "", item.by, item.overdue)


def plan_words(item: PlanItem) -> str:
    """Returns one step of the plan in words: what is to be done, who sees to it, by when."""
    return plan_request(item).words


def target_text(question: str, level: int) -> str:
    """Returns the words of a level of the questionnaire; those of ids only, where it has others."""
    for q in default_instrument().questions:
        if q.id == question and 1 <= level <= len(q.levels):
            return q.levels[level - 1].text.rstrip(".")
    return f"{question} at level {level}"


def _overdue_check(adoption: Adoption) -> Iterator[Request]:
    contract = adoption.predicted
    plan = contract.measurement if contract is not None else None
    due: date | None = plan.first_check if plan is not None else None
    if (
        plan is not None
        and due is not None
        and due < adoption.now.date()
        and not adoption.latest_check
    ):
        yield Request("Check the outcomes", plan.owner, due, overdue=True)


def _beginnings(adoption: Adoption) -> Iterator[Request]:
    if not adoption.readiness.people:
        yield Request("Ask the business, the front line and the builders how ready they are")
    if adoption.predicted is None:
        yield Request("Promise a lift: how much, and the minimum worthwhile lift", BUILDERS)


def quoted(text: str) -> str:
    """Returns what a person wrote in quotation marks, on one line, at most 90 characters."""
    flat = " ".join(text.split())
    return f"“{flat if len(flat) <= QUOTED else flat[: QUOTED - 1] + '…'}”"
