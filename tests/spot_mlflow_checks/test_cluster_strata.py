"""Whole clusters: told apart by the segment, day or week they lie within, and compared within these."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from spot_mlflow_checks import check_outcomes

DAY = pd.Timestamp("2026-01-05")


def promise(**columns: str) -> dict[str, Any]:
    """Two points promised of a rate, clusters assigned as a whole."""
    named = {"unit": "id", "arm": "arm", "outcome": "y", "cluster": "shop", **columns}
    return {"metric": "m", "predicted": 0.02, "columns": named}


def log(share: Any, base: Any, *, groups: int = 400, each: int = 20, seed: int = 3) -> pd.DataFrame:
    """Clusters in eight equal parts, each with its own share treated and its own rate; no lift."""
    r = np.random.default_rng(seed)
    part = np.arange(groups) * 8 // groups
    treated = r.random(groups) < np.asarray(share)[part]
    shop = np.repeat(np.arange(groups), each)
    rate = np.clip(np.asarray(base)[part] + 0.02 * r.standard_normal(groups), 0.01, 0.99)[shop]
    return pd.DataFrame(
        {
            "id": np.arange(len(shop)),
            "shop": shop,
            "part": part[shop],
            "arm": treated[shop].astype(int),
            "y": (r.random(len(shop)) < rate).astype(int),
        }
    )


RISING, SEASON = np.linspace(0.15, 0.85, 8), np.linspace(0.1, 0.4, 8)


@pytest.mark.parametrize("dimension", ["segment", "days", "weeks"])
def test_clusters_are_compared_within_what_they_lie_within(dimension: str) -> None:
    """The share of treated clusters rises with the rate: pooled a lift of 15 points, within 0."""
    frame = log(RISING, SEASON)
    columns = {"segment": "seg"}
    frame["seg"] = "s" + frame["part"].astype(str)
    if dimension != "segment":
        step = 1 if dimension == "days" else 7
        spread = frame["id"] % 5 if dimension == "weeks" else 0
        frame["day"] = DAY + pd.to_timedelta(frame["part"] * step + spread, unit="D")
        columns = {"decided_at": "day"}
    found = check_outcomes(frame, promise(**columns))
    clusters = found.moments.clusters
    assert clusters is not None
    assert int(clusters.assigned_clusters.sum()) == 400
    assert len(clusters.arm) == 16
    realized = found.analysis.realized
    assert realized.estimate.low < 0 < realized.estimate.high
    assert abs(realized.estimate.lift) < 0.03
    assert "post-stratified over" in realized.method
    assert realized.grade == "B"
    pooled = frame.groupby("arm")["y"].mean()
    assert pooled[1] - pooled[0] > 0.08


def test_clusters_across_days_whose_shares_differ_get_no_verdict() -> None:
    """Shops switched on one after the other: a season is in the number, so grade D, and what would help."""
    r = np.random.default_rng(1)
    shop, day = r.integers(0, 200, 12_000), r.integers(0, 56, 12_000)
    start = r.integers(0, 56, 200)
    frame = pd.DataFrame(
        {"id": np.arange(12_000), "shop": shop, "day": DAY + pd.to_timedelta(day, unit="D")}
    )
    frame["arm"] = (day >= start[shop]).astype(int)
    frame["y"] = (r.random(12_000) < 0.1 + 0.1 * day / 56).astype(int)
    found = check_outcomes(frame, promise(decided_at="day")).to_dict()
    assert (found["verdict"], found["inconclusive"]) == ("inconclusive", "design")
    assert found["evidence"] == "D"
    assert "cluster" in found["remedy"]


def test_shops_that_stay_as_they_are_are_compared_as_before() -> None:
    """Clusters across all days with one share: ratio of sums over clusters, grade A."""
    frame = log(np.full(8, 0.5), np.full(8, 0.2))
    frame["day"] = DAY + pd.to_timedelta(frame["id"] % 28, unit="D")
    found = check_outcomes(frame, promise(decided_at="day"))
    assert found.analysis.realized.method.startswith(
        "ratio of sums over 400 clusters, Satterthwaite"
    )
    assert found.analysis.realized.grade == "A"


def test_units_without_a_cluster_count_in_their_own_segment() -> None:
    """Each is a cluster of its own, in its segment; no unit is lost."""
    frame = log(RISING, SEASON)
    frame["seg"] = "s" + frame["part"].astype(str)
    frame["shop"] = frame["shop"].astype(float).where(frame["id"] % 40 != 0)
    clusters = check_outcomes(frame, promise(segment="seg")).moments.clusters
    assert clusters is not None
    assert int(clusters.s1[:, 0].sum()) == len(frame)
    assert set(clusters.labels[0]) == {f"s{i}" for i in range(8)}
