from __future__ import annotations

import shutil

import pytest
from terminal import run_spot


def signs(*arguments: object, status: int = 0) -> dict[str, dict[str, str]]:
    """What ``spot doctor`` found, by name."""
    done = run_spot("doctor", "--format", "json", *arguments)
    assert done.status == status, done.out + done.err
    return {s["name"]: s for s in done.json["signs"]}


@pytest.mark.usefixtures("mlflow_uri")
def test_a_store_that_works_has_every_sign_and_nothing_failed(tmp_path) -> None:
    """Versions, store, gate, prefix, artifacts, policy and key; the file that was tried is gone again."""
    found = signs("--write")
    assert list(found) == ["packages", "store", "gate", "prefix", "artifacts", "policy", "key"]
    assert {s["state"] for s in found.values()} == {"ok", "warning"}
    assert found["artifacts"]["said"].endswith("can be written")
    assert not list(tmp_path.rglob("spot-doctor*"))
    assert all(s["fix"] for s in found.values() if s["state"] != "ok")


def test_a_store_that_is_not_there_is_not_made(tmp_path, mlflow_uri) -> None:
    """A misspelt address: it is named, the remedy beside it, exit status 3, and no new database."""
    assert mlflow_uri
    found = signs("--server", f"sqlite:///{tmp_path / 'absent.db'}", status=3)
    assert "absent.db does not exist" in found["store"]["said"]
    assert "correct MLFLOW_TRACKING_URI" in found["store"]["fix"]
    assert not (tmp_path / "absent.db").exists()


def test_records_under_another_prefix_have_failed(churn, monkeypatch) -> None:
    """The prefix that the records are under is the remedy."""
    from spot_mlflow.api import log_assessment

    log_assessment("churn", {"S1": 3}, person="Ann", role="business", record=churn)
    monkeypatch.setenv("SPOT_MLFLOW_PREFIX", "elsewhere/")
    found = signs(status=3)
    assert found["prefix"]["state"] == "failed"
    assert "SPOT_MLFLOW_PREFIX=spot/" in found["prefix"]["fix"]


def test_an_artifact_store_that_is_a_file_has_failed(mlflow_uri, tmp_path) -> None:
    """What stands in the way is named; the text fits a terminal."""
    from mlflow import MlflowClient

    taken = tmp_path / "taken"
    taken.write_text("")
    MlflowClient(mlflow_uri).create_experiment(
        "spot", artifact_location=f"{taken.as_uri()}/artifacts"
    )
    found = signs("--write", status=3)
    assert found["artifacts"]["state"] == "failed"
    assert "taken" in found["artifacts"]["said"]
    assert "artifact_location" in found["artifacts"]["fix"]
    text = run_spot("doctor", "--write").out
    assert "artifacts:" in text
    assert all(len(line) <= 80 or " " not in line.strip() for line in text.splitlines())


@pytest.mark.usefixtures("mlflow_uri")
def test_a_key_that_cannot_be_read_has_failed(tmp_path, monkeypatch) -> None:
    """A folder where the key should be is named, with the variable that helps."""
    monkeypatch.setenv("SPOT_HOME", str(tmp_path / "odd"))
    (tmp_path / "odd" / "pseudonym.key").mkdir(parents=True)
    found = signs(status=3)
    assert "pseudonym.key" in found["key"]["said"]
    assert "SPOT_PSEUDONYM_KEY" in found["key"]["fix"]
    shutil.rmtree(tmp_path / "odd")
    monkeypatch.setenv("SPOT_PSEUDONYM_KEY", "a secret of some length")
    assert signs()["key"]["state"] == "ok"
