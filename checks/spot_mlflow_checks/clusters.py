"""The cluster pass: sums over clusters, per arm; a unit without a cluster is one of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.moments.clusters import MISSING_SUMS, ClusterMoments
from spot_mlflow_checks.reading import DAY, MONDAY, WEEK, Reading
from spot_mlflow_checks.rows import count_where, flag, judged
from spot_mlflow_checks.sums import arm_labels, segment_label

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


# Strata are used only if at least this share of the clusters falls within a single one.
WITHIN: Final = 0.95


@dataclass(frozen=True, slots=True)
class _Apart:
    """What clusters are told apart by.

    Attributes:
        segment: whether they lie within segments.
        grain: seconds of the day or week they lie within, or 0.
        start: where that is counted from, seconds since 1970.
    """

    segment: bool = False
    grain: int = 0
    start: int = 0


def cluster_pass(r: Reading, *, alone: bool) -> ClusterMoments:
    """Groups by cluster, one set of sums per arm, then sums over clusters by what they lie within.

    Per cluster g and arm, z = (units n_g, sum of outcome - c, sum of covariate - c'); the ratio of
    sums over clusters and its variance need only the sums of z and of z z'. Where nearly all clusters
    lie within one segment, or within one day or week, they are kept apart by it; the few others count
    where they begin.

    Args:
        r: what to read.
        alone: whether units without a cluster are there; each counts as a cluster of its own.
    """
    per_cluster = _per_cluster(r)
    apart = _apart(r, per_cluster)
    rows = _summed(r, per_cluster, apart)
    if alone:
        rows += _summed(r, _alone(r), apart)
    return _moments(r, rows, apart)


def _apart(r: Reading, per_cluster: sa.Subquery) -> _Apart:
    g = per_cluster.c
    asked: dict[str, Any] = {"all": sa.func.count()}
    if "segment_low" in g:
        same = sa.or_(
            g.segment_low == g.segment_high,
            sa.and_(g.segment_low.is_(None), g.segment_high.is_(None)),
        )
        asked["segment"] = count_where(same)
    grains = {"day": (DAY, 0), "week": (WEEK, MONDAY)}
    if "first" in g:
        for name, (grain, start) in grains.items():
            one, other = (
                r.source.dialect.floor((x - start) / float(grain)) for x in (g.first, g.last)
            )
            asked[name] = count_where(one == other)
    if len(asked) == 1:
        return _Apart()
    row = r.source.fetch(sa.select(*[x.label(f"v{i}") for i, x in enumerate(asked.values())]))[0]
    found = {k: float(v or 0) for k, v in zip(asked, row, strict=True)}
    within = {k for k, v in found.items() if k != "all" and v >= WITHIN * found["all"] > 0}
    grain, start = next((grains[k] for k in ("day", "week") if k in within), (0, 0))
    return _Apart("segment" in within, grain, start)


def _summed(r: Reading, per_cluster: sa.Subquery, apart: _Apart) -> list[_Row]:
    """Runs one query: one row per segment and time that clusters are kept apart by, one in all else."""
    g = per_cluster.c
    arms = range(len(r.arms))
    out: list[Any] = []
    for a in arms:
        z = [g[f"{k}_{a}"] for k in ("n", "y", "x")]
        out += [count_where(g[f"n_{a}"] > 0), count_where(g[f"assigned_{a}"] > 0)]
        out += [count_where(g[f"events_{a}"] > 0), *[sa.func.sum(v) for v in z]]
        out += [sa.func.sum(z[i] * z[j]) for i, j in _PAIRS]
        u = g[f"u_{a}"]
        out += [sa.func.sum(u), *[sa.func.sum(u * v) for v in (*z, u)]]
        out.append(count_where(g[f"n_{a}"] + u > 0))
    here = [flag(g[f"assigned_{a}"] > 0) for a in arms]
    out.append(count_where(sum(here[1:], here[0]) > 1))
    keys: list[Any] = []
    if apart.segment:
        keys.append(g.segment_low)
    if apart.grain:
        number = r.source.dialect.floor((g.first - apart.start) / float(apart.grain))
        keys.append(sa.cast(number, sa.BigInteger()))
    named = [x.label(f"k{i}") for i, x in enumerate(keys)]
    inner = sa.select(*named, *[x.label(f"v{i}") for i, x in enumerate(out)])
    query = inner.group_by(*keys) if keys else inner
    found = []
    for row in r.source.fetch(query):
        values = [0.0 if v is None else float(v) for v in row[len(keys) :]]
        segment = segment_label(row[0]) if apart.segment else ""
        day = "NaT"
        if apart.grain and row[len(keys) - 1] is not None:
            first = (int(row[len(keys) - 1]) * apart.grain + apart.start) // DAY
            day = str(np.datetime64(first, "D"))
        found.append(_Row(segment, day, values))
    return found


class _Row(NamedTuple):
    """Sums of one row, in the order in which ``_summed`` asked for them."""

    segment: str
    day: str
    values: list[float]


def _per_cluster(r: Reading) -> sa.Subquery:
    c = judged(r).c
    sums = {k: sa.func.sum(x) for k, x in _by_arm(r, c).items()} | _extent(r, c)
    query = sa.select(*[x.label(k) for k, x in sums.items()])
    return query.where(c.cluster.is_not(None)).group_by(c.cluster).subquery("per_cluster")


def _extent(r: Reading, c: Any) -> dict[str, Any]:
    """Lowest and highest segment, first and last decision of a cluster, of assigned units."""
    out: dict[str, Any] = {}
    if r.has("segment") and "segment" not in r.folded:
        text = sa.case((c.assigned == 1, r.source.dialect.text(c.segment)))
        out |= {"segment_low": sa.func.min(text), "segment_high": sa.func.max(text)}
    if r.has("decided_at"):
        at = sa.case((c.assigned == 1, c.decided_at))
        out |= {"first": sa.func.min(at), "last": sa.func.max(at)}
    return out


def _alone(r: Reading) -> sa.Subquery:
    c = judged(r).c
    named = {**_by_arm(r, c)}
    if r.has("segment") and "segment" not in r.folded:
        named["segment_low"] = r.source.dialect.text(c.segment)
    if r.has("decided_at"):
        named["first"] = c.decided_at
    query = sa.select(*[x.label(k) for k, x in named.items()])
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


def _moments(r: Reading, rows: list[_Row], apart: _Apart) -> ClusterMoments:
    """Adds the rows of the same segment and day up, and splits them by arm."""
    by: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        key = (row.segment, row.day)
        known = by.get(key, [0.0] * len(row.values))
        by[key] = np.add(known, row.values).tolist()
    labels = arm_labels(r)
    found: dict[str, list[Any]] = {
        k: []
        for k in (
            "arm",
            "clusters",
            "assigned_clusters",
            "events",
            "s1",
            "s2",
            "missing",
            "segment",
            "day",
        )
    }
    straddling = 0
    for (segment, day), summed in sorted(by.items()) or [(("", "NaT"), [])]:
        values: Iterator[float] = iter(summed)
        for label in labels if summed else []:
            clusters, assigned, events = (int(next(values)) for _ in range(3))
            s1 = [next(values) for _ in range(3)]
            square = np.zeros((3, 3))
            for i, j in _PAIRS:
                square[i, j] = square[j, i] = next(values)
            missing = [next(values) for _ in range(MISSING_SUMS)]
            if assigned > 0:
                row_of = (label, clusters, assigned, events, s1, square, missing, segment, day)
                for k, v in zip(found, row_of, strict=True):
                    found[k].append(v)
        straddling += int(next(values, 0))
    return ClusterMoments(
        arm=np.array(found["arm"], dtype=object),
        clusters=np.array(found["clusters"], dtype=np.int64),
        assigned_clusters=np.array(found["assigned_clusters"], dtype=np.int64),
        center=np.array([r.center.get("outcome", 0.0), r.center.get("covariate", 0.0)]),
        s1=np.array(found["s1"]).reshape(-1, 3),
        s2=np.array(found["s2"]).reshape(-1, 3, 3),
        events=np.array(found["events"], dtype=np.int64),
        straddling=straddling,
        missing=np.array(found["missing"], dtype=np.float64).reshape(-1, MISSING_SUMS),
        segment=np.array(found["segment"], dtype=object) if apart.segment else None,
        period=np.array(found["day"], dtype="datetime64[D]") if apart.grain else None,
    )
