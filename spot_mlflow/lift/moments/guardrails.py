"""What a reduction gives of one guardrail: the same cells, with its own units and sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.clusters import ClusterMoments

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, eq=False)
class GuardrailMoments:
    """A guardrail as an outcome of its own.

    Attributes:
        cells: by segment, arm and period; the measure ``outcome`` is the guardrail, ``n`` the mature
            units with a readable value of it.
        clusters: sums over clusters, where the contract names a cluster column.
    """

    cells: Moments
    clusters: ClusterMoments | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        clusters = None if self.clusters is None else self.clusters.to_dict()
        return {"cells": self.cells.to_dict(), "clusters": clusters}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GuardrailMoments:
        """Reads what ``to_dict`` wrote."""
        clusters = data.get("clusters")
        return cls(
            Moments.from_dict(data["cells"]),
            None if clusters is None else ClusterMoments.from_dict(clusters),
        )
