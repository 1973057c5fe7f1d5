"""Whose page sent a request to one of our routes: pages of others neither write nor read there.

MLflow lets pages of every ``localhost`` port pass, with the reader's login. So everything of ours
asks what the browser says of the page, which a page cannot fake: ``Sec-Fetch-Site``, else ``Origin``.
What writes must be JSON and say so: a form cannot, and a script of another origin must ask first.
Programs send neither header and pass.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from spot_mlflow.errors import InvalidInput, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PUBLIC_ORIGIN: Final = "SPOT_MLFLOW_PUBLIC_ORIGIN"
HEADERS: Final = ("Sec-Fetch-Site", "Sec-Fetch-Mode", "Origin", "Host")  # that are looked at
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM: Final = "application/x-www-form-urlencoded"
_OTHERS: Final = frozenset({"cross-site", "same-site"})


def why_foreign(method: str, headers: Mapping[str, str], own: Iterable[str] = ()) -> str | None:
    """Returns why a request comes, or may come, from somebody else's page; None where it does not.

    Args:
        method: HTTP method.
        headers: of the request, those of ``HEADERS``.
        own: further origins of this server as browsers see it ("https://mlflow.example").
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if method in _READS:
        # A page may be linked to from anywhere; its content is nothing for another page's script.
        if headers.get("Sec-Fetch-Mode") == "navigate":
            return None
        if site is not None:
            return f"read by a page of another origin ({site})" if site in _OTHERS else None
    elif site is not None:  # right behind any proxy, and where Origin is "null"
        return None if site == "same-origin" else f"sent by a page of another origin ({site})"
    if origin is None or origin in {o.rstrip("/") for o in own if "*" not in o}:
        return None
    host = headers.get("Host", "")
    parts = urlsplit(origin)
    same = parts.scheme in ("http", "https") and bool(host) and parts.netloc == host
    return None if same else f"sent by a page of {origin[:200]}"


def check_request(
    method: str,
    headers: Mapping[str, str],
    content_type: str,
    own: Iterable[str] = (),
    *,
    form: bool = False,
) -> None:
    """Checks a request to one of our routes.

    Args:
        method: HTTP method.
        headers: of the request.
        content_type: of its body, without parameters.
        own: further origins of this server.
        form: whether the route takes what a form of ours sends, and nothing else.

    Raises:
        Refused: it comes from a page of another origin, or as a form from no page at all.
        InvalidInput: it writes, and its body is not said to be JSON; or, for a form, to be one.
    """
    why = why_foreign(method, headers, own)
    if why is not None:
        raise Refused(
            f"this was {why}",
            fix=f"Use the pages of this server. Behind a proxy that changes its name: {PUBLIC_ORIGIN}.",
        )
    if method in _READS:
        return
    if form and not ({"Sec-Fetch-Site", "Origin"} & set(headers)):
        raise Refused(
            "this was sent by a browser that does not say from which page, or by a program",
            fix="A program writes to ajax-api/2.0/spot/entries.",
        )
    wanted, words = (_FORM, "form") if form else ("application/json", "JSON")
    if content_type.lower() != wanted:
        raise InvalidInput(
            f"Content-Type == {content_type[:100]!r}, must be {wanted}",
            fix=f"Send the body as {words}, with that Content-Type.",
        )


def public_origin() -> str:
    """Returns the address of this server as its operator says browsers see it, or ""."""
    first = os.environ.get(PUBLIC_ORIGIN, "").split(",")[0].strip()
    return "" if "*" in first else first.rstrip("/")


def own_origins() -> list[str]:
    """Returns what the operator says of this server's addresses, wildcards left out.

    ``SPOT_MLFLOW_PUBLIC_ORIGIN`` and MLflow's ``--cors-allowed-origins``; each a list with commas.
    """
    said = [os.environ.get(PUBLIC_ORIGIN, ""), os.environ.get(_ALLOWED, "")]
    return [o.strip() for text in said for o in text.split(",") if o.strip() and "*" not in o]


_ALLOWED: Final = "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"
