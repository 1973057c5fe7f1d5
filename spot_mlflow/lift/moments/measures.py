"""The measures that a reduction may carry: what each one is, and all that follows from it.

A line of this table, and the key in ``Columns`` of the contract where the measure has a column of its
own, is all that a new measure takes: how its column is read, which faults are counted and how they are
worded, how its sums are centred and whether reports show it follow from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

# outcome: what was promised. number: another number of the unit. money: what it earned or cost.
# step: 0/1, passed on the way to the customer. weight: of an arm's logged propensity. asked: 0/1, only
# where answers are unknown (``unknown_steps``): asked of this step, with a known answer.
Kind = Literal["outcome", "number", "money", "step", "weight", "asked"]
Slip = Literal["negative", "infinite", "unreadable"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes:
        key: its name in moments; the contract's key, where it has a column of its own.
        kind: what it is; see ``Kind``.
        label: its name in a sentence ("cost of handling").
        needs: contract keys of the columns that it comes from, where it has none of its own.
        blank: what a blank or unreadable cell counts as: "none" is 0, "missing" is the mean.
        slips: what can be wrong with a cell; each is counted as ``negative_cost`` and so on.
        check: the check that counts them.
        shown: whether reports show its mean by arm; of money and other numbers.
    """

    key: str
    kind: Kind
    label: str
    needs: tuple[str, ...] = ()
    blank: Literal["none", "missing", "unknown"] = "none"
    slips: tuple[Slip, ...] = ()
    check: str = ""
    shown: bool = False

    def __post_init__(self) -> None:
        """Refuses a measure without a name for people, and faults that no check would show."""
        if not self.label:
            raise ValueError(f"measure {self.key!r} has no label")
        if self.shown and not self.is_amount:
            raise ValueError(f"measure {self.key!r} has no mean of its own to show")
        if bool(self.slips) != bool(self.check):
            raise ValueError(f"measure {self.key!r} needs both slips and the check that shows them")

    @property
    def columns(self) -> tuple[str, ...]:
        """Contract keys of the columns it comes from."""
        return self.needs or (self.key,)

    @property
    def is_flag(self) -> bool:
        """Whether it is 0 or 1 in every unit, so that x = x squared = x cubed."""
        return self.kind in {"step", "asked"}

    @property
    def is_amount(self) -> bool:
        """Whether it is a number in a column of its own, beside the outcome."""
        return self.kind in {"number", "money"}

    @property
    def is_centred(self) -> bool:
        """Whether a constant near its mean is subtracted before squaring."""
        return self.kind == "outcome" or self.is_amount

    @property
    def may_be_missing(self) -> bool:
        """Whether an analysed unit may lack it."""
        return self.kind not in {"outcome", "asked"}

    def fault(self, slip: Slip) -> tuple[str, str]:
        """Returns the name of a fault, and what happened to the rows that have it."""
        name = f"{slip}_{self.key}"
        if self.kind == "step":
            return name, (
                f"have an answer to {self.key!r} that is not yes, no or a time, "
                f"and counts as {self.blank}"
            )
        if slip == "unreadable":
            return name, f"have a non-numeric {self.label}, which counts as {self.blank}"
        return name, f"have {'an' if slip == 'infinite' else 'a'} {slip} {self.label}"


_ODD: Final[tuple[Slip, ...]] = ("infinite", "unreadable")
_SLIPS: Final[tuple[Slip, ...]] = ("negative", *_ODD)
# In this order where present: stored moments have it.
TABLE: Final = (
    Measure("outcome", "outcome", "outcome", slips=("infinite",), check="outcomes_plausible"),
    Measure("denominator", "number", "denominator", slips=_ODD, check="outcomes_plausible"),
    Measure("covariate", "number", "covariate", blank="missing", slips=_ODD, check="outcomes_plausible"),
    Measure("value", "money", "value", slips=_SLIPS, check="money_plausible"),
    Measure("cost", "money", "cost", slips=_SLIPS, check="money_plausible"),
    Measure("handling", "money", "cost of handling", slips=_SLIPS, check="money_plausible"),
    Measure("offered", "step", "offered", blank="unknown", slips=("unreadable",), check="steps_readable"),
    Measure("delivered", "step", "delivered", blank="unknown", slips=("unreadable",), check="steps_readable"),
    Measure("on_time", "step", "delivered in time", needs=("delivered_at", "due_at"), blank="unknown"),
    Measure("acted", "step", "acted on", blank="unknown", slips=("unreadable",), check="steps_readable"),
    Measure("system_failure", "step", "failed in the system", needs=("undelivered_reason",), blank="unknown"),
    Measure("weight", "weight", "1 / clipped propensity", needs=("propensity",)),
    Measure("weighted_outcome", "weight", "outcome / clipped propensity", needs=("propensity",)),
    Measure("offered_known", "asked", "known whether offered"),
    Measure("delivered_known", "asked", "known whether delivered"),
    Measure("system_failure_known", "asked", "known whether failed in the system"),
    Measure("on_time_known", "asked", "known whether delivered in time"),
    Measure("acted_known", "asked", "known whether acted on"),
)  # fmt: skip
MEASURES: Final = tuple(m.key for m in TABLE)
BY_KEY: Final = {m.key: m for m in TABLE}
AMOUNTS: Final = (
    *(m.key for m in TABLE if m.kind == "money"),
    *(m.key for m in TABLE if m.kind == "number"),
)
FLAGS: Final = tuple(m.key for m in TABLE if m.kind == "step" and not m.needs)


def with_slip(slip: Slip) -> tuple[str, ...]:
    """Returns the measures of which a slip is counted: the outcome, money, other numbers, steps."""
    return tuple(k for k in ("outcome", *AMOUNTS, *FLAGS) if slip in BY_KEY[k].slips)


def faults_of(check: str) -> dict[str, str]:
    """Returns the faults of measures that a check counts: name -> what happened to the rows."""
    return dict(
        m.fault(slip) for slip in _SLIPS for m in TABLE if m.check == check and slip in m.slips
    )
