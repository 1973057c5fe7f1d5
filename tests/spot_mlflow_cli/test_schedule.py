"""``spot outcomes --all``: new and late files, killed midway, run again, two at once; real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient
from raw_worlds import ENGLISH, World, promise, world, write_csv
from terminal import run_spot

import spot_mlflow as spot
from spot_mlflow.record import Record
from spot_mlflow.record.claims import TAG, Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servers import MlflowServer

SPOT = str(Path(sys.executable).with_name("spot"))
UNITS = 600
FIRST, LATER = "2026-03-30T12:00:00", "2026-06-01T12:00:00"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the tables of 600 customers."""
    folder = tmp_path / "shop"
    folder.mkdir()
    write_csv(folder, world(UNITS), ENGLISH)
    return folder


def register(*names: str, contract: Mapping[str, Any], alias: str = "") -> None:
    """Registers models, each with one version, an alias where wanted, and its promise."""
    client, record = MlflowClient(), Record()
    for name in names:
        client.create_registered_model(name)
        client.create_model_version(name, source="s3://nowhere/model")
        if alias:
            client.set_registered_model_alias(name, alias, "1")
        spot.log_predicted_lift(f"{name}/1", dict(contract), record=record)


@pytest.fixture
def both(mlflow_uri: str, shop: Path) -> tuple[str, ...]:
    """Two models that are measured by the shop's tables."""
    names = ("churn", "upsell")
    register(*names, contract=promise(shop), alias="champion")
    assert mlflow_uri
    return names


def go(*options: str, at: str = LATER) -> Any:
    """Runs ``spot outcomes --all`` in this process; its JSON, with the status of the process."""
    run = run_spot("outcomes", "--all", "--as-of", at, "--format", "json", *options)
    found = run.json
    assert found["exit_status"] == run.status, run.err
    return found


def start(*options: str, at: str = LATER) -> subprocess.Popen[str]:
    """Starts it as a process of its own."""
    command = [SPOT, "outcomes", "--all", "--as-of", at, "--format", "json", *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=dict(os.environ))


def states(found: Any) -> dict[str, str]:
    """Model -> what came of it."""
    return {v["model"]: v["state"] for v in found["versions"]}


def checks(*names: str) -> dict[str, list[Mapping[str, Any]]]:
    """Model -> its checks on record, oldest first."""
    record = Record()
    return {n: list(record.adoption(n).checks.get("1", ())) for n in names}


def claims(*names: str) -> list[str]:
    """Claims that are left on the versions."""
    client = MlflowClient()
    found = (client.get_model_version(n, "1").tags for n in names)
    return [k for tags in found for k in tags if k.startswith(TAG)]


def until(condition: Any) -> None:
    """Waits for something that other processes bring about."""
    while not condition():
        time.sleep(0.2)


def test_every_version_is_checked_once_and_again_writes_nothing(
    both: tuple[str, ...], shop: Path
) -> None:
    """Recorded, then unchanged with exit 0; the lift is the one that the world was made with."""
    made = world(UNITS, days=1)  # of one day, where no strata are weighed
    write_csv(shop, made, ENGLISH)
    found = go()
    assert states(found) == dict.fromkeys(both, "recorded")
    for v in found["versions"]:
        assert v["check"]["realized"]["lift"] == pytest.approx(made.lift, abs=1e-9)
        assert (v["because"], v["exit_status"], v["error"]) == ("deployed", 0, None)
    again = go()
    assert states(again) == dict.fromkeys(both, "on_record")
    assert all(v["on_record_since"] for v in again["versions"])
    assert {n: len(c) for n, c in checks(*both).items()} == dict.fromkeys(both, 1)
    assert claims(*both) == []


def test_a_new_file_and_a_late_one_are_in_the_next_answer(mlflow_uri: str, shop: Path) -> None:
    """New customers count; orders that come after their windows closed restate what was closed."""
    assert mlflow_uri
    register("churn", contract=promise(shop))
    first = go(at=FIRST)["versions"][0]
    assert first["state"] == "recorded"
    more = {n.replace(".csv", "-2.csv"): head for n, head in ENGLISH.items()}
    write_csv(shop, world(300, first=5_001, seed=8), more)
    new = go()["versions"][0]
    assert new["state"] == "recorded"
    assert new["check"]["matured"] == UNITS + 300
    late = World(
        orders=[[f"late{i}", f"{i}", "2026-03-20 10:00:00", 30.0, "paid"] for i in range(1, 300)]
    )
    write_csv(shop, late, {n.replace(".csv", "-3.csv"): head for n, head in ENGLISH.items()})
    for name in ("scores-3.csv", "holdout-3.csv"):
        (shop / name).unlink()
    restated = go()["versions"][0]
    assert restated["state"] == "recorded"
    assert restated["check"]["realized"]["mean_holdout"] > new["check"]["realized"]["mean_holdout"]
    assert go()["versions"][0]["state"] == "on_record"
    assert len(checks("churn")["churn"]) == 3


def test_a_ready_log_that_the_promise_names_is_watched_as_raw_tables_are(
    mlflow_uri: str, tmp_path: Path
) -> None:
    """A glob of files: a day's new file is in the next answer, and again nothing is written."""
    assert mlflow_uri
    said = {
        "metric": "stayed",
        "predicted": {"lift": 0.2, "se": 0.05},
        "looks": "monitored",
        "planned_units": 4000,
        "columns": {"arm": "arm", "outcome": "stayed"},
        "outcome_log": str(tmp_path / "log-*.csv"),
    }
    register("churn", contract=said, alias="champion")
    for day, units in ((1, 200), (2, 300)):
        rows = [f"{i % 2},{int(i % 5 < 2 + i % 2)}" for i in range(units)]
        text = "\n".join(["arm,stayed", *rows]) + "\n"
        (tmp_path / f"log-{day}.csv").write_text(text, encoding="utf-8")
        found = go("--due")["versions"][0] if day == 1 else go()["versions"][0]
        assert found["state"] == "recorded"
        assert found["check"]["matured"] == 200 + 300 * (day - 1)
    assert go()["versions"][0]["state"] == "on_record"


@pytest.fixture
def stuck(mlflow_uri: str, shop: Path) -> Path:
    """Two models, of which the second is held up by its table of orders: a pipe that nobody fills."""
    assert mlflow_uri
    pipe, slow = shop / "slow.csv", promise(shop)
    os.mkfifo(pipe)
    slow["sources"]["events"]["table"] = str(pipe)
    register("churn", contract=promise(shop), alias="champion")
    register("upsell", contract=slow, alias="champion")
    return pipe


def midway(process: subprocess.Popen[str]) -> bool:
    """Whether the first is on record and the second in hand, or the process has ended."""
    # The claim first: to read a record at each look took the processor from whom it waits for.
    return bool(claims("upsell") and checks("churn")["churn"]) or process.poll() is not None


def unblock(pipe: Path, shop: Path) -> None:
    """Puts the orders in the place of the pipe; who waits for the pipe finds it empty."""
    old = pipe.rename(shop / "old")
    pipe.write_bytes((shop / "orders.csv").read_bytes())
    old.write_bytes(b"")


def run_again(pipe: Path, shop: Path) -> None:
    """The orders are there now: each version comes to one check, and no claim is left."""
    if pipe.is_fifo():
        pipe.unlink()
        pipe.write_bytes((shop / "orders.csv").read_bytes())
    assert states(go()) == {"churn": "on_record", "upsell": "recorded"}
    assert {n: len(c) for n, c in checks("churn", "upsell").items()} == {"churn": 1, "upsell": 1}
    assert claims("churn", "upsell") == []


def test_killed_midway_and_run_again_every_version_has_one_check(stuck: Path, shop: Path) -> None:
    """SIGKILL once the first is on record: the next run leaves that one and records the other."""
    with start("--jobs", "1") as process:
        until(lambda: midway(process))
        process.kill()
    assert checks("upsell") == {"upsell": []}
    assert len(claims("churn", "upsell")) >= 1
    run_again(stuck, shop)


def test_two_at_once_record_every_version_once(both: tuple[str, ...]) -> None:
    """Started at the same moment: both end well, and no look is counted twice."""
    processes = [start("--due") for _ in range(2)]
    found = [json.loads(p.communicate()[0]) for p in processes]
    assert [p.returncode for p in processes] == [0, 0]
    assert {n: len(c) for n, c in checks(*both).items()} == dict.fromkeys(both, 1)
    said = [s for f in found for s in states(f).values()]
    assert said.count("recorded") == 2
    assert set(said) <= {"recorded", "elsewhere", "not_due", "on_record"}
    assert claims(*both) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_loses_nothing_that_is_on_record(
    stuck: Path, shop: Path, sign: signal.Signals
) -> None:
    """Exit 130, the answer so far is printed whole, claims are given back; run again it is complete."""
    with start("--jobs", "1") as process:
        until(lambda: midway(process))
        process.send_signal(sign)
        unblock(stuck, shop)
        out, err = process.communicate()
    assert process.returncode == 130, err
    said = json.loads(out)
    assert said["stopped"]
    assert states(said) == {"churn": "recorded", "upsell": "stopped"}
    assert claims("churn", "upsell") == []
    run_again(stuck, shop)


def test_one_that_fails_stops_no_other_and_the_gravest_status_counts(
    both: tuple[str, ...], shop: Path
) -> None:
    """A missing file is 2, a database that does not answer 3; each message is whole on standard error."""
    gone = promise(shop)
    gone["sources"]["events"]["table"] = str(shop / "nothing" / "orders.csv")
    register("broken", contract=gone)
    found = go()
    assert found["exit_status"] == 2
    assert states(found) == {**dict.fromkeys(both, "recorded"), "broken": "failed"}
    error = next(v["error"] for v in found["versions"] if v["model"] == "broken")
    assert "orders.csv" in error["where"] + error["what"]
    silent = promise(shop)
    for table in ("decisions", "events"):
        silent["sources"][table] |= {
            "table": table,
            "database": "postgresql://nobody@127.0.0.1:1/shop",
        }
    silent["sources"]["arms"] |= {
        "held_out": "arms",
        "database": "postgresql://nobody@127.0.0.1:1/shop",
    }
    register("silent", contract=silent)
    run = run_spot("outcomes", "--all", "--as-of", LATER)
    assert run.status == 3
    assert "Not checked: silent/1:" in run.err
    assert "Not checked: broken/1:" in run.err
    assert all(len(line) <= 80 for line in run.out.splitlines())
    assert "2 unchanged, 2 failed." in run.out.splitlines()[-1]


def test_due_leaves_out_what_is_not_and_says_until_when(both: tuple[str, ...], shop: Path) -> None:
    """The day after they are due again; one look without a date is never chosen by a schedule."""
    once = {k: v for k, v in promise(shop).items() if k not in {"looks", "planned_units"}}
    register("once", contract=once)
    assert states(go("--due")) == {**dict.fromkeys(both, "recorded"), "once": "not_due"}
    run = run_spot("outcomes", "--all", "--due", "--as-of", LATER)
    assert "due on 2 June 2026" in run.out
    assert "one look, and no date for it (measurement.first_check)" in run.out
    later = go("--due", at="2026-06-02T00:00:01")
    assert {states(later)[n] for n in both} == {"on_record"}
    assert states(go())["once"] == "recorded"
    assert (
        "its one look is on record" in run_spot("outcomes", "--all", "--due", "--as-of", LATER).out
    )


def test_which_versions_are_watched(mlflow_uri: str, shop: Path) -> None:
    """Deployed ones; the newest where none is; one that was replaced until its outcomes are complete."""
    assert mlflow_uri
    register("plain", "churn", contract=promise(shop))
    client, record = MlflowClient(), Record()
    assert [(v["model"], v["because"]) for v in go("--dry-run")["versions"]] == [
        ("churn", "newest"), ("plain", "newest"),
    ]  # fmt: skip
    client.set_registered_model_alias("churn", "champion", "1")
    go(at=FIRST)
    client.create_model_version("churn", source="s3://nowhere/model")
    spot.log_predicted_lift("churn/2", promise(shop), record=record)
    client.set_registered_model_alias("churn", "champion", "2")
    found = [
        (v["version"], v["because"]) for v in go(at=FIRST)["versions"] if v["model"] == "churn"
    ]
    assert found == [("1", "open"), ("2", "deployed")]
    go()
    assert [v["version"] for v in go()["versions"] if v["model"] == "churn"] == ["2"]
    client.create_registered_model("ready")
    client.create_model_version("ready", source="s3://nowhere/model")
    given = {k: v for k, v in promise(shop).items() if k != "sources"}
    spot.log_predicted_lift(
        "ready/1", {**given, "columns": {"arm": "a", "outcome": "y"}}, record=record
    )
    assert "ready" not in states(go())


def test_a_version_in_hand_on_another_host_is_left_to_it(
    both: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as that host shows signs of life; it is said where, and the status is 0."""
    import threading
    from dataclasses import replace

    from spot_mlflow.record import claims as room

    monkeypatch.setattr(room.Claims.__init__, "__kwdefaults__", {"beat": 1.0, "patience": 20.0})
    client, ended = MlflowClient(), threading.Event()
    claim = replace(Claim.new(), host="far", place="far 1", held=True)

    def live() -> None:
        beat = 0
        while not ended.wait(0.1):
            beat += 1
            client.set_model_version_tag("churn", "1", claim.key, replace(claim, beat=beat).value)

    client.set_model_version_tag("churn", "1", claim.key, claim.value)
    thread = threading.Thread(target=live)
    thread.start()
    try:
        found = go()
    finally:
        ended.set()
        thread.join()
    assert states(found) == {"churn": "elsewhere", "upsell": "recorded"}
    assert found["exit_status"] == 0
    assert next(v["held_by"]["host"] for v in found["versions"] if v["held_by"]) == "far"
    assert checks("churn") == {"churn": []}


def test_fail_on_and_dry_run_and_markdown(both: tuple[str, ...], shop: Path) -> None:
    """Dry: nothing is written, no claim either. --fail-on is 1, recorded. A table for a run's page."""
    register("vain", contract=promise(shop, predicted={"lift": 60.0, "se": 1.0}))
    assert set(states(go("--dry-run")).values()) == {"not_recorded"}
    assert checks("vain") == {"vain": []}
    found = go("--fail-on", "shortfall")
    assert found["exit_status"] == 1
    assert [v["model"] for v in found["versions"] if v["exit_status"]] == ["vain"]
    assert checks("vain")["vain"][0]["verdict"] == "shortfall"
    page = run_spot("outcomes", "--all", "--as-of", LATER, "--format", "markdown").out
    assert "| vain/1 | unchanged | ▼ Less than promised" in page


@pytest.mark.parametrize(
    "options",
    [
        ["--all", "churn/1"],
        ["--all", "--table", "x"],
        ["--all", "--again"],
        ["--due"],
        ["--due", "churn/1", "x.csv"],
        [],
    ],
)
def test_options_that_contradict_each_other_are_refused(
    mlflow_uri: str, options: list[str]
) -> None:
    """Before anything is read, with what to give."""
    assert mlflow_uri
    run = run_spot("outcomes", *options)
    assert run.status == 2
    assert "MODEL" in run.err


def test_without_a_watched_version_it_says_what_is_lacking(mlflow_uri: str) -> None:
    """Exit 0: there is nothing to do."""
    assert mlflow_uri
    run = run_spot("outcomes", "--all", "--due")
    assert run.status == 0
    assert "No version is watched" in run.out


def test_a_gated_server_records_what_a_schedule_finds(
    gated_server: MlflowServer, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through its route, once; the claim is an ordinary tag there, and is gone afterwards."""
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", gated_server.url)
    mlflow.set_tracking_uri(gated_server.url)
    mlflow.set_registry_uri(gated_server.url)
    try:
        register("scheduled", contract=promise(shop))
        assert states(go())["scheduled"] == "recorded"
        assert states(go())["scheduled"] == "on_record"
        assert claims("scheduled") == []
        assert len(checks("scheduled")["scheduled"]) == 1
    finally:
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])
