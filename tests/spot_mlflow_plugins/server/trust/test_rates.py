"""How often one user may call, over all workers that share the home."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow_plugins.server.trust.rates import Rate

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path))
    return tmp_path


def test_a_burst_of_the_whole_period_passes_and_then_one_at_a_time() -> None:
    """60 a minute: 60 at once, the 61st waits a second, and a second later one more passes."""
    rate = Rate.read("60/minute", where="")
    assert [rate.wait("user a", NOW) for _ in range(60)] == [0.0] * 60
    assert rate.wait("user a", NOW) == pytest.approx(1.0)
    assert rate.wait("user b", NOW) == 0
    assert rate.wait("user a", NOW + 1) == 0
    assert rate.wait("user a", NOW + 1) == pytest.approx(1.0)
    assert [rate.wait("user a", NOW + 120) for _ in range(60)] == [0.0] * 60


def test_a_clock_that_is_ahead_locks_nobody_out_for_longer_than_a_period() -> None:
    """Another host counted an hour from now; this one lets the next call in within the period."""
    rate = Rate(60, 60)
    for _ in range(60):
        rate.wait("user a", NOW + 3600)
    assert 0 < rate.wait("user a", NOW) <= 60


CALLS = """
import sys
from spot_mlflow_plugins.server.trust.rates import Rate
print(sum(Rate(50, 3600).wait("user a", 1_800_000_000.0) == 0 for _ in range(30)))
"""


def test_processes_count_together() -> None:
    """Three processes call 30 times each at one moment, and 50 calls in all are allowed."""
    running = [
        subprocess.Popen([sys.executable, "-c", CALLS], stdout=subprocess.PIPE) for _ in "abc"
    ]
    assert sum(int(p.communicate()[0]) for p in running) == 50


def test_no_name_is_kept_and_quiet_callers_are_forgotten(folder: Path) -> None:
    """The files have neither names nor addresses, and no line of somebody whose period is over."""
    rate = Rate(2, 60)
    rate.wait("user dagmar", NOW)
    (file,) = folder.glob("limits/*.json")
    assert "dagmar" not in file.read_text() + file.name
    kept = {"0" * 32: NOW - 1, "f" * 32: NOW + 30}
    file.write_text(json.dumps({**json.loads(file.read_text()), **kept}))
    rate.wait("user dagmar", NOW)
    assert set(json.loads(file.read_text())) & set(kept) == {"f" * 32}


def test_a_torn_file_and_a_full_disk_let_calls_pass(folder: Path) -> None:
    """The limit spares the server; what guards a model is the gate."""
    rate = Rate(1, 60)
    assert rate.wait("user a", NOW) == 0
    (file,) = folder.glob("limits/*.json")
    file.write_text('{"ab')
    assert rate.wait("user a", NOW) == 0
    assert rate.wait("user a", NOW) > 0
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("a file where the folder should be")
    assert rate.wait("user a", NOW) == 0


@pytest.mark.parametrize("text", ["600", "0/minute", "600/day", "-1/minute", "1.5/second", "a/b"])
def test_what_is_not_a_rate_is_named(text: str) -> None:
    """With the variable, and a rate that would do."""
    with pytest.raises(InvalidInput, match=r"SPOT_MLFLOW_RATE: .* is not a rate; use for example"):
        Rate.read(text, where="SPOT_MLFLOW_RATE")
