"""Whether two reductions of a log tell the same: then a second check has nothing new to record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.clusters import ClusterMoments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

_RELATIVE: Final = 1e-9  # engines add in another order
# What a check says of its predecessor, not of the log.
_OF_THE_LAST_CHECK: Final = frozenset({"late_row", "removed_row", "left_out_unit"})


def same_figures(now: OutcomeMoments, before: OutcomeMoments) -> bool:
    """Returns whether counts are the same and sums agree to 1e-9, whatever engine or file they are of."""
    tables = ("cells", "score_bins", "teams", "offers")
    return (
        now.rows == before.rows
        and set(now.columns) == set(before.columns)
        and _faults(now) == _faults(before)
        and (now.left_out is None or now.left_out == before.left_out)
        and all(_same_table(getattr(now, k), getattr(before, k)) for k in tables)
        and _same_clusters(now.clusters, before.clusters)
        and _dict(now.actions) == _dict(before.actions)
        and _same_guardrails(now, before)
    )


def _same_guardrails(now: OutcomeMoments, before: OutcomeMoments) -> bool:
    a, b = now.guardrails, before.guardrails
    return a.keys() == b.keys() and all(
        _same_table(a[k].cells, b[k].cells) and _same_clusters(a[k].clusters, b[k].clusters)
        for k in a
    )


def _faults(m: OutcomeMoments) -> dict[str, tuple[int, int]]:
    return {
        k: (f.count, f.total)
        for k, f in m.faults.items()
        if f.count and k not in _OF_THE_LAST_CHECK
    }


def _dict(table: object) -> object:
    return None if table is None else table.to_dict()  # type: ignore[attr-defined]


def _same_table(a: Moments | None, b: Moments | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.measures != b.measures:
        return False
    a, b = (m.collapse("segment", "arm", "period") for m in (a, b))
    labels = ("segment", "arm", "period")
    counts = ("assigned", "matured", "n", "nonzero", "missing")
    if len(a) != len(b) or any(
        getattr(a, k).astype(str).tolist() != getattr(b, k).astype(str).tolist()
        for k in (*labels, *counts)
    ):
        return False
    shift = b.center - a.center
    first = a.s1 - a.n[:, None] * shift
    cross = a.s1[:, :, None] * shift[None, None, :]
    second = (
        a.s2
        - cross
        - cross.transpose(0, 2, 1)
        + a.n[:, None, None] * shift[None, :, None] * shift[None, None, :]
    )
    return _close(first, b.s1) and _close(second, b.s2)


def _same_clusters(a: ClusterMoments | None, b: ClusterMoments | None) -> bool:
    if a is None or b is None:
        return a is b
    if (a.arm.tolist(), a.clusters.tolist()) != (b.arm.tolist(), b.clusters.tolist()):
        return False
    shift = np.eye(3)
    shift[1:, 0] = a.center - b.center
    return _close(a.s1 @ shift.T, b.s1) and _close(shift @ a.s2 @ shift.T, b.s2)


def _close(x: np.typing.NDArray[np.float64], y: np.typing.NDArray[np.float64]) -> bool:
    size = float(np.abs(y).max()) if y.size else 0.0
    return x.shape == y.shape and np.allclose(x, y, rtol=_RELATIVE, atol=_RELATIVE * max(size, 1.0))
