"""Tests that files are published, and targets changed, one after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from spot_mlflow_plugins.server.trust.turns import changing_targets, generation, publishing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path))


def test_nothing_is_published_while_targets_change() -> None:
    """Who publishes waits for the change, and then sees that there was one."""
    before = generation()
    seen: list[int] = []

    def publish() -> None:
        with publishing():
            seen.append(generation())

    with changing_targets():
        other = threading.Thread(target=publish)
        other.start()
        other.join(0.3)
        assert other.is_alive()
        assert seen == []
    other.join()
    assert seen == [generation()]
    assert seen[0] != before


def test_many_publish_at_once() -> None:
    """Publishing is a turn that is shared."""
    with publishing():
        other = threading.Thread(target=lambda: publishing().__enter__())
        other.start()
        other.join(60)
        assert not other.is_alive()


def test_a_change_that_failed_counts_as_one() -> None:
    """What is deployed is looked at anew after it, too."""
    with changing_targets():
        pass
    before = generation()
    with pytest.raises(KeyError), changing_targets():
        raise KeyError
    assert generation() != before
