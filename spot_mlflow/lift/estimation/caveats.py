"""What a reader must see beside an estimate: a kind with its facts, and the sentence of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow import figures
from spot_mlflow.lift.estimators.weighted import overlap_words
from spot_mlflow.lift.holds.words import counterpart_words, hold_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spot_mlflow.lift.estimators.weighted import Overlap
    from spot_mlflow.lift.holds.hold import Hold
    from spot_mlflow.lift.strata.shares import Variation

HARDLY: Final = 0.005  # of the variance: what a reader would see as 0 %

Kind = Literal[
    "unreliable",
    "open",
    "later_look",
    "not_stratified",
    "strata_together",
    "adjusted",
    "overlap_weights",
    "costly_weights",
    "no_counterpart",
    "share_varies",
    "weighted",
    "two_times",
    "clusters_straddle",
]


@dataclass(frozen=True, slots=True)
class Caveat:
    """One thing that a reader must see.

    Attributes:
        kind: what sort.
        facts: its numbers by name, and what it is said of.
    """

    kind: Kind
    facts: Mapping[str, Any]

    @property
    def words(self) -> str:
        """The sentence, with its full stop."""
        return SENTENCES[self.kind](**self.facts)


def caveat(kind: Kind, **facts: Any) -> Caveat:
    """Returns a caveat with its facts, named as its sentence asks for them."""
    return Caveat(kind, facts)


def _unreliable(hold: Hold) -> str:
    return f"Interval unreliable: {hold_words(hold).reason}."


def _open(method: str) -> str:
    return f"The interval is open: {method}."


def _later_look(look: int, bounds: str) -> str:
    return (
        f"The contract was made for one look and this is look {look}: its interval no longer "
        f"holds. The one that holds at every look is {bounds}."
    )


def _not_stratified() -> str:
    return "Not post-stratified: too few units by segment."


def _strata_together(segments: int) -> str:
    return f"{segments:,} segments with fewer than 2 units in an arm are put together."


def _adjusted(reduction: float) -> str:
    if reduction < HARDLY:
        return (
            "Adjusted by the covariate, which explains hardly any of the outcome's variance here."
        )
    return f"Adjusted by the covariate, which removes {figures.share(reduction)} of the variance."


def _overlap_weights() -> str:
    return (
        "Strata are weighted by what both arms have (weights: overlap): the lift is that of the "
        "customers who could have been in either arm, not of all."
    )


def _costly_weights(times: float) -> str:
    return (
        f"Weights of the population make the variance {times:.1f} times that of overlap weights: "
        "shares of treatment were far from even. weights: overlap in a new contract needs fewer units."
    )


def _no_counterpart(units: int, left_out: int, *, many: bool) -> str:
    tail = "; lift, verdict and money are of the others." if many else "."
    return f"{counterpart_words(units, left_out)}{tail}"


def _share_varies(variation: Variation) -> str:
    return f"Evidence grade B: {variation.words}, and no schedule was declared."


def _weighted(treated: Overlap, holdout: Overlap) -> str:
    said = f"{overlap_words('treated', treated)}; {overlap_words('holdout', holdout)}"
    return f"Weighted by logged propensities; {said}."


def _two_times() -> str:
    return (
        "Compares two times, not two groups: whatever else changed in between is in the number. "
        "Evidence grade D: a number, never a verdict."
    )


def _clusters_straddle(clusters: int, *, within: bool) -> str:
    said = f"{clusters:,} clusters have units in more than one arm"
    if within:
        return f"{said}: units were assigned within clusters, so the interval is conservative."
    return f"{said}."


SENTENCES: Final[Mapping[Kind, Callable[..., str]]] = {
    "unreliable": _unreliable,
    "open": _open,
    "later_look": _later_look,
    "not_stratified": _not_stratified,
    "strata_together": _strata_together,
    "adjusted": _adjusted,
    "overlap_weights": _overlap_weights,
    "costly_weights": _costly_weights,
    "no_counterpart": _no_counterpart,
    "share_varies": _share_varies,
    "weighted": _weighted,
    "two_times": _two_times,
    "clusters_straddle": _clusters_straddle,
}
