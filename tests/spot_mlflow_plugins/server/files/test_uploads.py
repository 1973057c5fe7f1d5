"""Tests of addresses that clients upload to by themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from spot_mlflow_plugins.server.files import uploads
from spot_mlflow_plugins.server.files.places import Place
from spot_mlflow_plugins.server.files.uploads import issued, open_until, shortened

if TYPE_CHECKING:
    from pathlib import Path

MODEL = Place("s3://bucket", ("1", "model"))
FILE = Place("s3://bucket", ("1", "model", "MLmodel"))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOT_MLFLOW_HOME", str(tmp_path))


def test_an_address_keeps_its_files_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it has expired files may arrive where it leads to, and nowhere else; then it is gone."""
    assert open_until([MODEL]) is None
    issued(FILE, 100)
    issued(FILE, 300)
    until = open_until([MODEL])
    assert until is not None
    assert 298 < until.timestamp() - time.time() <= 302
    assert open_until([Place("s3://bucket", ("1", "other"))]) is None
    assert open_until([]) is None
    now = time.time()
    monkeypatch.setattr(uploads.time, "time", lambda: now + 400)
    assert open_until([MODEL]) is None


@pytest.mark.parametrize(
    ("asked", "given"),
    [({}, 900), ({"expiration": 60}, 60), ({"expiration": 86400}, 900), ({"expiration": "7200"}, 900),
     ({"expiration": 3.6e5}, 900), ({"expiration": float("inf")}, 900)],
)  # fmt: skip
def test_no_address_holds_longer_than_a_quarter_of_an_hour(asked: Any, given: int) -> None:
    """What is longer is cut in the request itself, so that MLflow signs it so."""
    assert shortened(asked) == given
    assert float(asked.get("expiration", 900)) <= 900


def test_what_is_no_number_is_left_to_mlflow() -> None:
    """It answers with an error; the longest is assumed."""
    said = {"expiration": "soon"}
    assert shortened(said) == 900
    assert said == {"expiration": "soon"}
