"""What the lift is worth: break-even, value per contact, whom to act on, promised and realized money.

Per segment and offer pi = tau V - k - i p1 (``margins``): act where it is positive, do nothing where
it is not, let the customer leave where the customer is worth less than serving them costs. Money is
plain numbers with a unit label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow import figures
from spot_mlflow.lift.causes.factor_levels import divided, factors_at, promised_value
from spot_mlflow.lift.causes.factors import Model, check_estimable, layout_of
from spot_mlflow.lift.causes.games import value_of
from spot_mlflow.lift.causes.headline_fit import headline_fit
from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.estimators.simultaneous import discoveries
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.moments.labels import HOLDOUT, MISSING_SEGMENT
from spot_mlflow.lift.money.margins import Margins
from spot_mlflow.lift.money.profit_curve import (
    Allocation,
    ProfitCurve,
    allocate,
    best_use,
    profit_curve,
)
from spot_mlflow.lift.money.promised_money import money_doubt
from spot_mlflow.lift.promise.terms import Economics

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.lift.causes.factors import Numbers, Point
    from spot_mlflow.lift.estimators.simultaneous import Width
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import RealizedLift


@dataclass(frozen=True, slots=True)
class Amount:
    """Money promised and realized for a number of eligible units.

    Attributes:
        promised: money. realized: money with its interval. units: eligible units.
    """

    promised: float
    realized: Interval
    units: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What the holdout has cost, and what hangs on it.

    Attributes:
        units: held out, with an outcome.
        forgone: what they would have brought net, had they been treated, with its interval; negative
            where leaving them alone was the better.
        spent_a_year: what acting costs a year at full rollout, which nobody would know to be wasted
            without a holdout; None where the contract does not say how many units there are.
    """

    units: int
    forgone: Interval
    spent_a_year: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a segment and an offer.

    Attributes:
        segment: label; "" where the log has none.
        offer: the treatment arm, or the offer within it where the log names offers.
        action: "act", "do nothing", "let the customer leave" or "not known".
        sure: whether the sign it rests on is shown, at a false-discovery rate of 1 - confidence over
            all segments and offers: that of the profit, or of the customer's value where the customer
            is let go.
        profit: net value per eligible unit, with its interval.
        lift: per eligible unit, absolute, with its interval.
        customer_value: value of a customer net of the cost to serve with its interval, or None
            without such cost.
        share: share of the eligible units.
        n_treatment: treated units. n_holdout: holdout units.
    """

    segment: str
    offer: str
    action: str
    sure: bool
    profit: Interval
    lift: Interval
    customer_value: Interval | None
    share: float
    n_treatment: int
    n_holdout: int


@dataclass(frozen=True)
class EconomicsResult:
    """The money behind a lift.

    Attributes:
        unit: label of the money.
        value: value of one more good outcome, net of the cost to serve; None where the log leaves
            it open.
        break_even: lift at which a contact pays for itself, in the contract's units.
        lift: realized lift, in the contract's units.
        per_contact: net value per delivered contact.
        per_eligible: net value per eligible unit.
        spend_per_eligible: contacts, handling and incentives, per eligible unit.
        incentive_paid: to all acceptors so far; None where no incentive was promised.
        to_date: promised and realized so far.
        rollout: the same for a year at full rollout, where the contract says how many.
        net_of_totals: raw: value of the treated's outcomes minus the holdout's, minus what was
            spent ("net incremental response"); says something only where both arms have the same size
            at all times.
        worth: "yes", "no" or "not clear": whether acting pays.
        words: the same in one line.
        decisions: per segment and offer, the largest share first.
        curve: profit by score, where score bins were asked for.
        allocation: best use of the capacity or budget, where the contract sets one.
        doubt: why no sum of money is to be headlined: values or costs of the log an order of magnitude
            from the contract's; "" where they match.
        holdout: what the holdout has cost, and what hangs on it.
    """

    unit: str
    value: float | None
    break_even: float | None
    lift: Interval
    per_contact: Interval
    per_eligible: Interval
    spend_per_eligible: Interval
    incentive_paid: float | None
    to_date: Amount
    rollout: Amount | None
    net_of_totals: float
    worth: str
    words: str
    decisions: tuple[Decision, ...] = ()
    curve: ProfitCurve | None = None
    allocation: Allocation | None = None
    doubt: str = ""
    holdout: HeldOut | None = None


def economics_of(
    moments: OutcomeMoments, predicted: PredictedLift, realized: RealizedLift | None = None
) -> EconomicsResult | None:
    """Computes what the lift is worth.

    Args:
        moments: the reduced log; with ``score_bins`` also the profit curve.
        predicted: the contract.
        realized: the headline; the money then agrees with it.

    Returns:
        None where neither contract nor log says anything of money.

    Raises:
        InvalidInput: when no segment has both treated and holdout units, or a relative lift has a
            holdout mean of 0 to refer to.
    """
    strata = strata_of(moments.cells, predicted)
    check_estimable(strata, predicted)
    fit = headline_fit(strata, predicted, realized)
    margins = Margins.of(moments.cells, predicted, shift=fit.shift, widen=fit.widening)
    if not margins.model.layout.money:
        return None
    e = predicted.economics or Economics()
    totals = _totals(margins)
    per_eligible, per_contact, spend, lift = margins.intervals(totals)
    treated = float(margins.model.strata.n_treated.sum())
    promised = _promised(margins)
    bins = moments.score_bins
    break_even, value = _break_even(margins, e)
    worth = "yes" if per_eligible.low > 0 else "no" if per_eligible.high < 0 else "not clear"
    doubt = money_doubt(moments.cells, predicted)
    if doubt or (realized is not None and not realized.reliable):
        worth = "not clear"
    return EconomicsResult(
        unit=e.unit,
        value=value,
        break_even=break_even,
        lift=lift,
        per_contact=per_contact,
        per_eligible=per_eligible,
        spend_per_eligible=spend,
        incentive_paid=_incentive_paid(margins, e),
        to_date=Amount(promised * treated, _times(per_eligible, treated), treated),
        rollout=None
        if e.population is None
        else Amount(promised * e.population, _times(per_eligible, e.population), e.population),
        net_of_totals=_net_of_totals(margins, value),
        worth=worth,
        words=f"{doubt}: until both are in one unit, no amount of money is valid"
        if doubt
        else _words(worth, per_contact, e.unit),
        doubt=doubt,
        holdout=_held_out(margins, per_eligible, spend, e),
        decisions=decisions(moments.cells, predicted, moments.offers, widen=fit.widening),
        curve=None if bins is None else profit_curve(bins, predicted, widen=fit.widening),
        allocation=allocate(margins, e)
        if bins is None
        else best_use(bins, predicted, widen=fit.widening),
    )


def decisions(
    cells: Moments,
    predicted: PredictedLift,
    offers: Moments | None = None,
    *,
    widen: float = 1.0,
) -> tuple[Decision, ...]:
    """Decides per segment and offer: act, do nothing, or let the customer leave.

    Args:
        cells: the base pass; every treatment arm is an offer of its own.
        predicted: the contract.
        offers: moments with the offer as segment, where the log names offers within an arm. An
            offer is held against the holdout units that would have got it; where the holdout does
            not name offers, it is "not known".
        widen: design effect on every variance (``headline_fit``).

    Returns:
        The largest share first; offers within an arm have the segment "".
    """
    rows: list[tuple[Decision, float]] = []
    arms = cells.arm.astype(str)
    for arm in cells.arms():
        against = cells.select((arms == arm) | (arms == HOLDOUT))
        rows += _arm_decisions(Margins.of(against, predicted, widen=widen), arm)
    if offers is not None:
        named = offers.select(offers.segment.astype(str) != MISSING_SEGMENT)
        plain = predicted.model_copy(update={"segments": {}})
        found = _arm_decisions(Margins.of(named, plain, widen=widen), "")
        rows += [(replace(d, segment="", offer=d.segment), p) for d, p in found]
    tested = [i for i, (_, p) in enumerate(rows) if 0 < p < math.inf]
    shown = discoveries(np.array([rows[i][1] for i in tested]), rate=1 - predicted.confidence)
    sure = {i for i, s in zip(tested, shown, strict=True) if s}
    made = [replace(d, sure=p == 0 or i in sure) for i, (d, p) in enumerate(rows)]
    return tuple(sorted(made, key=lambda d: (-d.share, d.segment, d.offer)))


def _arm_decisions(margins: Margins, arm: str) -> list[tuple[Decision, float]]:
    """Returns decisions with the p value of the sign they rest on.

    0 where the sign is known exactly, infinite where nothing can be tested.
    """
    strata = margins.model.strata
    profit, lift = margins.intervals(margins.profit), margins.intervals(margins.lift)
    worth = _customer_value(margins)
    out = []
    for i, label in enumerate(margins.labels):
        if strata.n_treated[i] + strata.n_holdout[i] == 0:
            continue
        leaves = worth is not None and worth[i].lift < 0
        action = "act" if profit[i].lift > 0 else "do nothing"
        p = _two_sided(profit[i], margins.width) if margins.known[i] else math.inf
        if worth is not None and leaves:
            action = "let the customer leave"
            p = _two_sided(worth[i], margins.width) if worth[i].se else 0.0
        elif not margins.known[i]:
            action = "not known"
        made = Decision(
            label,
            arm,
            action,
            sure=False,
            profit=profit[i],
            lift=lift[i],
            customer_value=None if worth is None else worth[i],
            share=float(strata.weight[i]),
            n_treatment=int(strata.n_treated[i]),
            n_holdout=int(strata.n_holdout[i]),
        )
        out.append((made, p))
    return out


def _customer_value(margins: Margins) -> list[Interval] | None:
    """Returns per segment the value of a customer net of the cost to serve; None without such cost.

    What a good outcome brought in the segment, both arms together, where value was logged; else as
    promised, then without error.
    """
    model = margins.model
    e = model.predicted.economics
    if e is None or e.cost_to_serve == 0:
        return None
    n_t, n_h = model.strata.n_treated, model.strata.n_holdout

    def both_arms(at: Point, read: Callable[[Numbers], Numbers]) -> Numbers:
        out: Numbers = n_t * read(at.t) + n_h * read(at.h)
        return out

    def good(means: Numbers) -> Numbers:  # where less is better, those it did not happen to
        lift = model.lift(means)
        return lift if model.sign > 0 else 1 + lift

    def worth(at: Point) -> Numbers:
        gross = promised_value(model, at) + 0 * at.w
        if model.strata.has("value"):
            brought = both_arms(at, lambda means: model.column(means, "value"))
            gross = divided(brought, both_arms(at, good), gross)
        out: Numbers = gross - e.cost_to_serve
        return out

    return margins.intervals(worth)


def _scaled_lift(margins: Margins, at: Point) -> Numbers:
    out: Numbers = margins.mean(at, margins.lift(at)) / margins.model.scale(at)
    return out


def _totals(margins: Margins) -> Callable[[Point], Numbers]:
    """Returns profit per eligible unit and per contact, spend, and lift, as one function."""

    def f(at: Point) -> Numbers:
        profit = margins.mean(at, margins.profit(at))
        contacts = margins.mean(at, margins.contacts(at))
        spend = margins.mean(at, margins.spend(at))
        reached = np.where(np.real(contacts) == 0, 1.0, contacts)
        lift = _scaled_lift(margins, at)
        return np.stack([profit, profit / reached, spend, lift], axis=-1)

    return f


def _promised(margins: Margins) -> float:
    """Returns the promised net value per eligible unit."""
    own = margins.model
    layout = layout_of(own.strata, own.predicted, fold_value=own.layout.value == "folded")
    model = Model(own.strata, own.predicted, layout, shift=own.shift)
    f = factors_at(model, margins.at)
    return float(np.real(value_of(layout, "money", f.promised, f.rest, f.scale)).sum())


def _break_even(margins: Margins, e: Economics) -> tuple[float | None, float | None]:
    """Returns the lift at which a contact pays for itself, and the value of one more outcome.

    m = (k + i p0) / (V - i); the incentive that the lift itself causes is taken off the spend.
    """
    at, model = margins.at, margins.model
    lift = float(np.real(margins.mean(at, margins.lift(at))))
    spend = float(np.real(margins.mean(at, margins.spend(at))))
    gain = float(np.real(margins.mean(at, margins.profit(at)))) + spend
    if lift == 0:
        value = None if e.value is None else e.value - e.cost_to_serve
    else:
        # A value per outcome that was logged has no meaning where the lift is not positive.
        value = gain / lift if lift > 0 or not model.strata.has("value") else None
    if value is None or value <= e.incentive:
        return None, value
    even = (spend - e.incentive * lift) / (value - e.incentive)
    return even / float(np.real(model.scale(at))), value


def _incentive_paid(margins: Margins, e: Economics) -> float | None:
    strata = margins.model.strata
    if e.incentive == 0 or not strata.has("paid"):
        return None
    paid = margins.model.column(margins.at.t, "paid")
    return float(e.incentive * (paid * strata.n_treated).sum())


def _net_of_totals(margins: Margins, value: float | None) -> float:
    strata, model, at = margins.model.strata, margins.model, margins.at
    n_t, n_h = strata.n_treated, strata.n_holdout
    spend = float((np.real(margins.spend(at)) * n_t).sum())
    if strata.has("value"):
        of = model.column
        brought = float((of(at.t, "value") * n_t).sum() - (of(at.h, "value") * n_h).sum())
        return brought - spend
    good = float((model.lift(at.t) * n_t).sum() - (model.lift(at.h) * n_h).sum())
    return good * (value or 0.0) - spend


def _held_out(margins: Margins, per_eligible: Interval, spend: Interval, e: Economics) -> HeldOut:
    units = int(margins.model.strata.n_holdout.sum())
    a_year = None if e.population is None else spend.lift * e.population
    return HeldOut(units, _times(per_eligible, units), a_year)


def _times(x: Interval, units: float) -> Interval:
    return Interval(
        x.lift * units, x.low * units, x.high * units, None if x.se is None else x.se * units
    )


def _two_sided(x: Interval, width: Width) -> float:
    """Returns the p value of a sign, at the width of the interval; infinite without an error."""
    return min(1.0, 2 * width.p_value(abs(x.lift) / x.se)) if x.se else math.inf


def _words(worth: str, per_contact: Interval, unit: str) -> str:
    money = figures.money(abs(per_contact.lift), unit)
    if worth == "no":
        return f"cheaper to do nothing: each contact loses {money}"
    if worth == "yes":
        return f"acting pays: each contact earns {money}"
    side = "earns" if per_contact.lift >= 0 else "loses"
    return f"not clear whether acting pays: each contact {side} {money}, within the noise"
