"""Reads a file of lines that a crash may have torn, of any length, in memory that does not follow it."""

from __future__ import annotations

import errno
import os
import stat
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BACKWARDS: Final = 4096  # bytes read at once from the end
_LONGEST: Final = 2**24  # bytes of a line: an acceptance names every entry that is gone
_NO_LINE: Final = b"\0"  # in place of a piece that is too long to be of a line of ours


def regular(f: IO[bytes]) -> IO[bytes]:
    """Returns an open file; a device, which may be read without end, is refused.

    Raises:
        OSError: it is not a regular file.
    """
    if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
        f.close()
        raise OSError(errno.EINVAL, "is not a regular file", f.name)
    return f


def lines(f: IO[bytes]) -> Iterator[bytes]:
    """Yields lines, one that is longer than any of ours in pieces: memory does not follow the file."""
    while raw := f.readline(_LONGEST):
        yield raw


def end(
    f: IO[bytes], read: Callable[[bytes], dict[str, Any] | None]
) -> tuple[dict[str, Any] | None, bool]:
    """Returns what the last whole line says, None without one, and whether the file ends with a line's end.

    Read backwards: a crash of the machine can leave any number of bytes that are no line.

    Args:
        f: the file.
        read: returns what a line says; None where it is torn.
    """
    closed = True
    later: list[bytes] = []  # what was read of the line already, its last piece first
    for number, chunk in enumerate(_chunks_backwards(f, f.seek(0, os.SEEK_END))):
        if number == 0:
            closed = chunk.endswith(b"\n")
        first, *pieces = chunk.split(b"\n")
        if pieces:
            pieces[-1] += b"".join(reversed(later))
            found = next(filter(None, map(read, reversed(pieces))), None)
            if found is not None:
                return found, closed
            later = []
        later.append(first)
        if len(later) * _BACKWARDS > _LONGEST:
            later = [_NO_LINE]
    return read(b"".join(reversed(later))), closed


def _chunks_backwards(f: IO[bytes], end: int) -> Iterator[bytes]:
    while end > 0:
        start = max(0, end - _BACKWARDS)
        f.seek(start)
        yield f.read(end - start)
        end = start
