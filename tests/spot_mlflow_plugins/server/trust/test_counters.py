"""Counts of all workers and restarts, in Prometheus' format."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from spot_mlflow_plugins.server.trust import counters
from spot_mlflow_plugins.server.trust.counters import Counters, exposition

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path))
    return tmp_path


def samples() -> dict[str, float]:
    """What a scrape says, sample by sample."""
    lines = [x for x in exposition().splitlines() if not x.startswith("#")]
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines)}


OTHER = """
from spot_mlflow_plugins.server.trust.counters import Counters
found = Counters()
found.add("spot_entries_total", 2, kind="waiver")
found.set("spot_anchor_waiting_entries", 7)
"""


def test_counts_of_workers_that_have_ended_stay_and_their_gauges_go() -> None:
    """Each scrape has the sum over all processes; a second scrape has no more."""
    own = Counters()
    own.add("spot_entries_total", kind="waiver")
    own.set("spot_anchor_waiting_entries", 3)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", OTHER], check=True)
    for _ in range(2):
        found = samples()
        assert found['spot_entries_total{kind="waiver"}'] == 5
        assert found["spot_anchor_waiting_entries"] == 3
    own.set("spot_anchor_waiting_entries", 0)
    assert samples()["spot_anchor_waiting_entries"] == 0


def test_a_histogram_counts_up_to_each_bound() -> None:
    """Buckets are cumulative and stand in the order of their bounds; sum and count follow."""
    own = Counters()
    for seconds in (0.004, 0.2, 60):
        own.time("spot_decision_seconds", seconds)
    text = exposition()
    bounds = [
        x.split('"')[1] for x in text.splitlines() if x.startswith("spot_decision_seconds_bucket")
    ]
    assert bounds == [*map(str, counters.BUCKETS), "+Inf"]
    found = samples()
    assert found['spot_decision_seconds_bucket{le="0.005"}'] == 1
    assert found['spot_decision_seconds_bucket{le="0.25"}'] == 2
    assert (
        found['spot_decision_seconds_bucket{le="+Inf"}']
        == found["spot_decision_seconds_count"]
        == 3
    )
    assert found["spot_decision_seconds_sum"] == pytest.approx(60.204)


def test_what_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk or a folder that is a file costs a count, not a decision."""
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path / "file"))
    Counters().add("spot_entries_total", kind="waiver")


def test_a_torn_file_counts_as_nothing(folder: Path) -> None:
    """What a crash left behind does not break the scrape."""
    Counters().add("spot_entries_total", kind="waiver")
    (place,) = folder.glob("metrics/*")
    (place / "999999.json").write_text('{"spot_entries_total": ')
    assert samples()['spot_entries_total{kind="waiver"}'] == 1


def test_what_is_worth_an_alarm_is_there_before_it_happens() -> None:
    """Break-glass and undecided changes begin at 0: a series that begins with 1 has no increase."""
    assert samples()['spot_decisions_total{on="change",outcome="break-glass"}'] == 0
    assert samples()["spot_undecided_total"] == 0
    Counters().add("spot_decisions_total", outcome="break-glass", on="change")
    assert samples()['spot_decisions_total{on="change",outcome="break-glass"}'] == 1
