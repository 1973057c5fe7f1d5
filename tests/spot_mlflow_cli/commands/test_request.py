"""``spot request``, ``approve``, ``reject``, ``withdraw``, and what of them ``spot todo`` lists."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from mlflow import MlflowClient
from ready_record import block, make_ready

import spot_mlflow
from spot_mlflow.record import Record

WHO = ("--person", "Bo Sample", "--role", "business")


@pytest.fixture
def record(mlflow_uri: str) -> Record:
    """A registry with a version of churn that is ready but for the sign-off, in mode block."""
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    record = Record()
    block(record)
    make_ready(record, "churn/1", without=("sign_off",))
    return record


def asked(spot: Any, *more: str) -> str:
    """Requests Production for version 1 and returns the request's id."""
    words = ("request", "churn/1", "--to", "production", "--why", "it is better")
    status, out, err = spot(*words, "--person", "Dan Sample", *more)
    assert status == 0, err
    found = re.search(r"Requested \((r[0-9a-f]{5})\): churn/1 to Production", out)
    assert found, out
    return found[1]


def test_a_request_shows_what_is_missing_and_who_decides(record: Record, spot: Any) -> None:
    """One who asks reads what stands in the way, and sends the two commands on."""
    _, out, _ = spot("request", "churn/1", "--to", "Production", "--why", "w", "--dry-run")
    assert out.startswith("Would be requested: churn/1 to Production.")
    id_ = asked(spot)
    status, out, _ = spot("request", "churn", "--format", "json")
    assert (status, [r["request"] for r in json.loads(out)]) == (0, [id_])
    _, out, _ = spot("gate", "churn/1", "--to", "Production", "--requester", "Dan Sample")
    assert f"not signed off; request {id_} is open" in out
    assert record


def test_another_promise_says_which_request_and_sign_off_end_with_it(
    record: Record, spot: Any, tmp_path: Any
) -> None:
    """Before it is recorded, and with --dry-run; the same promise again ends nothing."""
    id_ = asked(spot)
    make_ready(record, "churn/1")
    path, predicted = tmp_path / "lift.yaml", record.adoption("churn/1").predicted
    assert predicted is not None
    path.write_text(predicted.to_yaml(), encoding="utf-8")
    assert "end:" not in spot("promise", "churn/1", str(path), "--dry-run")[2]
    changed = {**predicted.to_dict(), "population": "others"}
    path.write_text(json.dumps(changed), encoding="utf-8")
    for more in (("--dry-run",), ()):
        status, _, err = spot("promise", "churn/1", str(path), *more)
        assert status == 0
        assert "The promise changes, and with it end: the sign-off of" in err
        assert f"request {id_} for Production" in err
    assert "end:" not in spot("promise", "churn/1", str(path))[2]


def test_what_is_missing_is_a_list_that_fits(record: Record, spot: Any) -> None:
    """A line or two for each requirement, at most eight, 80 columns wide; the rest is in ``spot gate``."""
    client = MlflowClient()
    client.create_registered_model("upsell")
    client.create_model_version("upsell", source="s3://nowhere/model")
    words = (
        "request",
        "upsell/1",
        "--to",
        "@champion",
        "--why",
        "w",
        "--person",
        "Dan",
        "--dry-run",
    )
    lines = spot(*words)[1].splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("upsell/1 may not go to @champion: ")
    assert sum(line.startswith("- ") for line in lines) == 8
    assert len(lines) < 24
    assert "  spot gate upsell/1 --to @champion" in lines
    assert record


def test_approved_it_may_go_and_the_list_says_so(record: Record, spot: Any) -> None:
    """Its approval is what the gate asks for; the one who asks cannot give it."""
    id_ = asked(spot)
    status, _, err = spot("approve", "churn", id_, "--person", "DAN sample", "--role", "business")
    assert (status, "cannot be decided by the person who asked" in err) == (1, True)
    status, out, _ = spot("approve", "churn", id_, *WHO)
    assert (status, out.startswith(f"Approved ({id_}): churn/1 to Production, by Bo Sample")) == (
        0,
        True,
    )
    assert spot("gate", "churn/1", "--to", "Production", "--requester", "Dan Sample")[0] == 0
    listed = spot("request", "churn")[1]
    assert f"{id_} · churn/1 to Production · asked by Dan Sample · approved by Bo Sample" in listed
    assert spot("approve", "churn", id_, *WHO)[0] == 2
    assert [r.status for r in spot_mlflow.get_requests("churn", record=record)] == ["approved"]


def test_rejected_or_withdrawn_it_may_not_go(record: Record, spot: Any) -> None:
    """The reason is in the list, and the same can be asked again."""
    id_ = asked(spot)
    status, out, _ = spot("reject", "churn", id_, "--reason", "no data yet", *WHO)
    assert (status, out) == (0, f"Rejected: {id_} of churn.\n")
    assert '"it is better" rejected: no data yet' in spot("request", "churn")[1]
    again = asked(spot)
    spot("approve", "churn", again, *WHO)
    assert spot("withdraw", "churn", again, "--person", "Bo Sample")[0] == 1
    assert spot("withdraw", "churn", again, "--person", "Dan Sample")[0] == 0
    status, out, _ = spot("gate", "churn/1", "--to", "Production", "--requester", "Dan Sample")
    assert (status, f"request {again} is withdrawn" in out) == (1, True)
    assert record


def test_todo_lists_requests_that_wait_for_one(record: Record, spot: Any) -> None:
    """For the roles that decide and not for the one who asks; once approved, for the one who asks."""

    def todo(*arguments: str) -> list[str]:
        said = json.loads(spot("todo", "--format", "json", *arguments)[1])
        return [t["command"] for t in said if "request" in t["what"]]

    id_ = asked(spot)
    command = [f"spot approve churn {id_} --person NAME --role business"]
    assert todo() == command
    assert todo("--role", "executive") == command
    assert todo("--role", "business", "--person", "Bo Sample") == command
    assert todo("--role", "business", "--person", "dan sample") == []
    assert todo("--role", "engineer") == []
    spot("approve", "churn", id_, *WHO)
    assert todo("--person", "Dan Sample") == ["spot gate churn/1 --to Production"]
    MlflowClient().transition_model_version_stage("churn", "1", "Production")
    assert todo() == []
    assert record


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("request", "churn/1", "--to", "Production"), 2, "Say --why"),
        (("request", "churn", "--why", "w"), 2, "--why needs --to"),
        (("request", "churn/1", "--to", "Prodution", "--why", "w"), 2, "Production"),
        (("request", "churn/1", "--to", "Production", "--why", " "), 2, "why must not be empty"),
        (
            ("request", "churn/1", "--to", "Production", "--why", "w", "--expires", "soon"),
            2,
            "soon",
        ),
        (("approve", "churn", "r00000", *WHO), 2, "no request has the id"),
        (("reject", "churn", "r00000", "--reason", "", *WHO), 2, "reason must not be empty"),
        (("withdraw", "nosuch", "r00000"), 2, "nosuch"),
    ],
)
def test_wrong_input_is_named(
    record: Record, spot: Any, arguments: Any, status: int, said: str
) -> None:
    """What is wrong, and nothing written."""
    got, _, err = spot(*arguments)
    assert (got, said in err) == (status, True), err
    assert spot_mlflow.get_requests("churn", record=record) == ()
