"""Tests that a backend has one memory, and of the operator's word on what is gone from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient
from terminal import run_spot

from spot_mlflow.record import REGISTRY, ModelRef
from spot_mlflow_plugins import mlflow_private
from spot_mlflow_plugins.server.record import gone, restore
from spot_mlflow_plugins.server.record import signed as server
from spot_mlflow_plugins.server.record.anchor_store import settle
from spot_mlflow_plugins.server.record.gone import gone_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CACHES: Any = (server.signer, server.anchors, server.server_client, server._record_of)


@pytest.fixture
def host(mlflow_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Returns a function that makes this process another host: its home is the folder named."""
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", mlflow_uri)
    monkeypatch.delenv("_MLFLOW_SERVER_REGISTRY_STORE", raising=False)
    key = tmp_path / "shared.key"
    key.write_text("k" * 64)
    monkeypatch.setenv("SPOT_MLFLOW_KEY_FILE", str(key))

    def begin(home: str) -> None:
        for cached in CACHES:
            cached.cache_clear()
        monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path / home))

    begin("first")
    MlflowClient().create_registered_model("churn")
    return begin


def start() -> None:
    """What a server does with its memory at its start."""
    memory = server.anchors()
    settle(memory, server.server_client())
    memory.mark_adopted()


def write(kind: str, payload: dict[str, Any]) -> tuple[ModelRef, str]:
    """Writes an entry as the server does; returns the model and the entry's run."""
    record = server.open_record()
    ref = record.resolve("churn")
    entry = record.append(ref, kind, payload, person="Ann", role="business", refresh=False)
    return ref, entry.run_id


def lose(run_id: str) -> None:
    """Takes an entry away, as an older database does, under a server that is started anew."""
    MlflowClient().delete_run(run_id)
    gone._known.clear()


def test_a_backend_is_bound_to_the_memory_of_its_first_start(host: Callable[[str], None]) -> None:
    """The same host starts again; another with a memory of its own, or none, does not."""
    start()
    host("first")
    start()
    host("second")
    with pytest.raises(RuntimeError, match=r"remembered in store .* remembers nothing"):
        start()
    server.anchors().name("1" * 16)
    with pytest.raises(RuntimeError, match=r"another one's \(1{16}\)"):
        start()


def test_an_empty_memory_beside_signed_entries_is_refused(host: Callable[[str], None]) -> None:
    """Also where the backend does not say where its entries are remembered."""
    write("pulse", {"useful": 4, "would_use": 4})
    host("second")
    with pytest.raises(RuntimeError, match="holds signed entries"):
        start()


def test_a_restored_backend_is_bound_again(host: Callable[[str], None]) -> None:
    """A database from before the binding belongs to the memory that knows its entries."""
    start()
    client = MlflowClient()
    place = client.get_experiment_by_name("spot")
    mlflow_private.tracking_store_of(client)
    client.delete_experiment(place.experiment_id)
    host("first")
    start()


def test_what_is_gone_is_named_until_it_is_accepted(host: Callable[[str], None]) -> None:
    """A blocking concern among it counts as open; the operator's word ends that, and is recorded."""
    start()
    write("pulse", {"useful": 4, "would_use": 4})
    said = {"concern": "c7", "act": "raised", "severity": "blocking", "what": "it hurts"}
    _, run = write("concern", said)
    record = server.open_record()
    assert gone_of(record, server.anchors(), record.adoption("churn")) is None
    lose(run)
    record = server.open_record()
    found = gone_of(record, server.anchors(), record.adoption("churn"))
    assert found is not None
    assert found.blocking == ("c7",)
    assert "concern" in found.entries[0]
    assert [len(loss.gone) for loss in restore.losses_here()] == [1]
    assert len(restore.accept("backup of 3 May", "Olga")) == 1
    record = server.open_record()
    assert gone_of(record, server.anchors(), record.adoption("churn")) is None
    assert restore.losses_here() == []
    entry = record.entries(REGISTRY)[-1]
    assert (entry.kind, entry.person) == ("restore", "Olga")
    assert entry.payload["reason"] == "backup of 3 May"
    assert "concern" in entry.payload["gone"][0]


def test_a_lost_memory_is_begun_anew(host: Callable[[str], None]) -> None:
    """What the key signed is remembered again, and the host starts then."""
    start()
    write("pulse", {"useful": 4, "would_use": 4})
    host("second")
    restore.accept("the disk broke", "Olga")
    start()
    (experiment,) = (
        e for e in server.anchors().experiments()
        if e != MlflowClient().get_experiment_by_name("spot").experiment_id
    )  # fmt: skip
    assert [a.kind for a in server.anchors().of(experiment)[0]] == ["pulse"]


def test_a_torn_line_is_accepted_too(host: Callable[[str], None]) -> None:
    """After the operator's word the memory is sound again."""
    start()
    write("pulse", {"useful": 4, "would_use": 4})
    memory = server.anchors()
    (path,) = (p for p in memory.folder.glob("*.jsonl") if "pulse" in p.read_text())
    path.write_bytes(path.read_bytes()[:-20])
    assert restore.losses_here()[0].fault
    restore.accept("a power failure", "Olga")
    assert restore.losses_here() == []


def test_command(host: Callable[[str], None]) -> None:
    """The operator sees what is gone before it is accepted; nobody says it through a server."""
    start()
    _, run = write("pulse", {"useful": 4, "would_use": 4})
    lose(run)
    host("first")
    seen = run_spot("restore", "accept", "--reason", "backup", "--dry-run")
    assert (seen.status, "Would accept that 1 entry is gone" in seen.out) == (0, True)
    done = run_spot("restore", "accept", "--reason", "backup")
    assert (done.status, "Accepted that 1 entry is gone" in done.out) == (0, True)
    assert run_spot("restore", "accept", "--reason", " ").status == 2
