"""The models that a reader may see, with their tags."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from spot_mlflow.record.kept_tags import KeptTags
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.record.signed import server_client
from spot_mlflow_plugins.server.trust.identity import requires_login

if TYPE_CHECKING:
    from collections.abc import Mapping


def visible_models() -> list[tuple[str, Mapping[str, str]]]:
    """Returns (name, tags) of the models that the reader may read, by name.

    Raises:
        Unavailable: the registry did not answer.
    """
    found = _kept(private.current_workspace()).read()
    if not requires_login() or private.sender_is_admin():
        return found
    readable = private.readable_models()
    return [(name, tags) for name, tags in found if readable(name)]


@cache
def _kept(workspace: str | None) -> KeptTags:  # noqa: ARG001 - what is kept is told apart by it
    return KeptTags(server_client())
