"""Puts the gate in front of the live stores, or stops the server.

A server that looks gated and is not would be worse than none, so everything is checked at start:
that each store's class was really swapped, that every method the guard relies on is there, and
that the signing key can be read.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import multiprocessing
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.record.companion import check_prefixes, prefix
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.guard import GateMixin, gated
from spot_mlflow_plugins.server.files.deployed import Deployed
from spot_mlflow_plugins.server.files.places import Places
from spot_mlflow_plugins.server.files.sources import Sources
from spot_mlflow_plugins.server.guards.artifacts import (
    ArtifactGuard,
    companion_roots,
    guarded_repository,
)
from spot_mlflow_plugins.server.guards.tracking import TrackingGuard, guarded
from spot_mlflow_plugins.server.guards.workspaces import WorkspaceGuard, guarded_workspaces
from spot_mlflow_plugins.server.record.decider import ServerDecider, record_pinned_policy
from spot_mlflow_plugins.server.record.signed import open_record, server_client
from spot_mlflow_plugins.server.record.verification import adopt_once, verify_at_start
from spot_mlflow_plugins.server.trust.identity import asker
from spot_mlflow_plugins.server.trust.memory import give_back_large_blocks
from spot_mlflow_plugins.server.trust.signing import home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_logger = logging.getLogger("mlflow.spot")

# Without these a store could be written past the guard.
_NEEDED: Final = ("create_run", "log_batch", "set_tag", "delete_run", "update_run_info")
START_FAILED: Final = 3  # gunicorn's own status for "a worker could not boot": it stops, too


@contextlib.contextmanager
def or_die() -> Iterator[None]:
    """Stops the whole server, with the reason, when anything inside fails.

    uvicorn's supervisor would start a failed worker again and again; it is told to stop as well.
    """
    try:
        yield
    except BaseException as e:
        _logger.critical("The gate could not be set up; the server does not start: %s", e)
        _logger.debug("", exc_info=True)
        sys.stderr.write(f"spot: the gate could not be set up; the server does not start: {e}\n")
        sys.stderr.flush()
        supervisor = multiprocessing.parent_process()
        if supervisor is not None and supervisor.pid:
            os.kill(supervisor.pid, signal.SIGTERM)
        # At once: an orderly end would wait for whatever threads were begun, and it serves nobody.
        os._exit(START_FAILED)


def gate_stores() -> None:
    """Swaps the classes of the live stores and of the artifact repository; safe to call twice.

    Raises:
        RuntimeError: a store could not be gated.
    """
    give_back_large_blocks()
    if private.artifacts_only():
        raise RuntimeError("an --artifacts-only server has no registry to gate; drop --app-name")
    registry, tracking = private.model_registry_store(), private.tracking_store()
    if not isinstance(registry, GateMixin):
        registry.__class__ = gated(type(registry))
    # Also where the URI was spot+...: only the server's own record signs what it writes.
    registry._spot_decider = ServerDecider(open_record, asker)  # noqa: SLF001 - ours
    if not isinstance(tracking, TrackingGuard):
        _check_needed(type(tracking))
        tracking.__class__ = guarded(type(tracking), prefix())
    tracking._spot_decider = registry._spot_decider  # noqa: SLF001 - ours; it records what is refused
    deployed = tracking._spot_deployed = _deployed(registry, tracking)  # noqa: SLF001 - ours
    repository = private.artifact_repository()
    if repository is not None and not isinstance(repository, ArtifactGuard):
        repository.__class__ = guarded_repository(
            type(repository),
            tracking._spot_companions,  # noqa: SLF001 - set by guarded() above
            deployed,
        )
    _guard_workspaces(registry, tracking, deployed)
    check_gated()
    open_record()  # reads the signing key now, not at the first decision


def _deployed(registry: Any, tracking: Any) -> Deployed:
    """Returns what finds the deployed versions, and the places of their files."""
    from urllib.parse import urlsplit

    places = Places(private.artifacts_destination())
    authority = urlsplit(private.default_artifact_root()).netloc
    sources = Sources(places, tracking, registry, authority)
    return Deployed(registry, registry._spot_decider, places, sources)  # noqa: SLF001 - ours


def _guard_workspaces(registry: Any, tracking: Any, deployed: Deployed) -> None:

    store = private.workspace_store()
    if store is None or isinstance(store, WorkspaceGuard):
        return
    companions = tracking._spot_companions  # noqa: SLF001 - ours
    store.__class__ = guarded_workspaces(
        type(store),
        registry._spot_decider,  # noqa: SLF001 - ours
        lambda: bool(companion_roots(companions) or deployed.here()),
    )


def start_verification() -> None:
    """Takes in what stood there before the first gated start; then verifies, beside the service.

    The first is done by one worker while the others wait, since afterwards an unsigned entry is a
    forged one. The second is done by one worker of the host.
    """
    _check_prefixes()
    with one_at_a_time("adopt"):
        adopted = adopt_once()
        record_pinned_policy()
    if adopted:
        _logger.warning("%d entries from before the gate were taken in, unsigned", adopted)
    threading.Thread(target=_alone(verify_at_start), name="spot-verify", daemon=True).start()


def _check_prefixes() -> None:
    """Refuses to start where records are kept under another prefix: nothing would protect them."""
    for workspace in private.workspaces():
        with private.in_workspace(workspace):
            check_prefixes(server_client())


@contextlib.contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Lets one worker of this host in; the others wait."""
    home().mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home() / f"{what}.lock").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def _alone(work: Callable[[], None]) -> Callable[[], None]:
    """Returns ``work``, skipped where another worker of this host is at it."""

    def run() -> None:
        with (home() / "verify.lock").open("w") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            try:
                work()
            except Exception:  # whatever it is, the server goes on serving, and says so
                _logger.exception("The records could not be verified at start")

    return run


def check_gated() -> None:
    """Looks again, at the objects that MLflow's handlers really use.

    Raises:
        RuntimeError: one of them is not gated.
    """
    repository, workspaces = private.artifact_repository(), private.workspace_store()
    parts = [
        ("registry store", private.model_registry_store(), GateMixin),
        ("tracking store", private.tracking_store(), TrackingGuard),
        ("artifact repository", repository, ArtifactGuard),
        ("workspace store", workspaces, WorkspaceGuard),
    ]
    for what, live, mixin in parts:
        if live is not None and not isinstance(live, mixin):
            raise RuntimeError(f"the {what} ({type(live).__name__}) is not gated")


def _check_needed(store_class: type) -> None:
    missing = [name for name in _NEEDED if not hasattr(store_class, name)]
    if missing:
        raise RuntimeError(
            f"{store_class.__name__} has no {', '.join(missing)}: this MLflow is not supported"
        )
