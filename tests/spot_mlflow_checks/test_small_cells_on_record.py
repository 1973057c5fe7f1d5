"""Checks that go on from stored moments in which cells of few units were merged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from spot_mlflow.lift.analysis import measured
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.stored.cells import without_small_cells
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.cells import Moments

CONTRACT = PredictedLift.load(
    {
        "metric": "spend",
        "kind": "money",
        "predicted": {"lift": 5.0},
        "window": "10d",
        "score_edges": [0.25, 0.5, 0.75],
        "guardrails": [{"name": "calls", "column": "calls", "kind": "count", "direction": "decrease", "margin": 1.0}],
        "columns": {
            "unit": "unit", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y",
            "segment": "seg", "decided_at": "decided", "score": "score", "team": "team",
        },
    }
)  # fmt: skip
ALL_CLOSED = "2027-06-01"


def log(each: int = 12, days: int = 70) -> pd.DataFrame:
    """A few units a day in three segments: no cell of a day has ten."""
    r = np.random.default_rng(7)
    n = days * each
    return pd.DataFrame(
        {
            "unit": np.arange(n),
            "arm": np.where(r.random(n) < 0.5, "t", "c"),
            "y": r.gamma(2, 50, n),
            "seg": r.choice(["a", "b", "c"], n, p=[0.5, 0.4, 0.1]),
            "decided": pd.Timestamp("2027-01-04") + pd.to_timedelta(np.arange(n) // each, unit="D"),
            "score": r.random(n),
            "team": r.choice(["north", "west"], n),
            "calls": r.poisson(1, n),
        }
    )


def check(
    frame: pd.DataFrame, as_of: str, previous: OutcomeMoments | None = None
) -> OutcomeMoments:
    """What the record holds after a check: merged, as JSON, and back."""
    with open_source(frame, CONTRACT) as source:
        found = reduce_source(source, CONTRACT, as_of=as_of, previous=previous)
    stored = without_small_cells(found, CONTRACT)
    return OutcomeMoments.from_dict(json.loads(json.dumps(stored.to_dict(), allow_nan=False)))


def tables(moments: OutcomeMoments) -> dict[str, Moments]:
    """All tables of moments that are stored."""
    known = {"cells": moments.cells, "bins": moments.score_bins, "teams": moments.teams}
    guards = {name: g.cells for name, g in moments.guardrails.items()}
    return {k: t for k, t in {**known, **guards}.items() if t is not None}


def sums(table: Moments) -> list[list[float]]:
    """Units and sums of each arm, about no centre."""
    t = table.collapse("arm")
    return [t.assigned.tolist(), t.n.tolist(), (t.s1 + t.n[:, None] * t.center)[:, 0].tolist()]


def assert_whole(found: OutcomeMoments, wanted: OutcomeMoments) -> None:
    """Asserts that each table has the units and sums of the whole log, and no small cell."""
    for name, table in tables(found).items():
        assert table.n.min() >= 10, name
        assert table.assigned.min() >= 10, name
        for a, b in zip(sums(table), sums(tables(wanted)[name]), strict=True):
            assert a == pytest.approx(b, rel=1e-9), name


def test_three_files_one_after_another_have_the_sums_of_the_whole_log() -> None:
    """Each holds new units alone, cut within a week: nothing is lost, counted twice or called corrected."""
    frame = log()
    cuts = [pd.Timestamp(x) for x in ("2027-01-20", "2027-02-18")]
    found: OutcomeMoments | None = None
    for i, (low, high) in enumerate(
        zip([pd.Timestamp(0), *cuts], [*cuts, pd.Timestamp("2030-01-01")], strict=True)
    ):
        part = frame[(frame["decided"] >= low) & (frame["decided"] < high)]
        before = found
        found = check(part, f"2027-0{6 + i}-01", before)
        assert found.left_out is None
        if before is not None:
            assert found.passes[0] == "closed cohorts from the earlier check"
            assert measured(found, CONTRACT, previous=before).restated == ()
    assert found is not None
    assert_whole(found, check(frame, "2027-08-01"))
    assert found.rows == len(frame)


def test_the_whole_log_again_is_read_again_and_gives_the_same_as_from_scratch() -> None:
    """Merged cells do not decide how later units are compared where the log still has the old ones."""
    frame = log()
    earlier = check(frame[frame["decided"] < "2027-02-15"], "2027-02-15")
    found = check(frame, ALL_CLOSED, earlier)
    wanted = check(frame, ALL_CLOSED)
    assert any("cells of few units were merged with others" in note for note in found.notes)
    for name, table in tables(found).items():
        other = tables(wanted)[name]
        for key in ("segment", "arm", "period", "n", "assigned"):
            assert getattr(table, key).tolist() == getattr(other, key).tolist(), (name, key)
        assert table.s1 == pytest.approx(other.s1, rel=1e-9)
    assert measured(found, CONTRACT, previous=earlier).restated == ()


def test_a_correction_within_merged_days_is_found() -> None:
    """The days that were stored together are compared as one, and named."""
    frame = log()
    earlier = check(frame, ALL_CLOSED)
    changed = frame.assign(y=frame["y"].where(frame["unit"] != 40, 9_999.0))
    found = check(changed, "2027-06-02", earlier)
    assert any("arms or outcomes changed in" in note for note in found.notes)
    assert len(measured(found, CONTRACT, previous=earlier).restated) == 1


def test_a_log_that_leaves_merged_days_out_is_missed() -> None:
    """Units of an earlier check that are gone are counted, whatever was stored together."""
    from spot_mlflow.errors import InvalidInput

    frame = log()
    earlier = check(frame, ALL_CLOSED)
    with pytest.raises(InvalidInput, match="leaves out"):
        check(frame[frame["unit"] % 3 > 0], "2027-06-02", earlier)
