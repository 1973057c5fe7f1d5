"""A day's ordinary work with MLflow, step by step, and every answer that a server gave to it.

What differs from one time to the next (ids, times, the address) is put out of the answers, and so is
what a gated server adds by design: ``spot*`` tags, companion experiments, our block in descriptions.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import requests

from spot_mlflow.reporting.message.summary import BEGIN, END

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_IDS: Final = ("span_id", "trace_id", "parent_span_id", "experiment_id", "experiment_ids")
_TIMES: Final = re.compile(
    r"(_time|_timestamp|_ms|_at|^timestamp|^start_time|^end_time|^time)$|time_unix"
)
_BLOCK: Final = re.compile(rf"\s*{re.escape(BEGIN)}.*?{re.escape(END)}\s*", re.DOTALL)
_VARIES: Final = (
    (re.compile(r"\b(m|tr|d|w|iss|sc|dm)-[0-9a-f]{6,32}\b"), r"<\1>"),
    (re.compile(r"\b[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{16,64}\b"), "<id>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<server>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?"), "<time>"),
    (re.compile(r"\b1[5-9]\d{8}(\.\d+|\d{3,9})?\b"), "<time>"),
    (re.compile(r"/[^\s\"]*/(tmp|pytest)[^\s\"]*"), "<path>"),
    (re.compile(r"\b[a-z]+-[a-z]+-\d{1,3}\b"), "<name of a run>"),
    (re.compile(r"mlflow-artifacts:/\d+\b"), "mlflow-artifacts:/<n>"),
)

_SPANS: Final = "mlflow.trace.spansLocation"  # there where the spans came before the trace
# Answers that come or stay away as two threads of MLflow's client happen to follow each other: autologging
# reads the run while it writes it, and a trace has a file of its spans where they came after it.
_RACING: Final = {
    "autolog": re.compile("^GET /api/2.0/mlflow/runs/get"),
    "trace": re.compile("^PUT .*/traces.json "),
}


@dataclass
class Seen:
    """What a server answered to one step: (method, path, status, body), in any order."""

    step: str
    answers: list[str] = field(default_factory=list)


@contextlib.contextmanager
def answers_of(url: str, into: list[str]) -> Iterator[None]:
    """Notes every answer of a server that comes in while the block runs.

    Args:
        url: of the server.
        into: what the answers are added to.
    """
    send = requests.Session.send

    def noting(self: requests.Session, request: Any, **more: Any) -> requests.Response:
        answer = send(self, request, **more)
        if str(request.url).startswith(url):
            into.append(_said(request, answer))
        return answer

    requests.Session.send = noting  # type: ignore[method-assign] # what the client sends by
    try:
        yield
    finally:
        requests.Session.send = send  # type: ignore[method-assign] # as it was


def _said(request: Any, answer: requests.Response) -> str:
    address = urlsplit(request.url)
    asked = sorted(k for k, _ in parse_qsl(address.query))
    kind = answer.headers.get("Content-Type", "")
    text = "<stream>" if answer.raw is not None and not answer._content_consumed else answer.text
    body: Any = text
    if "json" in kind and text != "<stream>":
        body = _plain(json.loads(text or "null"))
    path = re.sub(r"/artifacts/\d+/", "/artifacts/<n>/", address.path)
    said = (
        f"{request.method} {path} {asked} {answer.status_code} {json.dumps(body, sort_keys=True)}"
    )
    return _without_what_varies(said)


def _plain(value: Any) -> Any:
    """Returns JSON without times and without what the gate adds by design."""
    if isinstance(value, list):
        kept = [_plain(v) for v in value if not _is_ours(v)]
        return sorted(kept, key=lambda v: json.dumps(v, sort_keys=True))
    if isinstance(value, str):
        return _without_what_varies(value)
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    if value.get("key") == "_mlflow_experiment_ids":
        return {"key": value["key"], "value": "<experiments>"}
    for key, v in value.items():
        if _TIMES.search(key) or (key == "digest" and "dataset_id" in value):
            found[key] = "<time>"  # of an evaluation data set the digest is one of name and time
        elif key in _IDS or "trace.size" in key or key == "execution_duration":
            found[key] = f"<{key}>"
        elif key in ("description", "note") and isinstance(v, str):
            found[key] = _BLOCK.sub("", v)
        elif isinstance(v, str) and v[:1] in "[{" and key == "value":
            found[key] = _json_text(v)
        else:
            found[key] = _plain(v)
    return {k: v for k, v in found.items() if v not in ("", []) and k != _SPANS}


def _json_text(text: str) -> Any:
    try:
        return _plain(json.loads(text))
    except ValueError:
        return text


def _is_ours(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    key, name = str(value.get("key", "")), str(value.get("name", ""))
    companion = "artifact_location" in value and (name == "spot" or name.startswith("spot/"))
    return companion or key == "spot" or key.startswith("spot.")


def _without_what_varies(text: str) -> str:
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return text


def work(url: str) -> list[Seen]:
    """Does the work on a server and returns what it answered, step by step.

    A step that raises is noted with its error: the next server must raise the same.
    """
    import mlflow

    seen: list[Seen] = []
    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    with tempfile.TemporaryDirectory(prefix="spot-ordinary-") as folder:
        for name, step in steps(url, Path(folder)):
            noted = Seen(name)
            with answers_of(url, noted.answers):
                try:
                    step()
                except Exception as e:  # noqa: BLE001 - whatever it is, both must say it
                    noted.answers.append(_without_what_varies(f"{type(e).__name__}: {e}"))
                mlflow.flush_trace_async_logging()
                _finish_links()
            racing = _RACING.get(name)
            noted.answers[:] = sorted(a for a in noted.answers if not (racing and racing.search(a)))
            seen.append(noted)
    return seen


def _finish_links() -> None:
    """Waits for the threads in which MLflow's client links prompts to experiments."""
    for thread in threading.enumerate():
        if thread.name.startswith("link_prompt"):
            thread.join()


def steps(url: str, folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:  # noqa: PLR0915 - a list of steps
    """Yields (name, what is done), in order; each may use what earlier ones left in ``kept``."""
    import mlflow
    import pandas as pd
    from mlflow import MlflowClient

    client, kept = MlflowClient(url, url), {}
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.0]})

    def keep(name: str, value: Any) -> Any:
        kept[name] = value
        return value

    # -- experiments and runs
    yield "create experiment", lambda: keep("place", client.create_experiment("work"))
    yield "create it again", lambda: client.create_experiment("work")
    yield "get experiment", lambda: client.get_experiment(kept["place"])
    yield "get by name", lambda: client.get_experiment_by_name("work")
    yield "get unknown", lambda: client.get_experiment_by_name("no such")
    yield "tag experiment", lambda: client.set_experiment_tag(kept["place"], "team", "west")
    yield "search experiments", lambda: client.search_experiments(order_by=["name"])
    yield "search by tag", lambda: client.search_experiments(filter_string="tags.team = 'west'")
    yield "rename experiment", lambda: client.rename_experiment(kept["place"], "work 2")
    yield (
        "create run",
        lambda: keep("run", client.create_run(kept["place"], run_name="one").info.run_id),
    )
    yield "log metric", lambda: client.log_metric(kept["run"], "loss", 0.5, step=1)
    yield "log metric again", lambda: client.log_metric(kept["run"], "loss", 0.4, step=2)
    yield "log param", lambda: client.log_param(kept["run"], "depth", 3)
    yield "log param anew", lambda: client.log_param(kept["run"], "depth", 4)
    yield "set tag", lambda: client.set_tag(kept["run"], "stage", "try")
    yield "delete tag", lambda: client.delete_tag(kept["run"], "stage")
    yield (
        "log batch",
        lambda: client.log_batch(
            kept["run"],
            metrics=[mlflow.entities.Metric("acc", 0.9, 1, 0)],
            params=[mlflow.entities.Param("trees", "10")],
            tags=[mlflow.entities.RunTag("a", "b")],
        ),
    )
    yield "metric history", lambda: client.get_metric_history(kept["run"], "loss")
    yield "get run", lambda: client.get_run(kept["run"])
    yield "log text", lambda: client.log_text(kept["run"], "hello", "notes/hello.txt")
    yield "log dict", lambda: client.log_dict(kept["run"], {"a": 1}, "a.json")
    yield "list artifacts", lambda: client.list_artifacts(kept["run"], "notes")
    yield "download", lambda: client.download_artifacts(kept["run"], "a.json", str(folder))
    yield (
        "download unknown",
        lambda: client.download_artifacts(kept["run"], "none.json", str(folder)),
    )
    yield "search runs", lambda: client.search_runs([kept["place"]], "metrics.loss < 1")
    yield "update run", lambda: client.update_run(kept["run"], name="two")
    yield "end run", lambda: client.set_terminated(kept["run"])
    yield "delete run", lambda: client.delete_run(kept["run"])
    yield "restore run", lambda: client.restore_run(kept["run"])
    yield "nested runs", lambda: _nested(mlflow, kept["place"])
    yield "log input", lambda: _log_input(mlflow, kept["place"], frame)
    # -- autologging and models
    yield "autolog", lambda: keep("auto", _autolog(mlflow, kept["place"], frame))
    yield "get autologged run", lambda: client.get_run(kept["auto"])
    yield "log model", lambda: keep("model", _log_model(mlflow, kept["place"], "ordinary"))
    yield "log second", lambda: _log_model(mlflow, kept["place"], "ordinary")
    yield "search logged models", lambda: client.search_logged_models([kept["place"]])
    yield "get logged model", lambda: client.get_logged_model(kept["model"])
    yield "tag logged model", lambda: client.set_logged_model_tags(kept["model"], {"k": "v"})
    yield "load by version", lambda: mlflow.pyfunc.load_model("models:/ordinary/1").predict(frame)
    yield "get model", lambda: client.get_registered_model("ordinary")
    yield "get version", lambda: client.get_model_version("ordinary", "1")
    yield "get unknown version", lambda: client.get_model_version("ordinary", "9")
    yield "search versions", lambda: client.search_model_versions("name = 'ordinary'")
    yield "search models", client.search_registered_models
    yield "latest versions", lambda: client.get_latest_versions("ordinary")
    yield "tag model", lambda: client.set_registered_model_tag("ordinary", "team", "west")
    yield "tag version", lambda: client.set_model_version_tag("ordinary", "1", "checked", "yes")
    yield "delete tag of model", lambda: client.delete_registered_model_tag("ordinary", "team")
    yield "describe model", lambda: client.update_registered_model("ordinary", "what it is for")
    yield "describe version", lambda: client.update_model_version("ordinary", "1", "the first")
    yield "alias", lambda: client.set_registered_model_alias("ordinary", "blue", "1")
    yield "move alias", lambda: client.set_registered_model_alias("ordinary", "blue", "2")
    yield "get by alias", lambda: client.get_model_version_by_alias("ordinary", "blue")
    yield "load by alias", lambda: mlflow.pyfunc.load_model("models:/ordinary@blue").predict(frame)
    yield "alias of no version", lambda: client.set_registered_model_alias("ordinary", "blue", "9")
    yield "delete alias", lambda: client.delete_registered_model_alias("ordinary", "blue")
    yield "copy version", lambda: client.copy_model_version("models:/ordinary/1", "ordinary copy")
    yield "download uri", lambda: client.get_model_version_download_uri("ordinary", "1")
    yield "to Staging", lambda: client.transition_model_version_stage("ordinary", "1", "Staging")
    yield (
        "to Production",
        lambda: client.transition_model_version_stage("ordinary", "1", "Production"),
    )
    yield "no stage", lambda: client.transition_model_version_stage("ordinary", "1", "Nowhere")
    yield (
        "replace in Production",
        lambda: client.transition_model_version_stage(
            "ordinary", "2", "Production", archive_existing_versions=True
        ),
    )
    yield "champion", lambda: client.set_registered_model_alias("ordinary", "champion", "2")
    yield "archive", lambda: client.transition_model_version_stage("ordinary", "2", "Archived")
    yield "delete version", lambda: client.delete_model_version("ordinary copy", "1")
    yield "rename model", lambda: client.rename_registered_model("ordinary copy", "ordinary 2")
    yield "delete model", lambda: client.delete_registered_model("ordinary 2")
    # -- prompts, evaluation, traces, data sets, webhooks
    yield "register prompt", lambda: client.register_prompt("greet", "Say {{ what }}")
    yield "second prompt", lambda: client.register_prompt("greet", "Sing {{ what }}")
    yield "prompt alias", lambda: client.set_prompt_alias("greet", "champion", 2)
    yield (
        "load prompt",
        lambda: mlflow.genai.load_prompt("prompts:/greet@champion").format(what="hi"),
    )
    yield "search prompts", client.search_prompts
    yield "delete prompt alias", lambda: client.delete_prompt_alias("greet", "champion")
    yield "evaluate", lambda: _evaluate(mlflow, kept["place"], frame)
    yield "trace", lambda: _trace(mlflow, kept["place"])
    yield (
        "search traces",
        lambda: mlflow.search_traces(locations=[kept["place"]], return_type="list"),
    )
    yield "tag trace", lambda: _tag_traces(mlflow, client, kept["place"])
    yield (
        "delete traces",
        lambda: client.delete_traces(
            kept["place"], max_timestamp_millis=9_999_999_999_999, max_traces=1
        ),
    )
    yield (
        "create data set",
        lambda: keep(
            "set", mlflow.genai.datasets.create_dataset("asked", kept["place"]).dataset_id
        ),
    )
    yield "get data set", lambda: mlflow.genai.datasets.get_dataset(dataset_id=kept["set"])
    yield "delete data set", lambda: mlflow.genai.datasets.delete_dataset(dataset_id=kept["set"])
    yield (
        "create webhook",
        lambda: keep(
            "hook",
            client.create_webhook(
                "told", "https://example.com/hook", ["registered_model.created"]
            ).webhook_id,
        ),
    )
    yield "list webhooks", client.list_webhooks
    yield "update webhook", lambda: client.update_webhook(kept["hook"], name="told 2")
    yield "delete webhook", lambda: client.delete_webhook(kept["hook"])
    yield "delete experiment", lambda: client.delete_experiment(kept["place"])
    yield "restore experiment", lambda: client.restore_experiment(kept["place"])


def _nested(mlflow: Any, place: str) -> None:
    with mlflow.start_run(experiment_id=place, run_name="parent"):
        mlflow.log_params({"a": 1, "b": 2})
        with mlflow.start_run(experiment_id=place, run_name="child", nested=True):
            mlflow.log_metrics({"m": 1.0, "n": 2.0})


def _log_input(mlflow: Any, place: str, frame: Any) -> None:
    with mlflow.start_run(experiment_id=place, run_name="input"):
        mlflow.log_input(mlflow.data.from_pandas(frame, name="numbers"), context="training")


def _autolog(mlflow: Any, place: str, frame: Any) -> str:
    from sklearn.linear_model import LinearRegression

    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    try:
        with mlflow.start_run(experiment_id=place, run_name="auto") as run:
            LinearRegression().fit(frame[["x"]], frame["y"])
        return str(run.info.run_id)
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)


def _log_model(mlflow: Any, place: str, name: str) -> str:
    class Twice(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002 - MLflow's signature
            return model_input["x"] * 2

    with mlflow.start_run(experiment_id=place, run_name="model"):
        made = mlflow.pyfunc.log_model(
            name="twice",
            python_model=Twice(),
            registered_model_name=name,
            pip_requirements=["mlflow"],
        )
    return str(made.model_id)


def _evaluate(mlflow: Any, place: str, frame: Any) -> None:
    with mlflow.start_run(experiment_id=place, run_name="evaluate"):
        data = frame.assign(said=frame["y"] + 1)
        mlflow.models.evaluate(
            data=data,
            predictions="said",
            targets="y",
            model_type="regressor",
            evaluators="default",
            evaluator_config={"log_explainer": False},
        )


def _trace(mlflow: Any, place: str) -> None:
    mlflow.set_experiment(experiment_id=place)
    with mlflow.start_span(name="ask") as span:
        span.set_inputs({"q": "hello"})
        span.set_outputs({"a": "world"})


def _tag_traces(mlflow: Any, client: Any, place: str) -> None:
    for trace in mlflow.search_traces(locations=[place], return_type="list"):
        client.set_trace_tag(trace.info.trace_id, "seen", "yes")
