from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.causes.headline_fit import headline_fit
from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.results import RealizedLift

UNITS = make_units(5_000)


def headline(lift, se):
    """A headline of another estimator."""
    estimate = Interval(lift, lift - 1.96 * se, lift + 1.96 * se, se)
    return RealizedLift(estimate, 1, 1, 0.1, 0.1, lift, None, "adjusted", "A")


def test_the_plain_lift_and_its_error_are_those_of_the_units():
    """Without segments the plain lift is the difference in means, its error Welch's."""
    contract = make_contract(mix=False)
    fit = headline_fit(strata_of(UNITS.moments(segments=False), contract), contract, None)
    y = UNITS.measures["outcome"]
    t, h = y[UNITS.arm == TREATMENT], y[UNITS.arm == HOLDOUT]
    assert fit.lift == pytest.approx(t.mean() - h.mean())
    assert fit.se == pytest.approx(np.sqrt(t.var(ddof=1) / len(t) + h.var(ddof=1) / len(h)))
    assert (fit.shift, fit.widening) == (0.0, 1.0)


@pytest.mark.parametrize(("times", "widening"), [(3.0, 9.0), (0.5, 1.0)])
def test_a_wider_headline_widens_and_a_narrower_one_does_not_narrow(times, widening):
    """The widening is the ratio of variances, 1 at least; the shift leads to the headline."""
    contract = make_contract()
    strata = strata_of(UNITS.moments(), contract)
    plain = headline_fit(strata, contract, None)
    fit = headline_fit(strata, contract, headline(0.05, times * plain.se))
    assert fit.widening == pytest.approx(widening)
    assert plain.lift + fit.shift == pytest.approx(0.05)
