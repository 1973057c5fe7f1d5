from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from spot_mlflow.lift.holds.hold import DOUBTS, hold
from spot_mlflow.lift.holds.words import hold_words
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.results import Basis, Unseen
from spot_mlflow.lift.verdict.judge import (
    gap_between,
    judge,
    more_units,
    promised_half,
    ratio_of,
    viability,
)

Z = 1.959963984540054


def around(lift, se):
    """A symmetric 95 % interval."""
    return Interval(lift, lift - Z * se, lift + Z * se, se)


@pytest.mark.parametrize(
    ("lift", "verdict"),
    [(0.35, "met"), (0.60, "exceeded"), (0.10, "shortfall"), (0.22, "inconclusive")],
)
def test_the_four_verdicts(contract, lift, verdict):
    """Promise .35, tolerance .12, standard error .02: each verdict where the gap's bounds lie."""
    made = contract(predicted={"lift": 0.35}, tolerance=0.12)
    found = judge(Basis(around(lift, 0.02), around(lift, 0.02), units=1000), made)
    assert found.verdict == verdict
    assert found.gap.lift == pytest.approx(lift - 0.35)
    assert (found.more_units is None) is (verdict != "inconclusive")


def test_one_look_adds_the_variances(contract):
    """se_G^2 = se_R^2 + se_P^2."""
    made = contract(predicted={"lift": 0.3, "se": 0.03})
    gap = gap_between(around(0.25, 0.04), made)
    assert gap.se == pytest.approx(0.05)
    assert (gap.low, gap.high) == pytest.approx((-0.05 - Z * 0.05, -0.05 + Z * 0.05))


def test_monitored_adds_the_half_widths(contract):
    """G in [L_R - U_P, U_R - L_P], the prediction at half the error."""
    made = contract(predicted={"lift": 0.3, "se": 0.03}, planned_units=1000)
    half = 2.241402727604947 * 0.03  # the 98.75 % point
    assert promised_half(made, monitored=True) == pytest.approx(half)
    gap = gap_between(Interval(0.25, 0.1, 0.4), made, monitored=True)
    assert (gap.low, gap.high) == pytest.approx((0.1 - 0.3 - half, 0.4 - 0.3 + half))


def test_a_commitment_shifts_the_interval_and_no_more(contract):
    """Without a standard error the gap is as wide as the realized lift, relative as well."""
    for effect in ("absolute", "relative"):
        made = contract(predicted={"lift": 0.3}, effect=effect)
        gap = gap_between(Interval(0.25, 0.1, 0.5), made)
        assert (gap.lift, gap.low, gap.high) == pytest.approx((-0.05, -0.2, 0.2))


def test_a_relative_gap_is_combined_on_log_ratios(contract):
    """log(1.25/1.3) +- the root of both squares, and back at the promised ratio."""
    made = contract(predicted={"lift": 0.3, "se": 0.065}, effect="relative")
    realized = Interval(0.25, 1.25 * math.exp(-0.2) - 1, 1.25 * math.exp(0.2) - 1)
    half = math.hypot(0.2, Z * 0.065 / 1.3)
    gap = gap_between(realized, made)
    assert gap.low == pytest.approx(1.25 * math.exp(-half) - 1.3)
    assert gap.high == pytest.approx(1.25 * math.exp(half) - 1.3)


def test_a_relative_decrease_is_the_mirror(contract):
    """A fall to .75 of the holdout, promised .7: lift .25 of .3."""
    made = contract(predicted={"lift": 0.3, "se": 0.035}, effect="relative", direction="decrease")
    realized = Interval(0.25, 1 - 0.75 * math.exp(0.1), 1 - 0.75 * math.exp(-0.1))
    half = math.hypot(0.1, Z * 0.035 / 0.7)
    gap = gap_between(realized, made)
    assert gap.lift == pytest.approx(-0.05)
    assert gap.low == pytest.approx(0.7 - 0.75 * math.exp(half))
    assert gap.high == pytest.approx(0.7 - 0.75 * math.exp(-half))
    assert ratio_of(0.3, "decrease") == pytest.approx(0.7)


@settings(max_examples=100)
@given(
    lift=some.floats(-0.9, 3),
    spread=some.floats(0.001, 2),
    se=some.floats(0, 0.9),
    monitored=some.booleans(),
    relative=some.booleans(),
)
def test_uncertainty_of_the_promise_only_widens_the_gap(lift, spread, se, monitored, relative):
    """The gap's interval holds that of a commitment, and always holds the gap."""
    from spot_mlflow.lift.promise.contract import PredictedLift

    def made(**promise):
        return PredictedLift.load(
            {
                "metric": "m",
                "predicted": {"lift": 0.3, **promise},
                "effect": "relative" if relative else "absolute",
                "columns": {"arm": "a", "outcome": "y"},
            }
        )

    realized = Interval(lift, max(-1.0, lift - spread), lift + spread)
    sure = gap_between(realized, made(), monitored=monitored)
    unsure = gap_between(realized, made(se=se), monitored=monitored)
    slack = 1e-9 * (1 + abs(sure.low) + abs(sure.high))
    assert unsure.low <= sure.low + slack
    assert unsure.high >= sure.high - slack
    assert unsure.low <= unsure.lift <= unsure.high


@pytest.mark.parametrize(
    ("low", "high", "minimum", "expected"),
    [
        (0.11, 0.2, 0.1, "viable"),
        (0.05, 0.09, 0.1, "not viable"),
        (0.05, 0.2, 0.1, "undecided"),
        (0.05, 0.2, None, "undecided"),
    ],
)
def test_viability_looks_at_the_realized_lift_alone(low, high, minimum, expected):
    """Its lower bound above the minimum, its upper bound below, else undecided."""
    assert viability(Interval(0.1, low, high), minimum) == expected


def test_a_viable_shortfall_is_possible(contract):
    """The two verdicts answer two questions."""
    made = contract(predicted={"lift": 0.35, "se": 0.02}, minimum_viable=0.1, tolerance=0.05)
    found = judge(Basis(around(0.2, 0.02), around(0.2, 0.02), units=500), made)
    assert (found.verdict, found.viable) == ("shortfall", "viable")
    assert "20 points realized, 35 points promised" in found.reason


def test_more_units_by_the_formula(contract):
    """N' = n se_R^2 / ((dist/z)^2 - se_P^2), and days at the rate so far."""
    made = contract(predicted={"lift": 0.35, "se": 0.01}, tolerance=0.12)
    basis = Basis(around(0.25, 0.05), around(0.25, 0.05), units=1000, days=10)
    found = judge(basis, made)
    distance = 0.25 - 0.35 + 0.12
    needed = 1000 * 0.05**2 / ((distance / Z) ** 2 - 0.01**2) - 1000
    assert distance > 0
    assert found.verdict == "inconclusive"
    if needed > 0:
        assert found.more_units == math.ceil(needed)
        assert found.more_days == pytest.approx(found.more_units / 100)


def test_deciding_units_do_decide(contract):
    """With so many units, and the estimate as it is, the verdict is there; with 1 % less it is not."""
    made = contract(predicted={"lift": 0.35, "se": 0.004}, tolerance=0.12)
    basis = Basis(around(0.25, 0.05), around(0.25, 0.05), units=1000)
    extra = more_units(basis, made, gap=-0.1)
    assert extra is not None
    for factor, decided in ((1.0, True), (0.99, False)):
        se = 0.05 * math.sqrt(1000 / (factor * (1000 + extra)))
        found = judge(Basis(around(0.25, se), around(0.25, se), units=1), made)
        assert (found.verdict == "met") is decided


def test_never_where_the_prediction_is_too_uncertain(contract):
    """No number of units helps, and the sentence says why."""
    made = contract(predicted={"lift": 0.35, "se": 0.2}, tolerance=0.12)
    found = judge(Basis(around(0.3, 0.05), around(0.3, 0.05), units=1000), made)
    assert found.more_units == math.inf
    assert found.more_days is None
    assert "the prediction itself is too uncertain" in found.reason
    border = contract(predicted={"lift": 0.35}, tolerance=0.12)
    found = judge(Basis(around(0.23, 0.05), around(0.23, 0.05), units=1000), border)
    if found.more_units == math.inf:
        assert "lies on the tolerance" in found.reason


def test_what_blocks_is_the_reason(contract):
    """Blocked: inconclusive and undecided, whatever the bounds say; the least wait is counted."""
    made = contract(predicted={"lift": 0.35}, minimum_viable=0.01)
    basis = Basis(
        around(0.35, 0.001),
        around(0.35, 0.001),
        units=100,
        monitored=True,
        hold=hold("burn_in", seen=5, needed=20, counted="events"),
        at_least=300,
        days=2,
    )
    found = judge(basis, made)
    assert (found.verdict, found.viable) == ("inconclusive", "undecided")
    assert found.more_units == 300
    assert found.more_days == pytest.approx(6)
    assert found.reason.startswith("inconclusive, 5 of 20 events")
    assert "300 more units" in found.reason


@pytest.mark.parametrize("by", [by for by, doubt in DOUBTS.items() if doubt == "overlap"])
def test_what_more_units_cannot_mend_is_not_waited_for(contract, by):
    """A hold that is no lack of units names itself and its remedy, and never a number of units."""
    facts = {"units": 100, "left_out": 40} if by == "no_counterpart" else {}
    blocked = hold(by, **facts)
    reason, remedy = hold_words(blocked)
    basis = Basis(around(0.35, 0.2), around(0.35, 0.2), units=100, days=2, hold=blocked)
    found = judge(basis, contract(predicted={"lift": 0.35}))
    assert (found.verdict, found.doubt, found.remedy) == ("inconclusive", "overlap", remedy)
    assert found.blocked_by == blocked
    assert found.more_units == math.inf
    assert found.more_days is None
    assert found.reason == f"{reason}. {remedy}"


def test_nothing_known_is_inconclusive(contract):
    """NaN gives an open gap and a reason, never an exception."""
    nothing = Interval(math.nan, -math.inf, math.inf)
    few = hold("too_few_units", arm="treated", units=1)
    found = judge(Basis(nothing, nothing, units=0, hold=few), contract())
    assert (found.verdict, found.more_units) == ("inconclusive", None)
    assert (found.gap.low, found.gap.high) == (-math.inf, math.inf)
    assert found.reason == "too early: 1 treated units have an outcome, 2 are needed"


def test_a_tolerance_of_zero_never_gives_met(contract):
    """At or above the promise is exceeded, or not known."""
    made = contract(predicted={"lift": 0.35}, tolerance=0)
    assert judge(Basis(around(0.5, 0.01), around(0.5, 0.01), 100), made).verdict == "exceeded"
    assert judge(Basis(around(0.35, 0.01), around(0.35, 0.01), 100), made).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.25, 0.5, "met"),
        (0.2499, 0.5, "inconclusive"),
        (0.0, 0.25, "inconclusive"),
        (0.0, 0.2499, "shortfall"),
        (0.75, 1.0, "met"),
        (0.7501, 1.0, "exceeded"),
    ],
)
def test_a_bound_on_the_tolerance_is_within_it(contract, low, high, verdict):
    """Promise 1/2, tolerance 1/4: met begins at 1/4, shortfall below it, exceeded above 3/4."""
    made = contract(predicted={"lift": 0.5}, tolerance=0.25)
    realized = Interval((low + high) / 2, low, high)
    assert judge(Basis(realized, realized, units=100), made).verdict == verdict


MISSING = hold("outcomes_missing", missing={"treatment": 0.24}, within="these bounds")
SHORT = around(0.1, 0.02)  # of .35 promised
ABOVE = around(0.6, 0.02)


@pytest.mark.parametrize(
    ("gap", "lift", "verdict", "viable"),
    [
        (Interval(-0.25, -0.4, -0.2), Interval(0.1, 0.06, 0.2), "shortfall", "viable"),
        (Interval(-0.25, -0.4, -0.1), Interval(0.1, 0.06, 0.2), "inconclusive", "viable"),
        (Interval(-0.25, -0.4, -0.2), Interval(0.1, 0.01, 0.2), "shortfall", "undecided"),
        (None, Interval(0.1, 0.06, 0.2), "inconclusive", "viable"),
        (Interval(-0.25, -0.4, -0.2), None, "shortfall", "undecided"),
    ],
)
def test_missing_outcomes_leave_what_holds_whatever_they_were(contract, gap, lift, verdict, viable):
    """Each verdict is kept where the widest and the plain interval agree on it, and not otherwise."""
    made = contract(predicted={"lift": 0.35}, tolerance=0.12, minimum_viable=0.05)
    basis = Basis(SHORT, SHORT, units=1000, unseen=Unseen(MISSING, lift, gap))
    found = judge(basis, made)
    assert (found.verdict, found.viable) == (verdict, viable)
    assert found.blocked_by == (None if verdict == "shortfall" else MISSING)
    assert found.more_units == (None if verdict == "shortfall" else math.inf)
    assert found.never_because is None


def test_missing_outcomes_go_before_a_lack_of_units_and_after_a_faulty_log(contract):
    """More units would not bring the missing ones; what is wrong with the log is said first."""
    made = contract(predicted={"lift": 0.35}, tolerance=0.12)
    unseen = Unseen(MISSING, SHORT, Interval(-0.25, -0.4, -0.2))
    few, faulty = (
        hold("too_few_units", arm="treated", units=1),
        hold("faulty_log", faults=["ids occur twice"]),
    )
    for own, named in ((few, MISSING), (faulty, faulty)):
        found = judge(Basis(SHORT, SHORT, units=100, hold=own, unseen=unseen), made)
        assert (found.verdict, found.viable, found.blocked_by) == (
            "inconclusive",
            "undecided",
            named,
        )


def test_an_undecided_gap_is_not_decided_by_missing_outcomes(contract):
    """Inconclusive from the units there are stays so, and what is missing is named as the reason."""
    made = contract(predicted={"lift": 0.35}, tolerance=0.12)
    unsure = around(0.23, 0.05)
    unseen = Unseen(MISSING, unsure, Interval(-0.12, -0.3, 0.1))
    assert judge(Basis(unsure, unsure, units=100, unseen=unseen), made).blocked_by == MISSING


def test_why_no_number_of_units_would_decide_is_named(contract):
    """The promise's own uncertainty, or a gap exactly on the border; else nothing is."""
    vague = contract(predicted={"lift": 0.35, "se": 0.2}, tolerance=0.12)
    sure = contract(predicted={"lift": 0.5}, tolerance=0.25)
    for made, lift, never in ((vague, 0.3, "promise"), (sure, 0.25, "border"), (sure, 0.3, None)):
        realized = around(lift, 0.05)
        found = judge(Basis(realized, realized, units=1000), made)
        assert (found.verdict, found.never_because) == ("inconclusive", never)
        assert (found.more_units == math.inf) is (never is not None)
        assert (found.doubt, found.remedy, found.blocked_by) == ("units", "", None)


def test_a_decided_verdict_has_no_doubt_and_waits_for_nothing(contract):
    """Tolerance and minimum are named; units, days, doubt and reasons why not are none."""
    made = contract(predicted={"lift": 0.35}, tolerance=0.12, minimum_viable=0.05)
    found = judge(Basis(ABOVE, ABOVE, units=1000, days=10), made)
    assert (found.verdict, found.tolerance, found.minimum) == ("exceeded", 0.12, 0.05)
    assert (found.more_units, found.more_days, found.doubt) == (None, None, None)
    assert (found.blocked_by, found.never_because, found.remedy) == (None, None, "")


def test_no_event_in_the_holdout_leaves_one_bound(contract):
    """A lift without end: its lower bound less the promise and its uncertainty is all there is."""
    made = contract(predicted={"lift": 0.3, "se": 0.03})
    gap = gap_between(Interval(math.inf, 0.5, math.inf), made)
    half = Z * 0.03
    assert (gap.lift, gap.low, gap.high) == (math.inf, pytest.approx(0.2 - half), math.inf)
    falls = gap_between(Interval(-math.inf, -math.inf, -0.5), made)
    assert (falls.lift, falls.low, falls.high) == (-math.inf, -math.inf, pytest.approx(half - 0.8))


@pytest.mark.parametrize(("direction", "gone"), [("increase", -1.0), ("decrease", 1.0)])
def test_a_ratio_of_nothing_is_combined_as_absolute_lifts_are(contract, direction, gone):
    """With no event left among the treated there is no logarithm; half widths add as squares."""
    made = contract(predicted={"lift": 0.3, "se": 0.065}, effect="relative", direction=direction)
    promised = 1.3 if direction == "increase" else 0.7
    gap = gap_between(Interval(gone, gone - 0.1, gone + 0.2), made)
    half = Z * 0.065  # of the logarithm, times the promised ratio
    assert promised_half(made) == pytest.approx(half / promised)
    assert gap.low == pytest.approx(gone - 0.3 - math.hypot(0.1, half))
    assert gap.high == pytest.approx(gone - 0.3 + math.hypot(0.2, half))
    assert gap.se is None


def test_a_relative_gap_without_a_lower_or_an_upper_bound_stays_open(contract):
    """A ratio that may be nothing is at least nothing, and one without end has no upper bound."""
    made = contract(predicted={"lift": 0.3, "se": 0.065}, effect="relative", planned_units=1000)
    gap = gap_between(Interval(0.25, -1.0, math.inf), made, monitored=True)
    assert (gap.low, gap.high) == (pytest.approx(-1.3), math.inf)
    low = 1.25 * math.exp(-0.2) - 1
    half = promised_half(made, monitored=True)
    below = gap_between(Interval(0.25, low, math.inf), made, monitored=True)
    assert below.low == pytest.approx(1.25 * math.exp(-0.2 - half) - 1.3)


def test_verdicts_share_the_error_among_them(contract):
    """Four comparisons at 5 % in all: each takes the promise at 1.25 %."""
    made = contract(predicted={"lift": 0.3, "se": 0.03})
    assert promised_half(made, comparisons=4) == pytest.approx(2.497705474412175 * 0.03)
    assert promised_half(made, monitored=True, comparisons=2) == pytest.approx(
        2.497705474412175 * 0.03
    )
    basis = Basis(around(0.3, 0.03), around(0.3, 0.03), units=100, comparisons=4)
    wide = gap_between(basis.verdict, made, comparisons=4)
    assert judge(basis, made).gap == wide
    width = math.hypot(Z * 0.03, 2.497705474412175 * 0.03)
    assert (wide.low, wide.high) == pytest.approx((-width, width))
    daily = Basis(around(0.3, 0.03), around(0.3, 0.03), units=100, monitored=True)
    assert judge(daily, made).gap.high == pytest.approx(Z * 0.03 + 2.241402727604947 * 0.03)
    assert promised_half(contract(predicted={"lift": 0.3})) == 0


@pytest.mark.parametrize("effect", ["absolute", "relative"])
@pytest.mark.parametrize("lift", [0.16, 0.28])
def test_monitored_units_that_are_said_to_decide_do_decide(contract, effect, lift):
    """The half width on the side of the verdict, shrunk to them, plus the promise's own, reaches it."""
    made = contract(
        predicted={"lift": 0.35, "se": 0.01}, tolerance=0.12, planned_units=9000, effect=effect
    )
    realized = Interval(lift, lift - 0.2, lift + 0.1)
    extra = more_units(Basis(realized, realized, units=1000, monitored=True), made, gap=lift - 0.35)
    assert extra is not None
    half = 0.2 if lift > 0.23 else 0.1
    shrunk = half * math.sqrt(1000 / (1000 + extra))
    promised = 2.241402727604947 * 0.01
    distance = abs(lift - 0.23)
    assert shrunk + promised == pytest.approx(distance, rel=1e-3)
    assert shrunk + promised <= distance


def test_of_an_open_interval_no_units_are_reckoned(contract):
    """One bound without end, or no estimate: how many more is not known."""
    made = contract(predicted={"lift": 0.35}, tolerance=0.12)
    for realized in (Interval(0.3, -math.inf, 0.5), Interval(0.3, 0.1, math.inf)):
        assert more_units(Basis(realized, realized, units=10), made, gap=-0.05) is None
    known = around(0.3, 0.1)
    assert more_units(Basis(known, known, units=10), made, gap=math.nan) is None
    assert more_units(Basis(known, known, units=10), made, gap=-0.05) is not None


@pytest.mark.parametrize(
    ("units", "days", "known"), [(0, 5, False), (1, 5, True), (100, None, False)]
)
def test_days_are_reckoned_at_the_rate_so_far(contract, units, days, known):
    """One unit in five days is a rate; none, or days not logged, are not."""
    made = contract(predicted={"lift": 0.35})
    few = hold("too_few_units", arm="treated", units=units)
    basis = Basis(around(0.3, 0.2), around(0.3, 0.2), units=units, days=days, hold=few, at_least=40)
    found = judge(basis, made)
    assert found.more_units is not None
    assert found.more_days == (pytest.approx(5 * found.more_units) if known else None)
