"""Whom to contact: profit by score, the best cut-off, capacity, and the calibration by decile.

The table of score bins has the bin as segment, "0" the lowest scores; its periods, where it has
them, let a cut-off be found on one half of the customers and shown on the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow import figures
from spot_mlflow.lift.causes.factors import vanishes
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.money.margins import Margins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.factors import Numbers, Point
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.promise.terms import Economics


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One score bin of the profit curve, the highest scores first.

    Attributes:
        bin: number of the bin, 0 the lowest scores.
        score_from: lowest score of the bin, None where it has no lower edge.
        share: share of the eligible units in the bin.
        depth: share of the eligible units contacted when all from here upwards are.
        lift: of the bin, absolute.
        profit: net value per eligible unit of the bin.
        cumulative: net value per eligible unit of the population when contacting down to here.
        gain: lift per eligible unit of the population when contacting down to here (uplift curve).
    """

    bin: int
    score_from: float | None
    share: float
    depth: float
    lift: Interval
    profit: Interval
    cumulative: Interval
    gain: Interval


@dataclass(frozen=True, slots=True)
class CutOff:
    """The best cut-off by score, and what it is worth on customers it was not chosen on.

    Attributes:
        bin: lowest bin to contact, or None where contacting nobody is best.
        score: contact from this score upwards; None for everybody or nobody.
        depth: share of the eligible units contacted.
        profit: net value per eligible unit of the population at this cut-off.
        per_contacted: the same per eligible unit that is contacted.
        held_out: whether ``profit`` is from other customers than the cut-off was chosen on.
        worth: "yes" where the interval is above 0, "no" where it is below or nobody is to be
            contacted, else "not clear".
        words: the same in a sentence.
    """

    bin: int | None
    score: float | None
    depth: float
    profit: Interval
    per_contacted: Interval | None
    held_out: bool
    worth: str
    words: str


@dataclass(frozen=True, slots=True)
class ProfitCurve:
    """Profit by score.

    Attributes:
        unit: label of the money.
        points: the highest scores first.
        cutoff: the best cut-off.
    """

    unit: str
    points: tuple[CurvePoint, ...]
    cutoff: CutOff


@dataclass(frozen=True, slots=True)
class Share:
    """What a limit leaves for one group: contacts made, their cost and profit in money."""

    label: str
    contacts: float
    cost: float
    profit: float


@dataclass(frozen=True, slots=True)
class Allocation:
    """The best use of a limited number of contacts, or of a budget.

    Attributes:
        limit: "capacity of 2,000 contacts", "budget of 10,000 EUR".
        eligible: units the plan is for: a year at full rollout, or those of the log.
        shares: groups in the order in which contacts are given, without those left alone.
        profit: total with its interval, in money.
        binding: whether more contacts would bring more.
        held_out: whether the profit is from other customers than the groups were chosen on.
    """

    limit: str
    eligible: float
    shares: tuple[Share, ...]
    profit: Interval
    binding: bool
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class DecileRow:
    """Predicted against realized lift of one score bin.

    Attributes:
        bin: number of the bin, 0 the lowest scores.
        share: share of the eligible units in it.
        predicted: lift predicted for it at training, or None.
        realized: lift the log shows, in the contract's units.
    """

    bin: int
    share: float
    predicted: float | None
    realized: Interval


def profit_curve(bins: Moments, predicted: PredictedLift, *, widen: float = 1.0) -> ProfitCurve:
    """Computes profit by score with the best cut-off.

    Args:
        bins: score bins by arm, and by period where the cut-off is to be shown on held-out units.
        predicted: the contract, with ``score_edges``.
        widen: design effect on every variance (``headline_fit``).
    """
    margins = _margins(bins, predicted, widen)
    order = _by_score(margins)
    share = margins.at.w[order]

    def down(values: Numbers, at: Point) -> Numbers:
        out: Numbers = np.cumsum((at.w * values)[..., order], axis=-1)
        return out

    lift, profit = (
        margins.intervals(lambda at, f=f: f(at)[..., order])  # type: ignore[misc] # mypy knows no default in a lambda
        for f in (margins.lift, margins.profit)
    )
    cumulative = margins.intervals(lambda at: down(margins.profit(at), at))
    gain = margins.intervals(lambda at: down(margins.lift(at), at))
    numbers = [int(margins.labels[i]) for i in order]
    points = tuple(
        CurvePoint(
            b,
            _edge(b, predicted),
            float(share[j]),
            float(share[: j + 1].sum()),
            lift[j],
            profit[j],
            cumulative[j],
            gain[j],
        )
        for j, b in enumerate(numbers)
    )
    e = predicted.economics
    return ProfitCurve(e.unit if e else "", points, cut_off(bins, predicted, widen=widen))


def cut_off(bins: Moments, predicted: PredictedLift, *, widen: float = 1.0) -> CutOff:
    """Finds the best cut-off by score and says what it is worth.

    With several periods it is found on every other one and shown on the rest; with one it is
    found and shown on the same customers, and the interval allows for the choice (Bonferroni).
    """
    first, second = _halves(bins)
    found = _margins(first, predicted, widen)
    order = _by_score(found)
    running = np.cumsum((found.at.w * found.profit(found.at))[order])
    best = int(np.argmax(running)) if running.max() > 0 else -1
    chosen = {found.labels[i] for i in order[: best + 1]}
    shown = _margins(second, predicted, widen) if second is not None else found
    inside = np.array([label in chosen for label in shown.labels])
    level = (1 - predicted.confidence) / (1 if second is not None else max(len(order), 1))
    total, depth = shown.intervals(
        lambda at: np.stack(
            [(at.w * shown.profit(at) * inside).sum(-1), (at.w * inside).sum(-1)], axis=-1
        ),
        alpha=level,
    )
    per = None
    if inside.any():
        (per,) = shown.intervals(
            lambda at: ((at.w * shown.profit(at) * inside).sum(-1) / (at.w * inside).sum(-1))[
                ..., None
            ],
            alpha=level,
        )
    lowest = min((int(x) for x in chosen), default=None)
    worth = "no" if not chosen or total.high < 0 else "yes" if total.low > 0 else "not clear"
    words = _words(worth, lowest, depth.lift, per, predicted, held_out=second is not None)
    score = None if lowest is None else _edge(lowest, predicted)
    return CutOff(lowest, score, depth.lift, total, per, second is not None, worth, words)


def allocate(
    margins: Margins, economics: Economics, *, order_by: Margins | None = None
) -> Allocation | None:
    """Gives a limited number of contacts, or a budget, to the groups where they earn most.

    Greedy by profit per contact (per unit of money for a budget), which is optimal because a group
    can be contacted in part; groups that lose money are left alone.

    Args:
        margins: what each group earns.
        economics: the limit: ``capacity`` before ``budget``.
        order_by: margins of other customers, to choose the groups by; without it they are chosen
            and valued on the same ones, and the profit is told too high.

    Returns:
        None where the contract sets no limit.
    """
    limit = economics.capacity if economics.capacity is not None else economics.budget
    if limit is None:
        return None
    by_money = economics.capacity is None
    eligible = economics.population or margins.model.strata.units
    whole = eligible * np.real(margins.at.w)
    profit, contacts, spend = (
        np.real(f(margins.at)) for f in (margins.profit, margins.contacts, margins.spend)
    )
    rate = _earning(margins, order_by or margins, by_money=by_money)
    taken = _filled(rate, whole, spend if by_money else contacts, limit)
    shares = tuple(
        Share(
            margins.labels[i],
            *(float(taken[i] * whole[i] * x[i]) for x in (contacts, spend, profit)),
        )
        for i in np.argsort(-rate, kind="stable")
        if taken[i] > 0
    )
    (total,) = margins.intervals(
        lambda at: eligible * (at.w * margins.profit(at) * taken).sum(-1)[..., None]
    )
    worth = (rate > 0) & (whole > 0)
    return Allocation(
        _limit_words(economics),
        float(eligible),
        shares,
        total,
        binding=bool((taken[worth] < 1).any()),
        held_out=order_by is not None,
    )


def _filled(
    rate: NDArray[np.float64], whole: NDArray[np.float64], use: NDArray[np.float64], limit: float
) -> NDArray[np.float64]:
    """Returns (S,) the part of each group that the limit allows, best rate first."""
    left, taken = limit, np.zeros(len(rate))
    for i in np.argsort(-rate, kind="stable"):
        if rate[i] > 0 and whole[i] > 0:
            taken[i] = min(1.0, left / (whole[i] * use[i])) if use[i] > 0 else 1.0
            left = max(0.0, left - taken[i] * whole[i] * use[i])
    return taken


def _earning(margins: Margins, order_by: Margins, *, by_money: bool) -> NDArray[np.float64]:
    """Returns (S,) profit per contact, or per money spent, as ``order_by`` shows it; 0 if unknown."""
    profit = np.real(order_by.profit(order_by.at))
    use = np.real((order_by.spend if by_money else order_by.contacts)(order_by.at))
    rate = np.where(
        use > 0, profit / np.where(use > 0, use, 1.0), np.where(profit > 0, np.inf, 0.0)
    )
    found = dict(zip(order_by.labels, np.where(order_by.known, rate, 0.0), strict=True))
    known = zip(margins.labels, margins.known, strict=True)
    return np.array([found.get(s, 0.0) if ok else 0.0 for s, ok in known])


def _limit_words(e: Economics) -> str:
    if e.capacity is not None:
        return f"capacity of {e.capacity:,.0f} contacts"
    return f"budget of {figures.money(e.budget, e.unit)}"


def best_use(bins: Moments, predicted: PredictedLift, *, widen: float = 1.0) -> Allocation | None:
    """Returns the best use of the contract's limit over score bins.

    With several periods the bins are chosen on every other one and valued on the rest.
    """
    if predicted.economics is None:
        return None
    first, second = _halves(bins)
    chosen = _margins(first, predicted, widen)
    if second is None:
        return allocate(chosen, predicted.economics)
    return allocate(_margins(second, predicted, widen), predicted.economics, order_by=chosen)


def calibration(
    bins: Moments, predicted: PredictedLift, *, widen: float = 1.0
) -> tuple[DecileRow, ...]:
    """Sets the lift predicted for each score bin beside the realized one, lowest scores first.

    A relative lift of a bin whose holdout has no outcome at all is not a number.
    """
    margins = _margins(bins, predicted, widen)
    order = _by_score(margins)[::-1]
    relative = predicted.effect == "relative"
    nobody = vanishes(margins.model.baseline(margins.at), margins.model.strata)

    def lift(at: Point) -> Numbers:
        x = margins.lift(at)
        if relative:
            x = x / np.where(nobody, 1.0, margins.model.baseline(at))
        return x[..., order]

    told = predicted.decile_predictions
    found = [
        Interval(math.nan, -math.inf, math.inf) if relative and nobody[i] else x
        for i, x in zip(order, margins.intervals(lift), strict=True)
    ]
    return tuple(
        DecileRow(b, float(margins.at.w[i]), float(told[b]) if b < len(told) else None, interval)
        for i, interval in zip(order, found, strict=True)
        for b in [int(margins.labels[i])]
    )


def _margins(bins: Moments, predicted: PredictedLift, widen: float) -> Margins:
    """Returns the margins of score bins, which are no promised segments."""
    return Margins.of(bins, predicted.model_copy(update={"segments": {}}), widen=widen)


def _by_score(margins: Margins) -> NDArray[np.int64]:
    """Returns the strata that are score bins, the highest scores first."""
    numbers = {i: int(s) for i, s in enumerate(margins.labels) if s.lstrip("-").isdigit()}
    return np.array(sorted(numbers, key=lambda i: -numbers[i]), dtype=np.int64)


def _halves(bins: Moments) -> tuple[Moments, Moments | None]:
    periods = np.unique(bins.period[~np.isnat(bins.period)])
    if len(periods) < 2:  # noqa: PLR2004 - two halves
        return bins, None
    odd = np.isin(bins.period, periods[1::2])
    return bins.select(~odd), bins.select(odd)


def _edge(number: int, predicted: PredictedLift) -> float | None:
    """Returns the lowest score of a bin: edges are the inner ones, ascending."""
    edges: Sequence[float] = predicted.score_edges
    return float(edges[number - 1]) if 0 < number <= len(edges) else None


def _words(
    worth: str,
    lowest: int | None,
    depth: float,
    per: Interval | None,
    predicted: PredictedLift,
    *,
    held_out: bool,
) -> str:
    unit = predicted.economics.unit if predicted.economics else ""
    if lowest is None or per is None:
        return "no score is worth a contact: cheaper to do nothing"
    money = figures.money(per.lift, unit)
    edge = _edge(lowest, predicted)
    whom = (
        "everybody"
        if edge is None
        else f"scores from {edge:g} ({figures.share(depth)} of customers)"
    )
    basis = "on customers it was not chosen on" if held_out else "on the customers it was chosen on"
    if worth == "yes":
        return f"contacting {whom} earns {money} each, shown {basis}"
    if worth == "no":
        return f"contacting {whom} loses {money.lstrip('-')} each, shown {basis}: cheaper to do nothing"
    return (
        f"contacting {whom} may earn {money} each, but this is not statistically conclusive {basis}"
    )
