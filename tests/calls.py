"""Counts the calls that reach MLflow's stores, without what a store asks itself in between."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spot_mlflow.record import direct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest
    from mlflow import MlflowClient

_READS = ("get_", "search_", "list_")
_WRITES = ("create_", "log_", "set_", "update_", "delete_", "rename_")


class Calls:
    """The names of the calls that were made, reads and writes apart.

    Attributes:
        reads: that asked something.
        writes: that changed something; one for each tag and description of a summary.
    """

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.writes: list[str] = []
        self._inside = False

    def clear(self) -> None:
        """Forgets what was counted."""
        self.reads.clear()
        self.writes.clear()

    @property
    def without_summary(self) -> list[str]:
        """The writes of the entry itself."""
        tagged = ("set_registered", "set_model_version", "update_registered", "update_model_v")
        return [w for w in self.writes if not w.startswith(("summary ", *tagged))]

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        if self._inside:
            yield
            return
        self._inside = True
        (self.reads if name.startswith(_READS) else self.writes).append(name)
        try:
            yield
        finally:
            self._inside = False

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a call that is counted."""

        @functools.wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Any:
            with self._counted(name):
                return call(*args, **kwargs)

        return counted

    def wrap_known(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a question to a database that is counted where it has an answer."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            found = call(*args, **kwargs)
            self.reads.extend([name] * (found is not None))
            return found

        return counted


def count_calls(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Counts from now on what reaches the stores behind a client, in this process."""
    calls = Calls()
    for store in (client._tracking_client.store, client._get_registry_client().store):
        for name in dir(type(store)):
            call = getattr(type(store), name)
            if name.startswith((*_READS, *_WRITES)) and callable(call):
                monkeypatch.setattr(type(store), name, calls.wrap(name, call))
    for name in ("registered_model", "in_stage", "recent_runs"):
        monkeypatch.setattr(direct, name, calls.wrap_known(name, getattr(direct, name)))
    write_rows = direct._write_rows

    def counted(store: Any, name: str, version: str | None, *, tags: Any, description: Any) -> None:
        told = [*tags, *["description"] * (description is not None)]
        calls.writes += [f"summary {version or name}: {key}" for key in told]
        write_rows(store, name, version, tags=tags, description=description)

    monkeypatch.setattr(direct, "_write_rows", counted)
    return calls
