from __future__ import annotations

from dataclasses import replace

import numpy as np

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.stored.restated import restated_cohorts


def cohort(outcomes):
    """One unit per outcome, two days, both arms."""
    days = np.datetime64("2027-01-01") + np.repeat([0, 1], 4)
    return Moments.of_units({"outcome": outcomes}, [TREATMENT, HOLDOUT] * 4, period=days)


BEFORE = np.array([1.0, 0, 1, 0, 0, 0, 1, 1])


def test_a_corrected_cohort_is_named():
    """Day, arm, units and sums before and now."""
    now = BEFORE.copy()
    now[0] = 0.0
    (found,) = restated_cohorts(cohort(now), cohort(BEFORE))
    assert (found.period, found.arm) == ("2027-01-01", TREATMENT)
    assert (found.sum_before, found.sum_now, found.n_before, found.n_now) == (2.0, 1.0, 2, 2)
    assert "was corrected: 2 over 2 units before, 1 over 2 now" in found.words


def test_the_same_again_is_no_correction():
    """Even where the sums were centred elsewhere."""
    assert restated_cohorts(cohort(BEFORE), cohort(BEFORE)) == ()


def test_a_cohort_that_was_still_filling_may_grow():
    """Units that had not matured then are no correction; vanished matured ones are."""
    before = cohort(BEFORE)
    filling = replace(before, assigned=before.assigned + 3)
    changed = cohort(1 - BEFORE)
    assert restated_cohorts(changed, filling) == ()
    gone = before.select(before.period > np.datetime64("2027-01-01"))
    assert {r.n_now for r in restated_cohorts(gone, before)} == {0}
