"""What the rules of a join say, each in one line; the counts are put beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spot_mlflow import figures
from spot_mlflow.lift.moments.joined import Joined, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spot_mlflow.lift.moments.joined import RuleCount

_SHARE: Final = 0.01  # of events or units; below it a table says enough

# Rule -> what was done with those rows or units. Read after "1,204 of 30,000".
DONE: Final[dict[Rule, str]] = {
    Rule.ROWS: "read",
    Rule.FILTERED: "left out by the filter of the contract",
    Rule.NO_ID: "without a unit's id: left out",
    Rule.UNREADABLE_ID: "with an id that is not a whole number: left out",
    Rule.UNREADABLE_TIME: "without a readable time: left out",
    Rule.AFTER_AS_OF: "after the moment of the check: left out",
    Rule.SKIPPED_HOUR: "at a time that a clock change leaves out: read with the offset before it",
    Rule.REPEATED_HOUR: "at a time that a clock change repeats: read as the first",
    Rule.DAY_ONLY: "known to the day: count at the end of it",
    Rule.OTHER_VERSION: "of another model version: left out",
    Rule.REPEATED: "repeated decisions of a unit: left out",
    Rule.TIED: "at the same moment as another of the unit: put in order by what they hold",
    Rule.TWO_ARMS: "units in two arms",
    Rule.NO_ARM: "units without an arm",
    Rule.TWICE: "repeat the id of another row: the latest row counts",
    Rule.NO_EVENT_ID: "without an event's id: each counts",
    Rule.REFUND: "negative amounts: count at their own time unless linked",
    Rule.REFUND_LINKED: "refunds of a known event: count at its time",
    Rule.REFUND_ORPHAN: "refunds of an event that is not in the table: count at their own time",
    Rule.UNREADABLE_AMOUNT: "without a readable amount: add nothing",
    Rule.UNREADABLE_OFFERED: "without a readable answer to whether it was offered: unknown",
    Rule.UNREADABLE_DELIVERED: "without a readable answer to whether it was delivered: unknown",
    Rule.UNREADABLE_ACTED: "without a readable answer to whether somebody acted: unknown",
    Rule.UNDECIDED: "of units without a decision: left out",
    Rule.TOO_EARLY: "before the time that the covariate looks at: left out",
    Rule.BEFORE: "before the decision: only the covariate counts them",
    Rule.IN_WINDOW: "in the window: the outcome",
    Rule.AT_END: "of these at the very end of the window: still in it",
    Rule.LATE: "after the window: left out",
    Rule.NO_EVENTS: "units without an event in the window: nothing happened",
    Rule.OTHER_FORM: "of these units would match if their ids were written alike",
    Rule.OUTSIDE: "steps outside the window of a decision: left out",
    Rule.NOT_CONTACTED: "treated units without an offer in the steps",
    Rule.HELD_OUT_CONTACTED: "holdout units with an offer in the steps",
    Rule.FEED_ENDS: "hours without events before the requested time",
}
_HOUR: Final = 3600


def rows_of(joined: Joined) -> list[tuple[str, str, str, str]]:
    """Returns (table, count, share, what was done) of every rule that touched something."""
    return [_row(joined, c) for c in joined.rules if c.count or c.rule is Rule.ROWS]


def quiet_rows_of(joined: Joined) -> list[tuple[str, str, str, str]]:
    """Returns the same of every rule that was asked and touched nothing."""
    return [_row(joined, c) for c in joined.rules if not c.count and c.rule is not Rule.ROWS]


def _row(joined: Joined, c: RuleCount) -> tuple[str, str, str, str]:
    hours = c.rule is Rule.FEED_ENDS
    n = c.count / _HOUR if hours else c.count
    share = "" if hours or c.rule is Rule.ROWS else figures.share(c.share, 1)
    other = joined.events_read is not None and (c.table, c.rule) == ("events", Rule.UNDECIDED)
    done = "of units that are not among these decisions: left out" if other else DONE[c.rule]
    if (c.table, c.rule) == ("steps", Rule.FILTERED):
        done += ", as if there had been no contact: not offered"
    return c.table, figures.count(round(n)), share, done


def warnings_of(joined: Joined) -> list[str]:
    """Returns what a reader must know of the join, most important first."""
    said = [
        _of(joined.of(Rule.OTHER_FORM, "events"), _form, 0.0),
        *_unmatched(joined),
        _strangers(joined),
        _of(joined.of(Rule.NO_ARM, "decisions"), _no_arm, _SHARE),
        _of(joined.of(Rule.HELD_OUT_CONTACTED, "steps"), _held, _SHARE),
        _of(joined.of(Rule.NOT_CONTACTED, "steps"), _not_contacted, _SHARE),
        _of(joined.of(Rule.UNDECIDED, "steps"), _steps, _SHARE),
        *(_of(joined.of(rule, "steps"), words, 0.0) for rule, words in _UNREAD.items()),
        _of(joined.of(Rule.REPEATED_HOUR, "events"), _hour, _SHARE),
        _feed(joined),
    ]
    return [s for s in said if s]


def _of(c: RuleCount, words: object, share: float) -> str:
    return words(c) if c.count and c.share >= share else ""  # type: ignore[operator] # a function of a count


def _form(c: RuleCount) -> str:
    return (
        f"{figures.count(c.count)} of {figures.count(c.total)} unknown ids in the events would be known "
        "if they were written alike (0012, 12, 12.0); if they are the same customers, set ids: number"
    )


def _unmatched(joined: Joined) -> Iterator[str]:
    for place, values in joined.unmatched.items():
        table, _, column = place.rpartition(".")
        out = joined.of(Rule.FILTERED, table)
        said = ", ".join(repr(v) for v in values)
        yield (
            f"No row of the {table} has {said} in {column}, which the filter lists; the filter left out "
            f"{figures.share(out.share, 1)} of the rows"
        )


def _strangers(joined: Joined) -> str:
    c = joined.of(Rule.UNDECIDED, "events")
    if joined.events_read is None:
        return _of(c, _undecided, _SHARE)
    first, last = (figures.day(at[:10]) for at in joined.events_read)
    return (
        f"Events were read and counted from {first} to {last} only, since these decisions need no "
        f"others; {figures.share(c.share)} of them are of other customers"
    )


def _undecided(c: RuleCount) -> str:
    return f"{figures.share(c.share)} of the events are of customers for whom the model made no decision"


def _no_arm(c: RuleCount) -> str:
    return f"{figures.share(c.share)} of the decided units have no arm"


def _held(c: RuleCount) -> str:
    return f"{figures.share(c.share)} of the holdout were contacted anyway"


def _not_contacted(c: RuleCount) -> str:
    return f"{figures.share(c.share)} of the treated units were never contacted in their window"


def _steps(c: RuleCount) -> str:
    return (
        f"{figures.share(c.share)} of the steps are of units for which the model made no decision"
    )


def _unread(step: str) -> Callable[[RuleCount], str]:
    def said(c: RuleCount) -> str:
        return (
            f"{figures.count(c.count)} of {figures.count(c.total)} steps have an answer to {step!r} that is "
            "neither yes nor no; it counts as unknown"
        )

    return said


_UNREAD: Final = {
    Rule.UNREADABLE_OFFERED: _unread("offered"),
    Rule.UNREADABLE_DELIVERED: _unread("delivered"),
    Rule.UNREADABLE_ACTED: _unread("acted"),
}


def _hour(c: RuleCount) -> str:
    return (
        f"{figures.share(c.share)} of the events are at a time that a clock change repeats; write "
        "times with their offset to tell the two apart"
    )


def _feed(joined: Joined) -> str:
    c = joined.of(Rule.FEED_ENDS, "events")
    if not c.count:
        return ""
    return (
        f"The events are complete up to {joined.complete_until.replace('T', ' ')[:16]} UTC; the check is "
        "made as of then, so that missing events do not count as zero"
    )
