"""Faults under load: no transition slips through, none is half done, the server recovers by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from gated import CONTRACT, gated_mlflow_server, new_database, new_scene
from servers import postgres_programs, postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gated import Scene

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
LIVE = {"Production": ["1"], "champion": ["1"]}
SECONDS_TO_RECOVER = 90


class Load:
    """Clients that ask without end for what must be refused; counts the answers by status."""

    def __init__(self, scene: Scene, clients: int = 4) -> None:
        self.scene = scene
        self.answers: Counter[int] = Counter()
        self.reasons: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self) -> Load:  # noqa: PYI034 - nobody inherits from it
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        body = {
            "name": self.scene.name, "version": "2", "stage": "Production",
            "archive_existing_versions": True,
        }  # fmt: skip
        address = f"{self.scene.url}/api/2.0/mlflow/model-versions/transition-stage"
        while not self._ended.is_set():
            try:
                answer = requests.post(address, json=body, timeout=60)
            except requests.RequestException:
                self.answers[0] += 1  # the connection of a killed worker
                time.sleep(0.05)
                continue
            self.answers[answer.status_code] += 1
            if answer.status_code >= 500:
                self.reasons.append(answer.text)


def until(true: Callable[[], bool]) -> None:
    """Waits until something is so."""
    end = time.monotonic() + SECONDS_TO_RECOVER
    while time.monotonic() < end:
        try:
            if true():
                return
        except (requests.RequestException, OSError):
            pass
        time.sleep(0.3)
    raise AssertionError("the server did not recover")


def healthy(scene: Scene) -> bool:
    """Whether the server decides again."""
    body = {
        "name": scene.name,
        "version": "2",
        "stage": "Production",
        "archive_existing_versions": False,
    }
    return scene.call("POST", "model-versions/transition-stage", body).status_code == 403


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL that may be stopped: not the one that other tests share."""
    if postgres_programs() is None:
        pytest.skip("package postgresql is not installed: no PostgreSQL to start")
    with postgres_server() as uri:
        yield uri


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its files."""
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def scene(postgres: str, folder: Path) -> Iterator[Scene]:
    """A gated server over it, two workers, with a model whose version 2 must not go live."""
    with gated_mlflow_server(folder, backend=new_database(postgres)) as server:
        made = new_scene(server.url)
        made.server = server  # type: ignore[attr-defined] # for its process
        yield made


def stop_and_start(uri: str, seconds: float) -> None:
    """Stops PostgreSQL as a crash would, and starts it again after a while."""
    import sqlalchemy as sa

    engine = sa.create_engine(uri)
    with engine.connect() as c:
        data = Path(str(c.execute(sa.text("SHOW data_directory")).scalar()))
    engine.dispose()
    programs = postgres_programs()
    assert programs is not None
    options = " ".join((data / "postmaster.opts").read_text().split()[1:]).replace('"', "")
    options = options.replace(f"-D {data}", "")
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    control = [*user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
    folder = data.parent
    subprocess.run(
        [*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder
    )
    time.sleep(seconds)
    subprocess.run(
        [*control, "-o", options, "-l", str(folder / "log"), "start"],
        check=True, capture_output=True, cwd=folder, timeout=60,
    )  # fmt: skip


def test_database_goes_and_comes_back(scene: Scene, postgres: str) -> None:
    """While it is away answers are 503 with a reason; nothing passes; then all is as it was."""
    with Load(scene) as load:
        until(lambda: load.answers[403] > 3)
        stop_and_start(postgres, 2)
        until(lambda: healthy(scene))
        seen = sum(load.answers.values())
        until(lambda: sum(load.answers.values()) > seen + 3)
    assert load.answers[200] == 0
    assert set(load.answers) <= {403, 503}, (load.answers, load.reasons[:2])
    assert scene.live() == LIVE
    found = scene.ajax("GET", "spot/verify", params={"model": scene.name}).json()
    assert found["sound"], found


def test_worker_killed_while_deciding(scene: Scene) -> None:
    """The other worker goes on, a new one is started, and nothing passed meanwhile."""
    command = scene.server.process.pid  # type: ignore[attr-defined] # set above
    with Load(scene) as load:
        until(lambda: load.answers[403] > 3)
        killed = workers_of(command)[:1]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert killed
        seen = load.answers[403]
        until(lambda: load.answers[403] > seen + 5)
        until(lambda: len(set(workers_of(command)) - set(killed)) == 2)
    assert load.answers[200] == 0
    assert set(load.answers) <= {0, 403, 503}, (load.answers, load.reasons[:2])
    assert scene.live() == LIVE


def workers_of(pid: int) -> list[int]:
    """Process ids of a server's workers: what the supervisor that its command started has started."""
    return [worker for supervisor in children(pid) for worker in children(supervisor)]


def children(pid: int) -> list[int]:
    """Process ids of what a process has started."""
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_artifact_store_that_cannot_be_written(scene: Scene, folder: Path) -> None:
    """An entry whose files find no place is refused with 503 and does not count; later it does."""
    place = folder / "artifacts" / scene.experiment_id
    aside = folder / "aside"
    place.rename(aside)
    place.write_text("no folder")  # as full, or not mounted: nothing can be written below
    more = {"artifacts": {"lift.yaml": "bGlmdA=="}, "person": "Bea", "role": "business"}
    answer = scene.entry("prediction", {"contract": CONTRACT}, **more)
    assert answer.status_code == 503, answer.text
    assert answer.json()["message"]
    assert healthy(scene)
    place.unlink()
    aside.rename(place)
    found = scene.ajax("GET", "spot/verify", params={"model": scene.name}).json()
    assert found["sound"], found
    assert "half written" in {f["trouble"] for f in found["models"][0]["findings"]}
    again = scene.entry("prediction", {"contract": CONTRACT}, **more)
    assert again.status_code == 200, again.text
