"""What an entry asks of MLflow: each call may be a trip around the world."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from calls import count_calls
from mlflow import MlflowClient
from reports import short_report

import spot_mlflow as spot
from spot_mlflow.record import Record, remote, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import MlflowServer

    from spot_mlflow.lift.report import LiftReport

BUSINESS = {"person": "Bea", "role": "business"}
USER = {"person": "Kim", "role": "frontline"}
# In an order in which each finds what it speaks of.
ENTRIES: dict[str, Callable[[str, dict[str, Any]], Any]] = {
    "promise": lambda m, k: spot.log_predicted_lift(m, k["report"].predicted, record=k["record"]),
    "assessment": lambda m, k: spot.log_assessment(m, {"S1": 3}, **BUSINESS, record=k["record"]),
    "involvement": lambda m, k: spot.log_involvement(
        m, phase="scope", kind="contributed", what=k["what"], **USER, record=k["record"]
    ),
    "concern": lambda m, k: k.update(
        concern=spot.raise_concern(m, what="x", severity="minor", **USER, record=k["record"])
    ),
    "answer": lambda m, k: spot.answer_concern(
        m, k["concern"], what="y", **BUSINESS, record=k["record"]
    ),
    "confirmation": lambda m, k: spot.confirm_concern(m, k["concern"], **USER, record=k["record"]),
    "reopened": lambda m, k: spot.reopen_concern(
        m, k["concern"], what="z", **USER, record=k["record"]
    ),
    "pulse": lambda m, k: spot.log_pulse(m, useful=4, would_use=4, **USER, record=k["record"]),
    "outcomes": lambda m, k: spot.log_outcomes(m, k["report"], record=k["record"]),
    "sign-off": lambda m, k: spot.sign_off(m, target="Production", **BUSINESS, record=k["record"]),
}


def scene(uri: str) -> tuple[str, dict[str, Any]]:
    """A model with two versions and one entry; the process has asked for the policy."""
    client, name = MlflowClient(uri, uri), f"m{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    for _ in range(2):
        client.create_model_version(name, source="s3://nowhere/model", await_creation_for=None)
    report: LiftReport = short_report()
    known: dict[str, Any] = {"record": Record(uri, uri), "report": report, "what": "first"}
    ENTRIES["involvement"](name, known)
    return name, known


@pytest.mark.parametrize("where", ["in this process", "through a server"])
def test_an_entry_costs_four_reads_and_three_writes(
    where: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of whatever kind; one write more for a data set, and one for each tag or description that changes."""
    fixture = {"in this process": "mlflow_uri", "through a server": "plain_server"}[where]
    monkeypatch.setattr(store, "_TOLD_FOR", 3_600.0)  # however busy this machine is
    name, known = scene(request.getfixturevalue(fixture))
    calls = count_calls(known["record"].client, monkeypatch)
    for kind, write in ENTRIES.items():
        calls.clear()
        write(name, {**known, "what": kind} if kind == "involvement" else known)
        # Who may settle it is named among what waits, so it is asked whether names were erased.
        assert len(calls.reads) <= 4 + (kind == "answer"), (kind, calls.reads)
        wanted = ["create_run", "log_batch", "update_run_info"]
        assert sorted(calls.without_summary) == sorted([
            *wanted, *["log_inputs"] * (kind == "outcomes")
        ]), kind  # fmt: skip
        summary = [w for w in calls.writes if w not in calls.without_summary]
        assert summary, kind  # the mark at least
        assert where == "through a server" or len(summary) == len(set(summary))


def test_an_entry_through_a_gated_server_costs_its_client_two_requests(
    gated_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry and its summary; what a kind needs to know beforehand is four reads at most."""
    name, known = scene(gated_server.url)
    calls, routes, ask = count_calls(known["record"].client, monkeypatch), [], remote._response

    def asked(uri: str, method: str, path: str, body: Any) -> Any:
        routes.append(f"{method} {path}")
        return ask(uri, method, path, body)

    monkeypatch.setattr(remote, "_response", asked)
    for kind, write in ENTRIES.items():
        calls.clear()
        routes.clear()
        write(name, {**known, "what": kind} if kind == "involvement" else known)
        assert routes == ["POST /entries", "POST /refresh"], kind
        assert (len(calls.reads) <= 4, calls.writes) == (True, []), (kind, calls.reads)
