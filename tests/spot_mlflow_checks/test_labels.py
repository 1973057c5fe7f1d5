"""Labels of any number: folded where the log lies, so that no engine hands over a group per row."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from placed import placed

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks import labels
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source

if TYPE_CHECKING:
    from pathlib import Path

    from spot_mlflow.lift.moments.cells import Moments

AS_OF = "2027-06-01"
CONTRACT = PredictedLift.load({
    "metric": "sale", "predicted": 0.1, "window": "30d", "segments": {"s7": {"share": 0.1, "response": 0.1}, "s0": {"share": 0.9, "response": 0.1}},
    "columns": {
        "arm": "arm", "treated": "T", "holdout": "C", "outcome": "sold", "decided_at": "decided", "segment": "s",
        "team": "crew", "offer": "what", "acted": "done", "actor": "who", "override_reason": "why",
        "offered": "given",
    },
})  # fmt: skip
ENGINES = [
    "pandas", "parquet", "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgres), pytest.param("spark", marks=pytest.mark.spark),
]  # fmt: skip


def log() -> pd.DataFrame:
    """3,000 units; one label in three of 1,000 segments, some blank, and as many teams and offers."""
    rng = np.random.default_rng(20260722)
    i = np.arange(3000)
    label = np.minimum(i % 1000, rng.integers(0, 1000, 3000)) // 3
    given = np.where(i % 2 == 0, 1, 0)
    named = pd.Series([f"s{x}" for x in label]).where(pd.Series(i % 50 != 0))
    return pd.DataFrame(
        {
            "arm": np.where(i % 2 == 0, "T", "C"),
            "sold": (i % 7 == 0).astype(int),
            "decided": [dt.datetime(2027, 1, 4) + dt.timedelta(days=int(d)) for d in i % 3],  # noqa: DTZ001
            "s": named,
            "crew": named.str.upper(),
            "what": named,
            "given": given,
            "done": given * (i % 3 == 0),
            "who": [f"p{x}" for x in i % 400],
            "why": [f"because {x}" for x in i % 300],
        }
    )


def table(cells: Moments) -> dict[tuple[str, ...], tuple[float, ...]]:
    """Counts and sums about 0 by cell."""
    c = cells.collapse("segment", "arm", "period")
    sums = c.s1 + c.n[:, None] * c.center
    return {
        (s, a, str(p)): (int(n), *(round(float(x), 9) for x in row))
        for s, a, p, n, row in zip(c.segment, c.arm, c.period, c.assigned, sums, strict=True)
    }


@pytest.mark.parametrize("kind", ENGINES)
def test_folding_in_the_engine_gives_what_folding_afterwards_gives(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same segments stay, a promised small one too; the sums are whole; the fetches are bounded."""
    source, keywords = placed(log(), kind, tmp_path, request)
    with open_source(source, CONTRACT, **keywords) as opened:
        apart = reduce_source(opened, CONTRACT, as_of=AS_OF, segment_limit=10)
    monkeypatch.setattr(labels, "GROUPS", 120)
    monkeypatch.setattr(labels, "SEGMENT_LIMIT", 10)
    handed_over: list[int] = []
    with open_source(source, CONTRACT, **keywords) as opened:
        fetch = type(opened).fetch

        def counted(self: Any, query: Any) -> Any:
            rows = fetch(self, query)
            handed_over.append(len(rows))
            return rows

        monkeypatch.setattr(type(opened), "fetch", counted)
        folded = reduce_source(opened, CONTRACT, as_of=AS_OF, segment_limit=10)
    assert table(folded.cells) == table(apart.cells)
    assert "s7" in folded.cells.segment
    assert folded.notes == apart.notes
    assert any("segments, the smallest, are folded" in n for n in folded.notes)
    assert "segments" in folded.passes
    assert "segments" not in apart.passes
    assert (
        max(handed_over) <= 12 * 12
    )  # 10 teams, 10 reasons, the rest and none of each, in one week
    for one, other in ((folded.teams, apart.teams), (folded.offers, apart.offers)):
        assert one is not None
        assert other is not None
        assert one.assigned.sum() == other.assigned.sum()
        assert len(set(one.segment)) <= 12
    assert folded.actions is not None
    assert apart.actions is not None
    assert folded.actions.recommended.sum() == apart.actions.recommended.sum() == 1500
    assert folded.actions.crews["", ""] == apart.actions.crews["", ""]
    assert sum(folded.actions.overrides.values()) == sum(apart.actions.overrides.values())


def test_persons_are_counted_where_the_log_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No query returns a person's name, nor a row for each of 400 people."""
    seen: list[Any] = []
    data = log().assign(crew="one", s="one", what="one", why=None)
    with open_source(data, CONTRACT) as opened:
        fetch = type(opened).fetch

        def spied(self: Any, query: Any) -> Any:
            rows = fetch(self, query)
            seen.append(rows)
            return rows

        monkeypatch.setattr(type(opened), "fetch", spied)
        found = reduce_source(opened, CONTRACT, as_of=AS_OF)
    assert found.actions is not None
    assert found.actions.crews["", ""].people == 200
    assert max(map(len, seen)) < 20
    assert not any(
        isinstance(x, str) and x.startswith("p") for rows in seen for row in rows for x in row
    )
