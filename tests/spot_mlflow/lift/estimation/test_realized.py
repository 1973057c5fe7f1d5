from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimation.realized import effective_counts, one_look, realize
from spot_mlflow.lift.estimators.arm import arms_of
from spot_mlflow.lift.estimators.difference import welch
from spot_mlflow.lift.estimators.relative import score_ratio
from spot_mlflow.lift.estimators.score_difference import score_difference
from spot_mlflow.lift.estimators.sequence import confidence_sequence
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.verdict.judge import judge


def test_one_look_at_rates_shows_the_score(rates, contract):
    """Absolute: Miettinen and Nurminen's. Relative: the skew-corrected one. On the arm's own counts."""
    moments = rates(300, 2000, 80, 800)
    chosen = estimate_means(moments, contract())
    found = realize(chosen, contract()).realized
    known = score_difference(300, 2000, 80, 800)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((known.low, known.high))
    assert found.estimate.se == pytest.approx(welch(*arms_of(moments.cells)).se)
    assert found.p_value == pytest.approx(known.p_value)
    ratio = realize(chosen, contract(effect="relative")).realized
    score = score_ratio(300, 2000, 80, 800)
    assert (ratio.estimate.low, ratio.estimate.high) == pytest.approx((score.low, score.high))
    assert found.always_valid is None


def test_effective_counts_of_plain_rates_are_the_counts(rates, contract):
    """No design effect: events and units themselves; twice the variance, half of both."""
    chosen = estimate_means(rates(300, 2000, 80, 800), contract())
    m = chosen.means
    assert effective_counts(m.treated, m.var_treated, chosen.treated) == pytest.approx((300, 2000))
    assert effective_counts(m.treated, 2 * m.var_treated, chosen.treated) == pytest.approx(
        (150, 1000)
    )
    assert effective_counts(0.0, 0.0, chosen.treated) == (0.0, 2000.0)


def test_an_arm_without_events_gets_a_bounded_interval(rates, contract):
    """No event in 50 units, or in any unit, is no certainty of 0."""
    chosen = estimate_means(rates(5, 500, 0, 50), contract())
    found = realize(chosen, contract()).realized
    known = score_difference(5, 500, 0, 50)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((known.low, known.high))
    none = realize(estimate_means(rates(0, 500, 0, 50), contract()), contract()).realized
    assert -0.1 < none.estimate.low < 0 < none.estimate.high < 0.1
    assert none.reliable
    assert found.estimate.low < 0 < found.estimate.high


def test_money_without_spread_has_no_interval(log, contract):
    """A holdout that never spent anything bounds nothing, and the reader is told."""
    arm = [TREATMENT] * 50 + [HOLDOUT] * 20
    moments = log(arm, outcome=np.r_[np.arange(50.0), np.zeros(20)])
    found = realize(
        estimate_means(moments, contract(kind="money")), contract(kind="money")
    ).realized
    assert (found.estimate.low, found.estimate.high) == (-math.inf, math.inf)
    assert not found.reliable
    assert any("no spread in an arm" in c for c in found.caveats)


def test_monitored_shows_the_sequence(rates, contract):
    """Interval and p value shown are those that hold at every look: p < alpha where 0 is outside."""
    made = contract(planned_units=5000)
    moments = rates(300, 2000, 80, 800)
    found = realize(estimate_means(moments, made), made).realized
    known = confidence_sequence(*arms_of(moments.cells), planned=5000)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((known.low, known.high))
    assert found.always_valid == found.estimate
    assert found.p_value == pytest.approx(known.p_value, rel=1e-9)
    assert found.p_value > welch(*arms_of(moments.cells)).p_value


def test_an_uncertain_promise_takes_half_of_the_error(rates, contract):
    """Monitored: viability at alpha, the verdict at alpha/2; a commitment takes none."""
    moments = rates(300, 2000, 80, 800)
    unsure = contract(predicted={"lift": 0.05, "se": 0.01}, planned_units=5000)
    basis = realize(estimate_means(moments, unsure), unsure).basis
    wide = confidence_sequence(*arms_of(moments.cells), alpha=0.025, planned=5000)
    assert (basis.verdict.low, basis.verdict.high) == pytest.approx((wide.low, wide.high))
    assert basis.viability.low > basis.verdict.low
    sure = contract(planned_units=5000)
    basis = realize(estimate_means(moments, sure), sure).basis
    assert basis.verdict == basis.viability


def test_a_second_look_at_one_look_says_so(rates, contract):
    """With the interval that holds at every look beside it; the interval shown stays."""
    moments = rates(300, 2000, 80, 800)
    chosen = estimate_means(moments, contract())
    first, second = (realize(chosen, contract(), previous_looks=k).realized for k in (0, 1))
    assert first.estimate == second.estimate
    assert first.always_valid is None
    assert second.always_valid is not None
    assert second.always_valid.low < second.estimate.low
    assert any("this is look 2" in c for c in second.caveats)


def test_comparisons_split_the_error(rates, contract):
    """Two arms: each at 97.5 %."""
    moments = rates(300, 2000, 80, 800)
    found = realize(estimate_means(moments, contract()), contract(), comparisons=2).realized
    known = score_difference(300, 2000, 80, 800, confidence=0.975)
    assert found.estimate.low == pytest.approx(known.low)


@pytest.mark.parametrize("effect", ["absolute", "relative"])
def test_decrease_is_an_improvement(rates, contract, effect):
    """Fewer complaints among the treated: a positive lift, the raw difference kept beside it."""
    moments = rates(40, 1000, 90, 1000)
    made = contract(direction="decrease", effect=effect)
    found = realize(estimate_means(moments, made), made).realized
    expected = 0.05 if effect == "absolute" else 5 / 9
    assert found.estimate.lift == pytest.approx(expected)
    assert found.estimate.low < found.estimate.lift < found.estimate.high
    assert found.raw_difference == pytest.approx(-0.05)


def test_the_burn_in_is_waited_for(rates, contract):
    """5 of 20 events after 1,000 units: about 3,000 more before any verdict; never for grade D."""
    made = contract(planned_units=5000)
    basis = realize(estimate_means(rates(30, 900, 5, 100), made), made).basis
    assert basis.at_least == 3000
    assert basis.hold
    before = contract(design="before_after")
    held = realize(estimate_means(rates(30, 900, 5, 100), before), before).basis
    assert held.hold.doubt == "design"
    assert judge(held, before).more_units == math.inf


def test_strata_scale_the_relative_interval(rates, contract):
    """Effective counts: a wider variance gives a wider score interval around the same ratio."""
    made = contract(effect="relative")
    chosen = estimate_means(rates(300, 2000, 80, 800), made)
    m = chosen.means
    wide = replace(
        chosen, means=replace(m, var_treated=3 * m.var_treated, var_holdout=3 * m.var_holdout)
    )
    a, b = one_look(chosen, made, 0.95), one_look(wide, made, 0.95)
    assert a.value == b.value
    assert b.low < a.low < a.high < b.high
