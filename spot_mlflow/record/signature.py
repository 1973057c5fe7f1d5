"""The signature of a model version, read from the MLflow that the record is kept on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spot_mlflow.evidence import digest_of
from spot_mlflow.record.references import logged_model_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from spot_mlflow.record.references import ModelRef


def signature_digest(client: MlflowClient, ref: ModelRef) -> str | None:
    """Returns the digest of the version's model signature; None where it has none to read.

    A ``models:/name/version`` address would be looked up on whatever server the process has set
    last. The place of the files is asked of the client's own registry instead.
    """
    try:
        signature = _signature(_model_file(client, ref))
    except Exception:  # noqa: BLE001 - every artifact store fails in its own way; none is needed
        return None
    return digest_of(signature) if signature else None


def _model_file(client: MlflowClient, ref: ModelRef) -> dict[str, Any]:
    """Reads the version's ``MLmodel`` file."""
    import yaml
    from mlflow.artifacts import download_artifacts

    place = client.get_model_version_download_uri(ref.name, str(ref.version))
    if logged := logged_model_of(place):
        place = client.get_logged_model(logged).artifact_location
    with tempfile.TemporaryDirectory(prefix="spot-signature-") as folder:
        file = download_artifacts(
            f"{place.rstrip('/')}/MLmodel", dst_path=folder, tracking_uri=client.tracking_uri
        )
        return dict(yaml.safe_load(Path(file).read_text(encoding="utf-8")))


def _signature(model: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the signature as MLflow writes it today; as the file has it, where numpy is absent."""
    said = model.get("signature")
    if not said:
        return None
    try:
        from mlflow.models import ModelSignature
    except ImportError:
        return dict(said)
    return dict(ModelSignature.from_dict(said).to_dict())
