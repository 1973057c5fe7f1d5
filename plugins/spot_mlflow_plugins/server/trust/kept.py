"""The key and the memory that this server has open."""

from __future__ import annotations

from functools import cache

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.trust.anchors import Anchors, folder_of
from spot_mlflow_plugins.server.trust.signing import Signer, home, load_signer


@cache
def signer() -> Signer:
    """Returns this server's signer."""
    return load_signer()


@cache
def anchors() -> Anchors:
    """Returns what this server remembers of its backend."""
    return Anchors(folder_of(home(), private.backend_uri()), signer())
