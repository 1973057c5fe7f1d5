"""The plain difference beside an adjusted lift: the figure that dividing two sums of the log gives."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.figures import scale_of
from spot_mlflow.reporting import figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.figures import LiftScale
    from spot_mlflow.reporting.words.lift_view import LiftView

_SAME: Final = 1e-9  # of the means: what sums that are added in another order may differ by
_MOST: Final = 6  # digits behind the point
_FIGURES: Final = 3  # significant digits of the difference


def plain_words(view: LiftView) -> str:
    """Returns the sentence with the means of the same units, not adjusted; "" where nothing is adjusted."""
    realized: Mapping[str, Any] = view.data["realized"]
    plain: Mapping[str, Any] = realized.get("plain") or {}
    treated, holdout = plain.get("treatment"), plain.get("holdout")
    if treated is None or holdout is None or not _is_adjusted(realized, plain):
        return ""
    scale = _scale(view, plain["difference"])
    found = scale.signed_amount(plain["difference"])
    if view.effect == "relative" and holdout:
        of_mean = replace(view.scale, word="%").signed_amount(treated / holdout - 1)
        found = f"{found}, {of_mean} of the holdout's"
    what = "ratio of sums" if plain["per"] == "denominator" else "mean"
    return (
        f"Not adjusted, the {what} is {_mean(scale, treated)} for the same "
        f"{figures.count(realized['n_treatment'])} treated and {_mean(scale, holdout)} for the same "
        f"{figures.count(realized['n_holdout'])} of the holdout: a plain difference of {found}."
    )


def _is_adjusted(realized: Mapping[str, Any], plain: Mapping[str, Any]) -> bool:
    """Whether the headline compares other means than the plain ones."""
    pairs = (
        (realized.get("mean_treatment"), plain["treatment"]),
        (realized.get("mean_holdout"), plain["holdout"]),
    )
    return any(
        shown is not None and not math.isclose(shown, own, rel_tol=_SAME, abs_tol=1e-12)
        for shown, own in pairs
    )


def _scale(view: LiftView, difference: float) -> LiftScale:
    """The scale of a difference of means, with the digits by which a reader knows the own figure again."""
    kind = str(view.contract.get("kind", "binary"))
    scale = scale_of(kind=kind, effect="absolute", unit=view.unit, half_width=None)
    size = abs(scale.factor * difference)
    place = _FIGURES - 1 - math.floor(math.log10(size)) if size > 0 else 0
    return replace(scale, decimals=max(2, min(place, _MOST)))


def _mean(scale: LiftScale, value: float) -> str:
    """A mean beside its difference: a share of a rate, else in the unit of the metric."""
    if scale.word == "points":
        return figures.share(value, scale.decimals)
    return scale.amount(value)
