"""Looks at an MLflow as a client sees it: is it there, gated, ready, and does it know who asks?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from spot_mlflow.errors import SpotError
from spot_mlflow.record import remote
from spot_mlflow.record.doctor_store import artifacts, database, packages, prefix_found
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.policies import current_policy
from spot_mlflow.record.sign import Sign
from spot_mlflow.record.store import Record
from spot_mlflow.record.transport import status_fault
from spot_mlflow.validation import utc
from spot_mlflow.version import __version__

if TYPE_CHECKING:
    from spot_mlflow.record.sign import State

Look = Callable[[str], Iterator[Sign]]
_SKEW: Final = 300  # seconds by which a server takes an entry from the future
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def examined(uri: str, *, write: bool = False) -> tuple[Sign, ...]:
    """Returns what was found; what depends on something that failed is left out.

    Args:
        uri: of the tracking server, or of the store where there is none.
        write: try the artifact store by a file that is deleted again.
    """
    served = uri.startswith(("http://", "https://"))
    looks: tuple[Look, ...] = (_answers, _gate, _login, _ready) if served else (database,)
    found: list[Sign] = []
    for look in (lambda _: packages(), *looks, prefix_found, _files(write=write), _policy):
        try:
            found += look(uri)
        except SpotError as e:
            name = _NAMES.get(look, "artifacts")
            found.append(Sign(name, "failed", e.what, e.fix))
        if found[-1].state == "failed" and look in _FIRST:
            break
    return tuple(found)


def _files(*, write: bool) -> Look:
    return partial(artifacts, write=write)


def _answers(uri: str) -> Iterator[Sign]:
    """MLflow's own health, the clock, and whether a login would be read on the way."""
    answer = _get(uri, "/health")
    yield Sign("server", "ok", f"{uri} answers")
    said = answer.headers.get("Date")
    if said:
        off = abs((parsedate_to_datetime(said) - utc(None)).total_seconds())
        fix = "Set the clock of one of them: entries from the future are refused."
        state: State = "ok" if off <= _SKEW else "failed"
        yield Sign("clock", state, f"{off:.0f} seconds apart", "" if state == "ok" else fix)
    parts = urlsplit(uri)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        yield Sign("transport", "warning", "http: a login can be read in transit", "Use https.")


def _gate(uri: str) -> Iterator[Sign]:
    """Whether our routes are there, and of which version."""
    if not remote.is_gated(uri):
        said = "a plain MLflow server: nothing is refused, and anybody with write access could forge evidence"
        yield Sign("gate", "failed", said, "Start it with: spot server.")
        return
    theirs = str(remote.said_of_itself(uri).get("spot", ""))
    state: State = "ok" if theirs == __version__ else "warning"
    yield Sign("gate", "ok", "on")
    yield Sign("version", state, f"server {theirs}, here {__version__}")


def _login(uri: str) -> Iterator[Sign]:
    """Whether it knows who asks, and in which roles."""
    said = remote.said_of_itself(uri)
    if not said.get("login"):
        what = "no logins: the server accepts any name that the client gives"
        yield Sign("login", "warning", what, "Start it with: spot server --auth.")
        return
    yield Sign("login", "ok", f"you are {said.get('person') or said.get('user')}")
    roles = ", ".join(map(str, said.get("roles") or ()))
    if roles:
        yield Sign("roles", "ok", roles)
    else:
        yield Sign(
            "roles", "warning", "the roles file gives you no role, or there is no roles file"
        )


def _ready(uri: str) -> Iterator[Sign]:
    """Whether it can decide and write now."""
    answer = _get(uri, "/spot/ready")
    said = answer.json()
    parts = [k for k, v in said.items() if v == "ok"]
    yield Sign("ready", "ok", f"{', '.join(parts)}: ok")


def _policy(uri: str) -> Iterator[Sign]:
    """Which policy is in force, and whether it stops anything."""
    policy = current_policy(Record(uri))
    modes = {policy.mode, *(r.mode for r in policy.models)}
    text = f"{policy.label}, mode {policy.mode}"
    text += f" and {len(policy.models)} patterns" if policy.models else ""
    if "block" in modes:
        yield Sign("policy", "ok", text)
    else:
        fix = "spot policy set --mode block --model PATTERN"
        yield Sign("policy", "warning", f"{text}: nothing is refused", fix)


def _get(uri: str, path: str) -> Any:
    """Asks as MLflow's own client does."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    with mlflow_errors("the server", at=uri):
        answer = http_request(get_default_host_creds(uri), path, "GET", raise_on_status=False)
    if answer.status_code != 200:  # noqa: PLR2004 - HTTP
        raise status_fault(answer.status_code, answer.text, where=path, at=uri)
    return answer


_NAMES: Final[dict[Look, str]] = {
    _answers: "answers",
    _gate: "gate",
    _login: "login",
    _ready: "ready",
    database: "store",
    prefix_found: "prefix",
    _policy: "policy",
}
_FIRST: Final = (_answers, _gate, database)  # the others ask what these found
