"""What joining raw tables did: how many rows each rule touched, as kinds and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Rule(Enum):
    """A rule of the join; its value is the key in the JSON. ``reporting`` has the sentences."""

    ROWS = "rows"  # read of the table
    FILTERED = "filtered"  # left out by ``filter``
    NO_ID = "without_unit"
    UNREADABLE_ID = "unreadable_id"  # no whole number, where ids are compared as numbers
    UNREADABLE_TIME = "unreadable_time"
    AFTER_AS_OF = "after_as_of"
    SKIPPED_HOUR = "skipped_hour"  # a wall time that the clock change leaves out
    REPEATED_HOUR = "repeated_hour"  # a wall time that comes twice; the first is meant
    DAY_ONLY = "day_only"  # a date, or midnight: counts as the end of its day
    OTHER_VERSION = "other_version"
    REPEATED = "repeated"  # decisions of a unit beside the one that counts
    TIED = "tied"  # decisions that count, with another of the unit at the same moment
    TWO_ARMS = "two_arms"  # units
    NO_ARM = "without_arm"  # units
    TWICE = "twice_by_id"
    NO_EVENT_ID = "without_event_id"
    REFUND = "refund"  # a negative amount
    REFUND_LINKED = "refund_linked"  # counts at the time of the event that it refunds
    REFUND_ORPHAN = "refund_without_event"
    UNREADABLE_AMOUNT = "unreadable_amount"
    UNREADABLE_OFFERED = "unreadable_offered"  # steps; neither yes nor no
    UNREADABLE_DELIVERED = "unreadable_delivered"
    UNREADABLE_ACTED = "unreadable_acted"
    UNDECIDED = "unit_without_decision"
    TOO_EARLY = "before_the_covariate"
    BEFORE = "before_the_decision"
    IN_WINDOW = "in_window"
    AT_END = "at_window_end"  # of these at the very end
    LATE = "after_window"
    NO_EVENTS = "units_without_events"
    OTHER_FORM = "ids_differ_in_form"  # units that would match if read as numbers
    OUTSIDE = "outside_window"  # steps
    NOT_CONTACTED = "treated_not_contacted"
    HELD_OUT_CONTACTED = "holdout_contacted"
    FEED_ENDS = "feed_ends_before_as_of"  # seconds, of the seconds up to ``as_of``


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often one rule applied to one table.

    Attributes:
        rule: which.
        table: the role of the table: decisions, arms, events, steps.
        count: rows, units where the rule is of units, seconds for a feed that ends early.
        total: of how many.
    """

    rule: Rule
    table: str
    count: int
    total: int

    @property
    def share(self) -> float:
        """The count as a fraction of the total; 0 of nothing."""
        return self.count / self.total if self.total else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {
            "rule": self.rule.value,
            "table": self.table,
            "count": self.count,
            "total": self.total,
        }


@dataclass(frozen=True, slots=True)
class Joined:
    """What a joined log was made of.

    Attributes:
        places: role -> where the table lies, for people.
        rules: the counts, in the order in which rules apply.
        complete_until: ISO time up to which the events are complete, UTC; "" for always.
        events_read: ISO times, UTC, from and up to which events were read and counted, where decisions
            needed no others; None for all.
        unmatched: "table.column" -> values of its filter that no row has.
    """

    places: Mapping[str, str]
    rules: tuple[RuleCount, ...]
    complete_until: str = ""
    events_read: tuple[str, str] | None = None
    unmatched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, rule: Rule, table: str) -> RuleCount:
        """Returns the count of a rule; 0 of 0 where it was not asked."""
        return next(
            (c for c in self.rules if c.rule is rule and c.table == table),
            RuleCount(rule, table, 0, 0),
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        read = self.events_read
        return {
            "places": dict(self.places),
            "rules": [c.to_dict() for c in self.rules],
            "complete_until": self.complete_until or None,
            **({} if read is None else {"events_read": {"from": read[0], "to": read[1]}}),
            **(
                {"unmatched": {k: list(v) for k, v in self.unmatched.items()}}
                if self.unmatched
                else {}
            ),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Joined:
        """Reads what ``to_dict`` wrote; rules of a later version are left out."""
        known, read = {r.value for r in Rule}, data.get("events_read")
        return cls(
            places=dict(data["places"]),
            rules=tuple(
                RuleCount(Rule(c["rule"]), c["table"], int(c["count"]), int(c["total"]))
                for c in data["rules"]
                if c["rule"] in known
            ),
            complete_until=data.get("complete_until") or "",
            events_read=None if read is None else (str(read["from"]), str(read["to"])),
            unmatched={k: tuple(map(str, v)) for k, v in (data.get("unmatched") or {}).items()},
        )
