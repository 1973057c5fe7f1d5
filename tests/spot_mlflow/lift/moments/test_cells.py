from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from spot_mlflow.lift.estimators.arm import arms_of
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import Fault, OutcomeMoments


def units(rng, n=300):
    """Units of three arms, four segments and five days, with two measures."""
    return {
        "measures": {"outcome": rng.random(n), "value": 1e6 + rng.standard_normal(n)},
        "arm": np.array([HOLDOUT, "mail", "call"])[rng.integers(0, 3, n)],
        "segment": np.array(["a", "b", "c", "d"])[rng.integers(0, 4, n)],
        "period": np.datetime64("2027-01-01") + rng.integers(0, 5, n),
    }


def test_sums_agree_with_the_reference_figures(reference, samples):
    """Units, sums, squares and cross-products of outcome and covariate, taken out of centred sums."""
    for key, sample in samples.items():
        known = reference[key]
        table = sample.cells.collapse("arm")
        for i, arm in enumerate(("c", "t")):  # the holdout sorts first
            n, center = int(table.n[i]), table.center
            assert n == known[f"n_{arm}"] == known[f"agg_{arm}"]["n"], key
            sums = table.s1[i] + n * center
            cross = np.outer(center, table.s1[i])
            products = table.s2[i] + cross + cross.T + n * np.outer(center, center)
            assert sums[0] / n == pytest.approx(known[f"mean_{arm}"], rel=1e-9), key
            assert sums[0] == pytest.approx(known[f"agg_{arm}"]["sum"], rel=1e-9), key
            squares = known[f"agg_{arm}"]["sum_squares"]
            assert products[0, 0] == pytest.approx(squares, rel=1e-9), key
            if sample.covariate is None:
                continue
            told = known[f"x_{arm}"]
            found = [n, sums[1], products[1, 1], products[0, 1]]
            expected = [told["n"], told["sum"], told["sum_squares"], known[f"xy_{arm}"]]
            assert found == pytest.approx(expected, rel=1e-9), key


KEYS = ("segment", "arm", "period")


@settings(max_examples=40)
@given(seed=some.integers(0, 2**31), keys=some.permutations(KEYS), size=some.integers(0, 3))
def test_adding_up_is_what_reducing_again_gives(seed, keys, size):
    """Any coarser table, in the order of its keys, equals the units reduced to those keys."""
    world = units(np.random.default_rng(seed))
    kept = tuple(keys[:size])
    fine = Moments.of_units(
        world["measures"], world["arm"], segment=world["segment"], period=world["period"]
    )
    found = fine.collapse(*kept)
    labels = [world[k].astype(str) for k in kept]
    groups = sorted(set(zip(*labels, strict=True))) if kept else [()]
    assert len(found) == len(groups)
    for i, group in enumerate(groups):
        mine = np.ones(300, dtype=bool)
        for k, value in zip(kept, group, strict=True):
            mine &= world[k].astype(str) == value
            assert str(getattr(found, k)[i]) == value
        z = np.column_stack(list(world["measures"].values()))[mine] - found.center
        assert found.n[i] == mine.sum()
        assert found.s1[i] == pytest.approx(z.sum(axis=0), abs=1e-9)
        assert found.s2[i] == pytest.approx(z.T @ z, abs=1e-7)
        assert found.largest[i] == pytest.approx((z + found.center).max(axis=0))


def test_a_table_is_added_up_once_and_never_changed():
    """The same answer again, the coarser made of the finer; the table itself stays as it was."""
    fine = Moments.of_units(**units(np.random.default_rng(1)))
    before = fine.s1.copy()
    assert fine.collapse("segment", "arm") is fine.collapse("segment", "arm")
    total = fine.collapse("segment", "arm").collapse()
    assert fine.collapse().n[0] == total.n[0] == 300
    assert (fine.s1 == before).all()


def test_an_empty_table_stays_empty():
    """No cell, by any keys, and no error."""
    full = Moments.of_units(**units(np.random.default_rng(1)))
    none = full.select(np.zeros(len(full), dtype=bool))
    for keys in ((), ("arm",), KEYS):
        assert len(none.collapse(*keys)) == 0
    assert none.arms() == []


def test_arms_are_the_treatment_arms():
    """Sorted, the holdout not among them."""
    assert Moments.of_units(**units(np.random.default_rng(1))).arms() == ["call", "mail"]


def test_everything_survives_json():
    """Tables, clusters, faults and notes come back equal; NaT and -inf as well."""
    rng = np.random.default_rng(2)
    world = units(rng)
    cells = Moments.of_units(world["measures"], world["arm"])
    clusters = ClusterMoments(
        arm=np.array([HOLDOUT, "mail"], dtype=object),
        clusters=np.array([3, 4]),
        assigned_clusters=np.array([3, 5]),
        center=np.array([0.5, 0.0]),
        s1=rng.random((2, 3)),
        s2=rng.random((2, 3, 3)),
        events=np.array([2, 1]),
        straddling=1,
    )
    whole = OutcomeMoments(
        cells,
        {"missing_arm": Fault("missing_arm", 2, 300, ("u1",))},
        "2027-01-01",
        clusters=clusters,
        teams=cells,
        notes=("a note",),
        rows=300,
    )
    again = OutcomeMoments.from_dict(json.loads(json.dumps(whole.to_dict())))
    assert again.to_dict() == whole.to_dict()
    assert np.isnat(again.cells.period).all()
    assert again.faults == whole.faults
    assert again.clusters is not None
    assert again.clusters.s2 == pytest.approx(clusters.s2)


def test_days_are_put_into_the_periods_of_the_contract():
    """Weeks begin on Mondays, no sum changes, and a day that is not known stays unknown."""
    days = np.array(["2027-01-03", "2027-01-04", "2027-01-10", "NaT"], dtype="datetime64[D]")
    daily = Moments.of_units({"outcome": [1.0, 2.0, 4.0, 8.0]}, [TREATMENT] * 4, period=days)
    weekly = daily.by_period(timedelta(days=7)).collapse("period")
    assert weekly.period.astype(str).tolist() == ["2026-12-28", "2027-01-04", "NaT"]
    assert weekly.n.tolist() == [1, 2, 1]
    assert (weekly.s1[:, 0] + weekly.n * weekly.center[0]).tolist() == pytest.approx([1, 6, 8])
    assert daily.by_period(None) is daily


def test_negative_outcomes_are_counted_and_old_records_leave_it_open():
    """A count per cell that adds up; what was stored without it is unknown, and stays so in a sum."""
    made = Moments.of_units(
        {"outcome": np.array([-1.0, 2, -3, 0, 5])}, ["treatment"] * 3 + ["holdout"] * 2
    )
    assert made.collapse("arm").negative.tolist() == [0.0, 2.0]
    again = Moments.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again.negative.tolist() == made.negative.tolist()
    old = {k: v for k, v in made.to_dict().items() if k != "negative"}
    assert np.isnan(Moments.from_dict(old).collapse().negative).all()
    assert arms_of(Moments.from_dict(old))[0].negative is None
    assert arms_of(made)[0].negative == 2
