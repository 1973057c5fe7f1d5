"""The signature of a model, read by the server itself.

A retrain inherits review and sign-off where contract and model signature are the same, so a client's
word for the signature would be worth a sign-off. What the server cannot read inherits nothing.
"""

from __future__ import annotations

import logging
import posixpath
import tempfile
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from spot_mlflow.evidence import digest_of
from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from spot_mlflow.record import ModelRef, Record

_logger = logging.getLogger("mlflow.spot")

# Stores that the server may read a model from; never an address that a client could send it to.
_READABLE: Final = frozenset({"", "file", "s3", "gs", "abfss", "wasbs", "hdfs"})


def signature_digest(record: Record, ref: ModelRef) -> str | None:
    """Returns the digest of a version's model signature as ``Record.signature_digest`` does.

    Args:
        record: the server's own.
        ref: the version.

    Returns:
        None where it has none, or lies where this server cannot read.
    """
    from mlflow.models import Model
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    source = _source(record.client, ref)
    path = private.proxied_path(source)
    try:
        with tempfile.TemporaryDirectory(prefix="spot-") as folder:
            if path is not None:
                repository = private.plain_artifact_repository()
            elif urlsplit(source).scheme in _READABLE:
                repository, path = get_artifact_repository(source), ""
            else:
                return None
            found = repository.download_artifacts(posixpath.join(path, "MLmodel"), folder)
            signature = Model.load(found).signature
    except Exception as e:  # noqa: BLE001 - every store fails in its own way; then nothing is inherited
        _logger.info("The signature of %s could not be read: %s", ref, e)
        return None
    return digest_of(signature.to_dict()) if signature else None


def _source(client: Any, ref: ModelRef) -> str:
    """Returns where the version's files lie."""
    from mlflow.exceptions import MlflowException

    source = str(client.get_model_version(ref.name, ref.version).source or "")
    if source.startswith("models:/m-"):
        try:
            model_id = source.removeprefix("models:/").split("/")[0]
            source = str(client.get_logged_model(model_id).artifact_location)
        except MlflowException:
            return ""
    return source
