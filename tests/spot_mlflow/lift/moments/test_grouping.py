from __future__ import annotations

import numpy as np
import pytest

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT


def table(order: np.ndarray) -> Moments:
    """Four thousand cells of 40 segments, two arms and 50 days, in any order."""
    rng = np.random.default_rng(1)
    n = rng.integers(1, 9, 4000)
    x = rng.binomial(n, 0.3).astype(float)
    full = Moments(
        segment=np.repeat([f"s{i:02d}" for i in range(40)], 100).astype(object),
        arm=np.tile(np.repeat([HOLDOUT, TREATMENT], 50), 40).astype(object),
        period=np.tile(np.datetime64("2027-01-01") + np.arange(50), 80),
        measures=("outcome",),
        assigned=n,
        matured=n,
        n=n,
        center=np.zeros(1),
        s1=x[:, None],
        s2=x[:, None, None],
        s3=x[:, None],
        nonzero=x[:, None].astype(int),
        largest=(x > 0).astype(float)[:, None],
        missing=np.zeros((4000, 1), dtype=int),
    )
    return full.select(order)


@pytest.mark.parametrize("keys", [(), ("arm",), ("period", "arm"), ("segment", "arm", "period")])
def test_the_order_of_the_cells_does_not_matter(keys):
    """Sorted cells, which need not be moved, and shuffled ones add up to the same."""
    straight = table(np.arange(4000)).collapse(*keys)
    mixed = table(np.random.default_rng(2).permutation(4000)).collapse(*keys)
    assert straight.segment.tolist() == mixed.segment.tolist()
    assert straight.arm.tolist() == mixed.arm.tolist()
    assert straight.n.tolist() == mixed.n.tolist()
    assert straight.s1 == pytest.approx(mixed.s1)
    assert straight.largest.tolist() == mixed.largest.tolist()


def test_days_that_are_not_logged_are_a_group_of_their_own():
    """NaT stands last and does not swallow its neighbours."""
    days = np.array(["2027-01-02", "NaT", "2027-01-01", "NaT"], dtype="datetime64[D]")
    cells = Moments.of_units({"outcome": [1.0, 2.0, 3.0, 4.0]}, [TREATMENT] * 4, period=days)
    found = cells.collapse("period")
    assert found.period.astype(str).tolist() == ["2027-01-01", "2027-01-02", "NaT"]
    assert found.n.tolist() == [1, 1, 2]
