"""Gives the memory of large requests back to the machine.

The C library keeps freed blocks of up to 32 MB for the next one, in every thread: a few large requests
then look like a leak, and are held for good. Blocks of more than a megabyte are asked of the machine
instead, and go back when they are freed.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD of <malloc.h>
_LARGE: Final = 2**20


def give_back_large_blocks() -> None:
    """Asks glibc so; other C libraries do it by themselves or know no such setting."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)
