"""Who speaks: as given, or under a pseudonym that only the holder of the key can resolve."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow.person import check_person, pseudonym
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., Any])

KEY_VARIABLE = "SPOT_PSEUDONYM_KEY"


def pseudonym_option(f: F) -> F:
    """--pseudonym: record a pseudonym in place of the name."""
    return click.option(
        "--pseudonym",
        "as_pseudonym",
        is_flag=True,
        envvar="SPOT_PSEUDONYM",
        help="Record a pseudonym in place of the name; the same one each time. "
        f"Made with {KEY_VARIABLE}, or a key kept on this computer.",
    )(f)


def speaker(person: str, *, as_pseudonym: bool) -> tuple[str, Record]:
    """Returns the name to record and the record to write it to.

    Under a pseudonym the login is not recorded either.
    """
    if not as_pseudonym:
        return check_person(person), Record()
    name = pseudonym(person, pseudonym_key())
    return name, Record(recorded_by=name)


def pseudonym_key() -> bytes:
    """Returns the key: from SPOT_PSEUDONYM_KEY, or from a file made at first use.

    Raises:
        InvalidInput: the key file cannot be read or written.
    """
    given = os.environ.get(KEY_VARIABLE, "")
    if given:
        return given.encode()
    path = state_folder() / "pseudonym.key"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Made exclusively: of two first uses at once, one makes the key and both read it.
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as f:
                f.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    except OSError as e:
        raise InvalidInput(f"cannot be written: {e}", where=str(path), fix=_fix()) from None
    try:
        return path.read_text().strip().encode()
    except OSError as e:
        raise InvalidInput(f"cannot be read: {e}", where=str(path), fix=_fix()) from None


def state_folder() -> Path:
    """Returns where drafts and the pseudonym key are kept: SPOT_HOME, or the system's place.

    Raises:
        InvalidInput: this user has no home folder.
    """
    found = Path(os.environ.get("SPOT_HOME") or click.get_app_dir("spot-mlflow"))
    if found.parts[:1] == ("~",):  # no HOME, and the system knows no such user
        raise InvalidInput(
            "this user has no home folder to keep drafts and keys in",
            fix="Set SPOT_HOME to a folder that it may write.",
        )
    return found


def _fix() -> str:
    return f"Set {KEY_VARIABLE} to a secret of 16 characters or more."
