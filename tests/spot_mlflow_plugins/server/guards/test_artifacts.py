"""Tests of the guard before the artifacts of evidence."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from mlflow.exceptions import MlflowException

from spot_mlflow_plugins import mlflow_private
from spot_mlflow_plugins.server.files.places import Place, Places
from spot_mlflow_plugins.server.files.uploads import open_until
from spot_mlflow_plugins.server.guards import artifacts as artifact_guard
from spot_mlflow_plugins.server.guards.artifacts import check_direct_upload, guarded_repository
from spot_mlflow_plugins.server.record.companions import Companions
from spot_mlflow_plugins.server.trust.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

OURS = "0" * 31 + "a"
MINE = "0" * 31 + "b"


class Repository:
    """A repository that can do everything MLflow's can, and says what it did."""

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> str:
        """Like MLflow's."""
        return f"{local_file} to {artifact_path}"

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> str:
        """Like MLflow's."""
        return f"{local_dir} to {artifact_path}"

    def delete_artifacts(self, artifact_path: str | None = None) -> str:
        """Like MLflow's."""
        return f"gone: {artifact_path}"

    def log_artifact_from_stream(
        self, stream: Any, artifact_file_name: str, artifact_path: str | None = None
    ) -> str:
        """Like MLflow's."""
        return f"{stream} {artifact_file_name} {artifact_path}"

    async def log_artifact_from_async_stream(
        self, chunks: Any, artifact_file_name: str, artifact_path: str | None = None
    ) -> str:
        """Like MLflow's."""
        return f"{chunks} {artifact_file_name} {artifact_path}"

    def create_multipart_upload(
        self, local_file: str, num_parts: int, artifact_path: str | None = None
    ) -> str:
        """Like MLflow's."""
        return f"{local_file} {num_parts} {artifact_path}"

    def complete_multipart_upload(
        self, local_file: str, upload_id: str, parts: Any, artifact_path: str | None = None
    ) -> str:
        """Like MLflow's."""
        return f"{local_file} {upload_id} {parts} {artifact_path}"


class Nothing:
    """Nothing is deployed; what is, is tested in test_deployed."""

    places = Places(None)

    def check_write(self, path: str) -> None:
        """Like Deployed's."""

    def check_delete(self, path: str) -> None:
        """Like Deployed's."""

    def check_uri(self, path: str, root: str) -> None:
        """Like Deployed's."""


class Noted:
    """A tracking store that is told of attempts, and knows where every run's artifacts lie."""

    attempts: ClassVar[list[dict[str, Any]]] = []

    def spot_note(self, kind: str, what: str, **whose: Any) -> None:
        """Like the guarded store's."""
        self.attempts.append({"kind": kind, "what": what, **whose})

    def get_run(self, run_id: str) -> Any:
        """Like MLflow's."""
        return SimpleNamespace(info=SimpleNamespace(artifact_uri=f"s3://x/{run_id}"))


@pytest.fixture
def repository(monkeypatch) -> Any:
    """Guarded; experiment 1 and run ...a hold evidence."""
    monkeypatch.setattr(mlflow_private, "tracking_store", Noted)
    companions = Companions("spot/")
    monkeypatch.setattr(companions, "experiment", lambda _, e: str(e) == "1")
    monkeypatch.setattr(companions, "run", lambda _, r: r == OURS)
    monkeypatch.setattr(artifact_guard, "companion_roots", lambda _: ["1", "teams/west/1"])
    return guarded_repository(Repository, companions, Nothing())()  # type: ignore[arg-type] # see there


HELD = [
    f"1/{OURS}/artifacts",
    "1",
    "1/new",
    f"./1/{OURS}",
    f"x/../1/{OURS}",
    f"teams/west/{OURS}/artifacts",
    f"teams/west/{OURS.upper()}/artifacts",
    f"workspaces/east/1/{OURS}",
]
FREE = [f"2/{MINE}/artifacts", "11", "models/1x", None, "x/1"]


@pytest.mark.parametrize("path", HELD)
def test_nothing_is_written_under_evidence(repository: Any, path: str) -> None:
    """By no method, however the path is written."""
    writes = (
        lambda: repository.log_artifact("f", path),
        lambda: repository.log_artifact(local_file="f", artifact_path=path),
        lambda: repository.log_artifacts("d", path),
        lambda: repository.log_artifact_from_stream("s", "f", path),
        lambda: repository.log_artifact_from_stream("s", "f", artifact_path=path),
        lambda: asyncio.run(repository.log_artifact_from_async_stream("s", "f", path)),
        lambda: repository.create_multipart_upload("f", 1, path),
        lambda: repository.create_multipart_upload(f"../{path}/f", 1, "2"),
        lambda: repository.complete_multipart_upload("f", "u", [], path),
        lambda: repository.delete_artifacts(path),
    )
    for write in writes:
        with pytest.raises(MlflowException) as refused:
            write()
        assert refused.value.get_http_status_code() == 403


@pytest.mark.parametrize("path", FREE)
def test_other_paths_are_left_alone(repository: Any, path: str | None) -> None:
    """What holds no evidence is written as before."""
    assert repository.log_artifact("f", path) == f"f to {path}"
    assert repository.log_artifact_from_stream("s", "f", path) == f"s f {path}"
    assert asyncio.run(repository.log_artifact_from_async_stream("s", "f", path)) == f"s f {path}"


@pytest.mark.parametrize("path", [None, ".", "", "teams", "teams/west", "teams/"])
def test_folder_that_holds_evidence_is_not_deleted(repository: Any, path: str | None) -> None:
    """Deleting what lies above deletes what lies below."""
    with pytest.raises(MlflowException, match="evidence"):
        repository.delete_artifacts(path)


def test_folder_beside_is_deleted(repository: Any) -> None:
    """A folder that only begins alike is free."""
    assert repository.delete_artifacts("teams/western") == "gone: teams/western"


@pytest.mark.parametrize(
    ("path", "args", "body"),
    [
        ("/ajax-api/2.0/mlflow/upload-artifact", {"run_uuid": OURS}, None),
        ("/api/2.0/mlflow/artifacts/presigned-upload-url", {}, {"run_id": OURS}),
        ("/api/2.0/mlflow/artifacts/presigned-upload-url", {}, {"runId": OURS}),
    ],
)
def test_routes_by_run_id(monkeypatch, path: str, args: Any, body: Any) -> None:
    """The two routes that reach a run's own location ask about the run."""
    monkeypatch.setattr(mlflow_private, "tracking_store", Noted)
    companions: Any = SimpleNamespace(run=lambda _, r: r == OURS, logged_model=lambda _, __: False)
    deployed: Any = Nothing()
    with pytest.raises(MlflowException, match="evidence"):
        check_direct_upload(companions, deployed, path, args, body)
    check_direct_upload(companions, deployed, path, {"run_uuid": MINE}, {"run_id": MINE})
    check_direct_upload(companions, deployed, "/api/2.0/mlflow/runs/get", args, body)


def ask_for_an_address(said: dict[str, Any]) -> None:
    """Asks for an address to upload to, as MLflow's client does."""
    path = "/api/2.0/mlflow/artifacts/presigned-upload-url"
    check_direct_upload(Companions("spot/"), Nothing(), path, {}, said)  # type: ignore[arg-type] # see there


def test_an_address_is_short_and_remembered(
    repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of an hour at most, and until then the files that it leads to are not settled."""
    del repository  # sets the stores
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path))
    monkeypatch.setattr(Companions, "run", lambda *_: False)
    monkeypatch.setattr(mlflow_private, "artifact_repository", lambda: None)
    said: dict[str, Any] = {"run_id": MINE, "path": "model/MLmodel", "expiration": 86400}
    ask_for_an_address(said)
    assert said["expiration"] == 900
    assert open_until([Place("s3://x", (MINE, "model"))]) is not None
    assert open_until([Place("s3://x", (MINE, "plots"))]) is None


def test_no_address_is_remembered_that_mlflow_will_not_give(
    repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxied artifacts have none; asking for one shuts no gate."""
    del repository
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    monkeypatch.setattr(Companions, "run", lambda *_: False)
    monkeypatch.setattr(mlflow_private, "artifact_repository", lambda: None)
    monkeypatch.setattr(
        mlflow_private, "artifact_root", lambda *_, **__: f"mlflow-artifacts:/1/{MINE}/artifacts"
    )
    ask_for_an_address({"run_id": MINE, "path": "model/MLmodel"})
    assert list(tmp_path.rglob("uploads/*")) == []


def test_a_file_is_judged_again_when_it_is_published(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What went live while it arrived is not replaced, and the staged file is left to its owner."""
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    class Live(Nothing):
        published: ClassVar[list[str]] = []

        def check_published(self, path: str) -> None:
            self.published.append(path)
            raise refusal("went live", "wait")

    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(mlflow_private, "tracking_store", Noted)
    monkeypatch.setattr(Companions, "run", lambda *_: False)
    monkeypatch.setattr(Companions, "experiment", lambda *_: False)
    guarded = guarded_repository(LocalArtifactRepository, Companions("spot/"), Live())  # type: ignore[arg-type] # see there
    folder = tmp_path / "artifacts" / "model"
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("approved")
    store = guarded(str(tmp_path / "artifacts"))
    for write in (
        lambda: store.log_artifact_from_stream(io.BytesIO(b"forged"), "MLmodel", "model"),
        lambda: asyncio.run(store.log_artifact_from_async_stream(chunks(), "MLmodel", "model")),
    ):
        with pytest.raises(MlflowException, match="went live"):
            write()
    assert [p.name for p in folder.iterdir()] == ["MLmodel"]
    assert (folder / "MLmodel").read_text() == "approved"
    assert Live.published == [str(folder / "MLmodel")] * 2


async def chunks() -> AsyncIterator[bytes]:
    """A body that comes in pieces."""
    yield b"for"
    yield b"ged"


def test_an_upload_to_a_bucket_is_known_while_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Until it has ended, no version with files there is settled; after it, or a failure, all is."""
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path))
    monkeypatch.setattr(mlflow_private, "tracking_store", Noted)
    monkeypatch.setattr(Companions, "run", lambda *_: False)
    monkeypatch.setattr(Companions, "experiment", lambda *_: False)
    place = Place("s3://bucket", ("1", "model"))
    seen: list[bool] = []

    class Bucket(Repository):
        def log_artifact(self, local_file: str, artifact_path: str | None = None) -> str:
            seen.append(open_until([place]) is not None)
            if local_file == "bad":
                raise OSError("full")
            return super().log_artifact(local_file, artifact_path)

    live = Nothing()
    live.places = Places("s3://bucket")
    store = guarded_repository(Bucket, Companions("spot/"), live)()  # type: ignore[arg-type] # see there
    assert store.log_artifact("MLmodel", "1/model") == "MLmodel to 1/model"
    with pytest.raises(OSError, match="full"):
        store.log_artifact("bad", "1/model")
    assert seen == [True, True]
    assert open_until([place]) is None
