"""Net value per eligible unit and segment: the one formula all economics rest on.

pi = tau V - k - i p1 per contact, tau the lift, V the value of one more good outcome net of the cost
to serve, k what a contact costs, i the incentive paid to every acceptor and p1 their share. Logged
values and costs are used as they are; what was not logged is as promised.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.causes.delta import gradient
from spot_mlflow.lift.causes.factor_levels import factors_at
from spot_mlflow.lift.causes.factors import Levels, Model, Point, layout_of
from spot_mlflow.lift.causes.games import value_of
from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.promise.looks import width_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.factors import Numbers
    from spot_mlflow.lift.estimators.simultaneous import Width
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift


@dataclass(frozen=True, eq=False)
class Margins:
    """Profit, contacts and lift per segment, as functions of the moments.

    Attributes:
        model: the factors, every segment apart and with its own value.
        at: the moments.
        width: of the intervals.
    """

    model: Model
    at: Point
    width: Width

    @classmethod
    def of(
        cls, cells: Moments, predicted: PredictedLift, *, shift: float = 0.0, widen: float = 1.0
    ) -> Margins:
        """Prepares the margins of a table of cells; its segments may be segments or score bins.

        Args:
            cells: moments with both arms.
            predicted: the contract.
            shift: added to the lift of every segment (``factors.Model``).
            widen: design effect on every variance.
        """
        strata = strata_of(cells, predicted)
        if widen > 1:
            strata = strata.widened(widen)
        layout = replace(layout_of(strata, predicted, fold_value=True), mix=True)
        model = Model(strata, predicted, layout, shift=shift)
        at = Point(
            strata.weight, strata.treated, strata.holdout, np.array(predicted.predicted.lift)
        )
        return cls(model, at, width_of(predicted, strata.units))

    @property
    def labels(self) -> tuple[str, ...]:
        """Segments, in the order of every (S,) array here."""
        return self.model.labels

    def profit(self, at: Point) -> Numbers:
        """Returns (..., S) net value per eligible unit of the segment that is treated."""
        f = factors_at(self.model, at)
        x = f.realized.copy()
        x[..., 0, :] = 1.0
        out: Numbers = value_of(self.model.layout, "money", x, f.rest, f.scale)
        return out

    def lift(self, at: Point) -> Numbers:
        """Returns (..., S) lift per eligible unit, absolute, in improvement units."""
        out: Numbers = self.model.effect(at)
        return out

    def contacts(self, at: Point) -> Numbers:
        """Returns (..., S) delivered contacts per eligible unit; as promised where not logged."""
        f = factors_at(self.model, at)
        out: Numbers = f.rest
        for stage in Levels.of(f.realized).stages[: self.model.layout.contact_groups]:
            out = out * stage
        return out

    def spend(self, at: Point) -> Numbers:
        """Returns (..., S) money spent per eligible unit: contacts, handling, incentives."""
        f = factors_at(self.model, at)
        found = Levels.of(f.realized)
        contacts = self.contacts(at) * (found.contact_cost + found.handling)
        out: Numbers = contacts + found.untouched_cost
        return out

    def mean(self, at: Point, x: Numbers) -> Numbers:
        """Returns (...,) the average over all eligible units."""
        out: Numbers = (at.w * x).sum(axis=-1)
        return out

    def intervals(
        self, f: Callable[[Point], Numbers], *, alpha: float | None = None
    ) -> list[Interval]:
        """Estimates (..., O) outputs with their intervals.

        Args:
            f: analytic function of a point.
            alpha: two-sided level; that of the contract where None.
        """
        value = np.atleast_1d(f(self.at))
        covariance = gradient(f, self.at).covariance(self.model.strata, 0.0)
        se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        level = 1 - self.model.predicted.confidence if alpha is None else alpha
        z = self.width.multiplier(level)
        return [
            Interval(float(v), float(v - z * s), float(v + z * s), float(s))
            for v, s in zip(value, se, strict=True)
        ]

    @property
    def known(self) -> NDArray[np.bool_]:
        """(S,) segments with units in both arms."""
        return self.model.strata.estimable
