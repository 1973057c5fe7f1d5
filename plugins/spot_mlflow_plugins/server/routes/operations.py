"""What an operator asks: whether this server can do its work now, and what it has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import Unavailable
from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.version import __version__
from spot_mlflow_plugins.server.guards.gating import check_gated
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import model_lock, server_record
from spot_mlflow_plugins.server.trust.counters import exposition
from spot_mlflow_plugins.server.trust.identity import listed
from spot_mlflow_plugins.server.trust.kept import anchors, signer

if TYPE_CHECKING:
    from collections.abc import Callable


def is_ready() -> dict[str, Any]:
    """Returns what a server needs to decide and to write, each "ok".

    Raises:
        Unavailable: naming all that is not.
    """
    found = {name: _tried(check) for name, check in _CHECKS.items()}
    failing = [f"{name}: {said}" for name, said in found.items() if said != "ok"]
    if failing:
        raise Unavailable(f"not ready: {'; '.join(failing)}", fix="The server's log says more.")
    return {"spot": __version__, "ready": True, **found}


def metrics() -> Any:
    """What this server has counted, for Prometheus."""
    from flask import Response

    return Response(exposition(), mimetype="text/plain; version=0.0.4; charset=utf-8")


def _tried(check: Callable[[], Any]) -> str:
    try:
        check()
    except Exception as e:  # noqa: BLE001 - whatever it is, the server is not ready
        return type(e).__name__  # no more: a probe is read by many
    return "ok"


def _record() -> None:
    with model_lock(""):
        server_record().entries(REGISTRY, recent=True)


def _policy() -> None:
    with model_lock(""):
        policy_in_force(server_record())


def _memory() -> None:
    folder = anchors().folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe = folder / "locks"
    probe.mkdir(exist_ok=True, mode=0o700)
    (probe / "ready.lock").touch(mode=0o600)


_CHECKS: dict[str, Callable[[], Any]] = {
    "gate": check_gated,
    "key": signer,
    "database": _record,
    "policy": _policy,
    "memory": _memory,
    "roles": lambda: listed(""),
}
