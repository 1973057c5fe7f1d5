"""Attempts to change the evidence itself, by every route MLflow has; each is refused."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    from gated import Scene

NOW = int(time.time() * 1000)


def on_run(scene: Scene, route: str, **said: Any) -> requests.Response:
    """Calls a route that writes to a run, with a run of the record."""
    body = {"run_id": scene.evidence.run_id, "run_uuid": scene.evidence.run_id, **said}
    return scene.call("POST", route, body)


def on_experiment(scene: Scene, route: str, **said: Any) -> requests.Response:
    """Calls a route that writes to an experiment, with the record's."""
    return scene.call("POST", route, {"experiment_id": scene.experiment_id, **said})


def artifact(
    scene: Scene, method: str, path: str, route: str = "/api/2.0/mlflow-artifacts/artifacts"
) -> requests.Response:
    """Writes or deletes below the artifacts destination."""
    return scene.session.request(method, f"{scene.url}{route}/{path}", data=b"forged")


def own_folder(scene: Scene) -> str:
    """Where the artifacts of the evidence lie."""
    return f"{scene.experiment_id}/{scene.evidence.run_id}/artifacts"


def logged_model(scene: Scene) -> requests.Response:
    """Creates a logged model in the record's experiment."""
    said = {"experiment_id": scene.experiment_id, "name": "m"}
    return scene.call("POST", "logged-models", said)


def trace(scene: Scene) -> requests.Response:
    """Starts a trace in the record's experiment."""
    info = {
        "trace_id": f"tr-{uuid.uuid4().hex}",
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": scene.experiment_id},
        },
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
    }
    return scene.call("POST", "traces", {"trace": {"trace_info": info}}, version="3.0")


def spans(scene: Scene) -> requests.Response:
    """Sends one span to the record's experiment, as OpenTelemetry's exporters do."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    said = ExportTraceServiceRequest()
    span = said.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = uuid.uuid4().bytes, uuid.uuid4().bytes[:8], "forged"
    span.start_time_unix_nano = span.end_time_unix_nano = NOW * 10**6
    return scene.session.post(
        f"{scene.url}/v1/traces",
        data=said.SerializeToString(),
        headers={
            "x-mlflow-experiment-id": scene.experiment_id,
            "content-type": "application/x-protobuf",
        },
    )


REFUSED: dict[str, Callable[[Scene], requests.Response]] = {
    "set a tag": lambda s: on_run(s, "runs/set-tag", key="spot.role", value="executive"),
    "set a new tag": lambda s: on_run(s, "runs/set-tag", key="note", value="x"),
    "delete a tag": lambda s: on_run(s, "runs/delete-tag", key="spot.digest"),
    "late metric": lambda s: on_run(
        s, "runs/log-metric", key="realized_lift", value=9.0, timestamp=NOW, step=99
    ),
    "late param": lambda s: on_run(s, "runs/log-parameter", key="spot.part.00009", value="|x|"),
    "batch": lambda s: on_run(
        s, "runs/log-batch", metrics=[{"key": "x", "value": 1, "timestamp": NOW, "step": 0}]
    ),
    "batch of tags": lambda s: on_run(s, "runs/log-batch", tags=[{"key": "a", "value": "b"}]),
    "reopen the run": lambda s: on_run(s, "runs/update", status="RUNNING"),
    "rename the run": lambda s: on_run(s, "runs/update", run_name="nothing"),
    "delete the run": lambda s: on_run(s, "runs/delete"),
    "restore the run": lambda s: on_run(s, "runs/restore"),
    "log a model to the run": lambda s: on_run(
        s, "runs/log-model", model_json='{"artifact_path":"m","run_id":"x","utc_time_created":"x"}'
    ),
    "log inputs": lambda s: on_run(s, "runs/log-inputs", datasets=[]),
    "log outputs": lambda s: on_run(s, "runs/outputs", models=[]),
    "create a run": lambda s: on_experiment(s, "runs/create", start_time=NOW, tags=[]),
    "create a run, id with a zero": lambda s: s.call(
        "POST", "runs/create", {"experiment_id": f"0{s.experiment_id}", "start_time": NOW}
    ),
    "create a run from the prompt laboratory": lambda s: s.ajax(
        "POST",
        "mlflow/runs/create-promptlab-run",
        json={
            "experiment_id": s.experiment_id, "prompt_template": "x", "prompt_parameters": [],
            "model_route": "x", "model_input": "x", "mlflow_version": "3", "model_output": "x",
            "model_parameters": [{"key": "a", "value": "b"}],
        },
    ),
    "delete the experiment": lambda s: on_experiment(s, "experiments/delete"),
    "restore the experiment": lambda s: on_experiment(s, "experiments/restore"),
    "rename the experiment": lambda s: on_experiment(s, "experiments/update", new_name="other"),
    "tag the experiment": lambda s: on_experiment(
        s, "experiments/set-experiment-tag", key="spot.model.created", value="1"
    ),
    "untag the experiment": lambda s: on_experiment(
        s, "experiments/delete-experiment-tag", key="spot.model.created"
    ),
    "experiment of a reserved name": lambda s: s.call(
        "POST", "experiments/create", {"name": "spot/another"}
    ),
    "experiment of a look-alike name": lambda s: s.call(
        "POST", "experiments/create", {"name": "\uff33pot/another"}
    ),
    "experiment bound to the model": lambda s: s.call(
        "POST",
        "experiments/create",
        {"name": uuid.uuid4().hex, "tags": [{"key": "spot.model.created", "value": "1"}]},
    ),
    "rename an experiment into a record": lambda s: s.call(
        "POST", "experiments/update", {"experiment_id": "0", "new_name": "spot/another"}
    ),
    "tag another experiment as a record": lambda s: s.call(
        "POST",
        "experiments/set-experiment-tag",
        {"experiment_id": "0", "key": "spot.model.created", "value": "1"},
    ),
    "logged model": logged_model,
    "trace": trace,
    "trace by the old route": lambda s: on_experiment(s, "traces", timestamp_ms=NOW),
    "spans by OpenTelemetry": spans,
    "evaluation data set": lambda s: s.call(
        "POST",
        "datasets/create",
        {"name": uuid.uuid4().hex, "experiment_ids": [s.experiment_id]},
        version="3.0",
    ),
    "scorer": lambda s: s.call(
        "POST",
        "scorers/register",
        {"experiment_id": s.experiment_id, "name": "x", "serialized_scorer": "{}"},
        version="3.0",
    ),
    "upload an artifact": lambda s: artifact(s, "PUT", f"{own_folder(s)}/lift.yaml"),
    "upload by the pages' route": lambda s: artifact(
        s, "PUT", f"{own_folder(s)}/lift.yaml", "/ajax-api/2.0/mlflow-artifacts/artifacts"
    ),
    "upload, slashes encoded": lambda s: artifact(
        s, "PUT", f"{own_folder(s)}/lift.yaml".replace("/", "%2F")
    ),
    "upload, encoded twice": lambda s: artifact(
        s, "PUT", f"{own_folder(s)}/lift.yaml".replace("/", "%252F")
    ),
    "upload, with a dot": lambda s: artifact(s, "PUT", f"%2E/{own_folder(s)}/lift.yaml"),
    "upload, by way of another folder": lambda s: artifact(
        s, "PUT", f"x/%2E%2E/{own_folder(s)}/lift.yaml"
    ),
    "upload beside": lambda s: artifact(s, "PUT", f"{s.experiment_id}/x/lift.yaml"),
    "delete an artifact": lambda s: artifact(s, "DELETE", f"{own_folder(s)}/lift.yaml"),
    "delete the run's folder": lambda s: artifact(
        s, "DELETE", f"{s.experiment_id}/{s.evidence.run_id}"
    ),
    "delete the experiment's folder": lambda s: artifact(s, "DELETE", s.experiment_id),
    "delete everything": lambda s: artifact(s, "DELETE", "%2E"),
    "upload in parts": lambda s: s.session.post(
        f"{s.url}/api/2.0/mlflow-artifacts/mpu/create/{own_folder(s)}",
        json={"path": "lift.yaml", "num_parts": 1},
    ),
    "upload from the run's page": lambda s: s.ajax(
        "POST",
        f"mlflow/upload-artifact?run_uuid={s.evidence.run_id}&path=lift.yaml",
        data=b"forged",
    ),
    "signed address to upload to": lambda s: on_run(
        s, "artifacts/presigned-upload-url", path="lift.yaml"
    ),
    "erase a name without a login": lambda s: s.ajax(
        "POST", "spot/erase", json={"person": "Bea"}
    ),
    "foreign page": lambda s: s.ajax(
        "POST", "spot/entries", json={}, headers={"Origin": "https://evil.example"}
    ),
}  # fmt: skip
