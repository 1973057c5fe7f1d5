"""The factors of the net value per eligible unit, as promised and as realized.

N = sum over segments of w c d (q r v - k): w mix, c offer coverage, d delivery (of which a, free of
system failure), q timeliness, r response to a timely delivered offer (Bloom 1984; the complier
average effect of Angrist, Imbens and Rubin 1996), v value of one more good outcome, k cost per
delivered contact. Where a column is missing, neighbours on the way to the customer are folded
together. Functions here work on complex numbers, so that derivatives are exact (complex step).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.segment_means import Strata
    from spot_mlflow.lift.promise.contract import PredictedLift

    Numbers = NDArray[Any]  # real, or complex while derivatives are taken

_ROUNDING: Final = 1e-12
LETTER_OF: Final[Mapping[str, str]] = {
    "mix": "S",
    "coverage": "P",
    "system": "T",
    "delivery": "O",
    "timeliness": "T",
    "response": "O",
    "value": "S",
    "cost": "P",
    "handling": "T",
}
# The way to the customer: factor, and the logged share that ends it.
CHAIN: Final = (
    ("coverage", "offered"),
    ("system", "attempted"),
    ("delivery", "delivered"),
    ("timeliness", "on_time"),
    ("response", ""),
)


@dataclass(frozen=True)
class Layout:
    """Which factors the columns tell apart.

    Attributes:
        cuts: logged shares on the way to the customer, in order.
        groups: factors between the cuts; the last group ends in the response.
        contact_groups: how many groups lie wholly before the contact is made.
        contact_rest: factors of the contact that no group covers, taken as promised.
        mix: whether segments were promised.
        value: "logged", "folded" into the response, or "" (as promised).
        cost: whether the cost of a contact can differ from the promise.
        handling: whether handling was logged apart.
        money: whether anything is known of money.
    """

    cuts: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    contact_groups: int
    contact_rest: tuple[str, ...]
    mix: bool
    value: str
    cost: bool
    handling: bool
    money: bool

    @property
    def players(self) -> tuple[tuple[str, ...], ...]:
        """The causes: each a tuple of the factors folded into it."""
        last = self.groups[-1] + (("value",) if self.value == "folded" else ())
        out: list[tuple[str, ...]] = [("mix",)] if self.mix else []
        out += [*self.groups[:-1], last]
        if self.value == "logged":
            out.append(("value",))
        if self.cost:
            out.append(("cost",))
        if self.handling:
            out.append(("handling",))
        return tuple(out)

    @property
    def owners(self) -> tuple[int, ...]:
        """For each array of ``Levels``, in order, the number of the player that moves it; -1 for none."""
        at = {f: i for i, p in enumerate(self.players) for f in p}
        value = at.get("value", -1) if self.value == "logged" else -1
        moved_by = {"value": value, "contact_cost": at.get("cost", -1)}
        moved_by |= {"untouched_cost": at.get("cost", -1), "handling": at.get("handling", -1)}
        stages = [at[g[0]] for g in self.groups[:-1]]
        after = [moved_by.get(name, at["response"]) for name in AFTER_STAGES]
        return (at.get("mix", -1), *stages, *after)


def layout_of(strata: Strata, predicted: PredictedLift, *, fold_value: bool) -> Layout:
    """Decides which factors the logged columns tell apart.

    Args:
        strata: means of the log.
        predicted: the contract.
        fold_value: whether the interval of the lift contains 0, so that a value per incremental
            outcome has no meaning.
    """
    cuts: list[str] = []
    groups: list[tuple[str, ...]] = []
    waiting: tuple[str, ...] = ()
    contact_groups = 0
    for factor, share in CHAIN:
        if factor == "system" and not strata.has("attempted"):
            continue  # told apart only by the reasons of what was not delivered
        if factor == "timeliness" and not (strata.has("on_time") or speaks_of_time(predicted)):
            continue
        waiting = (*waiting, factor)
        if not share or strata.has(share):
            groups.append(waiting)
            waiting = ()
            cuts += [share] if share else []
            if share in {"offered", "attempted", "delivered"}:
                contact_groups = len(groups)
    contact = {f for g in groups[:contact_groups] for f in g}
    e = predicted.economics
    valued = strata.has("value")
    return Layout(
        cuts=tuple(cuts),
        groups=tuple(groups),
        contact_groups=contact_groups,
        contact_rest=tuple(f for f in ("coverage", "delivery") if f not in contact),
        mix=bool(predicted.segments),
        value=("folded" if fold_value else "logged") if valued else "",
        cost=strata.has("cost") or strata.has("paid"),
        handling=strata.has("handling"),
        money=valued or predicted.kind == "money" or (e is not None and e.value is not None),
    )


def speaks_of_time(predicted: PredictedLift) -> bool:
    """Tells whether the contract promises anything about timeliness."""
    return (
        "on_time" in predicted.funnel.model_fields_set
        or predicted.columns.due_at is not None
        or any(s.on_time is not None for s in predicted.segments.values())
    )


@dataclass(frozen=True, eq=False)
class Point:
    """Where the factors are evaluated: the moments, with any leading batch dimensions.

    Attributes:
        w: (..., S) shares of the segments. t: (..., S, m) treated means. h: (..., S, m) holdout
            means. p: (...,) the promised lift.
    """

    w: Numbers
    t: Numbers
    h: Numbers
    p: Numbers


@dataclass(frozen=True, eq=False)
class Levels:
    """The level of every factor in one state, promised or realized; arrays (..., R) of R strata.

    Attributes:
        mix: share of the stratum among all eligible units.
        stages: share that gets past each cut on the way to the customer.
        response: lift per unit that got past them all.
        untouched: lift per eligible unit where nobody did.
        value: net value of one more good outcome.
        response_worth: net value of the lift per unit that got past all stages.
        untouched_worth: net value of the lift per eligible unit where nobody did.
        contact_cost: per delivered contact.
        untouched_cost: per eligible unit where no contact was made.
        handling: handling apart from it, per delivered contact.
    """

    mix: Numbers
    stages: tuple[Numbers, ...]
    response: Numbers
    untouched: Numbers
    value: Numbers
    response_worth: Numbers
    untouched_worth: Numbers
    contact_cost: Numbers
    untouched_cost: Numbers
    handling: Numbers

    @classmethod
    def of(cls, stack: Numbers) -> Levels:
        """Reads (..., A, R) what ``arrays`` gives, stacked."""
        each = [stack[..., i, :] for i in range(stack.shape[-2])]
        stages = len(each) - 1 - len(AFTER_STAGES)
        return cls(each[0], tuple(each[1 : 1 + stages]), *each[1 + stages :])

    @property
    def arrays(self) -> tuple[Numbers, ...]:
        """All levels in one order: mix, stages, and what comes after them."""
        return (self.mix, *self.stages, *(getattr(self, name) for name in AFTER_STAGES))

    def taken_from(self, other: Levels, which: NDArray[np.bool_]) -> Levels:
        """Returns the levels with those of ``other`` in the strata ``which`` (R,); the mix stays."""
        found = [np.where(which, x, y) for x, y in zip(other.arrays, self.arrays, strict=True)]
        stages = len(self.stages)
        return Levels(self.mix, tuple(found[1 : 1 + stages]), *found[1 + stages :])


AFTER_STAGES: Final = tuple(f.name for f in fields(Levels))[2:]


@dataclass(frozen=True, eq=False)
class Factors:
    """Both states of every level, and the scale of a relative lift.

    Attributes:
        promised: (..., A, R) ``Levels.arrays``, stacked.
        realized: (..., A, R) the same as the log shows them.
        rest: (..., R) promised share of contacts that no stage covers.
        scale: (...,) what a lift is divided by: 1, or the holdout mean for a relative lift.
    """

    promised: Numbers
    realized: Numbers
    rest: Numbers
    scale: Numbers


class Model:
    """What the factors at a point are computed from: knows the contract, the layout and the strata.

    Args:
        strata: means of the log.
        predicted: the contract.
        layout: what the columns tell apart.
        shift: added to the lift of every segment, so that the bridge ends at the headline.
    """

    def __init__(
        self, strata: Strata, predicted: PredictedLift, layout: Layout, *, shift: float = 0.0
    ) -> None:
        self.strata = strata
        self.predicted = predicted
        self.layout = layout
        self.shift = shift
        self.sign = -1.0 if predicted.direction == "decrease" else 1.0
        self.labels = strata.labels if layout.mix else ("",)
        self.promises = tuple(predicted.segments.get(s) for s in self.labels)
        self._stated: dict[str, tuple[Any, ...]] = {}

    def column(self, means: Numbers, name: str) -> Numbers:
        """Returns (..., S) one column of the means."""
        out: Numbers = means[..., self.strata.names.index(name)]
        return out

    def lift(self, means: Numbers) -> Numbers:
        """Returns (..., S) mean outcome in improvement units; a ratio where one is measured."""
        y = self.column(means, "lift")
        per = next((x for x in ("denominator", "weight") if self.strata.has(x)), None)
        if per is None:
            return y
        d = self.column(means, per)
        return y / np.where(d == 0, 1.0, d)

    def pooled(self, w: Numbers, x: Numbers, known: NDArray[np.bool_]) -> Numbers:
        """Returns x with strata that are not known at the weighted mean of those that are.

        The total is then that of the known strata with their weights scaled up to 1.
        """
        weight = np.where(known, w, 0.0)
        total = weight.sum(axis=-1, keepdims=True)
        mean = (weight * x).sum(axis=-1, keepdims=True) / np.where(total == 0, 1.0, total)
        out: Numbers = np.where(known, x, mean)
        return out

    def strata_sums(self, w: Numbers, x: Numbers) -> Numbers:
        """Returns x per output stratum: as it is, or averaged over the strata without a mix."""
        if self.layout.mix:
            return x
        total: Numbers = (w * x).sum(axis=-1, keepdims=True)
        return total

    def effect(self, at: Point) -> Numbers:
        """Returns (..., S) lift per eligible unit (intention to treat), absolute."""
        raw = self.lift(at.t) - self.lift(at.h) + self.shift
        return self.pooled(at.w, raw, self.strata.estimable)

    def baseline(self, at: Point) -> Numbers:
        """Returns (..., S) mean outcome of the holdout, in its own (raw) units."""
        return self.pooled(at.w, self.sign * self.lift(at.h), self.strata.n_holdout > 0)

    def scale(self, at: Point) -> Numbers:
        """Returns (...,) what a lift is divided by: 1, or the holdout mean for a relative lift."""
        mu0: Numbers = (at.w * self.baseline(at)).sum(axis=-1)
        return mu0 if self.predicted.effect == "relative" else np.ones_like(mu0)

    def stated(self, name: str) -> tuple[Any, ...]:
        """Returns per stratum what the contract states of a segment, None where it is silent."""
        if name not in self._stated:
            self._stated[name] = tuple(getattr(p, name, None) for p in self.promises)
        return self._stated[name]


def vanishes(mean: Numbers, strata: Strata) -> NDArray[np.bool_]:
    """Tells whether means of the outcome are 0: they come back from centred sums, so up to rounding."""
    largest = float(np.abs(strata.treated[:, 0]).max(initial=0.0))
    out: NDArray[np.bool_] = np.abs(np.real(mean)) <= _ROUNDING * largest
    return out


def check_estimable(strata: Strata, predicted: PredictedLift) -> None:
    """Refuses a log from which no lift can be told.

    Raises:
        InvalidInput: when no segment has both treated and holdout units, or a relative lift has a
            holdout mean of 0 to refer to.
    """
    if not strata.estimable.any():
        raise InvalidInput(
            "no segment has both treated and holdout units, at least one must",
            where="outcome log",
            fix="Check columns.arm, columns.treated and columns.holdout of the contract.",
        )
    plain = Model(strata, predicted, layout_of(strata, predicted, fold_value=True))
    promised = np.array(predicted.predicted.lift)
    scale = plain.scale(Point(strata.weight, strata.treated, strata.holdout, promised))
    # An absolute lift is divided by 1, which vanishes beside an amount of 1e15 and does no harm.
    if predicted.effect == "relative" and vanishes(scale, strata):
        raise InvalidInput(
            "the holdout's mean outcome is 0, must differ from 0 for a relative lift",
            where="outcome log",
            fix="Wait for outcomes in the holdout, or promise an absolute lift.",
        )
