"""The artifact store's disk is full: nothing slips through, nothing is half done, and it recovers.

The disk is a real file system of two megabytes where the test may mount one, and always also a limit
on the size of files, set on the running server by the kernel, which needs no rights.
"""

from __future__ import annotations

import base64
import contextlib
import os
import resource
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import requests
from gated import CONTRACT, gated_mlflow_server, new_scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gated import Scene

pytestmark = pytest.mark.journey
LIMIT = 16_000_000  # bytes a file may have: the database stays below, the artifacts do not


class Disk(Protocol):
    """Where a server keeps its artifacts."""

    large: int  # bytes that do not fit once it is full
    refusal: str  # what the server says, by the place that took no more

    def fill(self) -> None:
        """Leaves no room."""

    def free(self) -> None:
        """Makes room again."""


class SmallDisk:
    """A file system of its own, filled up by somebody else's file."""

    large = 200_000
    refusal = "the artifact store at"

    def __init__(self, place: Path) -> None:
        self._ballast = place / "ballast"

    def fill(self) -> None:
        """Writes until the kernel says that there is no space."""
        with self._ballast.open("wb", buffering=0) as f, contextlib.suppress(OSError):
            while f.write(bytes(4096)):
                pass
        room = os.statvfs(self._ballast)
        assert room.f_bavail == 0

    def free(self) -> None:
        """Removes the file."""
        self._ballast.unlink()


class FileLimit:
    """The kernel refuses the server's processes to write files beyond a size."""

    large = LIMIT + 1_000_000
    refusal = "The server could not write"

    def __init__(self, server: int) -> None:
        self._server = server

    def fill(self) -> None:
        """Sets the limit; the hard one stays, so that it can be taken back without rights."""
        for pid in processes(self._server):
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (LIMIT, hard))

    def free(self) -> None:
        """Takes it back."""
        for pid in processes(self._server):
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def processes(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(p for c in children for p in processes(int(c)))]


def mounted(place: Path) -> bool:
    """Mounts a file system of two megabytes; says whether that is allowed here."""
    place.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "spot-test", str(place)]
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def unmount(place: Path) -> None:
    """Takes the file system away, also where somebody still looks at it."""
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


def kinds_of_disk() -> list[str]:
    """Those that can be had here; never none."""
    with tempfile.TemporaryDirectory() as folder:
        if mounted(Path(folder, "disk")):
            unmount(Path(folder, "disk"))
            return ["limit", "file system"]
    return ["limit"]


@pytest.fixture(params=kinds_of_disk())
def full(request: Any, tmp_path: Path) -> Iterator[tuple[Scene, Disk]]:
    """A gated server whose artifacts lie on a disk, with a model on it; the disk is then full."""
    with contextlib.ExitStack() as stack:
        place = tmp_path / "artifacts"
        if request.param == "file system":
            assert mounted(place)
            stack.callback(unmount, place)
        server = stack.enter_context(gated_mlflow_server(tmp_path))
        scene = new_scene(server.url)
        disk: Disk = (
            SmallDisk(place) if request.param == "file system" else FileLimit(server.process.pid)
        )
        disk.fill()
        yield scene, disk


def promise(scene: Scene, size: int) -> requests.Response:
    """Promises a lift for version 2, with a file."""
    text = base64.b64encode(bytes(size)).decode()
    return scene.entry(
        "prediction", {"contract": CONTRACT}, person="Bea", role="business",
        artifacts={"lift.yaml": text},
    )  # fmt: skip


def uploaded(scene: Scene, size: int) -> bool:
    """Whether a plain client's upload goes through; MLflow may hang up in the middle of it."""
    address = f"{scene.url}/api/2.0/mlflow-artifacts/artifacts/mine/x.bin"
    try:
        return requests.put(address, data=bytes(size), timeout=60).status_code == 200
    except requests.RequestException:
        return False


def move(scene: Scene, version: str, stage: str = "Production") -> requests.Response:
    """Asks for a stage."""
    said = {"name": scene.name, "version": version, "stage": stage}
    return scene.call(
        "POST", "model-versions/transition-stage", {**said, "archive_existing_versions": False}
    )


def recorded(scene: Scene) -> list[tuple[str, str | None]]:
    """Kind and version of the entries that count, decisions on refusals left out."""
    from spot_mlflow.record import Record

    record = Record(scene.url, scene.url)
    entries = record.entries(record.resolve(scene.name))
    return [(e.kind, e.version) for e in entries if e.payload.get("allowed", True)]


def test_full_disk_under_the_artifacts(full: tuple[Scene, Disk]) -> None:
    """Entries with files are refused with 503 and do not count; decisions go on; then all is well."""
    scene, disk = full
    before = recorded(scene)
    for _ in range(2):
        answer = promise(scene, disk.large)
        assert answer.status_code == 503, (answer.status_code, answer.text)
        assert disk.refusal in answer.json()["message"]
    assert not uploaded(scene, disk.large), "a plain client's upload finds no room either"

    assert recorded(scene) == before
    answer = move(scene, "2")
    assert answer.status_code == 403, "what was promised without its file is no promise"
    assert "Predicted lift recorded" in answer.text
    assert scene.live() == {"Production": ["1"], "champion": ["1"]}
    assert move(scene, "1", "Staging").status_code == 200, "a decision needs no room"
    assert recorded(scene) == [*before, ("decision", "1")]

    disk.free()
    answer = promise(scene, disk.large)
    assert answer.status_code == 200, answer.text
    stored = scene.session.get(
        f"{scene.url}/get-artifact",
        params={"path": "lift.yaml", "run_uuid": answer.json()["run_id"]},
        timeout=60,
    )
    assert stored.content == bytes(disk.large)
    assert recorded(scene) == [*before, ("decision", "1"), ("prediction", "2")]
    found = scene.ajax("GET", "spot/verify", params={"model": scene.name}).json()
    assert found["sound"], found
    assert {f["trouble"] for f in found["models"][0]["findings"]} == {"half written"}
