from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimators.cuped import (
    cuped,
    cuped_theta,
    paired_arms,
)
from spot_mlflow.lift.estimators.difference import difference
from spot_mlflow.lift.estimators.relative import log_delta
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments


def test_cuped_agrees_with_the_reference_figures(reference, samples):
    """Theta over both arms, difference, standard error, interval and variance reduction."""
    seen = 0
    for key, sample in samples.items():
        if "cuped_total" not in reference[key]:
            continue
        seen += 1
        known = reference[key]
        found = cuped(*paired_arms(sample.cells))
        gap = difference(found.means)
        total = known["cuped_total"]
        assert found.theta == pytest.approx(total["theta"], rel=1e-9), key
        assert gap.value == pytest.approx(total["diff"], rel=1e-9), key
        assert gap.se == pytest.approx(total["se"], rel=1e-9), key
        assert [gap.low, gap.high] == pytest.approx(total["ci"], rel=1e-9), key
        assert found.reduction == pytest.approx(total["var_reduction"], rel=1e-9), key
        by_gbstats = known["gbstats"]["cuped"]
        assert found.theta == pytest.approx(by_gbstats["theta"], rel=1e-9), key
        # gbstats divides by the unadjusted holdout mean.
        assert gap.value / known["mean_c"] == pytest.approx(by_gbstats["rel"], rel=1e-9), key
        for told in (by_gbstats, known["cuped_tea"]):
            assert gap.value == pytest.approx(told["diff"], rel=1e-9), key
            assert [gap.low, gap.high] == pytest.approx(told["ci"], rel=1e-9), key
        assert gap.p_value == pytest.approx(known["cuped_tea"]["p"], rel=1e-6), key
    assert seen == 10


def test_relative_lift_is_over_the_adjusted_holdout_mean(reference, samples):
    """Value and adjusted means as tea-tasting's; without the shared centre its interval as well."""
    for key, sample in samples.items():
        if "cuped_tea" not in reference[key]:
            continue
        known, means = reference[key]["cuped_tea"], cuped(*paired_arms(sample.cells)).means
        found = log_delta(means)
        assert found.value == pytest.approx(known["rel"], rel=1e-9), key
        assert means.holdout == pytest.approx(known["control"], rel=1e-9), key
        assert means.treated == pytest.approx(known["treatment"], rel=1e-9), key
        apart = log_delta(replace(means, common_treated=0.0, common_holdout=0.0, cov=0.0))
        assert [apart.low, apart.high] == pytest.approx(known["rel_ci"], rel=1e-9), key


def test_a_theta_of_ones_own_gives_the_within_arm_figure(reference, samples):
    """With theta from within the arms the reference's second set of figures comes out."""
    for key, sample in samples.items():
        if "cuped_within" not in reference[key]:
            continue
        known = reference[key]["cuped_within"]
        found = cuped(*paired_arms(sample.cells), theta=known["theta"])
        gap = difference(found.means)
        assert gap.value == pytest.approx(known["diff"], rel=1e-9), key
        assert gap.se == pytest.approx(known["se"], rel=1e-9), key
        assert found.reduction == pytest.approx(known["var_reduction"], rel=1e-9), key
        assert [gap.low, gap.high] == pytest.approx(known["ci"], rel=1e-9), key


@settings(max_examples=25)
@given(seed=some.integers(0, 2**31), n=some.integers(10, 300), center=some.sampled_from([0, 1e6]))
def test_theta_is_that_of_a_regression_on_all_units(seed, n, center):
    """cov/var over both arms as one sample; adjusting the units by hand gives the same means."""
    rng = np.random.default_rng(seed)
    arm = np.where(np.arange(n) % 3 > 0, TREATMENT, HOLDOUT)
    x = center + rng.standard_normal(n)
    y = 0.5 * x + rng.standard_normal(n) + 0.3 * (arm == TREATMENT)
    cells = Moments.of_units({"outcome": y, "covariate": x}, arm)
    found = cuped(*paired_arms(cells))
    assert found.theta == pytest.approx(np.polyfit(x - center, y, 1)[0], rel=1e-6, abs=1e-9)
    by_hand = y - found.theta * (x - x.mean())
    assert found.means.treated == pytest.approx(by_hand[arm == TREATMENT].mean(), rel=1e-9)
    assert found.means.var_holdout == pytest.approx(
        by_hand[arm == HOLDOUT].var(ddof=1) / (arm == HOLDOUT).sum(), rel=1e-6
    )


def test_a_constant_covariate_changes_nothing():
    """Theta is 0, no variance is removed."""
    y, arm = np.array([0.0, 1, 1, 0, 1, 1]), np.array([HOLDOUT] * 3 + [TREATMENT] * 3)
    pair = paired_arms(Moments.of_units({"outcome": y, "covariate": np.full(6, 7.0)}, arm))
    assert cuped_theta(*pair) == 0
    assert cuped(*pair).reduction == 0


def leaning():
    """Outcome, covariate and arm of 90 units whose slope on the covariate differs by arm."""
    rng = np.random.default_rng(4)
    arm = np.where(np.arange(90) % 3 > 0, TREATMENT, HOLDOUT)
    x = 1 + rng.standard_normal(90)
    return 2 + np.where(arm == TREATMENT, 2.0, 0.5) * x + rng.standard_normal(90), x, arm


def test_the_sampled_centre_is_in_both_means_and_their_covariance():
    """The adjusted means are weighted means of both arms' units: their variances add up from those."""
    y, x, arm = leaning()
    t, c = arm == TREATMENT, arm == HOLDOUT
    found = cuped(*paired_arms(Moments.of_units({"outcome": y, "covariate": x}, arm)))
    b, n = found.theta, len(y)
    for mine, other, total in (
        (t, c, found.means.total_treated),
        (c, t, found.means.total_holdout),
    ):
        left = 1 - mine.sum() / n  # of a unit's own covariate; the rest is in the centre
        known = (y[mine] - b * left * x[mine]).var(ddof=1) / mine.sum()
        known += (b * left) ** 2 * x[other].var(ddof=1) / other.sum()
        assert total == pytest.approx(known, rel=1e-9)
    known = 0.0
    for mine in (t, c):
        share = mine.sum() / n
        own, others = y[mine] - b * (1 - share) * x[mine], b * share * x[mine]
        known += np.cov(own, others)[0, 1] / mine.sum()
    assert found.means.cov == pytest.approx(known, rel=1e-9)


def test_segments_keep_the_sampling_of_their_centre(contract):
    """A lift of three times the holdout, by segment and covariate: the error is that of 400 logs."""
    rng = np.random.default_rng(5)
    money = contract(kind="money", effect="relative")
    values, errors = [], []
    for _ in range(400):
        segment, treated = rng.integers(0, 2, 300), rng.random(300) < 0.5
        x = rng.standard_normal(300) + 2 * segment
        y = 4 + segment + x + 0.4 * rng.standard_normal(300) + 12 * treated
        cells = Moments.of_units(
            {"outcome": y, "covariate": x},
            np.where(treated, TREATMENT, HOLDOUT),
            segment=np.array(["a", "b"])[segment],
        )
        found = log_delta(estimate_means(OutcomeMoments(cells, {}, "2027-01-01"), money).means)
        values.append(found.value)
        errors.append(found.se)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)
