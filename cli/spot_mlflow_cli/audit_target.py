"""Where the audit stream goes: a file, or the system's log; each with the cursor beside it.

The cursor is written before a batch, with the place in the file where the batch begins, and after it. So
whatever stops the command, the next one sees in the file what was written already: no line is lost, none
is there twice. A file that was renamed meanwhile (logrotate) is found by its number on the disk.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from logging.handlers import SysLogHandler
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, Unavailable
from spot_mlflow.record.audit import Cursor
from spot_mlflow_cli.files import write_new

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_SOCKET: Final = "/dev/log"
_ADDRESS: Final = re.compile(r"syslog://([^:/]+)(?::(\d{1,5}))?/?")
_READABLE: Final = 0o640  # by the group that collects logs


@dataclass
class CursorFile:
    """The cursor on disk; one command at a time holds it.

    Attributes:
        path: of the file.
        begin: where to begin when there is none yet.
    """

    path: Path
    begin: Cursor

    @contextmanager
    def held(self) -> Iterator[CursorFile]:
        """Keeps other commands away.

        Raises:
            InvalidInput: another one is at work, or the folder cannot be written to.
        """
        try:
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise InvalidInput(f"cannot be written: {e.strerror}", where=str(self.path)) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield self
        except BlockingIOError:
            raise InvalidInput(
                "another spot audit is running", where=str(self.path), fix="Wait until it ends."
            ) from None
        finally:
            os.close(lock)

    def read(self) -> tuple[Cursor, dict[str, Any]]:
        """Returns the cursor, and what else was noted beside it.

        Raises:
            InvalidInput: the file is not a cursor.
        """
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            return Cursor.read(said), said
        except FileNotFoundError:
            return self.begin, {}
        except (ValueError, InvalidInput):
            raise InvalidInput(
                "this is not a cursor of spot audit",
                where=str(self.path),
                fix="Restore it from a backup, or begin with a new --cursor and --since.",
            ) from None

    def write(self, cursor: Cursor, **more: Any) -> None:
        """Writes it, whole or not at all."""
        text = json.dumps({**cursor.to_dict(), **more})
        write_new(self.path, text.encode(), private=True)


@dataclass
class LineFile:
    """Appends lines to a file.

    Attributes:
        path: of the file.
        cursor: beside it.
    """

    path: Path
    cursor: CursorFile

    def recovered(self) -> Cursor:
        """Returns the cursor, with what was written after it taken in; a torn line is cut off.

        Raises:
            InvalidInput: the file that was being written is gone, or has lines and no cursor.
        """
        cursor, said = self.cursor.read()
        if not said:
            if self.path.exists() and self.path.stat().st_size:
                raise InvalidInput(
                    f"has lines, but its cursor {self.cursor.path} is missing",
                    where=str(self.path),
                    fix="Restore it, or write to another file with --since.",
                )
            self.cursor.write(cursor, open=False)
            return cursor
        if not said.get("open"):
            return cursor
        found = self._being_written(int(said["file"]))
        if found is None:
            raise InvalidInput(
                "was being written when the last spot audit was stopped, and is gone",
                where=str(self.path),
                fix="Put it back into its folder, or begin with a new --cursor and --since.",
            )
        told = _told_after(found, int(said["size"]))
        cursor = cursor.after(told, max(told.values(), default=0))
        self.cursor.write(cursor, open=False)
        return cursor

    def _being_written(self, number: int) -> Path | None:
        """Returns the file of that number: this one, or what it was renamed to."""
        for path in (self.path, *sorted(self.path.parent.glob(f"{self.path.name}*"))):
            if path.exists() and path.stat().st_ino == number:
                return path
        return None

    def take(self, lines: Sequence[Mapping[str, Any]], cursor: Cursor) -> None:
        """Appends the lines, each whole.

        Raises:
            InvalidInput: the file cannot be written.
        """
        try:
            how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            handle = os.open(self.path, how, _READABLE)
        except OSError as e:
            raise InvalidInput(f"cannot be written: {e.strerror}", where=str(self.path)) from None
        with os.fdopen(handle, "ab") as f:
            place = os.fstat(handle)
            before = self.cursor.read()[0]
            self.cursor.write(before, open=True, file=place.st_ino, size=place.st_size)
            try:
                for line in lines:
                    f.write(as_text(line).encode() + b"\n")
                f.flush()
                os.fsync(handle)
            except OSError as e:
                raise Unavailable(
                    f"cannot be written: {e.strerror}", where=str(self.path)
                ) from None
        self.cursor.write(cursor, open=False)


class _Handler(SysLogHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own
        """Raises what went wrong; logging would only print it."""
        raise  # noqa: PLE0704 - called while the error is handled


@dataclass
class SystemLog:
    """Sends lines to syslog, one message each.

    What a message that was sent becomes is the system's matter: a line is sent at least once.

    Attributes:
        address: socket, or host and port (UDP).
        cursor: on disk.
    """

    address: str | tuple[str, int]
    cursor: CursorFile

    def take(self, lines: Sequence[Mapping[str, Any]], cursor: Cursor) -> None:
        """Sends the lines.

        Raises:
            Unavailable: there is no such log.
        """
        try:
            handler = _Handler(self.address, facility=SysLogHandler.LOG_AUTHPRIV)
        except OSError as e:
            raise Unavailable(f"cannot be reached: {e}", where=f"syslog {self.address}") from None
        handler.ident = "spot-audit: "
        try:
            for line in lines:
                handler.emit(logging.LogRecord("", logging.INFO, "", 0, as_text(line), (), None))
        except OSError as e:
            raise Unavailable(f"cannot be reached: {e}", where=f"syslog {self.address}") from None
        finally:
            handler.close()
        self.cursor.write(cursor)


def system_log(to: str, cursor: CursorFile) -> SystemLog:
    """Reads "syslog" or "syslog://host:514".

    Raises:
        InvalidInput: it is neither.
    """
    if to == "syslog":
        return SystemLog(_SOCKET, cursor)
    if to.startswith("syslog:/") and not to.startswith("syslog://"):
        return SystemLog(to.removeprefix("syslog:"), cursor)
    found = _ADDRESS.fullmatch(to)
    if found is None:
        raise InvalidInput(f"--to == {to}, must be a file, syslog or syslog://HOST:PORT")
    try:
        address = socket.gethostbyname(found[1])
    except OSError as e:
        raise Unavailable(f"cannot be found: {e}", where=found[1]) from None
    return SystemLog((address, int(found[2] or 514)), cursor)


def as_text(line: Mapping[str, Any]) -> str:
    """Returns one line of JSON; nothing in it breaks it or moves a terminal's cursor."""
    return json.dumps(line, separators=(",", ":"))


def _told_after(path: Path, size: int) -> dict[str, int]:
    """Returns id -> when it was finished, of the whole lines after a place; cuts off what follows them."""
    with path.open("r+b") as f:
        f.seek(size)
        rest = f.read()
        whole = rest[: rest.rfind(b"\n") + 1]
        if whole != rest:
            f.truncate(size + len(whole))
            f.flush()
            os.fsync(f.fileno())
    lines = [json.loads(x) for x in whole.splitlines()]
    return {x["id"]: round(datetime.fromisoformat(x["recorded"]).timestamp() * 1000) for x in lines}
