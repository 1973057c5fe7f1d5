"""Tests of the lists of a version's files."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from spot_mlflow_plugins.mlflow_private import VersionRow
from spot_mlflow_plugins.server.files.manifests import (
    Background,
    Manifest,
    hashed,
    keep,
    kept,
    key_of,
)
from spot_mlflow_plugins.server.files.places import Place, Places
from spot_mlflow_plugins.server.record import signed as server

if TYPE_CHECKING:
    from pathlib import Path

ROW = VersionRow("runs:/r/model", "runs:/r/model", "r", 7)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A destination with a model of two files, one of them in a folder."""
    folder = tmp_path / "artifacts" / "1" / "r" / "artifacts" / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "data" / "model.pkl").write_bytes(b"\0" * 3_000_000)
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", str(tmp_path / "artifacts"))
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path / "home"))
    for cached in (server.signer, server.anchors):
        cached.cache_clear()
    return Places(str(tmp_path / "artifacts"))


def manifest(places: Places, path: str = "1/r/artifacts/model") -> Any:
    """Hashes a folder."""
    place = places.below(path)
    assert place is not None
    return hashed(places, frozenset([place]))


def test_every_file_is_listed_with_its_size_and_digest(places: Places) -> None:
    """In one order, so that the same files have the same digest."""
    found = manifest(places)
    assert [(f.path.removeprefix("1/r/artifacts/"), f.size) for f in found.files] == [
        ("model/MLmodel", 11), ("model/data/model.pkl", 3_000_000),
    ]  # fmt: skip
    assert all(len(f.sha256) == 64 for f in found.files)
    assert found.digest == manifest(places).digest


def test_what_is_not_there_has_no_list(places: Places) -> None:
    """Neither an empty folder nor one that lies elsewhere."""
    assert manifest(places, "1/none") is None
    assert hashed(places, frozenset([Place("s3://bucket", ("model",))])) is None


def test_differences_are_named(places: Places, tmp_path: Path) -> None:
    """Changed, added and gone files, each by its path."""
    before = manifest(places)
    folder = tmp_path / "artifacts" / "1" / "r" / "artifacts" / "model"
    (folder / "MLmodel").write_text("flavors: {x}")
    (folder / "data" / "model.pkl").unlink()
    (folder / "new.txt").write_text("new")
    after = manifest(places)
    said = before.differences(after)
    assert [w.rsplit("/", 1)[-1] for w in said] == [
        "model.pkl is gone", "new.txt was added", "MLmodel was changed",
    ]  # fmt: skip
    assert before.digest != after.digest
    assert before.differences(before) == ()


def test_it_is_kept_under_what_a_rename_leaves(places: Places) -> None:
    """And another version has another one."""
    found: Manifest = manifest(places)
    assert kept(key_of(ROW, "1")) is None
    keep(key_of(ROW, "1"), found)
    assert kept(key_of(ROW, "1")) == found
    assert kept(key_of(ROW, "2")) is None
    assert kept(key_of(ROW._replace(created=8), "1")) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": [{}]}', "null"])
def test_a_list_that_cannot_be_read_is_none(places: Places, tmp_path: Path, text: str) -> None:
    """It is made anew."""
    keep(key_of(ROW, "1"), manifest(places))
    (path,) = (tmp_path / "home" / "manifests").rglob("*.json")
    path.write_text(text)
    assert kept(key_of(ROW, "1")) is None


def test_the_background_goes_on_after_a_failure() -> None:
    """One version that cannot be hashed does not keep the next one waiting."""
    made: list[str] = []
    done = threading.Event()

    def make(name: str, version: str) -> None:
        if name == "bad":
            raise OSError("gone")
        made.append(f"{name}/{version}")
        done.set()

    background = Background(make)
    background.ask("bad", "1")
    background.ask("churn", "2")
    assert done.wait(60)
    assert made == ["churn/2"]
