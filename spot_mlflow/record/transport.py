"""What a server, or what stands before it, answered in place of MLflow: the cause and the remedy.

A pipeline must not take an expired token, a login page or a broken proxy for a "no" of the gate.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from spot_mlflow.errors import AccessDenied, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN: Final = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - the name of a variable
PASSWORD: Final = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"  # noqa: S105 - names of variables
CERTIFICATES: Final = "MLFLOW_TRACKING_SERVER_CERT_PATH"
_ADDRESS: Final = "Check MLFLOW_TRACKING_URI or --tracking-uri"
_START: Final = "Start it, or set MLFLOW_TRACKING_URI or --tracking-uri."
ANOTHER_STORE: Final = (
    "Give this user the right to write the file and its folder, or set MLFLOW_TRACKING_URI to a store "
    "that it may write."
)
_READ_ONLY: Final = ("readonly database", "read-only transaction", "read only transaction")
_STATUS: Final = re.compile(
    r"failed with error code (\d{3}) != \d{3}\. Response body: '(.*)'", re.DOTALL
)
_NOT_JSON: Final = re.compile(r"not in a valid JSON format\. Response body: '(.*)'", re.DOTALL)
_REPEATED: Final = re.compile(r"too many (\d{3}) error responses")
_NO_TLS: Final = (
    "wrong version number",
    "record layer failure",
    "unknown protocol",
    "http_request",
)
_SHOWN: Final = 160  # characters of a foreign answer


def status_fault(status: int, body: str, *, where: str, at: str) -> Unavailable:
    """Returns the error that an HTTP status stands for, where it is not an answer of MLflow's.

    Args:
        status: HTTP status.
        body: of the answer.
        where: what was being done.
        at: address that was asked.
    """
    server = _named(at)
    if status == 401:  # noqa: PLR2004 - HTTP
        return AccessDenied(f"{server} asks for a login (401)", where=where, fix=_login_fix())
    if status == 403:  # noqa: PLR2004 - HTTP
        return AccessDenied(
            f"{server} refused this login (403): {plain(body) or 'no reason given'}",
            where=where,
            fix=f"Ask its administrator for the right, or use another login: {TOKEN}, or {PASSWORD}.",
        )
    if status == 407:  # noqa: PLR2004 - HTTP
        return AccessDenied(
            "the proxy asks for a login (407)",
            where=where,
            fix="Set it in HTTPS_PROXY, or NO_PROXY.",
        )
    if status == 404:  # noqa: PLR2004 - HTTP
        return Unavailable(
            f"{server} answered 404: there is no MLflow under this path",
            where=where,
            fix=f"{_ADDRESS}: its path must be the prefix that the server or its proxy uses, if any.",
        )
    said = f": {plain(body)}" if plain(body) else ""
    return Unavailable(
        f"{server} answered {status}, not as MLflow does{said}. "
        "A proxy or a login page may be in front of it",
        where=where,
        fix=f"{_ADDRESS}; where a login is needed: {TOKEN}, or {PASSWORD}.",
    )


def answered_otherwise(text: str, *, where: str, at: str) -> Unavailable | None:
    """Returns the error of an answer that MLflow's client could not read; None where it could.

    Args:
        text: of MLflow's exception.
        where: what was being done.
        at: address that was asked.
    """
    found = _STATUS.search(text)
    if found is not None:
        return status_fault(int(found[1]), found[2], where=where, at=at)
    found = _NOT_JSON.search(text)
    return None if found is None else status_fault(200, found[1], where=where, at=at)


def not_reached(error: BaseException, *, where: str, at: str) -> Unavailable:
    """Returns the error of a question that got no answer: the cause, and what helps.

    Args:
        error: of the HTTP client or the database, or MLflow's around it.
        where: what was being done.
        at: address that was asked; the one in the error's request goes before it.
    """
    import requests

    chain = tuple(_chain(error))
    server = _named(next((u for e in chain if (u := _asked(e))), at))
    text = " ".join(map(str, chain))
    if any(sign in text.lower() for sign in _READ_ONLY):
        return Unavailable(
            f"{server} cannot be written: it is read-only for this user",
            where=where,
            fix=ANOTHER_STORE,
        )
    if any(isinstance(e, requests.exceptions.ProxyError) for e in chain):
        return Unavailable(
            f"the proxy before {server} did not answer: {_cause(text)}",
            where=where,
            fix="Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
        )
    if any(isinstance(e, requests.exceptions.SSLError) for e in chain):
        return _tls_fault(text, server, where)
    late = any(isinstance(e, requests.exceptions.Timeout) for e in chain)
    if late or "timed out" in text.lower():
        return Unavailable(
            f"{server} did not answer in time: {_cause(text)}",
            where=where,
            fix=f"{_START} MLFLOW_HTTP_REQUEST_TIMEOUT sets the seconds to wait.",
        )
    repeated = _REPEATED.search(text)
    if repeated is not None:
        return Unavailable(
            f"{server} did not answer: {repeated[1]} repeatedly, as a proxy does when its server "
            "is down",
            where=where,
            fix=_START,
        )
    return Unavailable(f"{server} did not answer: {_cause(str(error))}", where=where, fix=_START)


def plain(body: str, limit: int = _SHOWN) -> str:
    """Returns the words of an answer on one line: markup taken out, cut to a length."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", body, flags=re.DOTALL | re.IGNORECASE)
    line = " ".join(re.sub(r"<[^>]*>", " ", bare).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def first_line(text: str, limit: int = 300) -> str:
    """Returns the first line of a text, cut to a length."""
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def without_password(text: str) -> str:
    """Returns a text whose addresses hold no password."""
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)


def _login_fix() -> str:
    if os.environ.get(TOKEN):
        return f"{TOKEN} is set and was not accepted: renew it (or use {PASSWORD})."
    if os.environ.get("MLFLOW_TRACKING_USERNAME"):
        return f"{PASSWORD} were not accepted: correct them (or use {TOKEN})."
    return f"Set {PASSWORD}, or {TOKEN}."


def _tls_fault(text: str, server: str, where: str) -> Unavailable:
    lowered = text.lower()
    if any(s in lowered.replace("_", " ") or s in lowered for s in _NO_TLS):
        return Unavailable(
            f"{server} does not speak TLS", where=where, fix=f"{_ADDRESS}: http:// or https://?"
        )
    found = re.search(r"certificate verify failed: ([^(]+)", text)
    why = found[1].strip() if found else first_line(without_password(text))
    return Unavailable(
        f"the TLS certificate of {server} was not accepted: {why}",
        where=where,
        fix=f"Set {CERTIFICATES} to a file with the certificates of its authority (CA).",
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and what it came from; MLflow wraps the HTTP client's."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _asked(error: BaseException) -> str:
    """Returns scheme and host of the request that an error is about, or ""."""
    address = getattr(getattr(error, "request", None), "url", None)
    parts = urlsplit(str(address or ""))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _named(at: str) -> str:
    return f"MLflow at {without_password(at)}" if at else "MLflow"


def _cause(text: str) -> str:
    """Returns what the operating system said, where it did; the HTTP client wraps it four times."""
    said = re.search(r"\[Errno -?\d+\] ([\w ,]+)", text) or re.search(r"(Read timed out)", text)
    return said[1].strip() if said else first_line(without_password(text))
