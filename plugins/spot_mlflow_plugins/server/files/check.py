"""Are the files that are served the files that were approved? ``spot verify --files``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.record.verification import Finding
from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.adoption import ModelFacts, VersionFacts
    from spot_mlflow.evidence import Evidence


def changed_files(facts: ModelFacts, entries: Sequence[Evidence]) -> list[Finding]:
    """Hashes the files of a model's live and hashed versions again.

    Args:
        facts: what the registry says of the model.
        entries: of its record, oldest first.

    Returns:
        What is another than when it was hashed first, or than what was approved.
    """
    deployed = private.tracking_store()._spot_deployed  # noqa: SLF001 - ours, set at start
    found: list[Finding] = []
    for version in facts.versions:
        known = deployed.files_of(facts.name, version.version)
        if known is None or not (known.manifest or _live(version)):
            continue
        manifest = deployed.hash_files(facts.name, version.version)
        if manifest is None:
            what = f"version {version.version}: its files cannot be hashed here ({known.source})"
            found += [Finding("missing", "", what)] if known.manifest else []
            continue
        found += [
            Finding("edited", "", f"version {version.version}: {c} since {manifest.at}")
            for c in manifest.changed
        ]
        approved = _approved(entries, version.version)
        if approved not in ("", manifest.digest):
            what = f"version {version.version} was approved with other files ({approved[:12]})"
            found.append(Finding("edited", "", what))
    return found


def _live(version: VersionFacts) -> bool:
    return bool(version.aliases) or version.stage in ("Staging", "Production")


def _approved(entries: Sequence[Evidence], version: str) -> str:
    """Returns the digest of the files at the last decision that let the version through, or ""."""
    given = (
        str(e.payload.get("manifest") or "")
        for e in reversed(entries)
        if e.kind == "decision" and e.version == version and e.payload.get("applied")
    )
    return next((m for m in given if m), "")
