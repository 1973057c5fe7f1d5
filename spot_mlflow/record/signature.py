"""The signature of a model version, read from the MLflow that the record is kept on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spot_mlflow.evidence import digest_of
from spot_mlflow.record import direct

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

    from spot_mlflow.adoption import ModelFacts


def signature_digest(
    client: MlflowClient, facts: ModelFacts, number: str, logged: LoggedModel | None
) -> str | None:
    """Returns the digest of a version's model signature; None where it has none to read.

    A ``models:/name/version`` address would be looked up on whatever server the process has set
    last. The place of the files is asked of the client's own registry instead.

    Args:
        client: MLflow.
        facts: of the model.
        number: of the version.
        logged: the LoggedModel that the version was registered from, where there is one.
    """
    try:
        signature = _signature(_model_file(client, _place(client, facts, number, logged)))
    except Exception:  # noqa: BLE001 - every artifact store fails in its own way; none is needed
        return None
    return digest_of(signature) if signature else None


def _place(client: MlflowClient, facts: ModelFacts, number: str, logged: LoggedModel | None) -> str:
    """Returns where the files of a version are: where they were registered from, if that says it."""
    if logged is not None:
        return str(logged.artifact_location)
    source = str(facts.versions.entity(number).source)  # type: ignore[attr-defined] # the record's own
    managed = str(direct.registry_uri(client)).startswith("databricks")
    named = managed or source.startswith("models:")
    return direct.download_uri(client, facts.name, number) if named else source


def _model_file(client: MlflowClient, place: str) -> dict[str, Any]:
    """Reads the ``MLmodel`` file of a version."""
    import yaml
    from mlflow.artifacts import download_artifacts

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
