"""The level of every factor: what the contract promised, and what the means of the log show.

Levels come as a dict from array name (``factors.Layout.arrays``) to (..., R) numbers, R strata;
where nothing shows a factor's realized level it stays at the promised one, so that the whole
change falls on the factors that are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.promise.contract import Economics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.factors import Model, Numbers, Point

_FUNNEL = {"coverage": "offered", "delivery": "delivered", "timeliness": "on_time"}


def divided(top: Numbers, bottom: Numbers, otherwise: Numbers) -> Numbers:
    """Returns top / bottom, and ``otherwise`` where bottom is 0."""
    empty = np.real(bottom) == 0
    out: Numbers = np.where(empty, otherwise, top / np.where(empty, 1.0, bottom))
    return out


def promised_levels(model: Model, at: Point, base: Numbers, scale: Numbers) -> dict[str, Numbers]:
    """Computes the promised level of every array, and "rest" (``factors.Factors.rest``).

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
    out: dict[str, Numbers] = {"w": share}
    for i, group in enumerate(layout.groups[:-1]):
        out[f"stage{i}"] = _product([funnel[f] for f in group], share)
    out["r"] = r * _product([funnel[f] for f in layout.groups[-1][:-1]], share)
    out["e"] = e
    out["v"] = promised_value(model, at) - _economics(model).cost_to_serve
    out["rv"], out["ev"] = out["r"] * out["v"], e * out["v"]
    out["accepted"] = _promised_acceptance(model, at, base, funnel["timeliness"] * r)
    out["k"] = _promised_cost(model, out["accepted"])
    out["ek"] = np.zeros_like(share)
    out["h"] = np.full_like(share, _economics(model).handling_cost if layout.handling else 0.0)
    out["rest"] = _product([funnel[f] for f in layout.contact_rest], share)
    return out


def realized_levels(
    model: Model, at: Point, effect: Numbers, wanted: dict[str, Numbers]
) -> dict[str, Numbers]:
    """Computes the realized level of every array, and settles what was not promised.

    ``wanted`` is changed in place where the contract is silent: of a segment it does not know, and
    of a cost or a value it never stated, the promise is taken to be what the log shows; the whole
    difference then falls on the mix, or on no cause at all.
    """
    layout = model.layout
    itt = model.strata_sums(at.w, effect)
    through: list[Numbers] = [np.ones_like(itt)]
    out: dict[str, Numbers] = {"w": at.w if layout.mix else np.ones_like(itt)}
    for i, cut in enumerate(layout.cuts):
        x = _share(model, at, cut)
        x = np.where(np.real(x) > np.real(through[-1]), through[-1], x)
        out[f"stage{i}"] = divided(x, through[-1], wanted[f"stage{i}"])
        through.append(x)
    out["r"] = divided(itt, through[-1], wanted["r"])
    nothing = np.real(through[-1]) == 0
    out["e"] = np.where(nothing, itt, 0.0)
    out["v"], worth = _realized_value(model, at, effect, wanted["v"])
    out["rv"] = divided(worth, through[-1], wanted["rv"])
    out["ev"] = np.where(nothing, worth, 0.0)
    contact = through[layout.contact_groups] * wanted["rest"]
    out["k"], out["ek"], out["h"] = _realized_cost(model, at, contact, wanted)
    _settle(model, wanted, out)
    return out


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
    model: Model, at: Point, contact: Numbers, wanted: dict[str, Numbers]
) -> tuple[Numbers, Numbers, Numbers]:
    """Returns cost per contact, cost per eligible unit where no contact was made, handling."""
    zero = np.zeros_like(contact)
    handling, spent = zero + wanted["h"], zero
    if model.strata.has("handling"):
        spent = model.strata_sums(at.w, _difference(model, at, "handling"))
        handling = divided(spent, contact, handling)
    if model.strata.has("cost"):
        cost = model.strata_sums(at.w, _difference(model, at, "cost")) - spent
        none = np.real(contact) == 0
        return divided(cost, contact, wanted["k"]), np.where(none, cost, 0.0), handling
    if not model.strata.has("paid"):
        return zero + wanted["k"], zero, handling
    e = _economics(model)
    paid = e.incentive * _share(model, at, "paid")
    expected = e.incentive * wanted["accepted"]
    return wanted["k"] - expected + divided(paid, contact, expected), zero, handling


def _settle(model: Model, wanted: dict[str, Numbers], found: dict[str, Numbers]) -> None:
    """Fills in what one side cannot know from the other."""
    silent = []
    if not cost_promised(model) and model.layout.cost:
        silent += ["k", "ek"]
    if not value_promised(model) and model.layout.value == "logged":
        silent += ["v"]
    for name in silent:
        wanted[name] = found[name]
    if not model.layout.mix:
        return
    unknown = np.array([p is None for p in model.promises])
    absent = (model.strata.n_treated + model.strata.n_holdout) == 0
    for name in model.layout.arrays:
        if name == "w":
            continue
        wanted[name] = np.where(unknown, found[name], wanted[name])
        found[name] = np.where(absent, wanted[name], found[name])
