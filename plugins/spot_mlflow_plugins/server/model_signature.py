"""The signature of a model, read by the server itself.

A retrain inherits review and sign-off where contract and model signature are the same, so a client's
word for the signature would be worth a sign-off. What the server cannot read inherits nothing.
"""

from __future__ import annotations

import logging
import posixpath
import tempfile
from typing import TYPE_CHECKING, Any

from spot_mlflow.evidence import digest_of
from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from spot_mlflow.record import ModelRef, Record

_logger = logging.getLogger("mlflow.spot")


def signature_digest(record: Record, ref: ModelRef) -> str | None:
    """Returns the digest of a version's model signature as ``Record.signature_digest`` does.

    Args:
        record: the server's own.
        ref: the version.

    Returns:
        None where it has none, or lies where this server does not serve artifacts from.
    """
    from mlflow.models import Model

    path = _place(record.client, ref)
    if path is None:
        return None
    try:
        with tempfile.TemporaryDirectory(prefix="spot-") as folder:
            found = private.plain_artifact_repository().download_artifacts(
                posixpath.join(path, "MLmodel"), folder
            )
            signature = Model.load(found).signature
    except Exception as e:  # noqa: BLE001 - every store fails in its own way; then nothing is inherited
        _logger.info("The signature of %s could not be read: %s", ref, e)
        return None
    return digest_of(signature.to_dict()) if signature else None


def _place(client: Any, ref: ModelRef) -> str | None:
    """Returns where the version's files lie below the artifacts destination, or None."""
    from mlflow.exceptions import MlflowException

    source = str(client.get_model_version(ref.name, ref.version).source or "")
    if source.startswith("models:/m-"):
        try:
            model_id = source.removeprefix("models:/").split("/")[0]
            source = str(client.get_logged_model(model_id).artifact_location)
        except MlflowException:
            return None
    return private.proxied_path(source)
