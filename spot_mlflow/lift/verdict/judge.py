"""The lift gap and the two verdicts: against the promise, and against the minimum worthwhile lift.

Two intervals, not one: viability looks at the realized lift alone, the verdict at the gap, in which
the prediction's own uncertainty stands as well. All in improvement units.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spot_mlflow.lift.holds.words import hold_words
from spot_mlflow.lift.interval import Interval, quantile
from spot_mlflow.lift.results import Basis, GapVerdict, Unseen
from spot_mlflow.lift.verdict.words import gap_words, held_words, waiting_words

if TYPE_CHECKING:
    from spot_mlflow.lift.holds.hold import Hold
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import Never
    from spot_mlflow.verdicts import Verdict, Viability


def promised_half(
    predicted: PredictedLift, *, monitored: bool = False, comparisons: int = 1
) -> float:
    """Half width of the prediction's interval at the level that the gap needs; 0 if a commitment.

    Args:
        predicted: the contract.
        monitored: whether the prediction takes half of the error, the sequence the other half.
        comparisons: verdicts among which the error is split.

    Returns:
        Absolute: in units of the lift. Relative: on the scale log(1 + lift).
    """
    se = predicted.predicted.standard_error
    if predicted.effect == "relative" and se:
        se /= max(ratio_of(predicted.predicted.lift, predicted.direction), 1e-12)
    error = (1 - predicted.confidence) / comparisons
    return quantile(1 - error / 2 if monitored else 1 - error) * se if se else 0.0


def ratio_of(lift: float, direction: str) -> float:
    """Returns treated mean / holdout mean for a relative lift in improvement units."""
    return 1 + lift if direction == "increase" else 1 - lift


def gap_between(
    realized: Interval,
    predicted: PredictedLift,
    *,
    monitored: bool = False,
    comparisons: int = 1,
) -> Interval:
    """Realized minus predicted lift, with its interval.

    One look: the two half widths are combined as a root of squares, which for symmetric intervals
    is se_G^2 = se_R^2 + se_P^2 (for others the method of variance estimates recovery, Zou and
    Donner 2008). Monitored: they add up, G in [L_R - U_P, U_R - L_P], since the prediction's
    uncertainty never averages out. A relative lift is combined on log(1 + lift).

    Args:
        realized: realized lift at the confidence the verdict needs.
        predicted: the contract.
        monitored: whether ``realized`` is an interval that holds under daily looking.
        comparisons: verdicts among which the error is split.

    Returns:
        The gap in units of the lift; ``se`` where both have one.
    """
    p = predicted.predicted
    gap = realized.lift - p.lift
    if math.isnan(gap):
        return Interval(gap, -math.inf, math.inf)
    half = promised_half(predicted, monitored=monitored, comparisons=comparisons)
    if math.isinf(gap):  # no event in the holdout: one bound is all there is
        return Interval(gap, realized.low - p.lift - half, realized.high - p.lift + half)
    ratio = ratio_of(p.lift, predicted.direction)
    if predicted.effect == "relative" and half > 0:
        if min(ratio, ratio_of(realized.lift, predicted.direction)) > 0:
            return _relative_gap(realized, predicted, half, monitored=monitored)
        half *= max(ratio, 0.0)  # no logarithm of nothing: combined as absolute lifts are
    se = None if realized.se is None else math.hypot(realized.se, p.standard_error)
    below = _combined(realized.lift - realized.low, half, monitored=monitored)
    above = _combined(realized.high - realized.lift, half, monitored=monitored)
    return Interval(gap, gap - below, gap + above, se)


def _combined(a: float, b: float, *, monitored: bool) -> float:
    return a + b if monitored else math.hypot(a, b)


def _relative_gap(
    realized: Interval, predicted: PredictedLift, half: float, *, monitored: bool
) -> Interval:
    """Combines on the scale of log ratios, then goes back to lift at the promised ratio."""
    sign = 1 if predicted.direction == "increase" else -1
    promised = ratio_of(predicted.predicted.lift, predicted.direction)
    ends = (realized.low, realized.high) if sign > 0 else (realized.high, realized.low)
    center, low, high = (max(ratio_of(x, predicted.direction), 0.0) for x in (realized.lift, *ends))
    below = _combined(_log(center) - _log(low), half, monitored=monitored)
    above = _combined(_log(high) - _log(center), half, monitored=monitored)
    ratios = (center * math.exp(-below), center * _exp(above))
    bounds = sorted(sign * (r - promised) for r in ratios)
    return Interval(realized.lift - predicted.predicted.lift, bounds[0], bounds[1], None)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf  # noqa: PLR2004 - beyond it a float overflows


def judge(basis: Basis, predicted: PredictedLift) -> GapVerdict:
    """Reaches both verdicts.

    Args:
        basis: realized lift at the levels needed, units and days.
        predicted: the contract.

    Returns:
        exceeded where the gap's lower bound is above the tolerance, shortfall where its upper bound
        is below minus the tolerance, met where its lower bound is at least minus the tolerance,
        else inconclusive with the units still needed.
    """
    gap = gap_between(
        basis.verdict, predicted, monitored=basis.monitored, comparisons=basis.comparisons
    )
    tolerance, minimum = predicted.tolerance_used, predicted.minimum
    found = _verdict(gap, tolerance)
    hold = _hold(basis, found, tolerance)
    verdict: Verdict = "inconclusive" if hold else found
    viable: Viability = "undecided" if basis.hold else viability(basis.viability, minimum)
    if basis.unseen is not None and (
        basis.unseen.lift is None or viability(basis.unseen.lift, minimum) != viable
    ):
        viable = "undecided"
    units = days = None
    if verdict == "inconclusive":
        units = _at_least(more_units(basis, predicted, gap.lift), basis.at_least)
        if hold and hold.doubt != "units":
            units = math.inf  # no number of units mends it
        days = _days(units, basis)
    never = _never(hold, units, predicted)
    wait = waiting_words(units, days, basis.unit_word, never)
    if hold:
        reason = held_words(hold, wait)
    else:
        reason = gap_words(verdict, gap, basis.verdict, predicted) + wait
    doubt = hold.doubt if hold else "units" if verdict == "inconclusive" else None
    remedy = hold_words(hold).remedy if hold else ""
    return GapVerdict(
        gap,
        verdict,
        viable,
        reason,
        tolerance,
        minimum,
        units,
        days,
        doubt=doubt,
        remedy=remedy,
        never_because=never,
        blocked_by=hold,
    )


def _hold(basis: Basis, verdict: Verdict, tolerance: float) -> Hold | None:
    """Returns why there is no verdict: the estimate's own reason, or outcomes missing by arm."""
    if basis.unseen is None or (basis.hold is not None and basis.hold.doubt != "units"):
        return basis.hold
    if basis.hold is not None:
        return basis.unseen.hold  # more units would not help
    return None if _carries(basis.unseen, verdict, tolerance) else basis.unseen.hold


def _carries(unseen: Unseen, verdict: Verdict, tolerance: float) -> bool:
    """Whether the verdict holds whatever the missing outcomes were."""
    if unseen.gap is None or verdict == "inconclusive":
        return False
    return _verdict(unseen.gap, tolerance) == verdict


def _verdict(gap: Interval, tolerance: float) -> Verdict:
    if gap.low > tolerance:
        return "exceeded"
    if gap.high < -tolerance:
        return "shortfall"
    return "met" if gap.low >= -tolerance else "inconclusive"


def viability(realized: Interval, minimum: float | None) -> Viability:
    """Compares the realized lift alone with the minimum worthwhile lift; undecided without one.

    Args:
        realized: lift with its interval at the contract's confidence, improvement units.
        minimum: m, or None.
    """
    if minimum is None:
        return "undecided"
    if realized.low > minimum:
        return "viable"
    return "not viable" if realized.high < minimum else "undecided"


def more_units(basis: Basis, predicted: PredictedLift, gap: float) -> float | None:
    """Units still needed until the verdict would be reached if the estimate stayed as it is.

    n' = n h_R^2 / (dist^2 - h_P^2) for one look, with h the half widths and dist the distance from
    the gap to the nearer verdict; monitored, h_R (n / n')^.5 + h_P = dist. The width of a sequence
    shrinks a little faster than this up to the planned units, so the answer errs on the late side.

    Args:
        basis: realized lift at the level of the verdict, and the units it took.
        predicted: the contract.
        gap: realized minus predicted lift.

    Returns:
        Units more than those analysed; inf for never: the prediction itself is too uncertain, or
        the gap lies on the border; None where nothing is known yet.
    """
    realized = basis.verdict
    if math.isnan(gap) or not math.isfinite(realized.high - realized.low):
        return None
    tolerance = predicted.tolerance_used
    up = gap > -tolerance
    distance = abs(gap + tolerance)
    half_r = realized.lift - realized.low if up else realized.high - realized.lift
    half_p = promised_half(predicted, monitored=basis.monitored, comparisons=basis.comparisons)
    if predicted.effect == "relative":
        half_p *= ratio_of(predicted.predicted.lift, predicted.direction)
    apart = (max(distance - half_p, 0.0) ** 2, distance**2 - half_p**2)
    room = apart[0] if basis.monitored else apart[1]
    if room <= 0:
        return math.inf
    return max(0.0, math.ceil(basis.units * half_r**2 / room - basis.units))


def _never(hold: Hold | None, units: float | None, predicted: PredictedLift) -> Never | None:
    """Returns why no number of units would decide; what holds a verdict back has its own reason."""
    if hold is not None or units is None or math.isfinite(units):
        return None
    return "promise" if promised_half(predicted) > 0 else "border"


def _days(units: float | None, basis: Basis) -> float | None:
    if units is None or basis.days is None or basis.units == 0:
        return None
    return units / (basis.units / basis.days) if math.isfinite(units) else None


def _at_least(units: float | None, floor: float) -> float | None:
    return units if floor == 0 else max(units or 0.0, floor)
