"""The cluster pass: sums over clusters, per arm; a unit without a cluster is one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.moments import MISSING_SUMS, ClusterMoments
from spot_mlflow_checks.rows import Reading, flag, judged
from spot_mlflow_checks.sums import arm_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def cluster_pass(r: Reading, *, alone: bool) -> ClusterMoments:
    """Groups by cluster, one set of sums per arm, then sums over clusters: one row leaves.

    Per cluster g and arm, z = (units n_g, sum of outcome - c, sum of covariate - c'); the ratio of
    sums over clusters and its variance need only the sums of z and of z z'.

    Args:
        r: what to read.
        alone: whether units without a cluster are there; each counts as a cluster of its own.
    """
    named = _summed(r, _per_cluster(r))
    return _moments(r, named, _summed(r, _alone(r)) if alone else None)


def _summed(r: Reading, per_cluster: sa.Subquery) -> list[float]:
    """Runs one query and returns its one row."""
    g = per_cluster.c
    arms = range(len(r.arms))
    out: list[Any] = []
    for a in arms:
        z = [g[f"{k}_{a}"] for k in ("n", "y", "x")]
        out += [sa.func.sum(flag(g[f"n_{a}"] > 0)), sa.func.sum(flag(g[f"assigned_{a}"] > 0))]
        out += [sa.func.sum(flag(g[f"events_{a}"] > 0)), *[sa.func.sum(v) for v in z]]
        out += [sa.func.sum(z[i] * z[j]) for i, j in _PAIRS]
        u = g[f"u_{a}"]
        out += [sa.func.sum(u), *[sa.func.sum(u * v) for v in (*z, u)]]
        out.append(sa.func.sum(flag(g[f"n_{a}"] + u > 0)))
    here = [flag(g[f"assigned_{a}"] > 0) for a in arms]
    out.append(sa.func.sum(flag(sum(here[1:], here[0]) > 1)))
    row = r.source.fetch(sa.select(*[x.label(f"v{i}") for i, x in enumerate(out)]))[0]
    return [0.0 if v is None else float(v) for v in row]


def _per_cluster(r: Reading) -> sa.Subquery:
    c = judged(r).c
    sums = {k: sa.func.sum(x) for k, x in _by_arm(r, c).items()}
    query = sa.select(*[x.label(k) for k, x in sums.items()])
    return query.where(c.cluster.is_not(None)).group_by(c.cluster).subquery("per_cluster")


def _alone(r: Reading) -> sa.Subquery:
    c = judged(r).c
    query = sa.select(*[x.label(k) for k, x in _by_arm(r, c).items()])
    return query.where(c.cluster.is_(None)).subquery("alone")


def _by_arm(r: Reading, c: Any) -> dict[str, Any]:
    """Returns what one unit adds to the sums of its cluster, per arm.

    Doubles: the square of a large cluster's size must not leave a 32-bit integer.
    """
    y = c.x_outcome - r.center.get("outcome", 0.0)
    x = c.x_covariate - r.center.get("covariate", 0.0) if "x_covariate" in c else sa.literal(0.0)
    out: dict[str, Any] = {}
    for a in range(len(r.arms)):
        here = sa.and_(c.arm == a, c.n == 1)
        out[f"assigned_{a}"] = sa.case((c.arm == a, c.assigned), else_=0)
        out[f"n_{a}"] = sa.case((here, 1.0), else_=0.0)
        without = sa.and_(c.arm == a, c.matured == 1, c.n == 0)
        out[f"u_{a}"] = sa.case((without, 1.0), else_=0.0)
        out[f"y_{a}"] = sa.case((here, y), else_=0.0)
        out[f"x_{a}"] = sa.case((here, x), else_=0.0)
        out[f"events_{a}"] = sa.case((sa.and_(here, c.x_outcome != 0), 1), else_=0)
    return out


def _moments(r: Reading, named: list[float], alone: list[float] | None) -> ClusterMoments:
    """Adds the rows up and reads them in the order in which ``_summed`` asked for them."""
    values: Iterator[float] = iter(np.add(named, alone) if alone else named)
    labels = arm_labels(r)
    clusters, assigned, events, s1, s2, missing = [], [], [], [], [], []
    for _ in labels:
        clusters.append(int(next(values)))
        assigned.append(int(next(values)))
        events.append(int(next(values)))
        s1.append([next(values) for _ in range(3)])
        square = np.zeros((3, 3))
        for i, j in _PAIRS:
            square[i, j] = square[j, i] = next(values)
        s2.append(square)
        missing.append([next(values) for _ in range(MISSING_SUMS)])
    present = [i for i, n in enumerate(assigned) if n > 0]
    return ClusterMoments(
        arm=np.array(labels, dtype=object)[present],
        clusters=np.array(clusters, dtype=np.int64)[present],
        assigned_clusters=np.array(assigned, dtype=np.int64)[present],
        center=np.array([r.center.get("outcome", 0.0), r.center.get("covariate", 0.0)]),
        s1=np.array(s1).reshape(-1, 3)[present],
        s2=np.array(s2).reshape(-1, 3, 3)[present],
        events=np.array(events, dtype=np.int64)[present],
        straddling=int(next(values)),
        missing=np.array(missing)[present],
    )
