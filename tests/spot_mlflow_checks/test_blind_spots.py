"""What a log leaves unknown of its outcomes' dates, and the rules at the edges of time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.blind_spots import judge_dates
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow_checks.fault_checks import Judgement

CONTRACT: dict[str, Any] = {
    "metric": "bought",
    "predicted": {"lift": 0.02},
    "window": "30d",
    "columns": {"unit": "id", "arm": "arm", "outcome": "y", "decided_at": "day"},
}
AS_OF = "2026-03-06"


def log(seed: int = 4, n: int = 20_000, late: float = 0.0) -> pd.DataFrame:
    """Units over 60 days; of the treated ``late`` more have an outcome once their window is over."""
    r = np.random.default_rng(seed)
    day = r.integers(0, 60, n)
    treated = np.arange(n) % 2 == 0
    old = 60 - day > 33
    y = r.random(n) < 0.3 + late * (treated & old)
    at = pd.Timestamp("2026-01-05") + pd.to_timedelta(day, unit="D")
    return pd.DataFrame(
        {"id": np.arange(n), "arm": treated.astype(int), "day": at, "y": y.astype(int)}
    )


def reduced(
    source: Any, contract: dict[str, Any], as_of: str = AS_OF, **keywords: Any
) -> OutcomeMoments:
    """Reduces a source."""
    predicted = PredictedLift.load(contract)
    with open_source(source, predicted, **keywords) as opened:
        return reduce_source(opened, predicted, as_of=as_of)


def judged(frame: pd.DataFrame, as_of: str = AS_OF, **changes: Any) -> Judgement | None:
    """The judgement on undated outcomes."""
    contract = {**CONTRACT, **changes}
    moments = reduced(frame, contract, as_of)
    predicted = PredictedLift.load(contract)
    return judge_dates(moments, predicted, analyze(moments, predicted))


def bounds(message: str) -> tuple[float, float]:
    """The interval in the sentence, which is in points or per cent."""
    found = re.search(r"the lift is (\S+) to (\S+) (?:points|%)\. To be sure", message)
    assert found is not None
    return float(found[1]) / 100, float(found[2]) / 100


@pytest.mark.parametrize("effect", ["absolute", "relative"])
@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_late_outcomes_of_one_arm_are_within_the_interval(effect: str, direction: str) -> None:
    """No lift, and 6 points of late outcomes in one arm: 0 is in the interval, not in the lift's own."""
    frame = log(late=0.06)
    contract = {"effect": effect, "direction": direction}
    found = judged(frame, **contract)
    assert found is not None
    assert not found.success
    assert "observed_at" in found.message
    low, high = bounds(found.message)
    assert low < 0 < high
    predicted = PredictedLift.load({**CONTRACT, **contract})
    own = analyze(reduced(frame, {**CONTRACT, **contract}), predicted).realized.estimate
    assert not own.low <= 0 <= own.high
    assert low <= own.low + 0.0005  # as it is rounded
    assert own.high <= high + 0.0005


def test_without_young_cohorts_nothing_bounds_the_late_share() -> None:
    """A log read half a year later holds no unit that matured lately, and says so."""
    found = judged(log(), as_of="2026-09-01")
    assert found is not None
    assert found.observed is None
    assert "nothing bounds" in found.message


def test_without_a_window_the_latest_units_had_less_time() -> None:
    """The message asks for a window and observed_at; with dated outcomes nothing is asked."""
    found = judged(log(), window=None)
    assert found is not None
    assert found.severity == "info"
    assert "observed_at" in found.message
    assert "window" in found.message
    dated = log().assign(seen=lambda f: f["day"] + pd.Timedelta(days=1))
    columns = {**CONTRACT["columns"], "observed_at": "seen"}
    assert judged(dated, columns=columns) is None
    undated = {k: v for k, v in CONTRACT["columns"].items() if k != "decided_at"}
    assert judged(log(), columns=undated) is None


@pytest.mark.parametrize("kind", ["pandas", "sqlite", "csv", "parquet"])
@pytest.mark.parametrize("second", ["07.123457", "59.999600", "00.000001"])
def test_an_event_at_the_very_end_of_the_window_counts(
    kind: str, second: str, tmp_path: Any
) -> None:
    """In every engine the outcome at the end is in time and its unit mature; one later is neither."""
    at = pd.Timestamp(f"2026-01-05T10:11:{second}")
    end = at + pd.Timedelta(days=7)
    late = end + pd.Timedelta(milliseconds=2)
    frame = pd.DataFrame(
        {
            "id": [1, 2, 3, 4],
            "arm": [1, 0, 1, 0],
            "y": 1,
            "day": [at] * 4,
            "seen": [end, end, late, late],
        }
    )
    columns = {**CONTRACT["columns"], "observed_at": "seen"}
    contract = {**CONTRACT, "window": "7d", "columns": columns}
    keywords: dict[str, Any] = {}
    source: Any = frame
    if kind == "sqlite":
        source, keywords = (
            sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool),
            {"table": "log"},
        )
        words = frame.assign(
            **{k: frame[k].dt.strftime("%Y-%m-%d %H:%M:%S.%f") for k in ("day", "seen")}
        )
        words.to_sql("log", source, index=False)
    elif kind == "csv":
        frame.to_csv(source := tmp_path / "log.csv", index=False)
    elif kind == "parquet":
        frame.to_parquet(source := tmp_path / "log.parquet")
    moments = reduced(source, contract, end.isoformat() + "Z", **keywords)
    assert int(moments.cells.matured.sum()) == 4
    assert moments.faults["outcome_after_window"].count == 2
    assert float((moments.cells.s1[:, 0] + moments.cells.n * moments.cells.center[0]).sum()) == 2


@pytest.mark.parametrize("clothes", ["date", "midnight", "text"])
def test_outcomes_known_by_day_are_compared_by_day(clothes: str) -> None:
    """An outcome of the day of its decision is none from before it; one of the day before is."""
    at = pd.to_datetime(["2026-01-05T13:00"] * 4)
    seen = pd.to_datetime(["2026-01-05"] * 3 + ["2026-01-04"])
    dressed = {"date": seen.date, "midnight": seen, "text": seen.strftime("%Y-%m-%d")}[clothes]
    frame = pd.DataFrame({"id": range(4), "arm": [1, 0, 1, 0], "y": 1, "day": at, "seen": dressed})
    columns = {**CONTRACT["columns"], "observed_at": "seen"}
    moments = reduced(frame, {**CONTRACT, "columns": columns})
    assert moments.faults["outcome_before_decision"].count == 1
