"""Tests that an outcome check says what its moments give, and that odd ones hide no others."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import backend_of, new_version
from people import entry
from reports import make_adoption, make_report

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import digest_of
from spot_mlflow.lift.report import ESTIMATORS
from spot_mlflow.record.outcomes import as_stored
from spot_mlflow.record.summary import CHART
from spot_mlflow_plugins.server.pages.odd_entries import notice, without_odd
from spot_mlflow_plugins.server.routes.recomputed import CLAIMED, agreed, loaded, recomputed

if TYPE_CHECKING:
    from servers import MlflowServer


@pytest.fixture(scope="module")
def report() -> Any:
    """An honest check of a made-up log."""
    return make_report(n=8_000)


def test_what_agrees_is_recorded_as_the_server_computes_it(report: Any) -> None:
    """Keys that nobody knows and rows of a client's own do not reach the record."""
    sent = report.to_dict() | {"estimators": ESTIMATORS, "mine": 1, "segments": "x", "restated": {}}
    said = agreed(sent, report)
    assert "mine" not in said
    assert CLAIMED not in said
    assert said["segments"] == report.to_dict()["segments"]
    small = {**sent["realized"], "lift": sent["realized"]["lift"] * (1 + 1e-9)}
    assert CLAIMED not in agreed({**sent, "realized": small}, report)


@pytest.mark.parametrize(
    ("said", "kept"), [({"chart": CHART}, CHART), ({"chart": "evil.html"}, None), ({}, None)]
)
def test_only_the_known_name_of_a_picture_is_recorded(
    report: Any, said: dict[str, str], kept: str | None
) -> None:
    """A client that draws today's file says so; no other name reaches the description."""
    assert (
        agreed({**report.to_dict(), "estimators": ESTIMATORS, **said}, report).get("chart") == kept
    )


@pytest.mark.parametrize(
    ("key", "part", "value"),
    [
        ("verdict", None, "exceeded"),
        ("viable", None, "not viable"),
        ("evidence", None, "B"),
        ("realized", "lift", 0.5),
        ("realized", "low", 0.4),
        ("realized", "n_holdout", 7),
        ("gap", "high", 9.0),
        ("gap", "lift", None),
        ("predicted", "lift", 0.0),
    ],
)
def test_what_differs_is_refused_by_name_or_kept_beside(
    report: Any, key: str, part: str | None, value: Any
) -> None:
    """Of the same estimators it is refused; of others, or none named, the server's figures count."""
    good = report.to_dict()
    odd = {**good, key: value if part is None else {**good[key], part: value}}
    name = key if part is None else f"{key}.{part}"
    with pytest.raises(InvalidInput, match=name):
        agreed({**odd, "estimators": ESTIMATORS}, report)
    for version in ({}, {"estimators": "0"}):
        said = agreed({**odd, **version}, report)
        assert (said[key], said["estimators"]) == (good[key], ESTIMATORS)
        claimed = said[CLAIMED][key]
        assert (claimed if part is None else claimed[part]) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("realized", "x"),
        ("realized", [1]),
        ("gap", None),
        ("verdict", ["met"]),
        ("verdict", "m" * 50),
        ("realized", {"lift": 10**400}),
        ("realized", {"lift": True}),
        ("predicted", {"low": "0.1"}),
    ],
)
def test_what_is_no_figure_is_refused(report: Any, key: str, value: Any) -> None:
    """Texts, lists and numbers beyond floats are named, not kept."""
    with pytest.raises(InvalidInput, match=key):
        agreed({**report.to_dict(), key: value}, report)


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b'{"cells": 1}', b"\xff"])
def test_what_are_no_moments_is_refused(said: bytes) -> None:
    """Whatever else an artifact of that name holds."""
    with pytest.raises(InvalidInput, match=r"moments\.json"):
        loaded(said)


def test_a_page_is_made_without_what_it_cannot_be_made_with() -> None:
    """One odd entry hides no other, of whatever kind; what was left out is named."""
    kinds = ("prediction", "outcomes", "pulse", "outcomes")
    entries = [entry(kind, {}, person="Kim", role="business") for kind in kinds]

    def page(bad: set[int]) -> tuple[str, ...]:
        def make(left_out: Any) -> tuple[str, ...]:
            if any(entries[i] not in left_out for i in bad):
                raise OverflowError("cannot convert float infinity to integer")
            return tuple(e.id for e in left_out)

        return without_odd(make, lambda: entries)

    assert page(set()) == ()
    for i in (0, 1, 3):
        assert page({i}) == (entries[i].id,)
    assert set(page({1, 3})) == {entries[1].id, entries[3].id}
    assert entries[2].id in page({2})
    assert entries[1].id[:12] in notice([entries[1]])
    assert notice(()) == ""


def test_cells_of_few_people_are_refused() -> None:
    """A client that does not put small cells together leaves no person's outcome on the record."""
    few = make_report(n=300)
    adoption = make_adoption(predicted=few.predicted)
    with pytest.raises(InvalidInput, match="fewer than 10 units") as refused:
        recomputed(few.to_dict(), few.moments, adoption, None)
    assert "Upgrade spot-mlflow" in str(refused.value)
    kept = as_stored(few)
    assert recomputed(kept.to_dict(), kept.moments, adoption, None).moments == kept.moments


def beyond(value: Any) -> Any:
    """The same lists with 1e308 for every number."""
    return [beyond(v) for v in value] if isinstance(value, list) else 1e308


@pytest.mark.journey
def test_outcomes_on_a_server_follow_from_their_moments(gated_server: MlflowServer) -> None:
    """A forged verdict does not reach the gate; moments of 1e308 and older junk leave the page whole."""
    from mlflow import MlflowClient

    import spot_mlflow as spot
    from spot_mlflow.record import Record

    url = gated_server.url
    client, record = MlflowClient(url, url), Record(url, url)
    client.create_registered_model("recomputed")
    new_version(client, "recomputed")
    report = make_report(n=8_000)
    spot.log_predicted_lift("recomputed/1", report.predicted, record=record)
    moments = report.moments.to_dict()

    def send(payload: dict[str, Any], data: Any = moments) -> requests.Response:
        body = {
            "model": "recomputed", "version": "1", "kind": "outcomes",
            "payload": payload | {"moments_digest": digest_of(data)},
            "artifacts": {"moments.json": base64.b64encode(json.dumps(data).encode()).decode()},
            "metrics": [["spot.lift.realized", 1e9, 0]],
        }  # fmt: skip
        return requests.post(f"{url}/ajax-api/2.0/spot/entries", json=body, timeout=120)

    def page() -> requests.Response:
        return requests.get(f"{url}/spot/model", {"name": "recomputed"}, timeout=300)

    good = report.to_dict()
    forged = send({**good, "verdict": "exceeded", "viable": "viable", "estimators": ESTIMATORS})
    assert (forged.status_code, "verdict" in forged.json()["message"]) == (400, True)
    kept = send({**good, "verdict": "exceeded"})
    assert kept.json()["payload"]["verdict"] == good["verdict"]
    assert kept.json()["payload"][CLAIMED]["verdict"] == "exceeded"
    run = client.get_run(kept.json()["run_id"])
    assert max(run.data.metrics.values()) < 1e6
    cells = moments["cells"]
    for key in ("s1", "s2", "n", "center"):
        huge = {**moments, "cells": {**cells, key: beyond(cells[key])}}
        assert send(good, huge).status_code in (200, 400)
    assert page().status_code == 200
    behind = Record(backend_of(gated_server), backend_of(gated_server))
    odd = {**good, "realized": "x", "gap": [1], "verdict": ["met"], "segments": 1e308}
    ref = behind.resolve("recomputed/1")
    behind.append(ref, "outcomes", odd, person="Kim", role="engineer", refresh=False)
    shown = page()
    assert shown.status_code == 200
    assert "Not shown, because its figures cannot be read" in shown.text
    panel = requests.get(f"{url}/spot/panel", {"name": "recomputed"}, timeout=300)
    assert panel.status_code == 200
