"""A model's record travels to another server, and goes on being verified there."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import mlflow
import pytest
import requests
from gated import gated_mlflow_server, new_database, new_scene, new_version
from logins import ADMIN, Login, login_server
from mlflow import MlflowClient
from ready_record import make_ready
from reports import make_report
from servers import empty_mlflow, mlflow_server, postgres_programs, postgres_server
from terminal import run_spot
from warm_spot import folder_of_spot

import spot_mlflow as spot
from spot_mlflow.record import Record
from spot_mlflow.record.erasure import erase_person

pytestmark = pytest.mark.journey

REPORT = make_report(n=6_000)


def command(uri: str, *said: object) -> Any:
    """Types a command in this process, on an MLflow of the test's own."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        with mock.patch.dict(os.environ, {"MLFLOW_TRACKING_URI": uri}):
            done = run_spot("--tracking-uri", uri, *said)
    finally:
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])
    return SimpleNamespace(returncode=done.status, stdout=done.out, stderr=done.err)


def operator(uri: str, *said: object, home: Path | None = None, **login: str) -> Any:
    """Runs ``spot`` in a process of its own, as an operator types it; its imports are done."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "SPOT_"))}
    more = {} if home is None else {"SPOT_MLFLOW_HOME": str(home)}
    line = [str(folder_of_spot() / "spot"), "--tracking-uri", uri, *map(str, said)]
    environment = {**clean, **more, **login, "MLFLOW_DISABLE_TELEMETRY": "true"}
    return subprocess.run(
        line, env=environment, capture_output=True, text=True, timeout=400, check=False
    )


def model(uri: str, versions: int = 3) -> MlflowClient:
    """Registers churn with a few versions."""
    client = MlflowClient(uri, uri)
    client.create_registered_model("churn")
    for _ in range(versions):
        client.create_model_version("churn", "s3://elsewhere/model", await_creation_for=None)
    return client


def story(uri: str) -> Record:
    """A model with a promise, people, and an outcome check with its files."""
    model(uri)
    record = Record(uri, uri)
    make_ready(record, "churn/3", without=("prediction", "sign_off"))
    spot.log_predicted_lift("churn/3", REPORT.predicted, record=record)
    spot.log_outcomes("churn/3", REPORT, record=record)
    return record


def said_of(record: Record, name: str = "churn") -> list[tuple[Any, ...]]:
    """What the entries of a record say, whoever took them in."""
    return [
        (e.id, e.kind, e.version, e.person, e.digest)
        for e in record.entries(record.resolve(name))
        if e.kind != "rebind"
    ]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The file of a record in an SQLite database, and the database."""
    folder = tmp_path_factory.mktemp("origin")
    shutil.copy(empty_mlflow(), folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    before = Path.cwd()
    os.chdir(folder)  # its artifacts
    try:
        story(uri)
    finally:
        os.chdir(before)
    file = folder / "churn.jsonl"
    done = command(uri, "export", "churn", "-o", file)
    assert done.returncode == 0, done.stderr
    assert "Not signed" in done.stdout
    return file, uri


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Another MLflow, empty, in an SQLite file."""
    shutil.copy(empty_mlflow(), tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_between_two_servers(exported, tmp_path):
    """From a server to another: entries, files and figures come along, and the origin is shown."""
    origin = Path(exported[1].removeprefix("sqlite:///")).parent
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    shutil.copy(origin / "mlflow.db", tmp_path / "one" / "mlflow.db")
    with mlflow_server(tmp_path / "one") as one, mlflow_server(tmp_path / "two") as two:
        file = tmp_path / "churn.jsonl"
        sent = command(one.url, "export", "churn", "-o", file)
        assert sent.returncode == 0, sent.stderr
        client = model(two.url)
        taken = command(two.url, "import", file, "--format", "json")
        assert taken.returncode == 0, taken.stderr
        record = Record(two.url, two.url)
        assert said_of(record) == said_of(Record(one.url, one.url))
        assert json.loads(taken.stdout)["written"] == len(said_of(record))
        verified = command(two.url, "verify", "churn")
        assert verified.returncode == 0, verified.stdout
        assert f"recorded first of churn at {one.url}" in verified.stdout
        assert f"churn at {one.url}" in command(two.url, "show", "churn").stdout
        check = next(e for e in record.entries(record.resolve("churn")) if e.kind == "outcomes")
        files = {f.path for f in client.list_artifacts(check.run_id)}
        assert {"report.html", "moments.json", "lift-gap.svg"} <= files
        history = client.get_metric_history(check.run_id, "realized_lift")
        assert [round(m.value, 6) for m in history] == [
            round(REPORT.to_dict()["realized"]["lift"], 6)
        ]
        again = command(two.url, "import", file)
        assert "Nothing to do" in again.stdout
        # Life goes on there, on top of what was taken in.
        spot.log_outcomes("churn/3", make_report(n=7_000), record=record)
        assert record.verify("churn").sound
        assert len(record.adoption("churn").checks["3"]) == 2


def gated_origin(folder: Path, arguments: tuple[str, ...] = ()) -> Any:
    """A gated server in a folder of its own."""
    folder.mkdir()
    return gated_mlflow_server(folder, *arguments, workers=1)


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_between_two_gated_servers(backend, tmp_path, request):
    """Signed by one, taken in by the other's operator, decided on and sound there; clients may not."""
    if backend == "postgres" and postgres_programs() is None:
        pytest.skip("PostgreSQL's server programs (package postgresql) are not installed")
    two = tmp_path / "two"
    two.mkdir()
    with gated_origin(tmp_path / "one") as one:
        scene = new_scene(one.url)
        file = tmp_path / "record.jsonl"
        sent = command(one.url, "export", scene.name, "-o", file, "--format", "json")
        assert sent.returncode == 0, sent.stderr
        key, count = (json.loads(sent.stdout)[k] for k in ("key", "entries"))
        assert key
    database = f"sqlite:///{two / 'mlflow.db'}"
    if backend == "postgres":
        context = postgres_server()
        database = new_database(context.__enter__())
        request.addfinalizer(lambda: context.__exit__(None, None, None))
    with gated_mlflow_server(two, backend=database, workers=1) as server:
        client = MlflowClient(server.url, server.url)
        client.create_registered_model(scene.name)
        for _ in range(2):
            new_version(client, scene.name)
        refused = command(server.url, "import", file, "--signed-by", key)
        assert refused.returncode == 1
        assert "only the operator of a gated server" in refused.stderr
        place = ("--artifacts-destination", two / "artifacts")
        no_home = operator(database, "import", file, "--signed-by", key, *place, home=two / "other")
        assert no_home.returncode == 1, no_home.stdout
        assert "whose memory is not on this computer" in no_home.stderr
        for wrong in (["--signed-by", "0" * 16], []):
            said = operator(database, "import", file, *wrong, *place, home=two / "home")
            assert said.returncode == 1, said.stdout
        nothing = Record(server.url, server.url)
        assert nothing.entries(nothing.resolve(scene.name)) == []
        done = operator(database, "import", file, "--signed-by", key, *place, home=two / "home")
        assert done.returncode == 0, done.stderr
        assert f"{count} of {count} entries" in done.stdout
        record = Record(server.url, server.url)
        assert len(said_of(record, scene.name)) == count
        promised = next(
            e for e in record.entries(record.resolve(scene.name)) if e.kind == "prediction"
        )
        assert [f.path for f in client.list_artifacts(promised.run_id)] == ["lift.yaml"]
        verified = command(server.url, "verify", scene.name)
        assert verified.returncode == 0, verified.stdout
        assert f"signed by key {key}" in verified.stdout
        assert requests.get(f"{server.url}/ajax-api/2.0/spot/verify", timeout=60).json()["sound"]
        # What was promised and signed there counts here: for the same files it does not have.
        decision = spot.check_gate(f"{scene.name}/1", "Production", record=record)
        assert {r.name: r.met for r in decision.requirements}["lift_predicted"]
        again = operator(database, "import", file, "--signed-by", key, *place, home=two / "home")
        assert "Nothing to do" in again.stdout
        # A client cannot make an entry that takes others in.
        forged = {"model": scene.name, "kind": "rebind", "payload": {"digests": ["0" * 64]}}
        answer = requests.post(f"{server.url}/ajax-api/2.0/spot/entries", json=forged, timeout=60)
        assert answer.status_code == 403


def test_with_logins_an_administrator_exports(tmp_path):
    """Everybody's answers are in the file, so that a user who may read the model may not have it."""
    with login_server(tmp_path, None, users=("bea",), workers=1) as server:
        admin = Login(server.url, *ADMIN)
        bea = Login(server.url, "bea")
        admin.promised("locked-churn", editor="bea", admin=admin)
        address = f"{server.url}/ajax-api/2.0/spot/export?model=locked-churn"
        assert bea.session.get(address, timeout=60).status_code == 403
        said = {"MLFLOW_TRACKING_USERNAME": "bea", "MLFLOW_TRACKING_PASSWORD": "user-password-1234"}
        refused = operator(server.url, "export", "locked-churn", "-o", tmp_path / "x.jsonl", **said)
        assert refused.returncode == 1, refused.stderr
        assert not (tmp_path / "x.jsonl").exists()
        assert not list(tmp_path.glob(".*.part"))
        login = {"MLFLOW_TRACKING_USERNAME": ADMIN[0], "MLFLOW_TRACKING_PASSWORD": ADMIN[1]}
        done = operator(server.url, "export", "locked-churn", "-o", tmp_path / "x.jsonl", **login)
        assert done.returncode == 0, done.stderr


def test_into_an_empty_registry(exported, there):
    """Model and versions are made where there are none, and the record tells what it told."""
    absent = command(there, "import", exported[0])
    assert absent.returncode == 2
    assert "--create" in absent.stderr
    done = command(there, "import", exported[0], "--create")
    assert done.returncode == 0, done.stderr
    assert "Made versions 1, 2, 3" in done.stdout
    record = Record(there, there)
    assert said_of(record) == said_of(Record(exported[1], exported[1]))
    assert record.verify("churn").sound


def test_a_version_that_is_not_there_is_named(exported, there):
    """Entries about version 3 are not taken in for a model with two versions."""
    model(there, versions=2)
    done = command(there, "import", exported[0])
    assert done.returncode == 2
    assert "about version 3" in done.stderr
    assert Record(there, there).readings(Record(there, there).resolve("churn")) == []


def test_a_killed_import_leaves_nothing_and_goes_on(exported, there):
    """Killed in its midst nothing counts and nothing is unsound; run again, all of it does, once."""
    model(there)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "SPOT_"))}
    line = [sys.executable, "-m", "spot_mlflow_cli", "--tracking-uri", there]
    process = subprocess.Popen(
        [*line, "import", str(exported[0])], env=clean,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    client = MlflowClient(there, there)
    end = time.monotonic() + 240
    while time.monotonic() < end and process.poll() is None:
        home = client.get_experiment_by_name("spot/churn")
        if home is not None and len(client.search_runs([home.experiment_id])) >= 3:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    record = Record(there, there)
    begun = len(record.readings(record.resolve("churn")))
    assert begun >= 3
    assert record.entries(record.resolve("churn")) == []
    found = record.verify("churn")
    assert found.sound
    assert {f.trouble for f in found.findings} == {"half written"}
    done = command(there, "import", exported[0], "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] < len(said_of(Record(exported[1], exported[1])))
    fresh = Record(there, there)
    assert said_of(fresh) == said_of(Record(exported[1], exported[1]))
    assert fresh.verify("churn").sound


def changed(line: dict[str, Any], **said: Any) -> bytes:
    """A line with something else in it, its chain as it was."""
    kind = next(iter(line["line"]))
    return json.dumps({**line, "line": {kind: {**line["line"][kind], **said}}}).encode() + b"\n"


def test_an_altered_file_is_refused_with_its_line(exported, there, tmp_path):
    """Whatever was changed, left out, doubled, moved or cut off: the line is named, nothing written."""
    model(there)
    lines = exported[0].read_bytes().splitlines(keepends=True)
    kinds = [next(iter(json.loads(x)["line"])) for x in lines]
    entry, part = kinds.index("entry"), kinds.index("part")
    head, second = json.loads(lines[0]), json.loads(lines[entry])
    altered = {
        1: [changed(head, model="other"), *lines[1:]],
        entry + 1: [*lines[:entry], changed(second, metrics=[["x", 1.0, 1, 0]]), *lines[entry + 1 :]],
        part + 1: [*lines[:part], *lines[part + 1 :]],
        part + 2: [*lines[:part], lines[part], lines[part], *lines[part + 1 :]],
        len(lines): [*lines[:-1], lines[-1].replace(b'"entries":', b'"entries":1')],
        len(lines) - 1: lines[:-1],
    }  # fmt: skip
    file = tmp_path / "altered.jsonl"
    for number, content in altered.items():
        file.write_bytes(b"".join(content))
        done = command(there, "import", file)
        assert done.returncode == 2, (number, done.stdout)
        assert f"line {number}" in done.stderr, done.stderr
    assert MlflowClient(there, there).get_experiment_by_name("spot/churn") is None


def test_erased_names_stay_erased(exported, there, tmp_path):
    """A file made after an erasure holds no name, and erases it where an earlier file brought it."""
    origin = tmp_path / "erased.db"
    shutil.copy(Path(exported[1].removeprefix("sqlite:///")), origin)
    uri = f"sqlite:///{origin}"
    model(there)
    assert command(there, "import", exported[0]).returncode == 0
    assert "Ann Sample" in {e[3] for e in said_of(Record(there, there))}
    erase_person(Record(uri, uri), "Ann Sample")
    file = tmp_path / "later.jsonl"
    assert command(uri, "export", "churn", "-o", file).returncode == 0
    assert "Ann Sample" not in file.read_text()
    done = command(there, "import", file)
    assert "Erased names in" in done.stdout, done.stderr
    record = Record(there, there)
    assert "Ann Sample" not in {e[3] for e in said_of(record)}
    assert record.verify("churn").sound


def copied(client: MlflowClient) -> None:
    """What a tool does that copies a model: it is registered anew, its experiments stay."""
    client.delete_registered_model("churn")
    time.sleep(0.01)
    client.create_registered_model("churn")
    for _ in range(3):
        client.create_model_version("churn", "s3://copied/model", await_creation_for=None)


@pytest.fixture
def moved(exported, there) -> str:
    """A database with the record of churn, where a tool has registered churn anew."""
    assert command(there, "import", exported[0], "--create").returncode == 0
    copied(MlflowClient(there, there))
    return there


def test_rebind_takes_a_copied_models_record_over(moved):
    """A model registered anew gets the record of the earlier one, sound, twice the same."""
    record = Record(moved, moved)
    assert record.entries(record.resolve("churn")) == []
    done = command(moved, "rebind", "churn")
    assert done.returncode == 0, done.stderr
    record = Record(moved, moved)
    assert len(said_of(record)) > 5
    assert record.verify("churn").sound
    assert len(record.verify("churn").origins) == 2  # the file, and the earlier model
    again = command(moved, "rebind", "churn")
    assert again.returncode == 2
    assert "no record of an earlier model" in again.stderr
    spot.log_pulse(
        "churn", person="Cleo Sample", role="frontline", useful=4, would_use=4, record=record
    )
    assert record.verify("churn").sound


def test_rebind_adds_to_a_record_that_has_begun(moved, caplog):
    """Where a new record was begun first, with a warning that names the way, the old one joins it."""
    record = Record(moved, moved)
    spot.log_pulse(
        "churn", person="Cleo Sample", role="frontline", useful=4, would_use=4, record=record
    )
    assert "spot rebind churn" in caplog.text
    done = command(moved, "rebind", "churn")
    assert done.returncode == 0, done.stderr
    record = Record(moved, moved)
    kinds = {e[1] for e in said_of(record)}
    assert {"pulse", "prediction", "outcomes"} <= kinds
    assert record.verify("churn").sound


def test_a_lost_record_names_the_way(moved):
    """Tags that tell of a record that is not there lead to import and rebind, not to an empty one."""
    client = MlflowClient(moved, moved)
    client.set_registered_model_tag("churn", "spot.updated", "2027-01-01T00:00:00Z")
    client.rename_experiment(client.get_experiment_by_name("spot/churn").experiment_id, "elsewhere")
    Path("lift.yaml").write_text(REPORT.predicted.to_yaml())
    done = command(moved, "promise", "churn/3", "lift.yaml")
    assert done.returncode == 3
    assert "spot rebind churn" in done.stderr
    assert "begin anew" not in done.stderr
    assert command(moved, "rebind", "churn", "--from", "elsewhere").returncode == 0
    assert Record(moved, moved).verify("churn").sound


def test_a_model_that_is_still_there_keeps_its_record(exported, there):
    """A copy inherits nothing as long as the original is there."""
    assert command(there, "import", exported[0], "--create").returncode == 0
    client = MlflowClient(there, there)
    client.create_registered_model("copy")
    done = command(there, "rebind", "copy", "--from", "churn")
    assert done.returncode == 1
    assert "still there" in done.stderr


def test_a_large_file_goes_through_in_pieces(there, tmp_path):
    """A file of many pieces comes out as it went in."""
    model(there)
    record = Record(there, there)
    content = base64.b64encode(os.urandom(3_500_000))
    record.append(record.resolve("churn/3"), "policy", {}, artifacts={"deep/large.bin": content})
    file = tmp_path / "large.jsonl"
    assert command(there, "export", "churn", "-o", file).returncode == 0
    assert max(map(len, file.read_bytes().splitlines())) < 2_000_000
    (tmp_path / "two").mkdir()
    shutil.copy(empty_mlflow(), tmp_path / "two" / "mlflow.db")
    two = f"sqlite:///{tmp_path / 'two' / 'mlflow.db'}"
    assert command(two, "import", file, "--create").returncode == 0
    found = Record(two, two)
    run = found.readings(found.resolve("churn"))
    ids = [r.run_id for r in run if r.evidence is not None and r.evidence.kind == "policy"]
    local = MlflowClient(two, two).download_artifacts(ids[0], "deep/large.bin", str(tmp_path))
    assert Path(local).read_bytes() == content
