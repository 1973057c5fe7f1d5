"""Sums over whole clusters: what is assigned or decided by village, shop or household."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def assigned_within(clusters: ClusterMoments) -> bool:
    """Whether units were assigned within clusters: at least half of the clusters have both arms.

    Then clusters are no units of assignment; they only make outcomes alike. The variances of the
    arms, each from its own clusters, leave out that both share the clusters, which errs on the safe
    side.
    """
    distinct = int(clusters.assigned_clusters.sum()) - clusters.straddling
    return clusters.straddling > 0 and 2 * clusters.straddling >= distinct


MISSING_SUMS: Final = 6  # over clusters, of units without an outcome
_PER_CLUSTER_ROW = ("arm", "clusters", "assigned_clusters", "s1", "s2", "events")


@dataclass(frozen=True, eq=False)
class ClusterMoments:
    """Sums over clusters, per arm; not additive over segments or periods.

    With z = (units n_g, sum of outcome - c, sum of covariate - c') of a cluster g in an arm:

    Attributes:
        arm: (arms,) str labels as in ``Moments``.
        clusters: (arms,) clusters with at least one analysed unit.
        assigned_clusters: (arms,) clusters with at least one assigned unit.
        center: (2,) constants c, c'; as in ``Moments.center`` for outcome and covariate.
        s1: (arms, 3) sum of z.
        s2: (arms, 3, 3) sum of z z'.
        events: (arms,) clusters with at least one event (non-zero outcome).
        straddling: clusters that have units in more than one arm.
        missing: (arms, 6) with u the matured units of a cluster without an outcome: sums of u, u n_g,
            u (outcome - c), u (covariate - c'), u^2, and clusters with at least one matured unit;
            None in records from before.
        segment: (rows,) where clusters lie within segments: a row is then a segment's arm, not an
            arm; None where they do not, or nothing is known of it.
        period: (rows,) first day of the days or weeks that clusters lie within, likewise.
    """

    arm: NDArray[np.object_]
    clusters: NDArray[np.int64]
    assigned_clusters: NDArray[np.int64]
    center: NDArray[np.float64]
    s1: NDArray[np.float64]
    s2: NDArray[np.float64]
    events: NDArray[np.int64]
    straddling: int = 0
    missing: NDArray[np.float64] | None = None
    segment: NDArray[np.object_] | None = None
    period: NDArray[np.datetime64] | None = None

    @property
    def labels(self) -> tuple[NDArray[np.object_], NDArray[np.datetime64]]:
        """Segment and period of each row, "" and NaT where clusters are not shown separately by them."""
        blank = np.full(len(self.arm), "", dtype=object)
        never = np.full(len(self.arm), np.datetime64("NaT", "D"), dtype="datetime64[D]")
        return (
            blank if self.segment is None else self.segment,
            never if self.period is None else self.period,
        )

    def select(self, rows: NDArray[np.bool_]) -> ClusterMoments:
        """Returns the rows where ``rows`` (rows,) is True."""
        per_row = {k: getattr(self, k)[rows] for k in _PER_CLUSTER_ROW}
        segment = None if self.segment is None else self.segment[rows]
        period = None if self.period is None else self.period[rows]
        missing = None if self.missing is None else self.missing[rows]
        return replace(self, **per_row, segment=segment, period=period, missing=missing)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        arrays = ("arm", "clusters", "assigned_clusters", "center", "s1", "s2", "events")
        out = {k: getattr(self, k).tolist() for k in arrays} | {"straddling": self.straddling}
        if self.missing is not None:
            out["missing"] = self.missing.tolist()
        if self.segment is not None:
            out["segment"] = self.segment.tolist()
        if self.period is not None:
            out["period"] = [None if np.isnat(p) else str(p) for p in self.period]
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClusterMoments:
        """Reads what ``to_dict`` wrote."""
        return cls(
            arm=np.array(data["arm"], dtype=object),
            clusters=np.array(data["clusters"], dtype=np.int64),
            assigned_clusters=np.array(data["assigned_clusters"], dtype=np.int64),
            center=np.array(data["center"], dtype=np.float64),
            s1=np.array(data["s1"], dtype=np.float64).reshape(-1, 3),
            s2=np.array(data["s2"], dtype=np.float64).reshape(-1, 3, 3),
            events=np.array(data["events"], dtype=np.int64),
            straddling=int(data["straddling"]),
            missing=None
            if data.get("missing") is None
            else np.array(data["missing"], dtype=np.float64).reshape(-1, MISSING_SUMS),
            segment=None
            if data.get("segment") is None
            else np.array(data["segment"], dtype=object),
            period=None
            if data.get("period") is None
            else np.array([p or "NaT" for p in data["period"]], dtype="datetime64[D]"),
        )
