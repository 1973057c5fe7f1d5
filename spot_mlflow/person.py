"""People as they are recorded: as given, told apart without regard to case, or under a pseudonym."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from typing import Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import NEEDS
from spot_mlflow.roles import ROLES
from spot_mlflow.validation import check_choice, is_drawn

MAX_NAME: Final = 200
MIN_KEY: Final = 16  # bytes
PSEUDONYM_LENGTH: Final = 10  # of 5 bits: 1 in 10^9 that any two of 1,000 people share one
MAX_TEXT: Final = 4000  # longer texts belong into a document with a link


def check_text(name: str, value: str | None, *, required: bool = True, where: str = "") -> str:
    """Returns the text without blanks around it, checked for length.

    Raises:
        InvalidInput: nothing of it can be seen where it is not allowed empty, or it is longer than 4,000 characters.
    """
    text = (value or "").strip()
    if required and not any(map(is_drawn, text)):
        raise InvalidInput(f"{name} must not be empty", where=where)
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            f"{name} has {len(text):,} characters, must have at most {MAX_TEXT:,}",
            where=where,
            fix="Put the long text into a document and give its link.",
        )
    return text


def check_person(person: str | None, *, where: str = "") -> str:
    """Returns a person's name, mail address or pseudonym as given, on one line.

    Raises:
        InvalidInput: it is empty, longer than 200 characters, or has control characters.
    """
    name = " ".join((person or "").split())
    if not name:
        raise InvalidInput("person is empty", where=where, fix="Give a name, mail or pseudonym.")
    if len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(
            f"person has {len(name)} characters, must be one printable line of at most {MAX_NAME}",
            where=where,
        )
    return name


def check_role(role: str | None, *, where: str = "") -> str:
    """Returns the role when it is one of ours, else raises with the nearest one named."""
    if role is None:
        raise InvalidInput("role is empty", where=where, fix=f"Use one of {', '.join(ROLES)}.")
    return check_choice("role", role, ROLES, where=where)


def check_speaker(kind: str, person: str | None, role: str | None) -> None:
    """Checks who speaks in an entry: what its kind needs is there, and what is there is right.

    Raises:
        InvalidInput: person or role is missing where it is needed, or none that can be recorded.
    """
    needed = NEEDS.get(kind, ())
    if person is not None or "person" in needed:
        check_person(person)
    if role is not None or "role" in needed:
        check_role(role)


def person_key(person: str | None) -> str:
    r"""Returns what tells people apart: the name without regard to case, blanks or how it is typed.

    One keyboard writes an accented letter as one character, another as two (Unicode NFC and NFD).

    >>> person_key(" Kim  Lee ") == person_key("kim lee")
    True
    >>> person_key("Jose\u0301") == person_key("JOS\u00c9")
    True
    """
    folded = unicodedata.normalize("NFD", person or "").casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def pseudonym(person: str, key: bytes) -> str:
    """Returns a pseudonym: the same for the same person and key, and telling nothing without it.

    HMAC-SHA256 (RFC 2104) of the name without regard to case or blanks, 50 bits of it in base 32.
    Without the key nobody can try out names; a team that shares the key tells its people apart in
    the same way everywhere.

    Raises:
        InvalidInput: the key is shorter than 16 bytes, or the person is empty.

    >>> pseudonym("Kim Lee", b"0123456789abcdef") == pseudonym(" kim  lee", b"0123456789abcdef")
    True
    """
    if len(key) < MIN_KEY:
        raise InvalidInput(f"the pseudonym key has {len(key)} bytes, must have {MIN_KEY} or more")
    name = person_key(check_person(person))
    digest = hmac.new(key, name.encode(), hashlib.sha256).digest()
    return "p-" + base64.b32encode(digest).decode().lower()[:PSEUDONYM_LENGTH]
