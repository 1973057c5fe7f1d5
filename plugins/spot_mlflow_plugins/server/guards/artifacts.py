"""Keeps plain clients from writing or deleting artifacts of evidence.

Uploads and deletions go past the tracking store. Proxied ones (``/mlflow-artifacts/``, Flask and
native FastAPI, single and multipart) all end in one live repository object, whose class is swapped
as the stores' are. Two routes reach an artifact location directly, by run id; these are looked at
before the request.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import re
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.files.uploads import arriving, issued, shortened
from spot_mlflow_plugins.server.trust.refusal import refusal
from spot_mlflow_plugins.server.trust.turns import publishing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow_plugins.server.files.deployed import Deployed
    from spot_mlflow_plugins.server.record.companions import Companions

_RUN_ID: Final = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_FIX: Final = "Artifacts of evidence come with their entry; record a new entry instead."


class ArtifactGuard:
    """Mixin for the repository behind ``--artifacts-destination``; see ``guarded_repository``."""

    _spot_companions: Companions
    _spot_deployed: Deployed

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> Any:
        """Refuses to write under evidence, or where deployed files lie."""
        name = posixpath.basename(local_file)
        if hasattr(super(), "_publish_staged_artifact"):  # which judges again
            self.spot_check(artifact_path, name)
            return super().log_artifact(local_file, artifact_path)  # type: ignore[misc] # the repository's
        with ExitStack() as stack:
            with publishing():  # no version goes live between the judgement and the mark
                self.spot_check(artifact_path, name)
                place = self._spot_deployed.places.below(posixpath.join(artifact_path or "", name))
                if place is not None:
                    stack.enter_context(arriving(place))
            return super().log_artifact(local_file, artifact_path)  # type: ignore[misc] # the repository's

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> Any:
        """Refuses to write under evidence, or where deployed files lie."""
        self.spot_check(artifact_path)
        for folder, _, files in os.walk(local_dir):
            for name in files:
                self.spot_check(artifact_path, os.path.relpath(folder, local_dir), name)
        return super().log_artifacts(local_dir, artifact_path)  # type: ignore[misc] # the repository's

    def _publish_staged_artifact(
        self, temp_file_path: str, destination_file_path: str, finalize_temp_path: Any = None
    ) -> None:
        """Judges once more, as things are when the last byte has come, and publishes the file.

        A local repository's own step; the others get a file that has arrived whole.
        """
        with publishing():
            self._spot_deployed.check_published(destination_file_path)
            super()._publish_staged_artifact(  # type: ignore[misc] # the repository's
                temp_file_path, destination_file_path, finalize_temp_path
            )

    def delete_artifacts(self, artifact_path: str | None = None) -> Any:
        """Refuses to delete evidence or deployed files, or a folder that holds some."""
        self.spot_check(artifact_path)
        self._spot_check_inside(artifact_path)
        with publishing():
            self._spot_deployed.check_delete(artifact_path or "")
            return super().delete_artifacts(artifact_path)  # type: ignore[misc] # the repository's

    def spot_check(self, *parts: str | None) -> None:
        """Refuses a path whose first segment is a companion, that names a run in one, or is deployed."""
        path = posixpath.normpath(posixpath.join("", *[p for p in parts if p]))
        self._spot_deployed.check_write(path)
        segments = [s for s in path.split("/") if s not in ("", ".")]
        if segments[:1] == ["workspaces"]:
            segments = segments[2:]
        store = private.tracking_store()
        held = bool(segments) and (
            (segments[0].isdecimal() and self._spot_companions.experiment(store, segments[0]))
            or any(
                self._spot_companions.run(store, s.lower())
                for s in segments
                if _RUN_ID.fullmatch(s)
            )
        )
        if held:
            _note(store, f"write or delete artifacts at {path!r}", segments)
            raise refusal(f"Artifact path '{path}' belongs to evidence.", _FIX)

    def _spot_check_inside(self, path: str | None) -> None:
        """Refuses to delete a folder above a companion; asked of the store, deletions are rare."""
        above = posixpath.normpath(path or ".")
        for root in companion_roots(self._spot_companions):
            if above == "." or (root + "/").startswith(above.strip("/") + "/"):
                _note(private.tracking_store(), f"delete artifacts at {above!r}", [])
                raise refusal(f"Artifact path '{path or ''}' holds evidence ('{root}').", _FIX)


# method -> which positional arguments are parts of the path, in the order they are joined.
_STREAMS: Final[dict[str, tuple[tuple[int, str], ...]]] = {
    "log_artifact_from_stream": ((2, "artifact_path"), (1, "artifact_file_name")),
    "log_artifact_from_async_stream": ((2, "artifact_path"), (1, "artifact_file_name")),
    "create_multipart_upload": ((2, "artifact_path"), (0, "local_file")),
    "complete_multipart_upload": ((3, "artifact_path"), (0, "local_file")),
    "abort_multipart_upload": ((2, "artifact_path"), (0, "local_file")),
    "create_presigned_upload_url": ((0, "artifact_path"),),
}


def guarded_repository(repository_class: type, companions: Companions, deployed: Deployed) -> type:
    """Returns ``repository_class`` with the guard in front."""
    body: dict[str, Any] = {"_spot_companions": companions, "_spot_deployed": deployed}
    for method, where in _STREAMS.items():
        if hasattr(repository_class, method):
            body[method] = _checked(getattr(repository_class, method), where)
    return type(f"Guarded{repository_class.__name__}", (ArtifactGuard, repository_class), body)


def _checked(method: Any, where: tuple[tuple[int, str], ...]) -> Any:
    import functools
    import inspect

    def parts(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterable[str | None]:
        return [args[i] if len(args) > i else kwargs.get(name) for i, name in where]

    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def later(self: Any, *args: Any, **kwargs: Any) -> Any:
            # In a thread, as MLflow does with its own: the database is asked, others go on meanwhile.
            await asyncio.to_thread(self.spot_check, *parts(args, kwargs))
            return await method(self, *args, **kwargs)

        return later

    # Completing is what puts a file in place: in one turn with its judgement.
    turn = publishing if method.__name__ == "complete_multipart_upload" else nullcontext

    @functools.wraps(method)
    def now(self: Any, *args: Any, **kwargs: Any) -> Any:
        with turn():
            self.spot_check(*parts(args, kwargs))
            return method(self, *args, **kwargs)

    return now


def _note(store: Any, what: str, segments: list[str]) -> None:
    """Has a refused attempt recorded, for the model whose folder it was where that can be told."""
    run_id = next((s.lower() for s in segments if _RUN_ID.fullmatch(s)), None)
    experiment_id = segments[0] if segments and segments[0].isdecimal() else None
    # A folder of the experiment with a made-up run in it is the experiment's.
    known = {"experiment_id": experiment_id} if experiment_id else {"run_id": run_id}
    store.spot_note("artifact", what, **known)


def companion_roots(companions: Companions) -> list[str]:
    """Returns the paths of all companions below the artifacts destination."""
    from urllib.parse import urlparse

    store, roots, token = private.tracking_store(), [], None
    while True:
        page = store.search_experiments(
            view_type=private.all_views(), max_results=1000, page_token=token
        )
        for found in page:
            if companions.experiment(store, found.experiment_id):
                where = urlparse(found.artifact_location or "")
                roots.append(where.path.strip("/") if where.scheme == "mlflow-artifacts" else "")
                roots.append(str(found.experiment_id))
        token = page.token
        if not token:
            return [r for r in roots if r]


def check_direct_upload(
    companions: Companions, deployed: Deployed, path: str, args: Any, body: Any
) -> None:
    """Refuses the two routes that write to a run's own artifact location.

    Args:
        companions: which runs hold evidence.
        deployed: which locations hold deployed files.
        path: of the request.
        args: its query.
        body: its JSON, or None.

    Raises:
        MlflowException: 403 where the run is evidence, or the files are deployed.
    """
    said = body if isinstance(body, dict) else {}
    if path.endswith("/mlflow/upload-artifact"):
        run_id, model_id, where = args.get("run_uuid"), None, args.get("path")
    elif path.endswith("/mlflow/artifacts/presigned-upload-url"):
        run_id, where = said.get("run_id") or said.get("runId"), said.get("path")
        model_id = said.get("model_id") or said.get("modelId")
    else:
        return
    store = private.tracking_store()
    if run_id and companions.run(store, run_id):
        store.spot_note("artifact", f"upload to run {run_id}", run_id=run_id)
        raise refusal(f"Run {run_id} is evidence.", _FIX)
    if model_id and companions.logged_model(store, model_id):
        store.spot_note("artifact", f"upload to logged model {model_id}", model_id=model_id)
        raise refusal(f"Logged model {model_id} belongs to evidence.", _FIX)
    root = private.artifact_root(store, run_id=run_id, model_id=model_id)
    if root is None:
        return
    direct = path.endswith("-url") and private.proxied_path(root) is None
    seconds = shortened(said) if direct else 0
    with publishing():
        deployed.check_uri(str(where or ""), root)
        if seconds > 0:
            issued(deployed.places.at(root, str(where or "")), seconds)
    served = deployed.places.served(deployed.places.at(root, str(where or "")))
    repository = private.artifact_repository()
    if served is not None and isinstance(repository, ArtifactGuard):
        repository.spot_check(served)  # another run's folder, which this run was given as its own
