"""Tests of what the server remembers outside the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from spot_mlflow.evidence import Evidence
from spot_mlflow_plugins.server.trust.anchors import Anchors, Concern, folder_of
from spot_mlflow_plugins.server.trust.signing import Signer

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


OLD = '{"id": "%s", "digest": "%s", "at": "2026-01-01T00:00:00+00:00", "mac": "%s"}'  # before format 2


def old_line(number: int, previous: str) -> tuple[str, str]:
    """Returns a line of format 1 and its keyed digest."""
    import hashlib
    import hmac

    e = entry(number)
    text = f"{previous}\0{e.id}\0{e.digest}\0{e.at.isoformat()}\0False"
    said = b"spot-mlflow anchor 1\0" + text.encode()
    mac = hmac.new(b"k" * 32, said, hashlib.sha256).hexdigest()
    return OLD % (e.id, e.digest, mac), mac


def test_lines_of_the_first_format_go_on_counting(anchors: Anchors, tmp_path: Path) -> None:
    """What was remembered before an update is remembered after it, in one chain."""
    first, mac = old_line(1, "")
    second, _ = old_line(2, mac)
    (tmp_path / "7.jsonl").write_text(f"{first}\n{second}\n")
    anchors.add("7", [entry(3)])
    found, tampered = anchors.of("7")
    assert [(a.entry, a.kind) for a in found] == [
        (entry(1).id, ""), (entry(2).id, ""), (entry(3).id, "pulse"),
    ]  # fmt: skip
    assert not tampered


def test_what_an_entry_did_to_a_concern_is_remembered(anchors: Anchors) -> None:
    """An objection is known outside the database: which, how grave, and what became of it."""
    said = {"concern": "c7", "act": "raised", "severity": "blocking", "what": "not kept here"}
    anchors.add("7", [replace(entry(1), kind="concern", version="2", payload=said)])
    (found,), _ = anchors.of("7")
    assert (found.kind, found.version, found.concern) == (
        "concern", "2", Concern("c7", "raised", "blocking"),
    )  # fmt: skip


TORN = {
    "in its middle": lambda raw: raw[:-40],
    "after its first character": lambda raw: raw[: raw.rindex(b"{") + 1],
    "before its end of line": lambda raw: raw[:-1],
    "with what the disk had before": lambda raw: raw[:-40] + b"\0" * 9000,
    "with twenty megabytes of that": lambda raw: raw[:-40] + b"\0" * 20_000_000,
    "with as many short lines of that": lambda raw: raw[:-40] + b"\0\n" * 500_000,
    "with letters of no alphabet": lambda raw: raw[:-40] + b"\xff\xfe\n",
}


@pytest.mark.parametrize("how", TORN)
def test_torn_line_is_reported_and_carried_on_behind(
    anchors: Anchors, tmp_path: Path, how: str
) -> None:
    """A crash may take the last line; what is before and what comes after is remembered."""
    anchors.add("7", [entry(1), entry(2), entry(3)])
    path = tmp_path / "7.jsonl"
    path.write_bytes(TORN[how](path.read_bytes()))
    anchors.add("7", [entry(4), entry(5)])
    found, fault = anchors.of("7")
    kept = [1, 2, 3, 4, 5] if how == "before its end of line" else [1, 2, 4, 5]
    assert [a.entry for a in found] == [entry(n).id for n in kept]
    assert ("torn" in fault) is (how != "before its end of line")
    assert len(fault) < 1000


def test_what_follows_a_changed_line_is_remembered(anchors: Anchors, tmp_path: Path) -> None:
    """Who breaks one line does not make the server forget the others."""
    anchors.add("7", [entry(1), entry(2), entry(3)])
    path = tmp_path / "7.jsonl"
    path.write_text(path.read_text().replace(entry(1).digest, "0" * 64, 1))
    found, fault = anchors.of("7")
    assert [a.entry for a in found] == [entry(2).id, entry(3).id]
    assert "line 1: not as the server wrote it" in fault


def test_acceptance_names_what_is_missed_no_longer(anchors: Anchors) -> None:
    """It is a line like the others, keyed to the one before."""
    anchors.add("7", [entry(1), entry(2)])
    anchors.accept("7", entry(3), [entry(2).id])
    found, fault = anchors.of("7")
    assert (found[-1].kind, found[-1].gone) == ("accepted", (entry(2).id,))
    assert not fault


def test_state_changes_with_every_line(anchors: Anchors) -> None:
    """So that what was read need not be read again."""
    assert anchors.state("7") is None
    anchors.add("7", [entry(1)])
    before = anchors.state("7")
    anchors.add("7", [entry(2)])
    assert anchors.state("7") != before


def test_reading_goes_on_where_it_ended(anchors: Anchors, tmp_path: Path) -> None:
    """Only what was added is read, behind a torn line too."""
    anchors.add("7", [entry(1), entry(2)])
    found, offset, previous = anchors.since("7", 0, "")
    assert [a.entry for a in found] == [entry(1).id, entry(2).id]
    assert anchors.since("7", offset, previous) == ([], offset, previous)
    anchors.add("7", [entry(3)])
    path = tmp_path / "7.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    assert anchors.since("7", offset, previous) == ([], offset, previous)
    anchors.add("7", [entry(4)])
    found, end, _ = anchors.since("7", offset, previous)
    assert [a.entry for a in found] == [entry(4).id]
    assert end == path.stat().st_size
    found, _, _ = anchors.since("7", offset, "forged")
    assert found == []


def test_a_device_is_no_memory(anchors: Anchors, tmp_path: Path) -> None:
    """One that can be read without end is refused, by whatever reads or writes; nothing is held."""
    (tmp_path / "7.jsonl").symlink_to("/dev/full")
    for call in (
        lambda: anchors.of("7"),
        lambda: anchors.since("7", 0, ""),
        lambda: anchors.add("7", [entry(1)]),
        lambda: anchors.check("7"),
    ):
        with pytest.raises(OSError, match="not a regular file"):
            call()
