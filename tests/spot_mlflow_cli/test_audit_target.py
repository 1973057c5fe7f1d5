"""The audit stream in a file and in a system log: killed, rotated, torn, and yet each line once."""

from __future__ import annotations

import json
import os
import signal
import socket
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from spot_mlflow.errors import InvalidInput, Unavailable
from spot_mlflow.record.audit import Cursor
from spot_mlflow_cli import audit_target
from spot_mlflow_cli.audit_target import CursorFile, LineFile, system_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START = 1_800_000_000_000
EVENTS = {f"{i:032x}": START + 1000 * i for i in range(12)}
KILLED = 9


def line(entry: str) -> dict[str, Any]:
    """A line of an event."""
    at = datetime.fromtimestamp(EVENTS[entry] / 1000, timezone.utc)
    return {"id": entry, "recorded": at.isoformat(timespec="milliseconds"), "reason": "ü\n\x1b[2J"}


def stream(path: Path) -> None:
    """Writes what is new, four lines at a time, as ``spot audit`` does."""
    with CursorFile(path.with_name(f"{path.name}.cursor"), Cursor.since(None)).held() as held:
        file = LineFile(path, held)
        cursor = file.recovered()
        while new := [e for e in EVENTS if e not in cursor.recent][:4]:
            cursor = cursor.after({e: EVENTS[e] for e in new}, START * 2)
            file.take([line(e) for e in new], cursor)


def killed_at(step: int, path: Path) -> bool:
    """Runs the stream in a process that kills itself at a step; returns whether it got so far."""
    pid = os.fork()
    if pid == 0:
        steps = iter(range(10_000))

        def counted(call: Callable[..., Any], *, torn: bool = False) -> Callable[..., Any]:
            def wrapper(*said: Any, **more: Any) -> Any:
                if next(steps) == step:
                    if torn:
                        with path.open("ab") as f:
                            f.write(b'{"id": "half a li')
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*said, **more)

            return wrapper

        audit_target.write_new = counted(audit_target.write_new)
        audit_target.os.fsync = counted(os.fsync, torn=bool(step % 2))  # type: ignore[attr-defined]
        stream(path)
        os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1]) == KILLED


def ids(*paths: Path) -> list[str]:
    """The events of some files, in order."""
    return [json.loads(x)["id"] for p in paths for x in p.read_text().splitlines()]


def test_killed_at_any_step_each_line_is_there_once(tmp_path: Path) -> None:
    """SIGKILL before and after every write of lines and cursor, half a line left behind, twice in a row."""
    steps = 0
    while True:
        path = tmp_path / f"audit-{steps}.jsonl"
        if not killed_at(steps, path):
            break
        killed_at(steps % 4, path)
        stream(path)
        assert ids(path) == list(EVENTS), steps
        steps += 1
    assert steps >= 10


def test_a_file_that_was_renamed_while_it_was_written_is_found(tmp_path: Path) -> None:
    """Killed after the lines and before the cursor, then rotated: no line twice in both files."""
    path = tmp_path / "audit.jsonl"
    assert killed_at(2, path)  # cursor made, cursor opened, then before the file reaches the disk
    assert ids(path) == list(EVENTS)[:4]
    path.rename(tmp_path / "audit.jsonl.1")
    stream(path)
    assert ids(tmp_path / "audit.jsonl.1", path) == list(EVENTS)


def test_a_file_that_is_gone_in_the_middle_is_named(tmp_path: Path) -> None:
    """It cannot be known what was written: the command says so instead of guessing."""
    path = tmp_path / "audit.jsonl"
    assert killed_at(2, path)
    path.unlink()
    with pytest.raises(InvalidInput, match=r"is gone.*Put it back"):
        stream(path)


def test_lines_without_a_cursor_are_not_written_again(tmp_path: Path) -> None:
    """A lost cursor is an error, and so is one that is no cursor."""
    path = tmp_path / "audit.jsonl"
    stream(path)
    cursor = tmp_path / "audit.jsonl.cursor"
    cursor.write_text("[]")
    with pytest.raises(InvalidInput, match="not a cursor"):
        stream(path)
    cursor.unlink()
    with pytest.raises(InvalidInput, match=r"its cursor .* is missing"):
        stream(path)


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    """The second one says that another is at work."""
    path = tmp_path / "audit.jsonl"
    held = CursorFile(tmp_path / "audit.jsonl.cursor", Cursor.since(None))
    with held.held(), pytest.raises(InvalidInput, match="another spot audit"):
        stream(path)


def test_what_somebody_typed_breaks_no_line(tmp_path: Path) -> None:
    """Line breaks and control characters are escaped; the file is for its owner and group."""
    path = tmp_path / "audit.jsonl"
    stream(path)
    assert b"\x1b" not in path.read_bytes()
    assert path.read_bytes().count(b"\n") == len(EVENTS)
    assert path.stat().st_mode & 0o007 == 0


def test_the_system_log_gets_a_message_a_line(tmp_path: Path) -> None:
    """Facility authpriv, one JSON object each; the cursor follows, and a log that is not there is named."""
    place, few = str(tmp_path / "log"), list(EVENTS)[:8]  # a socket holds ten that nobody has read
    cursor = CursorFile(tmp_path / "cursor", Cursor.since(None))
    with pytest.raises(Unavailable, match="cannot be reached"):
        system_log(f"syslog:{place}", cursor).take([line(next(iter(EVENTS)))], Cursor(5, {}))
    assert cursor.read()[0].through == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(place)
        log.settimeout(10)
        system_log(f"syslog:{place}", cursor).take([line(e) for e in few], Cursor(5, {}))
        said = [log.recv(65_536).rstrip(b"\0").decode() for _ in few]
    assert all(s.startswith("<86>spot-audit: {") for s in said)
    assert [json.loads(s.partition(": ")[2])["id"] for s in said] == few
    assert cursor.read()[0].through == 5


@pytest.mark.parametrize("to", ["syslog:", "syslog://", "syslog://host:port", "syslogs"])
def test_an_address_that_is_no_log_is_named(to: str, tmp_path: Path) -> None:
    """With the forms that would do."""
    cursor = CursorFile(tmp_path / "cursor", Cursor.since(None))
    with pytest.raises(InvalidInput, match="must be a file, syslog or syslog://HOST:PORT"):
        system_log(to, cursor)
