"""How often and how much one user, or one address where there are no logins, may send to our routes."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, SpotError, TooLarge, TooOften
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.pages.pages import error_page
from spot_mlflow_plugins.server.routes.walls import API, PAGE_POLICY, error_code, is_ours
from spot_mlflow_plugins.server.trust.counters import COUNTERS
from spot_mlflow_plugins.server.trust.identity import authenticated_user
from spot_mlflow_plugins.server.trust.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network
    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

RATE: Final = "SPOT_MLFLOW_RATE"
BODY: Final = "SPOT_MLFLOW_MAX_BODY"
PROXIES: Final = "SPOT_MLFLOW_TRUSTED_PROXIES"
MAX_BODY: Final = 64 * 1024 * 1024  # bytes, where the operator says nothing
MAX_FORM: Final = 1_000_000  # bytes; the longest texts of a whole questionnaire fit
FORM_PATHS: Final = ("/spot/form", "/spot/link", "/spot/benchmark")
_UNITS: Final = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE: Final = re.compile(r"([1-9]\d{0,11}) ?(|kB|MB|GB)")
_BORROWED: Final = re.compile(rb"x(?=.*_)[-_]forwarded[-_]", re.IGNORECASE)
_SITE: Final = 64  # bits of an IPv6 address that one site has


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows.

    Attributes:
        rate: of one user or address; None without a limit.
        body: bytes of a request of a program.
        proxies: whose ``X-Forwarded-For`` is believed.
    """

    rate: Rate | None
    body: int
    proxies: tuple[Network, ...]

    def of_path(self, path: str) -> int | None:
        """Returns the bytes that a request to this path may have; None for MLflow's own routes."""
        if path in map(private.with_static_prefix, FORM_PATHS):
            return min(MAX_FORM, self.body)
        ours = path.startswith(private.with_static_prefix(f"{API}/"))
        return self.body if ours else None


def limits() -> Limits:
    """Returns what the operator's settings say.

    Raises:
        InvalidInput: one of them cannot be read.
    """
    return _limits(*(os.environ.get(name, "").strip() for name in (RATE, BODY, PROXIES)))


@lru_cache(maxsize=4)
def _limits(rate: str, body: str, proxies: str) -> Limits:
    size = _SIZE.fullmatch(body)
    if body and size is None:
        raise InvalidInput(f"{body!r} is not a size; use for example 64MB", where=BODY)
    return Limits(
        Rate.read(rate, where=RATE) if rate else None,
        int(size[1]) * _UNITS[size[2]] if size else MAX_BODY,
        tuple(map(_network, proxies.replace(",", " ").split())),
    )


def limit_rate() -> Any:
    """Answers 429 to a user, or an address without logins, that calls too often."""
    from flask import request

    found = limits()
    if found.rate is None or not is_ours():
        return None
    user = authenticated_user()
    forwarded = request.headers.getlist("X-Forwarded-For")
    caller = (
        f"user {user}"
        if user is not None
        else f"address {address_of(request.remote_addr or '', forwarded, found.proxies)}"
    )
    wait = found.rate.wait(caller, time.time())
    if not wait:
        return None
    seconds = max(1, math.ceil(wait))
    COUNTERS.add("spot_limited_total", limit="rate")
    what = f"more than {found.rate.calls:,} requests in {found.rate.seconds:,} seconds"
    return _answer(TooOften(what, fix=f"Try again in {seconds:,} seconds."), retry=seconds)


def limit_body() -> Any:
    """Bounds what is read of a request to our routes, also of one that comes in chunks."""
    from flask import request

    most = limits().of_path(request.path)
    if most is None:
        return None
    with suppress(AttributeError):  # Flask before 3.1 knows one limit for all routes only
        request.max_content_length = most
    size, body = request.content_length, request.environ.get("wsgi.input")
    if size is None and isinstance(body, BytesIO):  # it came in chunks, and is here as a whole
        request.environ["wsgi.input_terminated"] = True
        size = body.getbuffer().nbytes
    if (size or 0) > most:
        return too_large(None)
    return None


def too_large(error: Any) -> Any:
    """Answers 413 to a body that is larger than allowed; what MLflow refuses stays as it is."""
    from flask import request

    most = limits().of_path(request.path)
    if most is None:
        return error
    COUNTERS.add("spot_limited_total", limit="body")
    return _answer(TooLarge(f"the request is too large, must have at most {most:,} bytes"))


class BoundedBody:
    """Keeps uvicorn from holding more of a body in memory than our routes take.

    MLflow reads a body whole before its routes, and ours, see the request. The rest is read and dropped, so
    that the client gets the answer; ``limit_body`` gives it, by one byte too many.

    To a WSGI application ``X_Forwarded_For`` is the same header as ``X-Forwarded-For``. A proxy knows the
    second alone and passes the first on, as the client wrote it, so the first is dropped.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves one request."""
        most = None
        if scope["type"] == "http":
            scope["headers"] = [h for h in scope["headers"] if not _BORROWED.match(h[0])]
            most = limits().of_path(scope["path"])
        left = math.inf if most is None else most + 1

        async def cut() -> Any:
            nonlocal left
            message = await receive()
            body = message.get("body", b"")[: int(left)]
            left -= len(body)
            return {**message, "body": body}

        await self.app(scope, receive if most is None else cut, send)


def bounded(app: Any) -> Any:
    """Returns the ASGI application, bounded."""
    app.add_middleware(BoundedBody)
    return app


def address_of(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Returns the address that a request comes from; of IPv6 the site.

    Args:
        peer: who has connected to this server.
        forwarded: values of ``X-Forwarded-For``. The client writes what it likes to the left; each proxy
            adds on the right who has connected to it. So it is read from the right, and only for as long as
            the one who wrote is a proxy of ours.
        proxies: ours.
    """
    hops = [h.strip() for line in forwarded for h in line.split(",")]
    found = _address(peer)
    while hops and found is not None and any(found in p for p in proxies):
        earlier = _address(hops.pop())
        if earlier is None:
            break
        found = earlier
    if found is None:
        return peer
    if found.version == 4:  # noqa: PLR2004 - of the internet protocol
        return str(found)
    return str(ipaddress.ip_network((found, _SITE), strict=False))


def _address(text: str) -> Address | None:
    host = text.strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as e:
        raise InvalidInput(f"{e}; use for example 10.0.0.0/8", where=PROXIES) from None


def _answer(error: SpotError, *, retry: int = 0) -> Any:
    """Returns the error as a page to a browser that opens one, else as JSON."""
    from flask import Response, jsonify, request

    page = API not in request.path and "text/html" in request.headers.get("Accept", "")
    answer: Any
    if page:
        answer = Response(error_page(error), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = PAGE_POLICY
    else:
        answer = jsonify(error_code=error_code(error), message=f"[spot] {error}")
    answer.status_code = error.http_status
    answer.headers["Cache-Control"] = "no-store"
    if retry:
        answer.headers["Retry-After"] = str(retry)
    return answer
