"""The bridge from the promised to the realized lift: value objects that hold what is drawn.

``attribution.attribute`` fills them; reports, pages and charts show them as they are. A lift is in
the contract's units, money is per eligible unit, and a loss is a negative contribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.lift.causes.unsplit import unsplit_steps
from spot_mlflow.lift.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.causes.unsplit import Unsplit

# Factors that change what a lift is worth, not the lift.
MONEY_ONLY: Final = frozenset({"value", "cost", "handling"})


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """What one segment adds to a contribution.

    Attributes:
        label: the segment.
        lift: in units of the lift.
        money: per eligible unit of the whole population, or None where no money is known.
    """

    label: str
    lift: float
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """One cause's part of the gap; negative where something was lost.

    Attributes:
        cause: the factor, or the factors folded together, joined by "+".
        factors: the single factors: mix, coverage, system, delivery, timeliness, response, value,
            cost, handling.
        letter: "S", "P", "O" or "T"; "O/T" where the folded factors belong to several.
        words: what the cause means, in plain words.
        promised: level of the factor that the promise assumed, or None where it has none.
        realized: level that the log shows.
        lift: contribution to the lift gap, with its interval.
        money: contribution to the gap in money per eligible unit, or None without economics.
        lost_at_least: simultaneous lower bound of the loss, in money where known, else in lift;
            0 or less where no loss is shown.
        p_adjusted: Holm-adjusted one-sided p value against "nothing was lost here".
        found: whether the loss is shown, family-wise.
        segments: the parts of the segments, where segments were promised.
    """

    cause: str
    factors: tuple[str, ...]
    letter: str
    words: str
    promised: float | None
    realized: float | None
    lift: Interval
    money: Interval | None
    lost_at_least: float = 0.0
    p_adjusted: float = 1.0
    found: bool = False
    segments: tuple[SegmentPart, ...] = ()

    def amount(self, basis: str) -> Interval:
        """Returns the contribution in money where ``basis`` is "money", else in lift."""
        return self.money if basis == "money" and self.money is not None else self.lift


@dataclass(frozen=True, slots=True)
class LetterPart:
    """All contributions of one letter together.

    Attributes:
        letter: "S", "P", "O", "T" or several joined by "/".
        name: "Operation", "Operation or Technology".
        lift: sum of the contributions to the lift gap.
        money: the same in money per eligible unit, or None.
        found: whether one of its causes was found.
    """

    letter: str
    name: str
    lift: Interval
    money: Interval | None
    found: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the waterfall.

    Attributes:
        label: what stands below it.
        kind: "promised", "loss", "gain" or "realized".
        start: where the bar begins; 0 for promised and realized.
        end: where it ends.
        low: lower end of the interval of what the bar adds; a level, promised or realized, has its
            own interval elsewhere, and here none.
        high: upper end.
        letter: S.P.O.T. letter or letters; "" for promised and realized.
    """

    label: str
    kind: str
    start: float
    end: float
    low: float
    high: float
    letter: str = ""

    @property
    def amount(self) -> float:
        """What the bar adds; the level itself for promised and realized."""
        return self.end - self.start


@dataclass(frozen=True)
class Bridge:
    """The gap, split exactly: contributions sum to realized minus promised.

    Attributes:
        metric: what was promised, in words of the business.
        effect: "absolute" or "relative": the units of every lift.
        unit: label of the money, "" where none.
        rule: how the gap was divided ("Shapley", or "waterfall: mix, coverage, ...").
        basis: "money" or "lift": what losses are ranked by.
        promised_lift: the promise.
        realized_lift: what arrived, post-stratified.
        gap: realized minus promised lift, with its interval.
        promised_money: promised net value per eligible unit, or None.
        realized_money: realized net value per eligible unit, or None.
        money_gap: their difference, with its interval.
        contributions: in the order of the way from the list to the customer.
        ranked: causes, the largest simultaneous lower bound of a loss first.
        letters: sums by letter, largest loss first.
        notes: what was folded together or assumed, and what to log to split it.
    """

    metric: str
    effect: str
    unit: str
    rule: str
    basis: str
    promised_lift: float
    realized_lift: float
    gap: Interval
    promised_money: float | None
    realized_money: float | None
    money_gap: Interval | None
    contributions: tuple[Contribution, ...]
    ranked: tuple[str, ...]
    letters: tuple[LetterPart, ...]
    notes: tuple[str, ...] = ()

    def contribution(self, cause: str) -> Contribution:
        """Returns the contribution of a cause, or of the fold that holds the factor.

        Raises:
            KeyError: where the bridge has no such cause.
        """
        for c in self.contributions:
            if c.cause == cause or cause in c.factors:
                return c
        raise KeyError(cause)

    @property
    def losses(self) -> tuple[Contribution, ...]:
        """The losses shown beyond doubt, the largest lower bound first."""
        return tuple(c for cause in self.ranked for c in [self.contribution(cause)] if c.found)

    @property
    def unsplit(self) -> tuple[Unsplit, ...]:
        """Steps that the log cannot separate, with the columns that would; folds first."""
        return unsplit_steps([c.factors for c in self.contributions])

    def bars(self, basis: str | None = None) -> tuple[Bar, ...]:
        """Returns the waterfall, ready to draw: promised, one bar per cause, realized.

        Causes that can move money only have no bar in lift.

        Args:
            basis: "money" or "lift"; what the bridge ranks by where None.
        """
        basis = basis or self.basis
        money = basis == "money" and self.promised_money is not None
        level = (
            self.promised_money if money and self.promised_money is not None else self.promised_lift
        )
        bars = [Bar("promised", "promised", 0.0, level, level, level)]
        for c in self.contributions:
            if not money and MONEY_ONLY.issuperset(c.factors):
                continue
            x = c.amount(basis)
            kind = "loss" if x.lift < 0 else "gain"
            bars.append(Bar(c.words, kind, level, level + x.lift, x.low, x.high, c.letter))
            level += x.lift
        bars.append(Bar("realized", "realized", 0.0, level, level, level))
        return tuple(bars)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Bridge:
        """Reads what ``report.jsonable`` wrote of a bridge."""
        contributions = tuple(_contribution(c) for c in data["contributions"])
        letters = tuple(
            LetterPart(
                **{
                    **p,
                    "lift": interval_from(p["lift"]),
                    "money": None if p["money"] is None else interval_from(p["money"]),
                }
            )
            for p in data["letters"]
        )
        gap = data["money_gap"]
        return cls(
            **{
                **data,
                "contributions": contributions,
                "letters": letters,
                "gap": interval_from(data["gap"]),
                "money_gap": None if gap is None else interval_from(gap),
                "ranked": tuple(data["ranked"]),
                "notes": tuple(data["notes"]),
            }
        )


def interval_from(data: Mapping[str, Any]) -> Interval:
    """Reads an interval from JSON values, where None stands for an unbounded side."""
    low, high = data["low"], data["high"]
    return Interval(
        math.nan if data["lift"] is None else data["lift"],
        -math.inf if low is None else low,
        math.inf if high is None else high,
        data.get("se"),
    )


def _contribution(data: Mapping[str, Any]) -> Contribution:
    return Contribution(
        **{
            **data,
            "factors": tuple(data["factors"]),
            "lift": interval_from(data["lift"]),
            "money": None if data["money"] is None else interval_from(data["money"]),
            "segments": tuple(SegmentPart(**s) for s in data["segments"]),
        }
    )
