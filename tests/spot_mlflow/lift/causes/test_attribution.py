from __future__ import annotations

import itertools
import math
from dataclasses import replace

import brute_force
import numpy as np
import pytest
from funnel_logs import FUNNEL, make_contract, make_units
from hypothesis import given, settings
from hypothesis import strategies as st

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.results import RealizedLift

OPTIONAL = ("value", "cost", *FUNNEL)
SUBSETS = [c for r in range(len(OPTIONAL) + 1) for c in itertools.combinations(OPTIONAL, r)]
UNITS = make_units()


def sums_exactly(bridge):
    """Whether both splits sum to their gaps within 1e-12 of the sum of absolute values."""
    splits = [
        ([c.lift.lift for c in bridge.contributions], bridge.promised_lift, bridge.realized_lift)
    ]
    if bridge.promised_money is not None:
        money = [c.money.lift for c in bridge.contributions]
        splits.append((money, bridge.promised_money, bridge.realized_money))
    for parts, promised, realized in splits:
        # Where nothing moved the levels' own rounding is all there is.
        room = 1e-12 * math.fsum(map(abs, parts)) + 4e-16 * (abs(promised) + abs(realized))
        if abs(math.fsum(parts) - (realized - promised)) > room:
            return False
    return True


def post_stratified(cells, measure, sign=1.0):
    """Treated minus holdout mean over segments with both arms, weighted by their units."""
    at = cells.measures.index(measure)
    gaps, weights = [], []
    for s in sorted(set(cells.segment)):
        mean = {}
        inside = cells.segment == s
        for arm in (TREATMENT, HOLDOUT):
            here = inside & (cells.arm == arm)
            n = cells.n[here].sum()
            mean[arm] = cells.center[at] + cells.s1[here, at].sum() / n if n else None
        if None not in mean.values():
            gaps.append(sign * (mean[TREATMENT] - mean[HOLDOUT]))
            weights.append(cells.n[inside].sum())
    return float(np.average(gaps, weights=weights))


@pytest.mark.parametrize("columns", SUBSETS, ids="+".join)
def test_every_combination_of_columns_sums_to_the_post_stratified_gap(columns):
    """Whatever was logged, the parts sum to realized minus promised, told by other arithmetic."""
    log, contract = UNITS.log("outcome", *columns), make_contract()
    bridge = attribute(log, contract)
    assert sums_exactly(bridge)
    lift = post_stratified(log.cells, "outcome")
    assert bridge.realized_lift == pytest.approx(lift, rel=1e-12)
    assert bridge.promised_lift == pytest.approx(0.08, rel=1e-12)
    reach = 0.95 * 0.95
    assert bridge.promised_money == pytest.approx(0.08 * 40 - reach * 0.5, rel=1e-12)
    gain = post_stratified(log.cells, "value") if "value" in columns else 40 * lift
    if "cost" in columns:
        assert bridge.realized_money == pytest.approx(
            gain - post_stratified(log.cells, "cost"), rel=1e-9
        )
    elif "delivered" in columns:
        contacts = post_stratified(log.cells, "delivered")
        assert bridge.realized_money == pytest.approx(gain - 0.5 * contacts, rel=1e-9)


@pytest.mark.parametrize("columns", SUBSETS, ids="+".join)
def test_every_part_is_what_brute_force_says(columns):
    """From raw units, one coalition at a time: the same parts, by Shapley and by waterfall."""
    log, contract, other = (
        UNITS.log("outcome", *columns),
        make_contract(),
        brute_force.Bridge(UNITS, columns),
    )
    order = sorted(other.players)
    split = {
        "Shapley": (attribute(log, contract), other.shapley),
        f"waterfall: {', '.join(order)}": (
            attribute(log, contract, order=order),
            lambda game: other.waterfall(game, order),
        ),
    }
    for rule, (bridge, parts) in split.items():
        assert bridge.rule == rule
        for game in ("lift", "money"):
            found = {c.cause: getattr(c, game).lift for c in bridge.contributions}
            assert found == pytest.approx(parts(game), rel=1e-9, abs=1e-14)


@st.composite
def awkward_logs(draw):
    """Small logs of any shape: empty arms and segments, no delivery, lifts below 0."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    columns = draw(st.sampled_from(SUBSETS))
    segments = draw(st.integers(1, 4))
    stop = draw(st.sampled_from(["", "offered", "delivered", "on_time"]))
    n = draw(st.integers(20, 200))
    arm = rng.choice([TREATMENT, HOLDOUT], n)
    segment = rng.choice(["gold", "plain", "new", "odd"][:segments], n)
    if draw(st.booleans()):  # a segment that lost its holdout
        arm[segment == segment[0]] = TREATMENT
    arm[:2], segment[:2] = (TREATMENT, HOLDOUT), "plain" if segments > 1 else "gold"
    through = np.ones(n, dtype=bool) & (arm == TREATMENT)
    x = {}
    for stage in ("offered", "delivered", "on_time"):
        through = through & (rng.random(n) < rng.random()) & (stage != stop)
        x[stage] = through.astype(float)
    x["system_failure"] = (x["offered"] - x["delivered"]) * (rng.random(n) < 0.5)
    x["outcome"] = (rng.random(n) < np.where(arm == TREATMENT, *rng.random(2))).astype(float)
    x["value"] = x["outcome"] * rng.normal(10, 30, n)
    x["cost"] = (arm == TREATMENT) * rng.random(n)
    kept = {k: x[k] for k in ("outcome", *columns)}
    return OutcomeMoments(Moments.of_units(kept, arm, segment=segment), {}, as_of="")


@settings(max_examples=150)
@given(
    awkward_logs(),
    st.booleans(),
    st.sampled_from(["absolute", "relative"]),
    st.sampled_from(["increase", "decrease"]),
    st.floats(0, 5),
)
def test_awkward_logs_are_split_exactly_too(log, mix, effect, direction, incentive):
    """Empty segments and arms, zero delivery, negative lift: the parts still sum to the gap."""
    economics = {"value": 40, "offer_cost": 0.4, "incentive": incentive, "cost_to_serve": 3}
    contract = make_contract(mix=mix, effect=effect, direction=direction, economics=economics)
    holdout = log.cells.select(log.cells.arm == HOLDOUT)
    if effect == "relative" and holdout.nonzero[:, 0].sum() == 0:
        with pytest.raises(InvalidInput, match="holdout's mean outcome is 0"):
            attribute(log, contract)
        return
    bridge = attribute(log, contract)
    assert sums_exactly(bridge)
    for c in bridge.contributions:
        assert c.lift.low <= c.lift.lift <= c.lift.high


def test_a_kept_promise_has_no_parts():
    """Where the log is exactly what was promised, every contribution is 0."""
    n = 1000
    arm = np.repeat([TREATMENT, HOLDOUT], n)
    good = np.r_[np.arange(n) < 300, np.arange(n) < 200].astype(float)
    reached = np.r_[np.arange(n) < 500, np.zeros(n)].astype(float)
    cells = Moments.of_units({"outcome": good, "offered": reached, "delivered": reached}, arm)
    contract = make_contract(
        mix=False, predicted=0.1, funnel={"offered": 0.5}, economics={"value": 10, "offer_cost": 1}
    )
    bridge = attribute(OutcomeMoments(cells, {}, as_of=""), contract)
    for c in bridge.contributions:
        assert c.lift.lift == pytest.approx(0, abs=1e-15)
        assert c.money.lift == pytest.approx(0, abs=1e-14)
        assert not c.found


def test_two_factors_have_the_parts_one_computes_by_hand():
    """Delivery .8 instead of 1 and response .2 instead of .3: -.05 and -.09 by Shapley."""
    n = 1000
    arm = np.repeat([TREATMENT, HOLDOUT], n)
    good = np.r_[np.arange(n) < 160, np.zeros(n)].astype(float)
    reached = np.r_[np.arange(n) < 800, np.zeros(n)].astype(float)
    cells = Moments.of_units(
        {"outcome": good, "offered": np.r_[np.ones(n), np.zeros(n)], "delivered": reached}, arm
    )
    contract = make_contract(mix=False, predicted=0.3, funnel={}, economics=None)
    bridge = attribute(OutcomeMoments(cells, {}, as_of=""), contract)
    assert bridge.contribution("delivery").lift.lift == pytest.approx(-0.2 * (0.3 + 0.2) / 2)
    assert bridge.contribution("response").lift.lift == pytest.approx(-0.1 * (1 + 0.8) / 2)
    fall = attribute(OutcomeMoments(cells, {}, as_of=""), contract, order=["delivery", "response"])
    assert fall.contribution("delivery").lift.lift == pytest.approx(-0.2 * 0.3)
    assert fall.contribution("response").lift.lift == pytest.approx(-0.1 * 0.8)
    assert fall.rule == "waterfall: delivery, response, coverage"


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"share": 0.1}, "mix"),
        ({"offered": 0.6}, "coverage"),
        ({"system": 0.6}, "system"),
        ({"delivered": 0.5}, "delivery"),
        ({"on_time": 0.5}, "timeliness"),
        ({"response": (0.02, 0.01)}, "response"),
        ({"value": 12.0}, "value"),
        ({"cost": 2.5}, "cost"),
    ],
)
def test_a_planted_cause_is_named_first_and_no_other(changes, cause):
    """A log with one thing wrong has that cause ranked first and found, and none besides."""
    right = {"offered": 0.95, "system": 1.0, "delivered": 0.95, "on_time": 0.95, "share": 0.5}
    kept = make_contract(predicted={"lift": 0.95**3 * 0.09})
    bridge = attribute(make_units(100_000, **{**right, **changes}, seed=11).log(), kept)
    assert bridge.ranked[0] == cause
    assert [c.cause for c in bridge.losses] == [cause]


def test_segments_say_where_a_contribution_comes_from():
    """The parts of the segments sum to the contribution, in lift and in money."""
    bridge = attribute(UNITS.log(), make_contract())
    for c in bridge.contributions:
        assert [s.label for s in c.segments] == ["gold", "plain"]
        assert sum(s.lift for s in c.segments) == pytest.approx(c.lift.lift, abs=1e-15)
        assert sum(s.money for s in c.segments) == pytest.approx(c.money.lift, abs=1e-13)


def test_letters_sum_their_causes():
    """Every contribution is in the sum of its letter, and the letters sum to the gap."""
    bridge = attribute(UNITS.log(), make_contract())
    letters = {p.letter: p for p in bridge.letters}
    assert set(letters) == {"S", "P", "O", "T"}
    assert sum(p.money.lift for p in bridge.letters) == pytest.approx(bridge.money_gap.lift)
    causes = {c.cause: c.letter for c in bridge.contributions}
    assert causes == {
        "mix": "S", "coverage": "P", "system": "T", "delivery": "O",
        "timeliness": "T", "response": "O", "value": "S", "cost": "P",
    }  # fmt: skip


def test_intervals_agree_with_the_bootstrap():
    """Standard errors of all contributions are those of resampled units, within what 120 resamples can tell."""
    units = make_units(5_000, seed=3)
    contract = make_contract(predicted={"lift": 0.08})
    told = attribute(units.log(), contract)
    rng = np.random.default_rng(8)
    draws = []
    n = len(units.arm)
    for _ in range(120):
        i = rng.integers(0, n, n)
        again = replace(
            units,
            measures={k: v[i] for k, v in units.measures.items()},
            arm=units.arm[i],
            segment=units.segment[i],
        )
        draws.append([c.money.lift for c in attribute(again.log(), contract).contributions])
    for c, se in zip(told.contributions, np.std(draws, axis=0), strict=True):
        assert c.money.se == pytest.approx(se, rel=0.3), c.cause


def headline(lift, se):
    """A headline of another estimator."""
    estimate = Interval(lift, lift - 1.96 * se, lift + 1.96 * se, se)
    return RealizedLift(estimate, 1, 1, 0.1, 0.1, lift, None, "adjusted", "A")


def test_the_bridge_ends_at_the_headline_and_is_no_narrower():
    """With an adjusted, clustered headline the realized level and the width are its own."""
    plain = attribute(UNITS.log(), make_contract())
    given_ = attribute(UNITS.log(), make_contract(), headline(0.045, 0.02))
    assert given_.realized_lift == pytest.approx(0.045)
    assert sums_exactly(given_)
    assert given_.gap.se > 2 * plain.gap.se
    assert given_.contribution("delivery").money.se > plain.contribution("delivery").money.se


def test_without_holdout_there_is_nothing_to_split():
    """A log with one arm is refused, and the message says which columns to look at."""
    cells = UNITS.moments().select(UNITS.moments().arm == TREATMENT)
    with pytest.raises(InvalidInput, match=r"columns\.holdout"):
        attribute(OutcomeMoments(cells, {}, as_of=""), make_contract())


def test_an_unknown_factor_in_the_order_is_named_with_the_nearest():
    """A misspelt factor is refused with the known one nearest to it."""
    with pytest.raises(InvalidInput, match="did you mean 'delivery'"):
        attribute(UNITS.log(), make_contract(), order=["delivry"])


def test_monitored_intervals_are_wider():
    """A contract that may be looked at daily has wider parts than one looked at once."""
    once = attribute(UNITS.log(), make_contract())
    daily = attribute(UNITS.log(), make_contract(looks="monitored", planned_units=40_000))
    for a, b in zip(once.contributions, daily.contributions, strict=True):
        assert b.lift.high - b.lift.low >= a.lift.high - a.lift.low
