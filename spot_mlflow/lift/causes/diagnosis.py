"""Where the lift was lost, in one plain sentence and a ranked list; no surer than the intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow import figures
from spot_mlflow.letters import letter_words
from spot_mlflow.lift.causes.bridge import MONEY_ONLY
from spot_mlflow.lift.causes.findings import LIFT, RESPONSE, Finding, findings_of
from spot_mlflow.lift.causes.words import MISSED, happened, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.lift.causes.bridge import Bridge, Contribution
    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

_MOST: Final = 0.5  # "most" is half or more


@dataclass(frozen=True, slots=True)
class RankedCause:
    """One cause of the ranked list.

    Attributes:
        cause: as in the bridge. letter: S.P.O.T. letter or letters.
        words: what happened, in plain words.
        lift: contribution to the lift gap. money: the same in money per eligible unit, or None.
        lost_at_least: simultaneous lower bound of the loss, in what the bridge ranks by.
        found: whether the loss is shown beyond doubt.
        where: the groups where most of it happened, worst first; only what is shown.
    """

    cause: str
    letter: str
    words: str
    lift: Interval
    money: Interval | None
    lost_at_least: float
    found: bool
    where: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What went wrong.

    Attributes:
        sentence: promised, realized, and where most was lost.
        ranked: causes, the surest loss first.
        findings: groups that stand out beyond noise, by p value.
        groups_tested: how many comparisons the guard against noise went over.
    """

    sentence: str
    ranked: tuple[RankedCause, ...]
    findings: tuple[Finding, ...]
    groups_tested: int


def diagnose(
    bridge: Bridge,
    moments: OutcomeMoments,
    predicted: PredictedLift,
    *,
    widening: float = 1.0,
    comparable: bool = True,
) -> Diagnosis:
    """Says where the lift was lost.

    Args:
        bridge: the gap, split.
        moments: the reduced log.
        predicted: the contract.
        widening: design effect on the variances of groups (``headline_fit``).
        comparable: whether groups other than segments have a lift (``side_tables``).
    """
    tested = findings_of(moments, predicted, widening=widening, comparable=comparable)
    shown = tuple(f for f in tested if f.shown)
    # A group's lift speaks of its response only where no step before it was logged.
    answer = RESPONSE if any(f.factor == RESPONSE for f in tested) else LIFT
    ranked = tuple(_ranked(bridge.contribution(cause), shown, answer) for cause in bridge.ranked)
    return Diagnosis(_sentence(bridge, ranked, predicted), ranked, shown, len(tested))


def _ranked(c: Contribution, shown: Sequence[Finding], answer: str) -> RankedCause:
    steps = {"+".join(c.factors), *c.factors, *([answer] if "response" in c.factors else [])}
    where = [f for f in shown if f.worse and f.factor in steps]
    where.sort(key=lambda f: (-f.part, f.p_value))
    return RankedCause(
        c.cause, c.letter, happened(c), c.lift, c.money, c.lost_at_least, c.found, tuple(where)
    )


def amount(lift: float, predicted: PredictedLift, *, unit: bool = True) -> str:
    """Writes a lift in the contract's units: points of a rate, per cent if relative, else plain."""
    if predicted.effect == "relative":
        return f"{figures.number(100 * lift, 1)} %"
    if predicted.kind == "binary":
        points = figures.number(100 * lift, 1)
        return f"{points} points" if unit else points
    label = (
        f" {predicted.economics.unit}"
        if unit and predicted.kind == "money" and predicted.economics
        else ""
    )
    return f"{figures.plain(lift)}{label}".rstrip()


def _sentence(bridge: Bridge, ranked: Sequence[RankedCause], predicted: PredictedLift) -> str:
    promised = amount(bridge.promised_lift, predicted)
    realized = amount(bridge.realized_lift, predicted, unit=False)
    opening = f"Realized: {realized} of {promised} promised"
    lost = [c for c in ranked if c.found]
    if bridge.gap.low > 0:
        opening = f"More than promised: {realized} realized, {promised} promised"
    elif bridge.gap.high >= 0:
        opening += ", a difference within the noise"
    if not lost:
        short = bridge.gap.high < 0
        return f"{opening}. " + (
            "This log does not show where the rest was lost." if short else "No loss is shown."
        )
    return f"{opening}. {_loss(bridge, lost, predicted)}"


def _loss(bridge: Bridge, lost: Sequence[RankedCause], predicted: PredictedLift) -> str:
    """Says how much the surest letter took, by what, and where most of it happened."""
    first = lost[0]
    same = [c for c in lost if c.letter == first.letter]
    if any(c.cause in MONEY_ONLY for c in same):  # no lift was lost there, or not only lift
        money = -sum(c.money.lift for c in same if c.money is not None)
        much = figures.money(money, bridge.unit) + " per eligible unit were lost"
    else:
        points = -sum(c.lift.lift for c in same)
        much = f"{amount(points, predicted, unit=False)} were lost"
    # A fold of factors says so itself; a step whose letter is open has it said of the letters.
    apart = (
        ", which this log cannot separate" if "/" in first.letter and first.cause in MISSED else ""
    )
    said = joined([c.words for c in same[:2]])
    place = next((f for c in same[:2] for f in c.where), None)
    where = (
        ""
        if place is None
        else f", most in {place.dimension} {place.label}"
        if place.part >= _MOST
        else f", above all in {place.dimension} {place.label}"
    )
    return f"{much} in {letter_words(first.letter)}{apart}: {said}{where}."
