"""What the lift is computed from: the chosen means, and what is to be said of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spot_mlflow.lift.estimation.caveats import caveat
from spot_mlflow.lift.estimators.sequence import BURN_IN
from spot_mlflow.lift.holds.hold import hold

if TYPE_CHECKING:
    from spot_mlflow.lift.estimation.caveats import Caveat
    from spot_mlflow.lift.estimators.arm import Arm
    from spot_mlflow.lift.estimators.difference import Means
    from spot_mlflow.lift.holds.hold import Hold
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import PlainMeans
    from spot_mlflow.verdicts import Grade


@dataclass(frozen=True)
class Estimation:
    """What the lift is computed from.

    Attributes:
        means: estimated means of both arms.
        treated: the treated, in the units of ``means``: plain, or linearised for ratios and weights.
        holdout: the holdout, the same way.
        units: what is counted: units of both arms, or clusters.
        events: events (or clusters) of the smaller arm, for the burn-in.
        unit_word: "units" or "clusters".
        binary: whether the score interval for rates applies to a relative lift.
        plain: whether the means are the arms' own, not adjusted or weighted.
        grade: evidence grade.
        caveats: what a reader must see.
        flag: why the interval is unreliable, and what would help; None where it holds.
        reliable_from: units (or clusters) from which on it would hold; 0 where it does, inf where
            no number of them can be named.
        hold: why the estimate cannot carry a verdict, however many units it rests on, or None.
        unadjusted: means of the same units without strata, covariate or weights.
    """

    means: Means
    treated: Arm
    holdout: Arm
    units: float
    events: int
    unit_word: str = "units"
    binary: bool = False
    plain: bool = True
    grade: Grade = "A"
    caveats: tuple[Caveat, ...] = ()
    flag: Hold | None = None
    reliable_from: float = 0.0
    hold: Hold | None = None
    unadjusted: PlainMeans | None = None

    @property
    def reliable(self) -> bool:
        """Whether the interval holds."""
        return self.flag is None

    def warned(self, *caveats: Caveat) -> Estimation:
        """Returns the same with more to say."""
        return replace(self, caveats=(*self.caveats, *caveats))

    def flagged(self, flag: Hold, *, units: float = math.inf) -> Estimation:
        """Returns the same with an interval that does not hold; the first reason stays.

        Args:
            flag: why it does not.
            units: from which on it would.
        """
        told = self.warned(caveat("unreliable", hold=flag))
        return told if self.flag else replace(told, flag=flag, reliable_from=units)

    def held(self, by: Hold) -> Estimation:
        """Returns the same without the right to a verdict; the first reason stays."""
        return self if self.hold else replace(self, hold=by)


def hold_of(chosen: Estimation, predicted: PredictedLift) -> Hold | None:
    """Says why nothing can be concluded yet, or None where it can.

    An arm needs two units; a monitored contract needs a burn-in; an interval must hold; grade D never
    concludes; and an estimate may carry a hold of its own.
    """
    for name, arm in (("treated", chosen.treated), ("holdout", chosen.holdout)):
        if arm.n < 2:  # noqa: PLR2004 - a spread needs two units
            return hold("too_few_units", arm=name, units=arm.n)
    if chosen.hold is not None:
        return chosen.hold
    if predicted.looks_used == "monitored" and chosen.events < BURN_IN:
        word = "clusters" if chosen.unit_word == "clusters" else "events"
        return hold("burn_in", seen=chosen.events, needed=BURN_IN, counted=word)
    if chosen.flag is not None:
        return chosen.flag
    if chosen.grade == "D":
        return hold("grade_d")
    return None
