"""What is stored of a log tells of ten people at least, cell by cell, and still gives the same lift."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spot_mlflow.lift.analysis import measured
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, NO_COUNTERPART, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.stored.cells import without_small_cells
from spot_mlflow.lift.strata.choice import with_cut

FIRST = np.datetime64("2027-03-01")  # a Monday
CONTRACT = PredictedLift.load(
    {"metric": "m", "kind": "money", "predicted": 1.0, "columns": {"arm": "arm", "outcome": "y"}}
)


def log(
    seed: int, *, units: int, segments: int, days: int, share: float = 0.5, arms: int = 1
) -> OutcomeMoments:
    """Units at random days and segments, an amount each, as a first check has them before storing."""
    r = np.random.default_rng(seed)
    names = np.array([HOLDOUT] + ([TREATMENT] if arms == 1 else [f"t{i}" for i in range(arms)]))
    arm = np.where(r.random(units) < share, r.integers(1, len(names), units), 0)
    cells = Moments.of_units(
        {"outcome": r.gamma(1.0, 10.0, units)},
        names[arm],
        segment=np.char.add("s", r.integers(0, segments, units).astype(str)),
        period=FIRST + r.integers(0, days, units),
    )
    cells = cells.collapse("segment", "arm", "period")
    return with_cut(OutcomeMoments(cells, {}, "2027-12-01T00:00:00+00:00"), CONTRACT)


def by_arm(cells: Moments) -> dict[str, tuple[float, ...]]:
    """Units, and sums of the outcome and of its square, of each arm."""
    table = cells.collapse("arm")
    columns = (table.assigned, table.n, table.s1[:, 0], table.s2[:, 0, 0], table.largest[:, 0])
    return {str(a): tuple(float(x[i]) for x in columns) for i, a in enumerate(table.arm)}


logs = st.builds(
    log,
    st.integers(0, 10_000),
    units=st.integers(30, 1500),
    segments=st.integers(1, 8),
    days=st.integers(1, 60),
    share=st.sampled_from([0.1, 0.5, 0.9]),
    arms=st.sampled_from([1, 1, 2]),
)


@settings(max_examples=60)
@given(moments=logs)
def test_no_stored_cell_tells_of_fewer_than_ten_and_every_sum_stays(
    moments: OutcomeMoments,
) -> None:
    """Only an arm that has fewer in all has fewer in a cell; storing it again changes nothing."""
    stored = without_small_cells(moments, CONTRACT)
    totals = {arm: sums[0] for arm, sums in by_arm(moments.cells).items()}
    for arm, assigned, n in zip(
        stored.cells.arm, stored.cells.assigned, stored.cells.n, strict=True
    ):
        assert min(assigned, n) >= min(10, totals[str(arm)]), (arm, assigned, n)
    found, wanted = by_arm(stored.cells), by_arm(moments.cells)
    for arm, sums in wanted.items():
        assert found[arm] == pytest.approx(sums, rel=1e-9)
    again = OutcomeMoments.from_dict(json.loads(json.dumps(stored.to_dict())))
    assert again.spans == stored.spans
    assert without_small_cells(again, CONTRACT) is again


@pytest.mark.parametrize(
    ("segments", "days", "units", "share"),
    [(1, 28, 500, 0.5), (3, 60, 2000, 0.5), (4, 28, 3000, 0.9), (3, 60, 2000, 0.1), (5, 90, 10_000, 0.1)],
)  # fmt: skip
def test_the_lift_stays_what_it_is_where_strata_have_enough_units(
    segments: int, days: int, units: int, share: float
) -> None:
    """Small cells join others of their own stratum: estimate, interval and number of strata are the same."""
    for seed in range(4):
        moments = log(seed, units=units, segments=segments, days=days, share=share)
        stored = without_small_cells(moments, CONTRACT)
        assert len(stored.cells) < len(moments.cells)
        before, after = (measured(m, CONTRACT) for m in (moments, stored))
        for key in ("lift", "low", "high"):
            wanted = getattr(before.realized.estimate, key)
            assert getattr(after.realized.estimate, key) == pytest.approx(wanted, abs=1e-9)
        assert after.comparison == before.comparison


def test_a_small_log_is_stored_as_one_cell_an_arm_and_said() -> None:
    """An arm of fewer than ten units in all has no cell but its total."""
    moments = log(3, units=14, segments=3, days=9)
    stored = without_small_cells(moments, CONTRACT)
    assert stored.cells.arm.tolist() == [HOLDOUT, TREATMENT]
    assert stored.cells.n.sum() == 14
    assert "nobody's outcome can be read from the record" in stored.notes[-1]


def test_what_has_no_counterpart_and_too_few_units_is_compared_with_nothing() -> None:
    """A few treated units of another time stay out of the comparison, and count as left out."""
    day = np.r_[np.repeat(np.arange(14), 40), np.full(9, 40)]
    arm = np.r_[np.tile([HOLDOUT, TREATMENT], 280), np.full(9, TREATMENT)]
    cells = Moments.of_units(
        {"outcome": np.arange(569.0)}, arm, period=FIRST + day.astype("timedelta64[D]")
    )
    moments = with_cut(OutcomeMoments(cells, {}, "2027-12-01T00:00:00+00:00"), CONTRACT)
    stored = without_small_cells(moments, CONTRACT)
    kept = stored.cells.segment == NO_COUNTERPART
    assert stored.cells.n[kept].min() >= 10
    found = measured(stored, CONTRACT).comparison
    assert found is not None
    assert found.left_out == stored.cells.n[kept].sum()
    assert stored.cells.n.sum() == 569


def test_cells_of_enough_units_are_stored_as_they_are() -> None:
    """Nothing is merged, and nothing is said."""
    moments = log(1, units=4000, segments=2, days=20)
    assert without_small_cells(moments, CONTRACT) is moments
