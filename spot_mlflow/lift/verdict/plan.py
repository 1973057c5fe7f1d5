"""Before launch: when will the result be known, and how likely is each verdict?

All at the width that the check will really use: the plan builds the arms that are to be expected and
runs the product's own intervals over them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.estimators.sequence import BURN_IN
from spot_mlflow.lift.estimators.skewness import WIDEST
from spot_mlflow.lift.promise.meaning import meaning_of
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.lift.promise.terms import Z95
from spot_mlflow.lift.verdict.chances import TRUTHS, Chances, Expected, Truth
from spot_mlflow.lift.verdict.holdout_cost import promised_value
from spot_mlflow.shown import Shown, notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.verdict.holdout_cost import PromisedValue

HOLDOUTS: Final = (0.05, 0.1, 0.2, 0.3, 0.5)
_CLEARLY: Final = 1.5  # times the tolerance: a gap on its border takes forever to find
_STEPS: Final = 4  # towards the border of a verdict
_APART: Final = 1.1  # between units looked at around a first guess
_WIDEST: Final = 64.0  # times the promise; a shortfall beyond it is none that one looks for
_FINE: Final = 0.005  # of a gap, to which the smallest is found
_MOST: Final = 1e12  # units; beyond it one will never know


@dataclass(frozen=True, slots=True)
class HoldoutPlan:
    """What one holdout share gives.

    Attributes:
        holdout: share of units left alone.
        units_met: matured units until a true promise is found met (or exceeded) with the stated
            power; inf for never.
        units_short: matured units until a shortfall is found with that power, should only
            ``LiftPlan.decisive`` be true; inf for never.
        days_met: days until ``units_met``, the outcome window included; None without a daily volume.
        days_short: days until ``units_short``, the same way.
        units: matured units the chances are stated for.
        chances: by truth of the prediction: "true", "half true", "false".
        detectable_gap: smallest shortfall of the lift that these units find with the stated power;
            inf where they find none.
        held_out: units held out until one will know either way, those decided while their outcomes are
            awaited among them; inf for never.
        cost: value that these units forgo if the promise is true, in the contract's money; None where
            that is not known, or one will never know.
    """

    holdout: float
    units_met: float
    units_short: float
    days_met: float | None
    days_short: float | None
    units: float
    chances: Mapping[Truth, Chances]
    detectable_gap: float
    held_out: float = math.inf
    cost: float | None = None

    @property
    def units_needed(self) -> float:
        """Matured units until one will know either way."""
        return max(self.units_met, self.units_short)

    @property
    def days_needed(self) -> float | None:
        """Days until one will know either way; None without a daily volume."""
        if self.days_met is None or self.days_short is None:
            return None
        return max(self.days_met, self.days_short)


@dataclass(frozen=True, repr=False)
class LiftPlan(Shown):
    """The plan of a check.

    Attributes:
        predicted: the contract.
        baseline: mean outcome expected in the holdout.
        per_day: units decided a day, or None.
        power: chance with which one wants to know.
        decisive: the truth whose shortfall the plan wants to find: "half true", or "false" where
            half the promise lies within 1.5 times the tolerance; None where no gain is promised.
        holdouts: one row per share.
        notes: what a reader must know.
        starts: first day of decisions: ``measurement.starts`` or as given; None where not known.
        money: what is promised of a unit, and paid for one; None where the contract states no value.
    """

    predicted: PredictedLift
    baseline: float
    per_day: float | None
    power: float
    decisive: Truth | None
    holdouts: tuple[HoldoutPlan, ...]
    notes: tuple[str, ...] = ()
    starts: date | None = None
    money: PromisedValue | None = None

    def __repr__(self) -> str:
        """Returns for which promise, and when it will be known at each share."""
        return f"<LiftPlan for {self.predicted.metric!r}: {notebook().known_when(self)}>"

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values, as ``spot plan --format json`` prints them (``docs/json.md``)."""
        return dict(notebook().plan_dict(self))


def plan_lift(
    predicted: PredictedLift,
    *,
    holdouts: Sequence[float] = HOLDOUTS,
    per_day: float | None = None,
    units: float | None = None,
    baseline: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    design_effect: float = 1.0,
    cluster_size: float = 1.0,
    starts: date | None = None,
) -> LiftPlan:
    """Plans a check.

    The result will be known when a true promise is found met, and one that is not (``LiftPlan.decisive``) found
    short, each with the stated power. Monitored contracts are judged at the width of their sequence at that many units;
    looking daily may tell earlier.

    Args:
        predicted: the contract.
        holdouts: shares of units left alone, each above 0 and below 1.
        per_day: units decided a day, both arms.
        units: matured units to state the chances for; ``planned_units``, else those needed.
        baseline: mean outcome of the holdout; ``predicted.baseline`` where None.
        sd: standard deviation of a unit's outcome; needed unless the outcome is binary.
        power: chance with which one wants to know, above .5 and below 1.
        design_effect: what clusters multiply the variance with.
        cluster_size: units in a cluster; ``planned_units`` of a clustered contract counts clusters.
        starts: first day of decisions; ``measurement.starts`` where None.

    Raises:
        InvalidInput: where a share, the baseline or the spread is missing or impossible, or the
            design never gets a verdict.
    """
    expected = replace(
        _expected(predicted, baseline, sd, design_effect), cluster_size=max(1.0, cluster_size)
    )
    _check(expected, holdouts, per_day, power)
    decisive = _decisive(predicted)
    money = promised_value(predicted, expected.baseline)
    rows = tuple(
        _with_cost(
            _row(expected, h, per_day=per_day, units=units, power=power, decisive=decisive),
            per_day,
            money,
        )
        for h in holdouts
    )
    notes = _notes(expected, decisive, rows)
    if starts is None and predicted.measurement is not None:
        starts = predicted.measurement.starts
    return LiftPlan(
        predicted, expected.baseline, per_day, power, decisive, rows, notes, starts, money
    )


def _with_cost(row: HoldoutPlan, per_day: float | None, money: PromisedValue | None) -> HoldoutPlan:
    decided = row.units_needed
    if per_day is not None and row.days_needed is not None:
        decided = max(decided, per_day * row.days_needed)
    held = row.holdout * decided
    return replace(row, held_out=held, cost=None if money is None else money.forgone(held))


def _expected(
    predicted: PredictedLift, baseline: float | None, sd: float | None, design_effect: float
) -> Expected:
    base = predicted.predicted.baseline if baseline is None else baseline
    if base is None:
        raise InvalidInput(
            "the plan needs the mean outcome without treatment",
            where="predicted.baseline",
            fix="Add it to the contract, or give --baseline.",
        )
    if predicted.kind != "binary" and sd is None:
        raise InvalidInput(
            f"the plan needs the spread of the outcome for kind: {predicted.kind}",
            fix="Give --sd, the standard deviation of one unit's outcome.",
        )
    if design_effect < 1:
        raise InvalidInput(f"design effect == {design_effect:g}, must be at least 1")
    spread = sd if predicted.kind != "binary" else None
    return Expected(predicted, base, spread, design_effect, 1.0)


def _check(
    expected: Expected, holdouts: Sequence[float], per_day: float | None, power: float
) -> None:
    for h in holdouts:
        if not 0 < h < 1:
            raise InvalidInput(f"holdout == {h:g}, must be above 0 and below 1")
    if per_day is not None and not per_day > 0:
        raise InvalidInput(f"per day == {per_day:g}, must be above 0")
    if not 0.5 < power < 1:  # noqa: PLR2004 - at one half the answer is a coin's
        raise InvalidInput(f"power == {power:g}, must be above 0.5 and below 1")
    if expected.predicted.design == "before_after":
        raise InvalidInput(
            "a before/after comparison never gets a verdict, there is nothing to plan",
            where="design",
            fix="Keep a holdout, and write design: randomized.",
        )
    if expected.predicted.kind == "binary":
        for what, mean in (
            ("baseline", expected.baseline),
            ("promised rate", expected.treated_mean(1.0)),
        ):
            if not 0 < mean < 1:
                raise InvalidInput(f"{what} == {mean:g}, must be above 0 and below 1")


def _decisive(predicted: PredictedLift) -> Truth | None:
    """The nearest truth that lies clearly beyond the tolerance; None where no gain is promised."""
    promise, tolerance = predicted.predicted.lift, predicted.tolerance_used
    if promise <= 0:
        return None
    return "half true" if promise * 0.5 >= _CLEARLY * tolerance else "false"


def _row(
    expected: Expected,
    holdout: float,
    *,
    per_day: float | None,
    units: float | None,
    power: float,
    decisive: Truth | None,
) -> HoldoutPlan:
    tolerance = expected.predicted.tolerance_used

    def is_met(n: float, steps: int) -> bool:
        return expected.chance_beyond(1.0, holdout, n, -tolerance, "low", steps=steps) >= power

    def is_short(n: float, steps: int) -> bool:
        share = TRUTHS[decisive] if decisive is not None else 1.0
        return expected.chance_beyond(share, holdout, n, -tolerance, "high", steps=steps) >= power

    met = _least_units(is_met) if tolerance > 0 else math.inf
    short = _least_units(is_short) if decisive is not None else math.inf
    known = [x for x in (met, short) if math.isfinite(x)]
    planned = (expected.predicted.planned_units or 0) * expected.cluster_size
    at = units or planned or max(known, default=1e6)
    return HoldoutPlan(
        holdout=holdout,
        units_met=met,
        units_short=short,
        days_met=_days(met, per_day, expected.predicted),
        days_short=_days(short, per_day, expected.predicted),
        units=at,
        chances={truth: expected.chances(truth, holdout, at) for truth in TRUTHS},
        detectable_gap=_detectable(expected, holdout, at, power),
    )


def _days(units: float, per_day: float | None, predicted: PredictedLift) -> float | None:
    if per_day is None or math.isinf(units):
        return None if per_day is None else math.inf
    wait = predicted.window.total_seconds() / 86400 if predicted.window is not None else 0.0
    return math.ceil(units / per_day + wait)


def _detectable(expected: Expected, holdout: float, units: float, power: float) -> float:
    """Smallest shortfall that is found with this power; inf where even no outcome at all is not."""
    promise, tolerance = expected.predicted.predicted.lift, expected.predicted.tolerance_used

    def is_found(gap: float) -> bool:
        share = 1 - gap / promise
        mean = expected.treated_mean(share)
        if expected.predicted.kind == "binary":
            mean = min(mean, 1 - mean)
        if mean <= 0 < expected.baseline:
            return False
        return expected.chance_beyond(share, holdout, units, -tolerance, "high") >= power

    if promise == 0:
        return math.inf
    low, high = tolerance, max(2 * tolerance, abs(promise) / 8)
    while not is_found(high):
        low, high = high, 1.5 * high
        if high > _WIDEST * abs(promise) + tolerance:
            return math.inf
    while high - low > _FINE * high:
        middle = (low + high) / 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high


def _least_units(enough: Callable[[float, int], bool]) -> float:
    """Least units that are enough, to half a percent; inf where none are.

    Args:
        enough: whether so many units are, by so many steps of ``Expected.chance_beyond``: one to
            find the neighbourhood, several within it.
    """
    high = 64.0
    while not enough(high, 1):
        high *= 2
        if high > _MOST:
            return math.inf
    near = _between(lambda n: enough(n, 1), high / 2, high)
    low, high = near / _APART, near * _APART
    while not enough(high, _STEPS):
        low, high = high, high * _APART
        if high > _MOST:
            return math.inf
    while low > 1 and enough(low, _STEPS):
        low, high = low / _APART, low
    return float(math.ceil(_between(lambda n: enough(n, _STEPS), low, high)))


def _between(enough: Callable[[float], bool], low: float, high: float) -> float:
    """Bisects between units that are too few and units that are enough, to half a percent."""
    while high - low > max(1.0, 0.005 * high):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _never(predicted: PredictedLift, decisive: Truth | None, rows: Sequence[HoldoutPlan]) -> str:
    """Says why no number of units tells, and what would.

    At units without end the gap's 95 % interval reaches z(.975) times the promise's own standard error to
    either side: it must fit between the truth and the border of the tolerance.
    """
    tolerance, error = predicted.tolerance_used, predicted.predicted.standard_error
    room = tolerance
    if decisive is not None:
        room = min(room, (1 - TRUTHS[decisive]) * predicted.predicted.lift - tolerance)
    most = room / Z95
    all_of_it = all(math.isinf(r.units_met) and math.isinf(r.units_short) for r in rows)
    what = "The result will never be known" if all_of_it else "Not all of it will ever be known"
    if error <= most:
        return f"{what}: the tolerance leaves no room."
    scale = contract_scale(predicted, error).telling_apart(error, most)
    return (
        f"{what}, because the prediction itself is too uncertain: its standard error is {scale.amount(error)}. "
        f"With this tolerance it should be at most {scale.amount(most)}; a larger backtest lowers it."
    )


def _notes(
    expected: Expected, decisive: Truth | None, rows: tuple[HoldoutPlan, ...]
) -> tuple[str, ...]:
    predicted = expected.predicted
    notes = []
    if predicted.columns.cluster is not None and expected.design_effect == 1:
        notes.append(
            "Clusters make outcomes alike, which this plan leaves out: give their design effect and "
            "size (--design-effect, --cluster-size)."
        )
    if predicted.tolerance_used == 0:
        notes.append("With a tolerance of 0 the verdict can never be met.")
    if decisive == "false":
        notes.append(
            "Half the promise lies within the tolerance or close to it: the time to find a "
            "shortfall assumes that there is no lift at all."
        )
    if decisive is None:
        notes.append(
            f"{meaning_of(predicted)} How soon a shortfall is found depends on the loss, which is not "
            "part of the promise."
        )
    if rows and any(math.isinf(r.units_met) or math.isinf(r.units_short) for r in rows):
        notes.append(_never(predicted, decisive, rows))
    planned = (predicted.planned_units or 0) * expected.cluster_size
    if planned and rows and all(r.units_needed > planned for r in rows):
        notes.append(f"The planned {planned:,.0f} units are too few at each of these shares.")
    if predicted.looks_used == "monitored":
        notes.append("The probabilities are for that many units; daily checks may decide earlier.")
        if predicted.kind != "binary" and predicted.columns.cluster is None:
            notes.append(
                f"There is no verdict before {BURN_IN} non-zero outcomes in the smaller arm; this plan "
                "does not take that into account."
            )
    if predicted.kind != "binary":
        notes.append(
            "Normal intervals are planned for; very skewed money needs more units "
            f"(more than {1 / WIDEST**2:.0f} times the squared skewness in the smaller arm)."
        )
    return tuple(notes)
