"""The audit stream: each entry once, in the order in which it was finished, and no more than it may say."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient
from ready_record import block, make_ready

import spot_mlflow
from spot_mlflow.errors import InvalidInput
from spot_mlflow.record import Record, audit
from spot_mlflow.record.audit import OVERLAP, Cursor, read_audit
from spot_mlflow.record.erasure import erase_person

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGIN = Cursor.since(None)


@pytest.fixture
def record(mlflow_uri: str) -> Record:
    """A model with all evidence, a policy, and a request."""
    client = MlflowClient(mlflow_uri)
    found = Record()
    block(found)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    make_ready(found, "churn/1")
    spot_mlflow.request_promotion(
        "churn/1", target="Production", why="beats it", person="Dana", role="data_scientist"
    )
    return found


def late(record: Record, what: str, **said: Any) -> str:
    """Writes a waiver down that is said to be three days old; returns its id."""
    at = datetime.now(timezone.utc) - timedelta(days=3)
    payload = {"target": "Production", "requirement": "sign_off", "reason": what}
    return record.append(
        record.resolve("churn/1"), "waiver", payload, person="Zoe", at=at, refresh=False, **said
    ).id


def finished(record: Record, entry: str, at: float) -> None:
    """Sets when an entry's run was finished: its writer's clock was wrong."""
    places = [e.experiment_id for e in record.client.search_experiments()]
    (run,) = record.client.search_runs(places, f"tags.`spot.entry` = '{entry}'")
    store = record.client._tracking_client.store
    store.update_run_info(run.info.run_id, 3, int(at * 1000), None)


def kinds(lines: Any) -> set[str]:
    """The kinds of some lines."""
    return {line["kind"] for line in lines}


def test_each_entry_once_also_one_that_claims_an_earlier_time(record: Record) -> None:
    """What is written down late comes last, and nothing comes twice."""
    first = read_audit(record.client, BEGIN)
    assert kinds(first.lines) == {"policy", "sign-off", "request"}
    assert read_audit(record.client, first.cursor).lines == ()
    entry = late(record, "reported by phone")
    second = read_audit(record.client, Cursor.read(json.loads(json.dumps(first.cursor.to_dict()))))
    assert [line["id"] for line in second.lines] == [entry]
    assert read_audit(record.client, second.cursor).lines == ()


def test_clocks_that_differ_lose_nothing(record: Record) -> None:
    """Ahead by a day, behind by half an hour: all are told, once."""
    ahead, told = late(record, "ahead"), list(read_audit(record.client, BEGIN).lines)
    finished(record, ahead, time.time() + 86_400)
    page = read_audit(record.client, BEGIN)
    assert page.cursor.through <= time.time() * 1000
    behind = late(record, "behind")
    finished(record, behind, time.time() - 1_800)
    again = read_audit(record.client, page.cursor)
    assert [line["id"] for line in again.lines] == [behind]
    assert read_audit(record.client, again.cursor).lines == ()
    assert len(told) + 1 == len(read_audit(record.client, BEGIN).lines)


def test_long_streams_come_in_pages(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page gives what one would."""
    monkeypatch.setattr(audit, "PAGE", 3)
    start = Cursor.since(datetime.now(timezone.utc) - timedelta(hours=3))
    written = [late(record, f"waiver {i}") for i in range(8)]
    told: list[str] = []
    cursor, more = start, True
    while more:
        page = read_audit(record.client, cursor)
        assert len(page.lines) <= 3
        told += [line["id"] for line in page.lines]
        cursor, more = page.cursor, page.more
    assert len(told) == len(set(told))
    assert told[-8:] == sorted(written, key=told.index)


def test_it_tells_no_answers_and_no_names(record: Record) -> None:
    """Names come on request only; levels, figures and the answers of others never."""
    spot_mlflow.check_gate("churn/1", "Production", requester="Dana")
    record.append(
        record.resolve("churn/1"), "assessment",
        {"answers": {"S1": {"now": 1, "comment": "secret"}}}, person="Ann", role="executive",
    )  # fmt: skip
    lines = read_audit(record.client, BEGIN).lines
    text = json.dumps(lines)
    for word in ("Dana", "Ann", "Zoe", "secret", "measured", "answers", "person"):
        assert word not in text, word
    named = read_audit(record.client, BEGIN, names=True).lines
    assert "Dana" in {line["person"] for line in named}


def test_an_erasure_is_told_and_not_whose(record: Record) -> None:
    """The token, how many entries and which models; lines with names have the token from then on."""
    done = erase_person(record, "Dana", by="root")
    (line,) = [x for x in read_audit(record.client, BEGIN).lines if x["kind"] == "erasure"]
    assert (line["token"], line["entries"], line["models"]) == (done.token, 1, ["churn"])
    named: list[Mapping[str, Any]] = list(read_audit(record.client, BEGIN, names=True).lines)
    assert "Dana" not in json.dumps(named)
    assert done.token in {x["person"] for x in named}


def test_an_entry_copied_from_another_model_is_not_told(record: Record) -> None:
    """What does not count as evidence is no event either."""
    client = record.client
    (home,) = [e for e in client.search_experiments() if e.name == "spot/churn"]
    (run,) = client.search_runs([home.experiment_id], "tags.`spot.kind` = 'request'")
    other = client.create_experiment("spot/other", tags={"spot.model.created": "7"})
    copied = client.create_run(other, tags=dict(run.data.tags))
    for key, value in run.data.params.items():
        client.log_param(copied.info.run_id, key, value)
    client.set_terminated(copied.info.run_id)
    lines = read_audit(client, BEGIN).lines
    assert sum(line["kind"] == "request" for line in lines) == 1


@pytest.mark.parametrize(
    "said",
    [
        None, {}, {"through": "x", "recent": {}}, {"through": 1, "recent": []},
        {"through": float("inf"), "recent": {}}, {"through": 10**30, "recent": {}},
        {"through": -1, "recent": {}}, {"through": 1, "recent": {"a": 10**30}},
    ],
)  # fmt: skip
def test_what_is_not_a_cursor_is_refused(said: Any) -> None:
    """With a sentence."""
    with pytest.raises(InvalidInput, match="not a cursor"):
        Cursor.read(said)


def test_a_cursor_forgets_what_cannot_come_again() -> None:
    """It keeps the ids of the last hour only."""
    cursor = Cursor(0, {}).after({"old": 1_000, "new": OVERLAP * 3}, OVERLAP * 3)
    assert cursor == Cursor(OVERLAP * 3, {"new": OVERLAP * 3})
