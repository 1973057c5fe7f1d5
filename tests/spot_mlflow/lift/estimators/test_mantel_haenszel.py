from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from spot_mlflow.lift.estimators.mantel_haenszel import TwoArms, differences, log_e_paths, p_values

ONE = np.zeros(1, dtype=np.int64)


def arms(*strata: tuple[int, int, int, int]) -> TwoArms:
    """(treated that have it, treated, holdout that have it, holdout) by stratum."""
    return TwoArms(*np.array(strata, dtype=float).T)


def test_the_p_value_is_that_of_mantel_and_haenszel():
    """With many counts it is statsmodels' corrected test over the same strata."""
    strata = [(120, 2000, 90, 1900), (300, 1500, 310, 1600), (50, 900, 70, 1000)]
    tables = [np.array([[a, n - a], [b, m - b]]) for a, n, b, m in strata]
    expected = StratifiedTable(tables).test_null_odds(correction=True).pvalue
    group = np.zeros(3, dtype=np.int64)
    assert p_values(arms(*strata), group, 1)[0] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("seen", [16, 20, 24, 30])
def test_the_tail_of_few_counts_is_that_of_the_exact_test(seen):
    """With some ten expected it errs on the safe side of Fisher's exact tail, by less than three times."""
    n, m, total = 1000, 9000, 100
    exact = stats.hypergeom(n + m, total, n).sf(seen - 1)
    found = p_values(arms((seen, n, total - seen, m)), ONE, 1)[0] / 2
    assert 0.9 * exact <= found <= 3 * exact


def test_a_share_that_varies_with_the_treated_share_is_no_difference():
    """Within strata the arms are alike, however far apart the pooled shares are."""
    strata = arms((20, 1000, 180, 9000), (900, 9000, 100, 1000))
    group = np.zeros(2, dtype=np.int64)
    assert differences(strata, group, 1)[0] == pytest.approx(0, abs=1e-12)
    assert p_values(strata, group, 1)[0] > 0.9
    assert abs(differences(strata.together(), ONE, 1)[0]) > 0.05


def test_groups_are_judged_each_by_itself():
    """Two groups of strata give the answers that each gives alone."""
    first, second = (30, 500, 10, 500), (10, 500, 30, 500)
    both = arms(first, second)
    group = np.array([0, 1])
    alone = [p_values(arms(x), ONE, 1)[0] for x in (first, second)]
    assert p_values(both, group, 2) == pytest.approx(alone)
    assert differences(both, group, 2) == pytest.approx([0.04, -0.04])


def test_nothing_that_can_differ_gives_no_evidence():
    """Where none or all units have the property, p is 1 and the e-value stays at 1."""
    for table in ((0, 50, 0, 60), (50, 50, 60, 60)):
        assert p_values(arms(table), ONE, 1)[0] == 1
        path = log_e_paths(arms(table), ONE, 1, ONE, 1)
        assert path[0, 0] <= 1e-9


def test_the_e_value_is_rarely_large_when_the_arms_are_alike_and_finds_a_difference():
    """Over 60 daily looks it ever reaches 40 in at most 1/40 of logs, and does where 3 points differ."""
    rng = np.random.default_rng(20261128)
    days, size = 60, 100
    look = np.arange(days)
    group = np.zeros(days, dtype=np.int64)

    def greatest(share: float) -> float:
        counts = rng.binomial(size, share, days), rng.binomial(size, 0.05, days)
        full = np.full(days, float(size))
        strata = TwoArms(counts[0].astype(float), full, counts[1].astype(float), full)
        return float(log_e_paths(strata, group, 1, look, days).max())

    alike = np.mean([greatest(0.05) >= np.log(40) for _ in range(2000)])
    apart = np.mean([greatest(0.08) >= np.log(40) for _ in range(200)])
    assert alike <= 1 / 40
    assert apart >= 0.9
