"""Attempts to get a version deployed past the gate, each refused: what is tried, and how.

Version 1 of a scene's model is approved and live, version 2 is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gated import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    from gated import Scene

LIVE = {"Production": ["1"], "champion": ["1"]}


def transition(scene: Scene, **said: Any) -> requests.Response:
    """Moves version 2 to Production, or what ``said`` says."""
    body = {"name": scene.name, "version": "2", "stage": "Production"}
    body["archive_existing_versions"] = False
    return scene.call("POST", "model-versions/transition-stage", {**body, **said})


def alias(scene: Scene, alias: str, version: str = "2") -> requests.Response:
    """Points an alias at a version."""
    body = {"name": scene.name, "alias": alias, "version": version}
    return scene.call("POST", "registered-models/alias", body)


def tag(scene: Scene, key: str, value: str = "met") -> requests.Response:
    """Tags the model."""
    body = {"name": scene.name, "key": key, "value": value}
    return scene.call("POST", "registered-models/set-tag", body)


def version_tag(scene: Scene, key: str, value: str = "met") -> requests.Response:
    """Tags version 2."""
    body = {"name": scene.name, "version": "2", "key": key, "value": value}
    return scene.call("POST", "model-versions/set-tag", body)


def create_version(scene: Scene, **said: Any) -> requests.Response:
    """Creates a version from version 1."""
    body = {"name": scene.name, "source": f"models:/{scene.name}/1", **said}
    return scene.call("POST", "model-versions/create", body)


def moved_by_another_verb(scene: Scene, path: str) -> requests.Response:
    """Moves version 2 to Production by another of MLflow's routes."""
    body = {"name": scene.name, "version": "2", "stage": "Production"}
    body["archive_existing_versions"] = "true"
    return scene.session.post(f"{scene.url}{path}/model-versions/transition-stage", json=body)


def moved_by_address(scene: Scene, address: str) -> requests.Response:
    """Moves version 2 to Production by the usual route, its address written otherwise."""
    body = {"name": scene.name, "version": "2", "stage": "Production"}
    body["archive_existing_versions"] = "true"
    return scene.session.post(f"{scene.url}{address}", json=body)


def live_run(scene: Scene) -> str:
    """The run that the live version came from."""
    return str(scene.client.get_model_version(scene.name, "1").run_id)


def live_files(scene: Scene, above: int = 0) -> str:
    """Where the live version's files lie below the artifacts destination, or a folder above."""
    source = str(scene.client.get_model_version(scene.name, "1").source)
    parts = source.removeprefix("mlflow-artifacts:/").split("/")
    return "/".join(parts[: len(parts) - above])


def file_call(scene: Scene, method: str, path: str, route: str = "/api/2.0") -> requests.Response:
    """Writes or deletes below the artifacts destination."""
    address = f"{scene.url}{route}/mlflow-artifacts/artifacts/{path}"
    return scene.session.request(method, address, data=b"forged")


def waiver(scene: Scene, **said: str) -> requests.Response:
    """Waives the missing promise."""
    body = {"target": "Production", "requirement": "lift_predicted", "reason": "haste"}
    body |= {"expires": "2020-01-01", **said}
    return scene.entry("waiver", body, person="Mallory", role="business")


def sign(scene: Scene, **more: Any) -> requests.Response:
    """Signs off version 2."""
    return scene.entry(
        "sign-off", {"target": "Production"}, **{"person": "Mallory", "role": "engineer", **more}
    )


# What is tried, and how. All of these are refused.
REFUSED: dict[str, Callable[[Scene], requests.Response]] = {
    "break-glass without a login": lambda s: s.entry(
        "break-glass", {"target": "Production", "reason": "now"}, person="admin"
    ),
    "stage": transition,
    "stage, lower case": lambda s: transition(s, stage="production"),
    "stage, upper case": lambda s: transition(s, stage="PRODUCTION"),
    "stage, mixed case": lambda s: transition(s, stage="pRoDuCtIoN"),
    "stage with a blank": lambda s: transition(s, stage="Production "),
    "stage with a zero-width space": lambda s: transition(s, stage="Production\u200b"),
    "stage, full width": lambda s: transition(s, stage="\uff30roduction"),
    "stage, Cyrillic letter": lambda s: transition(s, stage="\u0420roduction"),
    "stage, archiving the incumbent": lambda s: transition(s, archive_existing_versions=True),
    "Staging, archiving": lambda s: transition(s, stage="Staging", archive_existing_versions=True),
    "version with a zero": lambda s: transition(s, version="02"),
    "version with a sign": lambda s: transition(s, version="+2"),
    "version with a blank": lambda s: transition(s, version=" 2"),
    "version in other digits": lambda s: transition(s, version="\u0662"),
    "name and version in one": lambda s: transition(s, name=f"{s.name}/2"),
    "name as a path": lambda s: transition(s, name=f"x/../{s.name}"),
    "name with a blank": lambda s: transition(s, name=f"{s.name} "),
    "name, upper case": lambda s: transition(s, name=s.name.upper()),
    "by the pages' own route": lambda s: moved_by_another_verb(s, "/ajax-api/2.0/mlflow"),
    "by the preview route": lambda s: moved_by_another_verb(s, "/api/2.0/preview/mlflow"),
    "by an address with two slashes": lambda s: moved_by_address(
        s, "//api/2.0/mlflow//model-versions/transition-stage"
    ),
    "by an address with an encoded slash": lambda s: moved_by_address(
        s, "/api/2.0/mlflow/model-versions%2Ftransition-stage"
    ),
    "by an address with a slash behind": lambda s: moved_by_address(
        s, "/api/2.0/mlflow/model-versions/transition-stage/"
    ),
    "by another verb in a header": lambda s: s.session.get(
        f"{s.url}/api/2.0/mlflow/model-versions/transition-stage",
        params={"name": s.name, "version": "2", "stage": "Production"},
        headers={"X-HTTP-Method-Override": "POST"},
    ),
    "harmless stage in the address": lambda s: s.session.post(
        f"{s.url}/api/2.0/mlflow/model-versions/transition-stage?stage=Archived",
        json={
            "name": s.name, "version": "2", "stage": "Production",
            "archive_existing_versions": False,
        },
    ),
    "alias": lambda s: alias(s, "champion"),
    "alias, capitalised": lambda s: alias(s, "Champion"),
    "alias, upper case": lambda s: alias(s, "CHAMPION"),
    "alias, full width": lambda s: alias(s, "\uff43hampion"),
    "alias, mathematical letter": lambda s: alias(s, "\U0001d41champion"),
    "alias with an accent": lambda s: alias(s, "ch\u00e1mpion"),
    "alias with a Hangul filler": lambda s: alias(s, "champion\u3164"),
    "alias, Armenian letter": lambda s: alias(s, "champio\u0578"),
    "alias with a blank": lambda s: alias(s, "champion "),
    "alias with a line feed": lambda s: alias(s, "champion\n"),
    "alias, version with a zero": lambda s: alias(s, "champion", "02"),
    "headline tag": lambda s: tag(s, "spot"),
    "summary tag": lambda s: tag(s, "spot.lift.verdict"),
    "summary tag, capitalised": lambda s: tag(s, "Spot.lift.verdict"),
    "summary tag, full width": lambda s: tag(s, "\uff53pot.readiness"),
    "version's summary tag": lambda s: version_tag(s, "spot.readiness", "5"),
    "prompt disguise of the model": lambda s: tag(s, "mlflow.prompt.is_prompt", "true"),
    "prompt disguise of the version": lambda s: version_tag(s, "mlflow.prompt.is_prompt", "true"),
    "delete the live version": lambda s: s.call(
        "DELETE", "model-versions/delete", {"name": s.name, "version": "1"}
    ),
    "delete the live model": lambda s: s.call("DELETE", "registered-models/delete", {"name": s.name}),
    "delete a summary tag": lambda s: s.call(
        "DELETE", "registered-models/delete-tag", {"name": s.name, "key": "spot"}
    ),
    "rename the live model out of the gate": lambda s: s.call(
        "POST", "registered-models/rename", {"name": s.name, "new_name": f"free-{s.name[7:]}"}
    ),
    "replace a file of the live version": lambda s: file_call(
        s, "PUT", f"{live_files(s)}/MLmodel"
    ),
    "replace it by the pages' route": lambda s: file_call(
        s, "PUT", f"{live_files(s)}/MLmodel", "/ajax-api/2.0"
    ),
    "replace it by way of another folder": lambda s: file_call(
        s, "PUT", f"x/%2E%2E/{live_files(s)}/MLmodel"
    ),
    "add a file to the live version": lambda s: file_call(s, "PUT", f"{live_files(s)}/code/x.py"),
    "replace it in parts": lambda s: s.session.post(
        f"{s.url}/api/2.0/mlflow-artifacts/mpu/create/{live_files(s)}",
        json={"path": "MLmodel", "num_parts": 1},
    ),
    "replace it from the run's page": lambda s: s.ajax(
        "POST",
        f"mlflow/upload-artifact?run_uuid={live_run(s)}&path=model/MLmodel",
        data=b"forged",
    ),
    "delete the live version's files": lambda s: file_call(s, "DELETE", live_files(s)),
    "delete the folder above them": lambda s: file_call(s, "DELETE", live_files(s, above=2)),
    "delete the live version's run": lambda s: s.call(
        "POST", "runs/delete", {"run_id": live_run(s)}
    ),
    "delete the live version's experiment": lambda s: s.call(
        "POST",
        "experiments/delete",
        {"experiment_id": s.client.get_run(live_run(s)).info.experiment_id},
    ),
    "expired waiver": waiver,
    "waiver without an end": lambda s: waiver(s, expires="9999-12-31"),
    "waiver without a reason": lambda s: waiver(s, reason=" ", expires="2099-01-01"),
    "sign-off from the future": lambda s: sign(s, at="2099-01-01T00:00:00Z"),
    "sign-off by nobody": lambda s: sign(s, person="  "),
    "sign-off in an unknown role": lambda s: sign(s, role="Business"),
    "forged decision": lambda s: s.entry(
        "decision", {"model": s.name, "version": "2", "target": "Production", "applied": True}
    ),
    "forged snapshot": lambda s: s.entry("snapshot", {"entries": []}),
    "weaker policy": lambda s: s.entry(
        "policy", {"policy": {"name": "x", "version": "1", "targets": {"QA": {}}}}, model="", version=None
    ),
    "outcomes without moments": lambda s: s.entry("outcomes", {"verdict": "met", "viable": "viable"}),
    "entry of an unknown version": lambda s: s.entry("prediction", {"contract": CONTRACT}, version="9"),
    "entry of a path-like model": lambda s: s.entry("prediction", {}, model=f"../{s.name}"),
    "entry with a path-like artifact": lambda s: s.entry(
        "prediction", {"contract": CONTRACT}, artifacts={"../../x": "eA=="}
    ),
    "entry that is a list": lambda s: s.ajax("POST", "spot/entries", json=[1]),
    "entry that is no JSON": lambda s: s.ajax("POST", "spot/entries", data="{"),
    "entry with unknown keys": lambda s: s.entry("pulse", {}, signature="1:00:00"),
    "entry nested without end": lambda s: s.ajax(
        "POST", "spot/entries", data='{"payload":' + "[" * 100_000 + "]" * 100_000 + "}"
    ),
    "oversized entry": lambda s: s.entry(
        "pulse", {"x": "x" * 3_000_000}, person="Mallory", role="business"
    ),
    "step beyond all numbers": lambda s: s.entry(
        "prediction", {"contract": CONTRACT}, metrics=[["x", 1.0, 10**30]]
    ),
    "name of no printable text": lambda s: s.entry(
        "sign-off", {"target": "Production"}, person="Bea\u0000", role="business"
    ),
    "not a number": lambda s: s.ajax(
        "POST", "spot/entries", data='{"model":"x","kind":"pulse","payload":{"useful":NaN}}'
    ),
}  # fmt: skip
