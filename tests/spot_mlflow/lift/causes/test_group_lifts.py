from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.causes.group_lifts import group_lifts
from spot_mlflow.lift.causes.segment_promise import PromisedLevels
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT

UNITS = make_units(8_000, late_team="West")


def lift_per_reached(y, reached, arm, which):
    """Bloom's estimate of some units: difference in means over the share reached."""
    t, h = which & (arm == TREATMENT), which & (arm == HOLDOUT)
    return (y[t].mean() - y[h].mean()) / reached[t].mean()


def test_the_lift_per_reached_unit_and_its_error_are_those_of_resampled_units():
    """Estimate and linearized error by other arithmetic, and within what 300 resamples can tell."""
    table = Moments.of_units(UNITS.measures, UNITS.arm, segment=UNITS.team)
    rows = group_lifts(table, make_contract(mix=False), {}, per_reached=True)
    west = next(g for g in rows if g.label == "West")
    y, reached = UNITS.measures["outcome"], UNITS.measures["on_time"]
    here = UNITS.team == "West"
    assert west.lift == pytest.approx(lift_per_reached(y, reached, UNITS.arm, here))
    t, h = here & (UNITS.arm == TREATMENT), here & (UNITS.arm == HOLDOUT)
    residual = y - west.lift * reached  # the share reached varies with the outcome
    variance = residual[t].var(ddof=1) / t.sum() + y[h].var(ddof=1) / h.sum()
    assert west.se == pytest.approx(np.sqrt(variance) / reached[t].mean(), rel=1e-9)
    rng = np.random.default_rng(3)
    index = np.flatnonzero(here)
    draws = []
    for _ in range(300):
        i = rng.choice(index, len(index))
        draws.append(lift_per_reached(y[i], reached[i], UNITS.arm[i], np.ones(len(i), dtype=bool)))
    assert west.se == pytest.approx(np.std(draws), rel=0.15)


def test_without_a_logged_step_there_is_no_lift_per_reached_unit():
    """Nobody knows who was reached; the lift per unit is told all the same."""
    table = Moments.of_units({"outcome": UNITS.measures["outcome"]}, UNITS.arm, segment=UNITS.team)
    assert list(group_lifts(table, make_contract(mix=False), {}, per_reached=True)) == []
    assert len(list(group_lifts(table, make_contract(mix=False), {}, per_reached=False))) == 3


@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_others_are_weighted_by_their_units(direction):
    """All the others together: their lift weighted by size, in improvement units."""
    table = Moments.of_units({"outcome": UNITS.measures["outcome"]}, UNITS.arm, segment=UNITS.team)
    contract = make_contract(mix=False, direction=direction)
    rows = {g.label: g for g in group_lifts(table, contract, {}, per_reached=False)}
    size = {g: (UNITS.team == g).sum() for g in rows}
    for label, g in rows.items():
        rest = [x for x in rows if x != label]
        mean = np.average([rows[x].lift for x in rest], weights=[size[x] for x in rest])
        assert g.others == pytest.approx(mean)
        assert g.expected == g.others


def test_a_relative_lift_over_nothing_is_not_told():
    """West's holdout has no outcome at all: of it, and against it alone, nothing is said."""
    west, held = UNITS.team == "West", UNITS.arm == HOLDOUT
    y = np.where(west & held, 0.0, UNITS.measures["outcome"])
    table = Moments.of_units({"outcome": y}, UNITS.arm, segment=UNITS.team)
    contract = make_contract(mix=False, effect="relative")
    rows = {g.label: g for g in group_lifts(table, contract, {}, per_reached=False)}
    assert set(rows) == {"North", "South"}
    nobody = PromisedLevels(0.05, float("nan"), {})
    promises = dict.fromkeys(("North", "South", "West"), nobody)
    kept = group_lifts(table, contract, promises, per_reached=False)
    assert {g.label for g in kept} == set(rows)
    assert all(abs(g.lift) < 10 and abs(g.others) < 10 for g in rows.values())
