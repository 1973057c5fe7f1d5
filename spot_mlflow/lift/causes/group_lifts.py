"""The lift of each group against all the others together, per unit or per unit that was reached.

Where the contract promises something of each group, a group is held to its own promise: what is
compared is how far each fell short of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.causes.factors import vanishes
from spot_mlflow.lift.causes.segment_means import strata_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.segment_means import Strata
    from spot_mlflow.lift.causes.segment_promise import PromisedLevels
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift

REACHED: Final = ("on_time", "delivered", "attempted", "offered")  # the last step logged counts
FEW: Final = 10  # units in an arm of a group, below which nothing is told of it


@dataclass(frozen=True, slots=True)
class GroupLift:
    """One group against the others; lifts in the contract's units.

    Attributes:
        label: the group.
        lift: its own. se: standard error.
        others: of all the others together.
        expected: the others' lift, moved by what the group was promised more or less than they.
        error: standard error of lift - expected.
        units: of the group, both arms.
    """

    label: str
    lift: float
    se: float
    others: float
    expected: float
    error: float
    units: int


def group_lifts(
    table: Moments,
    predicted: PredictedLift,
    promises: Mapping[str, PromisedLevels],
    *,
    per_reached: bool,
) -> Iterator[GroupLift]:
    """Yields every group with enough units in both arms that has others to be held against.

    Args:
        table: moments with the group as segment.
        predicted: the contract.
        promises: of the groups; where there are some, only groups with one are compared.
        per_reached: per unit that got past the last logged step (Bloom 1984), not per unit; yields
            nothing where no step was logged.
    """
    strata = strata_of(table, predicted.model_copy(update={"segments": {}}))
    reach = next((strata.names.index(x) for x in REACHED if strata.has(x)), None)
    # Ratios are no means; their lift by group stands in the report's segments.
    if strata.has("weight") or strata.has("denominator") or (per_reached and reach is None):
        return
    lifts = _Lifts(strata, predicted, promises, reach if per_reached else None)
    known = strata.estimable & (np.minimum(strata.n_treated, strata.n_holdout) >= FEW)
    if promises:
        known &= np.array([x in promises for x in strata.labels])
    for i in np.flatnonzero(known):
        alone = np.arange(len(known)) == i
        rest = known & ~alone
        if not rest.any():
            continue
        own, error = lifts.of(alone)
        others, their_error = lifts.of(rest)
        if not np.isfinite(own - others) or error <= 0:
            continue
        yield GroupLift(
            strata.labels[i],
            own,
            error,
            others,
            others + lifts.promised(alone) - lifts.promised(rest),
            float(np.hypot(error, their_error)),
            int(strata.n_treated[i] + strata.n_holdout[i]),
        )


@dataclass(frozen=True, eq=False)
class _Lifts:
    """Lifts of any set of groups.

    Attributes:
        strata: one group each.
        predicted: the contract.
        promises: of the groups, possibly none.
        reach: column of those reached, None where the lift is per unit.
    """

    strata: Strata
    predicted: PredictedLift
    promises: Mapping[str, PromisedLevels]
    reach: int | None

    def _weight(self, which: NDArray[np.bool_]) -> NDArray[np.float64]:
        w = np.where(which, self.strata.weight, 0.0)
        out: NDArray[np.float64] = w / w.sum()
        return out

    def _base(self, which: NDArray[np.bool_]) -> float:
        """Returns the holdout's mean outcome, in its own units, of a relative lift; else 1."""
        if self.predicted.effect != "relative":
            return 1.0
        sign = -1.0 if self.predicted.direction == "decrease" else 1.0
        return sign * float(self._weight(which) @ self.strata.holdout[:, 0])

    def of(self, which: NDArray[np.bool_]) -> tuple[float, float]:
        """Returns the lift of some groups together and its standard error; NaN where there is none."""
        s, w, base = self.strata, self._weight(which), self._base(which)
        treated, holdout = w @ s.treated, w @ s.holdout
        reached = 1.0 if self.reach is None else float(treated[self.reach])
        if base < 0 or vanishes(np.array(base), s) or reached <= 0:
            return float("nan"), float("nan")
        value = float(treated[0] - holdout[0]) / (base * reached)
        by_treated = np.zeros(len(s.names))
        by_treated[0] = 1 / (base * reached)
        by_holdout = -1 / (base * reached)
        if self.predicted.effect == "relative":
            sign = -1.0 if self.predicted.direction == "decrease" else 1.0
            by_holdout -= value * sign / base
        if self.reach is not None:
            by_treated[self.reach] -= value / reached
        spread = np.einsum("s,sij->ij", w**2, s.cov_treated)
        variance = by_treated @ spread @ by_treated
        variance += by_holdout**2 * float(w**2 @ s.cov_holdout[:, 0, 0])
        return value, float(np.sqrt(max(variance, 0.0)))

    def promised(self, which: NDArray[np.bool_]) -> float:
        """Returns what was promised of some groups together, 0 where nothing was."""
        if not self.promises:
            return 0.0
        w = self._weight(which)
        found = [self.promises.get(label) for label in self.strata.labels]
        lift = np.array([0.0 if p is None else p.lift for p in found])
        total = float(w @ lift) / self._base(which)
        if self.reach is None:
            return total
        share = np.array([0.0 if p is None else p.reach(self._steps()) for p in found])
        reached = float(w @ share)
        return total / reached if reached > 0 else 0.0

    def _steps(self) -> tuple[str, ...]:
        """Returns the factors up to the last logged step."""
        name = "" if self.reach is None else self.strata.names[self.reach]
        steps = ("coverage", "system", "delivery", "timeliness")
        upto = {"offered": 1, "attempted": 2, "delivered": 3, "on_time": 4}
        return steps[: upto.get(name, 0)]
