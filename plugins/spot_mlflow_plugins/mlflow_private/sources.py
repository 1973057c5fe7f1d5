"""What a version's source says, in MLflow's own reading of its URIs, and the rows that it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from spot_mlflow_plugins.mlflow_private.tracking import _primary, artifact_root

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

_LARGEST = 2**31 - 1  # of a version's column
_CHUNK = 500  # ids in one statement: SQLite takes 999


class VersionRow(NamedTuple):
    """Where one version's files are registered.

    Attributes:
        location: URI that clients load it from.
        source: URI that it was registered with.
        run_id: the run it came from, or "".
        created: creation time, milliseconds; 0 where it was not asked for.
    """

    location: str
    source: str
    run_id: str
    created: int = 0


class LoggedModelRow(NamedTuple):
    """A logged model of a run.

    Attributes:
        model_id: its id.
        name: its name, which ``runs:/<run>/<name>`` leads to.
        run_id: the run that logged it.
        location: URI of its files.
    """

    model_id: str
    name: str
    run_id: str
    location: str


def run_and_path(uri: str) -> tuple[str, str] | None:
    """Returns run id and path of ``runs:/<run>/<path>``; None where it is malformed."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository

    try:
        run_id, path = RunsArtifactRepository.parse_runs_uri(uri)
    except MlflowException:
        return None
    return str(run_id), str(path or "")


def model_reference(uri: str) -> tuple[str | None, str | None, str | None]:
    """Returns (logged model id, registered name, version) of a ``models:/`` URI; what it lacks is None."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.utils.models import _parse_model_uri

    try:
        found = _parse_model_uri(uri)
    except MlflowException:
        return None, None, None
    return found.model_id, found.name, found.version


def is_local(uri: str) -> bool:
    """Says whether a URI is a path of this machine."""
    from urllib.parse import urlsplit

    parts = urlsplit(uri)
    return parts.scheme in ("", "file")


def local_path(uri: str) -> str:
    """Returns the path of a local URI."""
    from mlflow.utils.file_utils import local_file_uri_to_path

    return str(local_file_uri_to_path(uri))


def version_row(store: Any, name: str, version: str) -> VersionRow | None:
    """Returns where one version's files are registered: one row; None where there is none."""
    from mlflow.exceptions import MlflowException

    if not hasattr(store, "ManagedSessionMaker"):
        try:
            found = store.get_model_version(name, version)
            location = store.get_model_version_download_uri(name, version)
        except MlflowException:
            return None
        return VersionRow(str(location or ""), str(found.source or ""), str(found.run_id or ""))
    from mlflow.store.model_registry.dbmodels import models as m

    if not version.isdecimal() or int(version) > _LARGEST:
        return None
    table: Any = m.SqlModelVersion
    with _primary(store) as session:
        query = store._get_query(session, table)  # noqa: SLF001 - what this package is for
        row = (
            query.filter(table.name == name, table.version == int(version))
            .with_entities(table.storage_location, table.source, table.run_id, table.creation_time)
            .first()
        )
    if row is None:
        return None
    location, source, run_id, created = row
    return VersionRow(
        str(location or source or ""), str(source or ""), str(run_id or ""), int(created or 0)
    )


def run_locations(store: Any, run_ids: Collection[str]) -> dict[str, str]:
    """Returns run id -> URI of its artifacts, deleted runs included; unknown ones are left out."""
    if not hasattr(store, "ManagedSessionMaker"):
        return _asked(run_ids, lambda x: artifact_root(store, run_id=x, model_id=None))
    from mlflow.store.tracking.dbmodels.models import SqlRun

    table: Any = SqlRun
    return _located(store, run_ids, table.run_uuid, table.artifact_uri)


def models_logged_by(store: Any, run_ids: Collection[str]) -> list[LoggedModelRow]:
    """Returns the logged models of runs; nothing where the store is no database here."""
    if not hasattr(store, "ManagedSessionMaker"):
        return []
    from mlflow.store.tracking.dbmodels.models import SqlLoggedModel

    t: Any = SqlLoggedModel
    found: list[LoggedModelRow] = []
    with _primary(store) as session:
        for some in _chunks(run_ids):
            rows = session.query(t.model_id, t.name, t.source_run_id, t.artifact_location)
            found += [
                LoggedModelRow(*map(str, r)) for r in rows.filter(t.source_run_id.in_(some)).all()
            ]
    return found


def model_locations(store: Any, model_ids: Collection[str]) -> dict[str, str]:
    """Returns logged model id -> URI of its files; unknown ones are left out."""
    if not hasattr(store, "ManagedSessionMaker"):
        return _asked(model_ids, lambda x: artifact_root(store, run_id=None, model_id=x))
    from mlflow.store.tracking.dbmodels.models import SqlLoggedModel

    table: Any = SqlLoggedModel
    return _located(store, model_ids, table.model_id, table.artifact_location)


def _asked(ids: Collection[str], root_of: Callable[[str], str | None]) -> dict[str, str]:
    found = {x: root_of(x) for x in ids}
    return {x: uri for x, uri in found.items() if uri}


def _located(store: Any, ids: Collection[str], key: Any, uri: Any) -> dict[str, str]:
    """Reads key -> URI from a table of the store, by chunks of ids."""
    located: dict[str, str] = {}
    with _primary(store) as session:
        for some in _chunks(ids):
            located.update(session.query(key, uri).filter(key.in_(some)).all())
    return {str(x): str(where) for x, where in located.items() if where}


def _chunks(ids: Collection[str]) -> Iterator[list[str]]:
    every = sorted(ids)
    for start in range(0, len(every), _CHUNK):
        yield every[start : start + _CHUNK]


def s3_place(uri: str) -> tuple[Any, str, str]:
    """Returns MLflow's client of a bucket, the bucket, and the folder or object in it.

    Args:
        uri: "s3://bucket/folder".

    Raises:
        ImportError: its client library is not installed.
        ValueError: the address is none of a bucket.
    """
    from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

    repository = S3ArtifactRepository(uri)
    bucket, folder = repository.parse_s3_compliant_uri(uri)
    return repository._get_s3_client(), str(bucket), str(folder)  # noqa: SLF001 - what this package is for
