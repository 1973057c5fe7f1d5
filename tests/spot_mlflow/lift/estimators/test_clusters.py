from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from spot_mlflow.lift.estimators.clusters import (
    ClusteredArm,
    clustered_arms,
    clustered_means,
    too_few,
)
from spot_mlflow.lift.estimators.difference import difference
from spot_mlflow.lift.estimators.relative import log_delta
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT


def reduce(frame: pd.DataFrame, center: tuple[float, float] = (0.0, 0.0)) -> ClusterMoments:
    """Sums over the clusters of units with arm, cluster, y and x."""
    arms = [HOLDOUT, TREATMENT]
    tables = []
    for arm in arms:
        g = frame[frame.arm == arm].groupby("cluster")
        z = np.column_stack([g.size(), g.y.sum(), g.x.sum()]).astype(float)
        z[:, 1] -= center[0] * z[:, 0]
        z[:, 2] -= center[1] * z[:, 0]
        tables.append(z)
    n = np.array([len(z) for z in tables])
    return ClusterMoments(
        arm=np.array(arms, dtype=object),
        clusters=n,
        assigned_clusters=n,
        center=np.array(center),
        s1=np.array([z.sum(axis=0) for z in tables]),
        s2=np.array([z.T @ z for z in tables]),
        events=n,
    )


@pytest.fixture(scope="module")
def villages() -> pd.DataFrame:
    """Sixty villages of unequal size, half of them treated."""
    rng = np.random.default_rng(5)
    rows = []
    for village in range(60):
        size, own = 5 + rng.poisson(15), rng.normal(0, 0.5)
        arm = TREATMENT if village % 2 else HOLDOUT
        x = rng.standard_normal(size)
        y = 3 + own + 0.4 * (arm == TREATMENT) + 0.8 * x + rng.standard_normal(size)
        rows.append(pd.DataFrame({"cluster": village, "arm": arm, "y": y, "x": x}))
    return pd.concat(rows, ignore_index=True)


def test_the_mean_is_a_ratio_of_sums_with_the_sandwich_variance(villages):
    """Each arm's variance is statsmodels' cluster-robust one, up to its own factor (n - 1)/n."""
    treated, holdout = clustered_arms(reduce(villages))
    for arm, label in ((treated, TREATMENT), (holdout, HOLDOUT)):
        part = villages[villages.arm == label]
        fit = smf.ols("y ~ 1", part).fit(cov_type="cluster", cov_kwds={"groups": part.cluster})
        n, g = len(part), part.cluster.nunique()
        # statsmodels multiplies by G/(G-1) (n-1)/(n-k) with k = 1 parameter.
        assert arm.mean == pytest.approx(fit.params["Intercept"], rel=1e-9)
        assert arm.var == pytest.approx(fit.bse["Intercept"] ** 2, rel=1e-9)
        assert (arm.clusters, arm.n) == (g, n)


def test_centring_changes_nothing(villages):
    """Sums around constants near the means give the same difference and interval."""
    for theta in (0.0, 0.8):
        plain, moved = (
            clustered_means(reduce(villages, center=c), theta=theta) for c in ((0, 0), (2.9, 0.5))
        )
        for method in (difference, log_delta):
            a, b = method(plain), method(moved)
            assert (a.value, a.low, a.df) == pytest.approx((b.value, b.low, b.df), rel=1e-9)


def test_a_covariate_makes_it_surer(villages):
    """CUPED inside the clusters narrows the interval and keeps the difference near."""
    plain = difference(clustered_means(reduce(villages)))
    adjusted = difference(clustered_means(reduce(villages), theta=0.8))
    assert adjusted.se < plain.se
    assert adjusted.value == pytest.approx(plain.value, abs=3 * plain.se)
    by_hand = villages.assign(y=villages.y - 0.8 * (villages.x - villages.x.mean()))
    known = clustered_means(reduce(by_hand))
    found = clustered_means(reduce(villages), theta=0.8)
    assert (found.treated, found.holdout) == pytest.approx((known.treated, known.holdout), rel=1e-9)
    assert found.var_holdout == pytest.approx(known.var_holdout, rel=1e-9)
    assert found.cov > 0  # both means hold the sampled centre of the covariate


def test_equal_clusters_are_effective_in_full():
    """Ten clusters of one size tell as much as ten; one giant among nine dwarfs as little as one."""
    frame = pd.DataFrame(
        {
            "cluster": np.repeat(np.arange(20), 10),
            "arm": np.repeat([HOLDOUT, TREATMENT], 100),
            "y": np.random.default_rng(0).standard_normal(200),
            "x": 0.0,
        }
    )
    treated, _ = clustered_arms(reduce(frame))
    assert treated.effective == pytest.approx(10)
    assert clustered_means(reduce(frame)).df_treated == pytest.approx(9)
    giant = frame[(frame.arm == HOLDOUT) | (frame.cluster == 10) | (frame.index % 10 == 0)]
    assert clustered_arms(reduce(giant))[0].effective == pytest.approx(19**2 / (100 + 9))


def test_one_cluster_in_an_arm_has_no_variance(villages):
    """The difference is given, its bounds are infinite."""
    few = villages[villages.cluster.isin([0, 1, 2])]
    found = difference(clustered_means(reduce(few)))
    assert math.isfinite(found.value)
    assert (found.low, found.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("clusters", "effective", "flagged"),
    [(15, 15.0, True), (20, 19.0, False), (40, 18.0, True), (100, 37.0, False)],
)
def test_few_or_uneven_clusters_are_too_few(clusters, effective, flagged):
    """Thirty are too few; forty equal ones are not; eighty worth 36 are; two hundred worth 74 are not."""
    arm = ClusteredArm(clusters, 500.0, 0.2, 0.001, effective)
    assert bool(too_few(arm, arm)) is flagged
