"""Writes files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from spot_mlflow.errors import InvalidInput


def write_new(path: Path, content: bytes, *, private: bool = False) -> None:
    """Writes a file in one step: a reader finds the old content or the new, never a part.

    Args:
        path: where; its folder must exist.
        content: all of it.
        private: whether only its owner may read it.

    Raises:
        InvalidInput: the folder is missing or cannot be written to.
    """
    try:
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(fd, "wb") as f:
                f.write(content)
            if not private:
                umask = os.umask(0)
                os.umask(umask)
                Path(name).chmod(0o666 & ~umask)  # mkstemp makes private files
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as e:
        raise InvalidInput(f"cannot be written: {e.strerror or e}", where=str(path)) from None


def make_folder(path: Path, *, private: bool = False, fix: str = "") -> None:
    """Makes a folder and those above it, where they are not there.

    Args:
        path: of the folder.
        private: whether only its owner may read it.
        fix: what helps where it cannot be made.

    Raises:
        InvalidInput: something else has its name, or it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
    except OSError as e:
        raise InvalidInput(
            f"this folder cannot be made: {e.strerror or e}", where=str(path), fix=fix
        ) from None
