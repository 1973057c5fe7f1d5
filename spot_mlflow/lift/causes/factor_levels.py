"""The level of every factor: what the contract promised, and what the means of the log show.

Where nothing shows a factor's realized level it stays at the promised one, so that the whole change
falls on the factors that are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.causes.factors import Factors, Levels
from spot_mlflow.lift.promise.terms import Economics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.factors import Model, Numbers, Point

_FUNNEL = {"coverage": "offered", "delivery": "delivered", "timeliness": "on_time"}


def divided(top: Numbers, bottom: Numbers, otherwise: Numbers) -> Numbers:
    """Returns top / bottom, and ``otherwise`` where bottom is 0."""
    empty = np.real(bottom) == 0
    out: Numbers = np.where(empty, otherwise, top / np.where(empty, 1.0, bottom))
    return out


@dataclass(frozen=True, eq=False)
class Promised:
    """What the contract promises.

    Attributes:
        levels: of every factor.
        rest: (..., R) share of contacts that no stage covers (``factors.Factors.rest``).
        accepted: (..., R) share of good outcomes among delivered contacts; 0 unless needed.
    """

    levels: Levels
    rest: Numbers
    accepted: Numbers


def factors_at(model: Model, at: Point) -> Factors:
    """Computes promised and realized factors at a point.

    Args:
        model: contract, layout and strata.
        at: the point.
    """
    scale = model.scale(at)
    promised = promised_levels(model, at, model.baseline(at), scale)
    found = realized_levels(model, at, model.effect(at), promised)
    both = _settled(model, promised.levels, found)
    every = [x for levels in both for x in levels.arrays]
    shape = np.broadcast_shapes(*(np.shape(x) for x in (*every, promised.rest, promised.accepted)))
    wanted, found_there = (
        np.stack([np.broadcast_to(x, shape) for x in levels.arrays], axis=-2) for levels in both
    )
    return Factors(wanted, found_there, np.broadcast_to(promised.rest, shape), scale)


def levels_at(model: Model, at: Point) -> list[tuple[float | None, float | None]]:
    """Returns (promised, realized) levels of every player over all segments, None for the mix.

    Shares are of those who reached the stage before; the response is per unit that did.
    """
    f = factors_at(model, at)
    states = [dict(_overall(model, Levels.of(np.real(x)))) for x in (f.promised, f.realized)]
    return [
        (states[0].get(p[0]), states[1].get(p[0])) if p[0] != "mix" else (None, None)
        for p in model.layout.players
    ]


def _overall(model: Model, levels: Levels) -> Iterator[tuple[str, float]]:
    """Yields the first factor of a player with its level, averaged along the way."""
    reach = levels.mix
    for group, stage in zip(model.layout.groups[:-1], levels.stages, strict=True):
        through = reach * stage
        yield group[0], _ratio(through.sum(), reach.sum())
        reach = through
    gain = (reach * levels.response + levels.mix * levels.untouched).sum()
    yield model.layout.groups[-1][0], _ratio(gain, reach.sum())
    money = {"value": levels.value, "cost": levels.contact_cost, "handling": levels.handling}
    for name, level in money.items():
        yield name, _ratio((levels.mix * level).sum(), levels.mix.sum())


def _ratio(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom else 0.0


def promised_levels(model: Model, at: Point, base: Numbers, scale: Numbers) -> Promised:
    """Computes the promised level of every factor.

    Args:
        model: contract, layout and strata.
        at: the point.
        base: (..., S) holdout mean per segment, raw units.
        scale: (...,) what a lift is divided by.
    """
    layout = model.layout
    funnel = {f: funnel_level(model, f) for f in ("coverage", "system", "delivery", "timeliness")}
    share = promised_share(model)
    reach = np.prod([funnel[f] for f in funnel], axis=0)
    r, e = _promised_response(model, share, reach, at.p, scale)
    response = r * _product([funnel[f] for f in layout.groups[-1][:-1]], share)
    value = promised_value(model, at) - _economics(model).cost_to_serve
    accepted = _promised_acceptance(model, at, base, funnel["timeliness"] * r)
    levels = Levels(
        mix=share,
        stages=tuple(_product([funnel[f] for f in g], share) for g in layout.groups[:-1]),
        response=response,
        untouched=e,
        value=value,
        response_worth=response * value,
        untouched_worth=e * value,
        contact_cost=_promised_cost(model, accepted),
        untouched_cost=np.zeros_like(share),
        handling=np.full_like(share, _economics(model).handling_cost if layout.handling else 0.0),
    )
    return Promised(levels, _product([funnel[f] for f in layout.contact_rest], share), accepted)


def realized_levels(model: Model, at: Point, effect: Numbers, promised: Promised) -> Levels:
    """Computes the level of every factor that the log shows.

    Args:
        model: contract, layout and strata.
        at: the point.
        effect: (..., S) lift per eligible unit, absolute.
        promised: what holds where nobody got so far.
    """
    layout, wanted = model.layout, promised.levels
    itt = model.strata_sums(at.w, effect)
    through: list[Numbers] = [np.ones_like(itt)]
    stages = []
    for cut, stage in zip(layout.cuts, wanted.stages, strict=True):
        x = _share(model, at, cut)
        x = np.where(np.real(x) > np.real(through[-1]), through[-1], x)
        stages.append(divided(x, through[-1], stage))
        through.append(x)
    nothing = np.real(through[-1]) == 0
    value, worth = _realized_value(model, at, effect, wanted.value)
    contact = through[layout.contact_groups] * promised.rest
    cost, untouched_cost, handling = _realized_cost(model, at, contact, promised)
    return Levels(
        mix=at.w if layout.mix else np.ones_like(itt),
        stages=tuple(stages),
        response=divided(itt, through[-1], wanted.response),
        untouched=np.where(nothing, itt, 0.0),
        value=value,
        response_worth=divided(worth, through[-1], wanted.response_worth),
        untouched_worth=np.where(nothing, worth, 0.0),
        contact_cost=cost,
        untouched_cost=untouched_cost,
        handling=handling,
    )


def funnel_level(model: Model, factor: str) -> NDArray[np.float64]:
    """Returns (R,) the promised share of one stage; 1 for system failures, which nobody promises."""
    name = _FUNNEL.get(factor)
    if name is None:
        return np.ones(len(model.labels))
    default = float(getattr(model.predicted.funnel, name))
    found = model.stated(name)
    return np.array([default if x is None else x for x in found], dtype=np.float64)


def promised_share(model: Model) -> NDArray[np.float64]:
    """Returns (R,) promised shares of the segments; 1 where none were promised."""
    if not model.layout.mix:
        return np.ones(1)
    return np.array([0.0 if x is None else x for x in model.stated("share")])


def promised_value(model: Model, at: Point) -> Numbers:
    """Returns (..., R) promised value of one more good outcome, before the cost to serve."""
    general = _economics(model).value
    if general is None and model.strata.has("value") and model.predicted.kind != "money":
        total = (at.w * model.column(at.t, "value")).sum(axis=-1, keepdims=True)
        good = (at.w * model.sign * model.lift(at.t)).sum(axis=-1, keepdims=True)
        default: Numbers = divided(total, good, np.ones_like(total))
    else:
        default = np.array([1.0 if general is None else general])
    own = model.stated("value")
    parts = [default[..., 0] if x is None else np.full_like(default[..., 0], x) for x in own]
    return np.stack(parts, axis=-1)


def value_promised(model: Model) -> bool:
    """Tells whether the contract states what a good outcome is worth."""
    own = any(s.value is not None for s in model.predicted.segments.values())
    return own or _economics(model).value is not None


def cost_promised(model: Model) -> bool:
    """Tells whether the contract states what a contact costs."""
    stated = {"offer_cost", "handling_cost", "incentive"} & _economics(model).model_fields_set
    return bool(stated) or any(s.cost is not None for s in model.predicted.segments.values())


def _economics(model: Model) -> Economics:
    return model.predicted.economics or Economics()


def _product(parts: list[NDArray[np.float64]], like: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = np.prod([np.ones_like(like), *parts], axis=0)
    return out


def _promised_response(
    model: Model,
    share: NDArray[np.float64],
    reach: NDArray[np.float64],
    promised: Numbers,
    scale: Numbers,
) -> tuple[Numbers, Numbers]:
    """Returns response per timely contact, and lift without any contact, so that P comes out.

    Segments whose response was stated keep it; the others share what is left of the promised lift.
    Where all were stated and do not add up to it, they are scaled.
    """
    own = model.stated("response")
    known = np.array([x is not None for x in own])
    stated = np.array([0.0 if x is None else x for x in own]) * np.expand_dims(scale, -1)
    lift = np.expand_dims(promised * scale, -1)
    sure = (share * reach * stated).sum(axis=-1, keepdims=True)
    open_reach = float((share * reach * ~known).sum())
    zero = np.zeros(len(model.labels))
    if open_reach > 0:
        return np.where(known, stated, (lift - sure) / open_reach), zero
    if np.all(np.real(sure) != 0):
        return stated * (lift / sure), zero
    return stated + zero, zero + lift


def _promised_cost(model: Model, accepted: Numbers) -> Numbers:
    """Returns cost per delivered contact: offer, handling unless apart, incentive to acceptors."""
    e = _economics(model)
    apart = e.handling_cost if model.layout.handling else 0.0
    plain = e.offer_cost + e.handling_cost - apart + e.incentive * accepted
    own = model.stated("cost")
    parts = [
        plain[..., i] if x is None else 0 * plain[..., i] + x - apart for i, x in enumerate(own)
    ]
    return np.stack(parts, axis=-1)


def _promised_acceptance(model: Model, at: Point, base: Numbers, answer: Numbers) -> Numbers:
    """Returns (..., R) promised share of good outcomes among delivered contacts; 0 unless needed.

    From the promised baseline where stated (spread over segments as the holdout shows it), else
    from the holdout's own.
    """
    if not model.strata.has("paid"):
        return np.zeros(len(model.labels))
    own = model.strata_sums(at.w, base)
    stated = model.predicted.predicted.baseline
    if stated is not None:
        mean = (at.w * base).sum(axis=-1, keepdims=True)
        own = divided(own * stated, mean, np.full_like(own, stated))
    good = own if model.sign > 0 else 1.0 - own
    return good + answer


def _share(model: Model, at: Point, name: str) -> Numbers:
    x = model.pooled(at.w, model.column(at.t, name), model.strata.n_treated > 0)
    return model.strata_sums(at.w, x)


def _difference(model: Model, at: Point, name: str) -> Numbers:
    """Returns (..., S) treated minus holdout mean of one column."""
    raw = model.column(at.t, name) - model.column(at.h, name)
    return model.pooled(at.w, raw, model.strata.estimable)


def _realized_value(
    model: Model, at: Point, effect: Numbers, promised: Numbers
) -> tuple[Numbers, Numbers]:
    """Returns net value of one more outcome, and incremental net value per eligible unit.

    One ratio over all segments scales the promised values: a ratio per segment would divide by
    lifts that are near 0.
    """
    serve = _economics(model).cost_to_serve
    if not model.strata.has("value"):
        return promised, model.strata_sums(at.w, effect) * promised
    gain = _difference(model, at, "value")
    net = model.strata_sums(at.w, gain - serve * effect)
    total = (at.w * gain).sum(axis=-1, keepdims=True)
    lifts = model.strata_sums(at.w, effect)
    weight = at.w if model.layout.mix else np.ones(1)
    gross = promised + serve
    expected = (weight * lifts * gross).sum(axis=-1, keepdims=True)
    return gross * divided(total, expected, np.ones_like(total)) - serve, net


def _realized_cost(
    model: Model, at: Point, contact: Numbers, promised: Promised
) -> tuple[Numbers, Numbers, Numbers]:
    """Returns cost per contact, cost per eligible unit where no contact was made, handling."""
    wanted = promised.levels
    zero = np.zeros_like(contact)
    handling, spent = zero + wanted.handling, zero
    if model.strata.has("handling"):
        spent = model.strata_sums(at.w, _difference(model, at, "handling"))
        handling = divided(spent, contact, handling)
    if model.strata.has("cost"):
        cost = model.strata_sums(at.w, _difference(model, at, "cost")) - spent
        none = np.real(contact) == 0
        return divided(cost, contact, wanted.contact_cost), np.where(none, cost, 0.0), handling
    if not model.strata.has("paid"):
        return zero + wanted.contact_cost, zero, handling
    e = _economics(model)
    paid = e.incentive * _share(model, at, "paid")
    expected = e.incentive * promised.accepted
    return wanted.contact_cost - expected + divided(paid, contact, expected), zero, handling


def _settled(model: Model, wanted: Levels, found: Levels) -> tuple[Levels, Levels]:
    """Fills in what one side cannot know from the other; returns (promised, realized).

    Where the contract is silent, of a segment it does not know and of a cost or a value it never
    stated, the promise is taken to be what the log shows; the whole difference then falls on the
    mix, or on no cause at all.
    """
    if not cost_promised(model) and model.layout.cost:
        wanted = replace(
            wanted, contact_cost=found.contact_cost, untouched_cost=found.untouched_cost
        )
    if not value_promised(model) and model.layout.value == "logged":
        wanted = replace(wanted, value=found.value)
    if not model.layout.mix:
        return wanted, found
    unknown = np.array([p is None for p in model.promises])
    absent = (model.strata.n_treated + model.strata.n_holdout) == 0
    wanted = wanted.taken_from(found, unknown)
    return wanted, found.taken_from(wanted, absent)
