"""Records that leave a gated server and come to one: signed on leaving, remembered on coming.

The key that signs files is made of the first key of the server, so that there is one secret to keep.
It is an Ed25519 key (RFC 8032): who takes a file in needs the public half only.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, Refused
from spot_mlflow.record import Record, companion
from spot_mlflow.record.export_file import Seal
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.record.anchor_store import known_store
from spot_mlflow_plugins.server.record.signed import SignedWriter, server_client
from spot_mlflow_plugins.server.trust.kept import anchors, signer

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlflow.entities import Run

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.exporting import Fetch
    from spot_mlflow.record.importing import Keeper

_DOMAIN: Final = b"spot-mlflow export key 1\0"


def seal() -> Seal:
    """Returns what signs the files that this server exports."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = hmac.new(signer().keys[0], _DOMAIN, hashlib.sha256).digest()
    private_key = Ed25519PrivateKey.from_private_bytes(seed)
    public = private_key.public_key().public_bytes_raw().hex()
    return Seal(public, lambda text: private_key.sign(text.encode()).hex())


def fetch(run: Run, path: str, folder: str) -> str:
    """Gets a file of a run; what this server proxies is read where it lies."""
    root = private.proxied_path(str(run.info.artifact_uri))
    if root is None:
        return str(server_client().download_artifacts(run.info.run_id, path, folder))
    place = f"{root.rstrip('/')}/{path}"
    return str(private.plain_artifact_repository().download_artifacts(place, folder))


def keep(experiment_id: str, entries: Collection[Evidence]) -> None:
    """Remembers entries that another server recorded, so that they do not look forged here."""
    memory = anchors()
    known = {a.entry for a in memory.of(experiment_id)[0]}
    memory.add(experiment_id, [e for e in entries if e.id not in known], adopted=True)


def _place_artifacts(client: Any, destination: str | None) -> None:
    """Has new records lie where the server's own lies, not below the folder of the operator.

    Raises:
        InvalidInput: the server serves its artifacts, and nobody says from where.
    """
    home = companion.find(client, companion.REGISTRY)
    place = "" if home is None else str(home.artifact_location)
    root = place.removesuffix(str(home.experiment_id)) if home is not None else ""
    if private.is_proxied(root) and destination is None:
        raise InvalidInput(
            "the server serves its artifacts, but it is not known where they are",
            fix="Give the option that the server was started with: --artifacts-destination PLACE.",
        )
    if root:
        private.tracking_store_of(client).artifact_root_uri = root


def open_here(
    uri: str, destination: str | None
) -> tuple[Record, Keeper | None, Seal | None, Fetch | None]:
    """Opens a gated server's record on its host.

    Args:
        uri: of the server's database.
        destination: where the server keeps the artifacts that it serves, or None.

    Raises:
        Refused: the server's memory of this database is not here.
    """
    private.serve(uri, destination)
    client: Any = server_client()
    _place_artifacts(client, destination)
    if anchors().store is None or anchors().store != known_store(client):
        raise Refused(
            "this is the database of a gated server, whose memory is not on this computer",
            fix="Run it on the server's host, with the server's SPOT_MLFLOW_HOME.",
        )
    record = Record(client=client, writer=SignedWriter(client, signer(), anchors()))
    return record, keep, seal(), fetch
