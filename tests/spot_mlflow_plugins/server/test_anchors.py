"""Tests of what the server remembers outside the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from spot_mlflow.evidence import Evidence
from spot_mlflow_plugins.server.anchors import Anchors, folder_of
from spot_mlflow_plugins.server.signing import Signer

if TYPE_CHECKING:
    from pathlib import Path


def entry(number: int) -> Evidence:
    """An entry with a number for its id."""
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return Evidence(
        f"{number:032x}", "pulse", "m", None, at, "Ann", "business", {}, f"{number:064x}"
    )


@pytest.fixture
def anchors(tmp_path: Path) -> Anchors:
    """Anchors in a folder of the test's own."""
    return Anchors(tmp_path, Signer((b"k" * 32,)))


def test_what_was_added_is_remembered(anchors: Anchors) -> None:
    """Entries come back in the order they were added, those taken in marked as such."""
    anchors.add("7", [entry(1)], adopted=True)
    anchors.add("7", [entry(2), entry(3)])
    found, tampered = anchors.of("7")
    assert [(a.entry, a.adopted) for a in found] == [
        (entry(1).id, True),
        (entry(2).id, False),
        (entry(3).id, False),
    ]
    assert not tampered
    assert anchors.experiments() == ["7"]


def test_nothing_is_remembered_of_others(anchors: Anchors) -> None:
    """An experiment without a file has no anchors and no fault."""
    assert anchors.of("8") == ([], "")


@pytest.mark.parametrize("number", [0, 1])
def test_line_taken_out_shows(anchors: Anchors, tmp_path: Path, number: int) -> None:
    """A line that is missing, but for the last, breaks the chain and is named."""
    anchors.add("7", [entry(1), entry(2), entry(3)])
    path = tmp_path / "7.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:number] + lines[number + 1 :]))
    assert f"line {number + 1}" in anchors.of("7")[1]


def test_changed_line_shows(anchors: Anchors, tmp_path: Path) -> None:
    """A line cannot be made to adopt an entry without the key."""
    anchors.add("7", [entry(1)])
    path = tmp_path / "7.jsonl"
    path.write_text(path.read_text().replace('"mac"', '"adopted": true, "mac"'))
    assert "line 1" in anchors.of("7")[1]


def test_workers_add_at_once(anchors: Anchors) -> None:
    """Many writers at the same moment lose nothing and keep the chain whole."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: anchors.add("7", [entry(n)]), range(64)))
    found, tampered = anchors.of("7")
    assert {a.entry for a in found} == {entry(n).id for n in range(64)}
    assert not tampered


def test_adoption_is_closed_for_good(anchors: Anchors, tmp_path: Path) -> None:
    """Once closed it stays closed, for the next process too."""
    assert not anchors.adopted
    anchors.mark_adopted()
    assert Anchors(tmp_path, Signer((b"k" * 32,))).adopted


def test_folder_does_not_depend_on_the_password(tmp_path: Path) -> None:
    """A changed password or driver leads to the same folder; another database does not."""
    one = folder_of(tmp_path, "postgresql+psycopg://u:old@db:5432/mlflow")
    assert one == folder_of(tmp_path, "postgresql://u:new@DB:5432/mlflow")
    assert one != folder_of(tmp_path, "postgresql://u:new@db:5432/other")
    assert folder_of(tmp_path, "sqlite:////a/b.db") != folder_of(tmp_path, "sqlite:////a/c.db")
