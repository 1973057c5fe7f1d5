"""Names, letters and plain words of the causes; what was folded together, and what to log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.causes.factor_levels import cost_promised, value_promised
from spot_mlflow.lift.causes.factors import LETTER_OF
from spot_mlflow.lift.causes.shapley import shapley_weights, waterfall_weights
from spot_mlflow.lift.causes.unsplit import unsplit_steps
from spot_mlflow.lift.causes.words import SHORT, joined
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.factors import Layout, Model
    from spot_mlflow.lift.causes.unsplit import Unsplit
    from spot_mlflow.lift.moments.cells import Moments

_COUNTED: Final[Mapping[str, str]] = {
    "late": "timeliness was not logged: late offers count within the response",
    "failed": "reasons of what was not delivered were not logged: system failures count as delivery",
}


def letter_of(factors: Sequence[str]) -> str:
    """Returns the letter of a cause; several joined by "/" where folded factors differ.

    A value folded into the response for want of a clear lift does not make the response Strategy's.
    """
    counted = [f for f in factors if f != "value"] if "response" in factors else list(factors)
    found = {LETTER_OF[f] for f in counted}
    return "/".join(x for x in "SPOT" if x in found)


def weights_of(layout: Layout, order: Sequence[str] | None) -> tuple[NDArray[np.float64], str]:
    """Returns the weights of the coalitions and the name of the rule.

    Args:
        layout: the causes.
        order: factors or causes in the order they change; those left out follow in chain order.

    Raises:
        InvalidInput: for a factor that is not among the causes.
    """
    players = layout.players
    if order is None:
        return shapley_weights(len(players)), "Shapley"
    names = ["+".join(p) for p in players]
    sequence: list[int] = []
    for word in order:
        hits = [i for i, p in enumerate(players) if word in p or word == names[i]]
        if not hits:
            known = [f for p in players for f in p]
            raise InvalidInput(
                f"order names {word!r}, must be one of {', '.join(known)}{nearest(word, known)}"
            )
        sequence += [i for i in hits if i not in sequence]
    sequence += [i for i in range(len(players)) if i not in sequence]
    told = ", ".join(names[i] for i in sequence)
    return waterfall_weights(tuple(sequence)), f"waterfall: {told}"


def notes_of(model: Model) -> tuple[str, ...]:
    """Says what was folded together or assumed, and what to log to split it."""
    layout, strata = model.layout, model.strata
    out = [_together(u) for u in unsplit_steps(layout.players)]
    if not layout.mix:
        out.append(
            "the promise names no segments, so the effect of the mix of customers is not shown separately"
        )
    lost = int((~strata.estimable & (strata.n_treated + strata.n_holdout > 0)).sum())
    if lost:
        out.append(
            f"{lost} of {len(strata.labels)} segments lack a treatment or a holdout unit: their "
            "lift is taken as the average of the others"
        )
    return (*out, *(_money_notes(model) if layout.money else ()))


def unknown_notes(cells: Moments) -> tuple[str, ...]:
    """Says of how many treated units it is not known whether they passed a step they were asked of."""
    treated = cells.select(cells.arm.astype(str) != HOLDOUT).collapse()
    out = []
    for measure in ("offered", "delivered"):
        at = treated.index(measure)
        blank = 0 if at is None or not len(treated) else int(treated.missing[0, at])
        if blank:
            out.append(
                f"for {blank:,} treated units the log does not say whether they were {measure}: the "
                "share is that of the others"
            )
    return tuple(out)


def _money_notes(model: Model) -> list[str]:
    layout, strata, predicted = model.layout, model.strata, model.predicted
    out = []
    if layout.value == "folded":
        out.append(
            "the lift is not clearly different from 0, so value is counted with the response"
        )
    if not strata.has("value"):
        out.append("value was not logged: a good outcome is worth what was promised")
    elif not value_promised(model):
        out.append("no value was promised: a good outcome is taken at what it brought")
    if not strata.has("cost"):
        out.append("cost was not logged: a contact costs what was promised")
    elif not cost_promised(model):
        out.append("no cost was promised: a contact is taken at what it cost")
    if predicted.effect == "relative":
        out.append(
            "money is computed from the holdout's realized mean, since the promise gave none"
        )
    return out


def _together(steps: Unsplit) -> str:
    """Says which steps count as one, and what to log to separate them."""
    if steps.how == "folded":
        missing = [" and ".join(c) for c in steps.columns]
        were = "was" if len(missing) == 1 else "were"
        told = joined([SHORT[f] for f in steps.factors])
        counted = f"{joined(missing)} {were} not logged: {told} cannot be separated"
        columns = joined([f"`{c}`" for c in missing])
    else:
        counted = _COUNTED[steps.how]
        columns = joined([f"`{c}`" for step in steps.columns for c in step])
    return f"{counted}; log {columns} to separate them"
