from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from funnel_logs import make_contract, make_units
from statsmodels.stats.proportion import proportions_ztest

from spot_mlflow.lift.findings import findings_of, steps_of
from spot_mlflow.lift.moments import HOLDOUT, TREATMENT, Moments, OutcomeMoments

LATE = make_units(12_000, late_team="West")
EVEN = make_units(12_000)


def found(units, **more):
    """Findings of a log with teams."""
    return findings_of(
        replace(units.log(periods=True), teams=units.teams(), **more), make_contract()
    )


def test_the_team_that_did_not_deliver_stands_out():
    """The worst shown finding is the team's delivery, with its part of all that was lost."""
    first = found(LATE)[0]
    assert (first.dimension, first.label, first.factor) == ("team", "West", "delivery")
    assert first.shown
    assert first.worse
    t = LATE.arm == TREATMENT
    attempted = t & (LATE.measures["offered"] == 1) & (LATE.measures["system_failure"] == 0)
    lost = attempted & (LATE.measures["delivered"] == 0)
    west = LATE.team == "West"
    assert first.level.lift == pytest.approx(lost[west].sum() / attempted[west].sum())
    assert first.part == pytest.approx(lost[west].sum() / lost.sum())
    assert first.others == pytest.approx(lost[~west].sum() / attempted[~west].sum())


def test_p_values_are_those_of_statsmodels():
    """Each step's p value is the pooled two-sample test of shares."""
    f = next(x for x in found(EVEN) if (x.label, x.factor) == ("West", "delivery"))
    t = EVEN.arm == TREATMENT
    attempted = t & (EVEN.measures["offered"] == 1) & (EVEN.measures["system_failure"] == 0)
    lost = attempted & (EVEN.measures["delivered"] == 0)
    west = EVEN.team == "West"
    counts = [lost[west].sum(), lost[~west].sum()]
    sizes = [attempted[west].sum(), attempted[~west].sum()]
    assert f.p_value == pytest.approx(proportions_ztest(counts, sizes)[1])


def test_noise_is_not_read():
    """In 40 logs where all teams and weeks are alike, hardly any has a finding."""
    told = 0
    for seed in range(40):
        units = make_units(3_000, seed=100 + seed, response=(0.08, 0.08))
        rows = [f for f in found(units) if f.dimension in {"team", "week"}]
        told += any(f.shown for f in rows)
    assert told <= 8  # 5 % in each of two dimensions; more than 8 of 40 has chance 0.01


def test_every_step_counts_those_who_reached_it():
    """A missing column folds its step into the next one."""
    cells = LATE.moments("delivered", "on_time", segments=False)
    treated = cells.select(cells.arm == TREATMENT)
    steps = {name: (reached.sum(), passed.sum()) for name, reached, passed in steps_of(treated)}
    t = LATE.arm == TREATMENT
    delivered = LATE.measures["delivered"][t].sum()
    assert steps == {
        "coverage+delivery": pytest.approx((t.sum(), delivered)),
        "timeliness": pytest.approx((delivered, LATE.measures["on_time"][t].sum())),
    }


def test_segments_differ_in_lift():
    """The segment with half the response has a lower lift than the other, and it is shown."""
    rows = [f for f in found(make_units(60_000)) if (f.dimension, f.factor) == ("segment", "lift")]
    plain = next(f for f in rows if f.label == "plain")
    assert plain.worse
    assert plain.shown
    assert plain.others > plain.level.lift


def test_offers_are_compared_where_the_holdout_names_them_too():
    """By offer, the offer that does nothing stands out."""
    rng = np.random.default_rng(4)
    n = 20_000
    offer = rng.choice(["discount", "letter"], n)
    arm = np.where(rng.random(n) < 0.5, TREATMENT, HOLDOUT)
    good = rng.random(n) < 0.1 + 0.1 * ((arm == TREATMENT) & (offer == "discount"))
    offers = Moments.of_units({"outcome": good.astype(float)}, arm, segment=offer)
    log = OutcomeMoments(offers.collapse("arm"), {}, as_of="", offers=offers)
    rows = [f for f in findings_of(log, make_contract()) if f.shown and f.worse]
    assert [(f.dimension, f.label) for f in rows] == [("offer", "letter")]
