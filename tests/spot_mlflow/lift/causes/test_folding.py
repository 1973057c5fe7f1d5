"""Causes that unknown answers could take back are folded; those that they could not are told."""

from __future__ import annotations

import numpy as np
import pytest

from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.causes.folding import separable
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift

PLAN = {
    "metric": "bought",
    "predicted": {"lift": 0.05, "se": 0.001, "baseline": 0.10},
    "funnel": {"offered": 1.0, "delivered": 0.95},
    "columns": {"arm": "arm", "outcome": "y"},
}


def log(delivered: float, silent: float) -> OutcomeMoments:
    """Of those not delivered a share ``silent`` is unknown; the response is as promised."""
    n, rng = 200_000, np.random.default_rng(7)
    treated = np.arange(n) % 2 == 0
    reached = treated & (rng.random(n) < delivered)
    asked = ~(treated & ~reached & (rng.random(n) < silent))
    measures = {
        "outcome": rng.random(n) < 0.10 + 0.05 / 0.95 * reached,
        "delivered": reached,
        "delivered_known": asked,
    }
    return OutcomeMoments(
        Moments.of_units(measures, np.where(treated, TREATMENT, HOLDOUT)), {}, as_of=""
    )


@pytest.mark.parametrize("silent", [0.95, 1.0])
def test_a_cause_that_the_unknown_could_take_back_is_not_told(silent: float) -> None:
    """A quarter is undelivered and blank: the response would be blamed, so both are one cause."""
    contract = PredictedLift.load(PLAN)
    found = separable(log(0.75, silent), contract)
    assert "delivered" not in found.moments.cells.measures
    assert any("another cause would be named" in n and "`delivered`" in n for n in found.notes)
    bridge = found.told(attribute(found.moments, contract))
    assert all("delivery" in c.factors for c in bridge.losses)
    assert bridge.notes[: len(found.notes)] == found.notes


def test_a_loss_larger_than_all_that_is_unknown_is_told() -> None:
    """A quarter is undelivered, a tenth of those blank: that is told, a response in doubt is not."""
    contract = PredictedLift.load(PLAN)
    found = separable(log(0.75, 0.1), contract)
    bridge = found.told(attribute(found.moments, contract))
    assert [c.cause for c in bridge.losses] == ["coverage+delivery"]
    assert bridge.contribution("response").factors in found.doubted
    assert [x.letter for x in bridge.letters if x.found] == ["P/O"]
