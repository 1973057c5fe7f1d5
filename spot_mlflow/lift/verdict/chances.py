"""The chance of each verdict before launch, from the arms that are to be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow.lift.estimation.chosen import Estimation, hold_of
from spot_mlflow.lift.estimation.realized import verdict_interval
from spot_mlflow.lift.estimators.arm import Arm
from spot_mlflow.lift.estimators.difference import means_of
from spot_mlflow.lift.estimators.relative import relative_se
from spot_mlflow.lift.verdict.judge import gap_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.lift.promise.contract import PredictedLift

_FARTHEST: Final = 8.0  # standard errors; beyond it a chance is none
_NEAR: Final = 0.01  # standard errors by which a border may be missed

Truth = Literal["true", "half true", "false"]
TRUTHS: Final[Mapping[Truth, float]] = {"true": 1.0, "half true": 0.5, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Chances:
    """Chance of each verdict; they add up to 1."""

    exceeded: float
    met: float
    shortfall: float
    inconclusive: float


@dataclass(frozen=True)
class Expected:
    """What is assumed of the units.

    Attributes:
        predicted: the contract.
        baseline: mean outcome without treatment.
        sd: standard deviation of one unit's outcome; None for a rate, where it follows.
        design_effect: what clusters multiply the variance with.
        cluster_size: units in a cluster.
    """

    predicted: PredictedLift
    baseline: float
    sd: float | None
    design_effect: float
    cluster_size: float

    def treated_mean(self, share: float) -> float:
        """Mean outcome of the treated if so much of the promised lift is there."""
        sign = 1 if self.predicted.direction == "increase" else -1
        lift = sign * share * self.predicted.predicted.lift
        if self.predicted.effect == "relative":
            return self.baseline * (1 + lift)
        return self.baseline + lift

    @property
    def clustered(self) -> bool:
        """Whether the check will count clusters, or units that are alike."""
        return self.predicted.columns.cluster is not None or self.design_effect > 1

    def arm(self, n: float, mean: float) -> Arm:
        """The arm of ``n`` units that is to be expected at this mean."""
        var = mean * (1 - mean) if self.sd is None else self.sd**2
        units = max(2, round(n))
        # A mean that cannot be (a rate below 0) is asked of no arm; see ``plan_lift``.
        return Arm(units, mean, var, events=round(mean * units))

    def check(self, share: float, holdout: float, units: float, *, luck: float = 0.0) -> Estimation:
        """What the check will find of so many units.

        Args:
            share: of the promised lift that is there.
            holdout: share of the units left alone.
            units: matured units, both arms.
            luck: standard errors by which the lift is estimated above the truth; the arms are moved
                as far as is most likely then, each by its part of the variance.
        """
        held = self.arm(units * holdout, self.baseline)
        treated = self.arm(units * (1 - holdout), self.treated_mean(share))
        if luck:
            treated, held = self._moved(treated, held, luck)
        plain = means_of(treated, held)
        means = replace(
            plain,
            var_treated=plain.var_treated * self.design_effect,
            var_holdout=plain.var_holdout * self.design_effect,
            df_treated=max(1.0, treated.n / self.cluster_size - 1),
            df_holdout=max(1.0, held.n / self.cluster_size - 1),
        )
        return Estimation(
            means,
            treated,
            held,
            units=units / self.cluster_size,
            events=self.events(treated, held),
            binary=self.predicted.kind == "binary" and not self.clustered,
            plain=not self.clustered,
        )

    def _moved(self, treated: Arm, held: Arm, luck: float) -> tuple[Arm, Arm]:
        """Both arms where the estimate lies ``luck`` standard errors above the truth."""
        up = luck if self.predicted.direction == "increase" else -luck
        v_t, v_c = (self.design_effect * a.var / a.n for a in (treated, held))
        if self.predicted.effect == "relative" and min(treated.mean, held.mean) > 0:
            v_t, v_c = v_t / treated.mean**2, v_c / held.mean**2
            se = math.sqrt(v_t + v_c)
            t, c = treated.mean * math.exp(up * v_t / se), held.mean * math.exp(-up * v_c / se)
        else:
            se = math.sqrt(v_t + v_c)
            t, c = treated.mean + up * v_t / se, held.mean - up * v_c / se
        most = 1.0 if self.predicted.kind == "binary" else math.inf
        least = 0.0 if self.predicted.kind == "binary" else -math.inf
        t, c = (min(most, max(least, x)) for x in (t, c))
        return self.arm(treated.n, t), self.arm(held.n, c)

    def standard_error(self, check: Estimation) -> float:
        """Standard error of the realized lift."""
        means = check.means
        return relative_se(means) if self.predicted.effect == "relative" else means.se

    def gap(self, check: Estimation) -> Interval | None:
        """The gap's interval at the width of the verdict; None where no verdict may be given yet."""
        if hold_of(check, self.predicted):
            return None
        realized = verdict_interval(check, self.predicted)
        monitored = self.predicted.looks_used == "monitored"
        gap = gap_between(realized, self.predicted, monitored=monitored)
        return gap if math.isfinite(gap.low) and math.isfinite(gap.high) else None

    def chances(self, truth: Truth, holdout: float, units: float) -> Chances:
        """Returns the chance of each verdict at so many matured units."""
        d = self.predicted.tolerance_used
        at = partial(self.chance_beyond, TRUTHS[truth], holdout, units)
        exceeded, kept, shortfall = at(d, "low"), at(-d, "low"), at(-d, "high")
        met = max(0.0, kept - exceeded)
        return Chances(exceeded, met, shortfall, max(0.0, 1 - exceeded - met - shortfall))

    def chance_beyond(
        self,
        share: float,
        holdout: float,
        units: float,
        border: float,
        bound: Literal["low", "high"],
        *,
        steps: int = 4,
    ) -> float:
        """Chance that the gap's lower bound lies above the border, or its upper bound below it.

        The estimate is normal, on the log scale for a relative lift; how wide the interval is where
        the bound meets the border is found by secant steps.

        Args:
            share: of the promised lift that is there.
            holdout: share of the units left alone.
            units: matured units, both arms.
            border: of the gap.
            bound: which bound is asked of.
            steps: 1 takes the width at the truth for the width at the border.
        """
        from scipy.special import ndtr

        expected = self.check(share, holdout, units)
        gap = self.gap(expected)
        slope = self.standard_error(expected)
        if gap is None or not slope > 0:
            return 0.0
        luck, off = 0.0, getattr(gap, bound) - border
        for _ in range(steps):
            step = max(-_FARTHEST, min(_FARTHEST, luck - off / slope))
            moved = self.gap(self.check(share, holdout, units, luck=step)) if steps > 1 else None
            luck, before = step, luck
            if moved is None or luck == before:
                break
            left = getattr(moved, bound) - border
            slope = (left - off) / (luck - before) if left != off else slope
            off = left
            if abs(off) < _NEAR * abs(slope):
                break
        return float(ndtr(-luck if bound == "low" else luck))

    def events(self, treated: Arm, held: Arm) -> int:
        """Events in the smaller arm; unknown for money and counts, where every unit may be one."""
        if self.predicted.columns.cluster is not None:
            return int(min(treated.n, held.n) / self.cluster_size)
        if self.predicted.kind != "binary":
            return min(treated.n, held.n)
        return min(min(a.events, a.n - a.events) for a in (treated, held))
