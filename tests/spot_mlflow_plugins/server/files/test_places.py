"""Tests that one place has one spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spot_mlflow_plugins.server.files import places as module
from spot_mlflow_plugins.server.files.places import Place, Places

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A destination with a model's files in it, and a symbolic link beside it."""
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    (tmp_path / "artifacts" / "1" / "run" / "artifacts" / "model").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "artifacts")
    (tmp_path / "artifacts" / "short").symlink_to(tmp_path / "artifacts" / "1" / "run")
    return tmp_path


MODEL = "1/run/artifacts/model"
BELOW = [
    MODEL,
    f"/{MODEL}/",
    f"./{MODEL}",
    f"1//run/.//artifacts/{'model'}",
    "1/x/../run/artifacts/model",
    "1/run/artifacts/mod%65l",
    "1/run/artifacts/mod%2565l",
    "1%2Frun%2fartifacts/model",
    "short/artifacts/model",
]


@pytest.mark.parametrize("path", BELOW)
def test_path_below_the_destination(folder: Path, path: str) -> None:
    """However it is spelled, it is the same place."""
    places = Places(str(folder / "artifacts"))
    assert places.below(path) == places.below(MODEL)


URIS = [
    f"mlflow-artifacts:/{MODEL}",
    f"mlflow-artifacts:///{MODEL}",
    f"mlflow-artifacts://host:5000/{MODEL}",
    f"http://host/api/2.0/mlflow-artifacts/artifacts/{MODEL}",
    f"https://host/team/ajax-api/2.0//mlflow-artifacts/artifacts/{MODEL}/",
    "file://{folder}/artifacts/" + MODEL,
    "{folder}/artifacts/" + MODEL,
    "{folder}/artifacts/1/%72un/artifacts/model",
    "{folder}/link/" + MODEL,
    "{folder}/other/../artifacts/" + MODEL,
]


@pytest.mark.parametrize("uri", URIS)
@pytest.mark.parametrize("destination", ["{folder}/artifacts", "file://{folder}/link/"])
def test_uri_of_the_destination(folder: Path, uri: str, destination: str) -> None:
    """A proxied address, a path and a link lead to the same place, which is served."""
    places = Places(destination.format(folder=folder))
    place = places.at(uri.format(folder=folder))
    assert place == places.below(MODEL)
    assert places.served(place) == MODEL


def test_bucket_behind_the_proxy(folder: Path) -> None:
    """A key in the destination's bucket is the place that the proxy writes to."""
    places = Places("s3://Bucket/prefix/")
    assert places.at(f"s3://bucket/prefix//{MODEL}/") == places.below(MODEL)
    assert places.at("s3://bucket/prefix", "a/b") == places.below("a/b")
    assert places.served(places.at("s3://bucket/prefix2/a")) is None
    assert places.served(places.at("s3://other/prefix/a")) is None


def test_elsewhere_is_not_served(folder: Path) -> None:
    """Another folder, an ordinary address and a server without artifacts serve nothing."""
    places = Places(str(folder / "artifacts"))
    assert places.served(places.at(str(folder / "artifacts2" / "a"))) is None
    assert places.served(places.at("https://example.com/model")) is None
    assert Places(None).below("a") is None
    assert Places(None).destination is None


def test_letter_case_counts_where_the_file_system_counts_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Model`` is ``model`` on a file system that folds case, and on no other."""
    monkeypatch.setattr(module, "_folds_case", lambda _: True)
    places = Places(str(folder / "artifacts"))
    assert places.below(MODEL.replace("model", "MODEL")) == places.below(MODEL)
    monkeypatch.undo()
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    places = Places(str(folder / "artifacts"))
    folds = (folder / "ARTIFACTS").exists()
    assert (places.below("MODEL") == places.below("model")) is folds


def test_upwards_and_within() -> None:
    """A place lies within itself and each folder above it, and in no folder beside it."""
    place = Place("s3://b", ("a", "b"))
    assert [len(p.segments) for p in place.upwards()] == [2, 1, 0]
    assert all(place.within(p) for p in place.upwards())
    assert not place.within(Place("s3://b", ("a", "bc")))
    assert not place.within(Place("gs://b", ("a",)))
