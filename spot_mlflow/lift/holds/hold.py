"""What holds a verdict back: a kind and its numbers; ``words`` writes its sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.verdicts import Doubt

Block = Literal[
    "too_few_units",
    "burn_in",
    "skewed",
    "few_clusters",
    "few_clusters_in_an_arm",
    "uneven_clusters",
    "grade_d",
    "clusters_across",
    "weights_of_clusters",
    "weights_astray",
    "covariate_differs",
    "arms_hardly_overlap",
    "never_side_by_side",
    "no_counterpart",
    "outcomes_missing",
    "outcomes_missing_without_bounds",
    "outcomes_missing_and_held",
    "fewer_outcomes_in_an_arm",
    "faulty_log",
    "wrong_arms",
]
# What each lacks: more units, a sound log, a design that can tell, or both arms side by side.
DOUBTS: Final[Mapping[Block, Doubt]] = {
    "too_few_units": "units",
    "burn_in": "units",
    "skewed": "units",
    "few_clusters": "units",
    "few_clusters_in_an_arm": "units",
    "uneven_clusters": "units",
    "grade_d": "design",
    "clusters_across": "design",
    "weights_of_clusters": "design",
    "weights_astray": "data",
    "covariate_differs": "data",
    "arms_hardly_overlap": "overlap",
    "never_side_by_side": "overlap",
    "no_counterpart": "overlap",
    "outcomes_missing": "data",
    "outcomes_missing_without_bounds": "data",
    "outcomes_missing_and_held": "data",
    "fewer_outcomes_in_an_arm": "data",
    "faulty_log": "data",
    "wrong_arms": "design",
}
_PLAIN: Final = (str, bool, int, float)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why no verdict can be given.

    Attributes:
        by: the kind.
        facts: its numbers by name, and what it is said of.
    """

    by: Block
    facts: Mapping[str, Any]

    @property
    def doubt(self) -> Doubt:
        """What is lacking."""
        return DOUBTS[self.by]

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values: the kind and its plain numbers."""
        facts = {k: v.item() if hasattr(v, "item") else v for k, v in self.facts.items()}
        return {"by": self.by, **{k: v for k, v in facts.items() if isinstance(v, _PLAIN)}}


def hold(by: Block, **facts: Any) -> Hold:
    """Returns a hold of a kind with its facts, named as its sentence in ``words`` asks for them."""
    return Hold(by, facts)
