"""The second wall against forged requests: a token that only our own pages can have.

The first is what the browser says of the page (``origin``). A token is an HMAC over user, browser,
purpose and expiry, under a key derived for this use alone: no session is kept, and all workers agree.
What a browser sends must bear one; a program says nothing of a page and needs none.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COOKIE: Final = "spot_browser"
HEADER: Final = "X-Spot-Token"
LIFETIME: Final = 12 * 3600  # seconds
_COOKIE_AGE: Final = 400 * 86400  # seconds; browsers keep none longer
_DOMAIN: Final = b"spot-mlflow form 1"
_DIGITS: Final = 12  # of seconds since 1970, at most
# What browsers add to a request by themselves; a page can leave out none of both when it writes.
_BROWSERS: Final = ("Sec-Fetch-Site", "Origin")


class Tokens:
    """Makes and checks tokens.

    Args:
        keys: the server's secrets; the first makes, all check.
    """

    def __init__(self, keys: Iterable[bytes]) -> None:
        # Derived, so that what is signed here is never valid as an entry's signature.
        self._keys = [hmac.digest(k, _DOMAIN, "sha256") for k in keys]

    def make(
        self, *, user: str | None, browser: str, purpose: str, now: float | None = None
    ) -> str:
        """Returns a token that is good for 12 hours.

        Args:
            user: who is logged in; None without logins.
            browser: value of the browser's cookie.
            purpose: the route that it is for.
            now: seconds since 1970; the clock's where None.
        """
        until = int((time.time() if now is None else now) + LIFETIME)
        return f"{until}.{_mac(self._keys[0], user, browser, purpose, until)}"

    def check(
        self,
        token: str,
        *,
        user: str | None,
        browser: str,
        purpose: str,
        now: float | None = None,
    ) -> None:
        """Checks a token; arguments as for ``make``.

        Raises:
            Refused: it is missing, was made for another user, browser or purpose, or has expired.
        """
        until, _, mac = token.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) <= _DIGITS and browser):
            raise Refused("this page sent no token of this server", fix=_FIX)
        said = (user, browser, purpose, int(until))
        if not any(hmac.compare_digest(_mac(k, *said).encode(), mac.encode()) for k in self._keys):
            raise Refused("the token is not for this user, browser and purpose", fix=_FIX)
        if (time.time() if now is None else now) > int(until):
            raise Refused("the token has expired", fix=_FIX)


def is_browsers(headers: Mapping[str, str]) -> bool:
    """Says whether a browser sent a request that writes; programs say nothing of a page."""
    return any(h in headers for h in _BROWSERS)


def new_browser() -> str:
    """Returns the value of a new browser's cookie."""
    return secrets.token_urlsafe(16)


def set_browser(response: object, value: str, *, secure: bool) -> None:
    """Adds the browser's cookie to a response of Flask's.

    No Path, so that the browser takes the folder it sees (ajax-api/2.0/spot/, under any prefix). Lax: a link in a
    mail arrives with it.

    Args:
        response: of Flask.
        value: of the cookie.
        secure: whether the browser speaks TLS, also to a proxy before this server.
    """
    flags = f"HttpOnly; SameSite=Lax; Max-Age={_COOKIE_AGE}{'; Secure' if secure else ''}"
    response.headers.add("Set-Cookie", f"{COOKIE}={value}; {flags}")  # type: ignore[attr-defined] # Flask's


def _mac(key: bytes, user: str | None, browser: str, purpose: str, until: int) -> str:
    parts = ("" if user is None else f"u{user}", browser, purpose, str(until))
    text = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
    return base64.urlsafe_b64encode(hmac.digest(key, text, "sha256")).rstrip(b"=").decode()


_FIX: Final = "Load the page again. A script of this server's pages asks ajax-api/2.0/spot/token?for=... first."
