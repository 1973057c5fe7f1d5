"""What ``spot doctor`` looks at on any MLflow: packages, database, artifact store, prefix of the records."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import uuid
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from spot_mlflow.errors import AccessDenied, SpotError, Unavailable
from spot_mlflow.figures import things
from spot_mlflow.record import companion
from spot_mlflow.record.connection import open_client
from spot_mlflow.record.entry import CREATED
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.remote import is_gated
from spot_mlflow.record.sign import Sign
from spot_mlflow.record.transport import first_line, without_password
from spot_mlflow.record.whereabouts import absent, database_of, store_of, unset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

_SHOWN: Final = ("mlflow", "mlflow-skinny", "pandas", "great-expectations")


def packages() -> Iterator[Sign]:
    """Which versions are installed, and which of ours are missing or of another version."""
    import platform

    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(r) for r in metadata.requires("spot-mlflow") or ()]
    except metadata.PackageNotFoundError:  # run from its sources, not installed
        wanted = []
    missing, wrong = [], []
    for r in wanted:
        if r.marker is not None and not r.marker.evaluate({"extra": ""}):
            continue
        found = _installed(r.name)
        if found is None and (r.name != "mlflow" or _installed("mlflow-skinny") is None):
            missing.append(r.name)
        elif found is not None and not r.specifier.contains(found, prereleases=True):
            wrong.append(f"{r.name} {found}, must be {r.specifier}")
    shown = [f"{name} {v}" for name in _SHOWN if (v := _installed(name))]
    said = f"Python {platform.python_version()}, {', '.join(shown)}"
    if wrong:
        yield Sign(
            "packages", "failed", f"{said}: {'; '.join(wrong)}", "pip install -U spot-mlflow"
        )
    elif missing:
        what = f"{said}; a light client, without {', '.join(missing)}"
        yield Sign("packages", "warning", what, "To check outcome logs: pip install spot-mlflow")
    else:
        yield Sign("packages", "ok", said)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def database(uri: str) -> Iterator[Sign]:
    """Whether an MLflow without a server is there, can be written, and is gated."""
    file, plain = database_of(uri), without_password(uri)
    if absent(uri):
        fix = (
            "Set MLFLOW_TRACKING_URI, or start with: spot demo."
            if unset()
            else "The first model that a training script registers there makes it; else correct MLFLOW_TRACKING_URI."
        )
        yield Sign("store", "failed", f"{plain} does not exist{unset()}", fix)
        return
    client = open_client(uri)
    models = _count(client)
    for place in (file, file.parent) if file is not None else ():
        if not os.access(place, os.W_OK):
            yield Sign("store", "failed", f"{place} cannot be written", _owner(place))
            return
    yield Sign("store", "ok", f"{plain}, {models}")
    if _registry().startswith("spot+"):
        yield Sign("gate", "ok", "on, by the registry's address")
    else:
        said = "no server, and no registry address that begins with spot+: nothing is refused"
        yield Sign("gate", "warning", said, "Start a server: spot server.")


def _registry() -> str:
    import mlflow

    return str(mlflow.get_registry_uri())


def _count(client: MlflowClient) -> str:
    found = client.search_registered_models(max_results=1000)
    more = " at least" if found.token else ""
    return f"{things(len(found), 'model')}{more}"


def _owner(place: Path) -> str:
    return f"Give this user the right to write {place}, or use another store."


def prefix_found(uri: str) -> Iterator[Sign]:
    """Whether all records are kept under the prefix that this process uses."""
    client = open_client(uri)
    try:
        with mlflow_errors("the records", at=uri):
            companion.check_prefixes(client)
            kept = "policies found" if companion.find_registry(client) else "no policy was ever set"
    except AccessDenied as e:
        yield _not_allowed("prefix", e)
        return
    yield Sign("prefix", "ok", f"records under {companion.prefix()!r}; {kept}")


def _not_allowed(name: str, error: AccessDenied) -> Sign:
    """Returns that a login lacks the right to look at something, which is no fault; without a login it is one."""
    if getattr(error.__cause__, "error_code", "") != "PERMISSION_DENIED":
        return Sign(name, "failed", error.what, error.fix)
    said = "not looked at: your login may not read the registry's own record"
    return Sign(name, "warning", said, "Ask an administrator to run spot doctor.")


def artifacts(uri: str, *, write: bool) -> Iterator[Sign]:
    """Whether files can be written where the records keep theirs.

    Args:
        uri: of the tracking server or store.
        write: write one and delete it again; otherwise only a folder of this computer is looked at.
    """
    client = open_client(uri)
    try:
        with mlflow_errors("the records", at=uri):
            place = _location(client, write=write)
    except AccessDenied as e:
        yield _not_allowed("artifacts", e)
        return
    folder = _folder(place)
    if write:
        yield _tried(client, place)
    elif folder is None:
        fix = "spot doctor --write writes a file there and deletes it."
        yield Sign("artifacts", "warning", f"{without_password(place)}: not tried", fix)
    else:
        there = next(p for p in (folder, *folder.parents) if p.exists())
        if os.access(there, os.W_OK | os.X_OK):
            yield Sign("artifacts", "ok", f"{folder} can be written")
        else:
            said = f"{folder} cannot be written"
            yield Sign(
                "artifacts", "failed", said, artifact_fix(str(folder), str(client.tracking_uri))
            )


def artifact_fix(place: str, at: str) -> str:
    """Says what helps where artifacts cannot be written.

    Args:
        place: where they would be.
        at: address of the tracking server or store.
    """
    if at.startswith(("http://", "https://")) and _folder(place) is not None:
        return (
            "The server gives clients a folder on its own disk: start it with --serve-artifacts and "
            "--artifacts-destination, then use a new experiment."
        )
    return (
        "Give this user the right to write there, or keep artifacts elsewhere: "
        "mlflow server --artifacts-destination, or an experiment with another artifact_location."
    )


def _location(client: MlflowClient, *, write: bool) -> str:
    """Returns where the records' files are; to write there, where a gated server lets a client write.

    That is never beside a record: another experiment, whose files are kept in the same way.
    """
    home = client.get_experiment_by_name(companion.name_of(companion.REGISTRY))
    kept = "" if home is None else urlsplit(str(home.artifact_location)).scheme
    if home is None or (write and is_gated(str(client.tracking_uri))):
        found = client.search_experiments(max_results=1000, order_by=["experiment_id ASC"])
        others = [e for e in found if CREATED not in e.tags]
        alike = [e for e in others if urlsplit(str(e.artifact_location)).scheme == kept]
        home = next(iter(alike if home is not None else others), None)
    if home is None:
        raise Unavailable(
            f"{store_of(client)} has no experiment of its users to write in",
            fix="Create one: mlflow experiments create --experiment-name training",
        )
    return str(home.artifact_location)


def _folder(place: str) -> Path | None:
    """Returns the folder of this computer that an artifact address means; None where it is none."""
    if re.match(r"^[A-Za-z][A-Za-z0-9+.-]+:", place) and not place.startswith("file:"):
        return None
    return Path(unquote(urlsplit(place).path) if place.startswith("file:") else place)


def _tried(client: MlflowClient, place: str) -> Sign:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    shown, there = (
        without_password(place),
        f"{place.rstrip('/')}/spot-doctor-{uuid.uuid4().hex[:8]}",
    )
    try:
        repository: Any = get_artifact_repository(there, tracking_uri=client.tracking_uri)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "probe.txt").write_text("spot doctor\n")
            repository.log_artifact(str(Path(folder) / "probe.txt"))
    except Exception as e:  # noqa: BLE001 - an artifact store fails with what its client library raises
        said = e.what if isinstance(e, SpotError) else f"{type(e).__name__}: {first_line(str(e))}"
        fix = artifact_fix(place, str(client.tracking_uri))
        return Sign("artifacts", "failed", f"{shown} cannot be written: {said}", fix)
    with contextlib.suppress(Exception):
        repository.delete_artifacts()
        if folder_left := _folder(there):
            folder_left.rmdir()
    with contextlib.suppress(Exception):
        if repository.list_artifacts():
            return Sign(
                "artifacts", "warning", f"{shown} can be written; {there} could not be deleted"
            )
    return Sign("artifacts", "ok", f"{shown} can be written")
