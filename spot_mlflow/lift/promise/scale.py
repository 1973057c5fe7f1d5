"""The scale on which figures of a contract are written: points, money, or percent of the holdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.figures import scale_of

if TYPE_CHECKING:
    from spot_mlflow.figures import LiftScale
    from spot_mlflow.lift.promise.contract import PredictedLift


def contract_scale(contract: PredictedLift, half_width: float | None) -> LiftScale:
    """Chooses how the lifts of a contract are written, beside a realized interval of that half width."""
    p = contract.predicted
    exact = (p.lift,) if contract.minimum_viable is None else (p.lift, contract.minimum_viable)
    return scale_of(
        kind=contract.kind,
        effect=contract.effect,
        unit=contract.economics.unit if contract.economics else "",
        half_width=half_width,
        exact=exact,
    )
