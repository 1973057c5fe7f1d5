"""What stands in a mailed link: which entry of which model it belongs to, and until when; signed.

No name and no role: both are read from the entry, so that access logs hold none, nothing in the address can
be changed to another's, and a name that was erased ends the link. No session is kept; all workers agree.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE: Final = "SPOT_MLFLOW_LINKS"  # "off": no links are made, and none works
_DOMAIN: Final = b"spot-mlflow link 1"
_MAC: Final = 20  # bytes of HMAC-SHA256: 160 bits, as RFC 2104 allows (at least half)
_LONGEST: Final = 2000  # characters of a token; a model's name has at most 256


@dataclass(frozen=True, slots=True)
class Link:
    """What a link belongs to.

    Attributes:
        kind: "invitation", or "concern" for the answer to one's own.
        workspace: of the model; "" where they are off.
        model: registered name.
        created: the model's creation time, so that a new model of that name is another one.
        entry: id of the invitation, or of the entry that raised the concern.
        until: seconds since 1970 until which it takes answers; 0 for ever.
    """

    kind: str
    workspace: str
    model: str
    created: int
    entry: str
    until: int


class Links:
    """Makes and reads the tokens of links.

    Args:
        keys: the server's secrets; the first makes, all read.
    """

    def __init__(self, keys: Iterable[bytes]) -> None:
        # Derived, so that what is signed here is never valid as an entry's signature or a form's token.
        self._keys = [hmac.digest(k, _DOMAIN, "sha256") for k in keys]

    def make(self, link: Link) -> str:
        """Returns the token of a link."""
        said = json.dumps(astuple(link), ensure_ascii=False, separators=(",", ":")).encode()
        return f"{_text(said)}.{_text(_mac(self._keys[0], said))}"

    def read(self, token: str) -> Link | None:
        """Returns what a token stands for; None where it was altered, cut off or made by nobody here.

        Whether it has expired is another question: ``expired``.
        """
        body, _, mac = token.strip().partition(".")
        try:
            said, given = _bytes(body), _bytes(mac)
        except (binascii.Error, ValueError):
            return None
        if len(token) > _LONGEST or not any(
            hmac.compare_digest(_mac(k, said), given) for k in self._keys
        ):
            return None
        return Link(*json.loads(said))


def expired(link: Link, now: float | None = None) -> bool:
    """Says whether the time of a link is over."""
    return 0 < link.until <= (time.time() if now is None else now)


def switched_off() -> bool:
    """Says whether the operator allows no links."""
    return os.environ.get(VARIABLE, "").strip().lower() in ("off", "no", "false", "0")


def entry_id(link: Link, said: object) -> str:
    """Returns the id of what is sent by a link: of the link's content, not of its spelling, and of what is said.

    Base64 has several spellings of the same bytes; sent again by another, it is the same entry.
    """
    text = json.dumps([*astuple(link), said], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(f"spot-mlflow link entry\0{text}".encode()).hexdigest()[:32]


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, "sha256")[:_MAC]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
