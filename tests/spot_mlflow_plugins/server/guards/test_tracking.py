"""Tests that the guard knows every way to write to a tracking store, and MLflow's own arguments."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from spot_mlflow_plugins.server.guards.tracking import (
    BY_EXPERIMENT,
    BY_LOGGED_MODEL,
    BY_RUN,
    WRITTEN_OUT,
    guarded,
)

# Every other public method of MLflow's store, and why the guard leaves it alone. A new method of a
# new MLflow is in neither list, and this test fails until somebody has looked at it.
READS = (
    "batch_get", "calculate", "find_", "filter_", "get_", "list_", "query_", "search_", "resolve_",
    "supports_",
)  # fmt: skip
HARMLESS = {
    # Traces and their assessments: none can be started in a companion.
    "archive_traces", "create_assessment", "update_assessment", "delete_assessment",
    "set_trace_tag", "delete_trace_tag", "link_prompts_to_trace", "log_spans_async",
    "deprecated_end_trace_v2",
    # Things of their own, which no decision reads and which hold no evidence.
    "update_issue", "delete_dataset", "upsert_dataset_records", "delete_dataset_records",
    "set_dataset_tags", "delete_dataset_tag", "remove_dataset_from_experiments",
    "update_label_schema", "delete_label_schema", "update_review_queue", "delete_review_queue",
    "add_items_to_review_queue", "remove_items_from_review_queue", "set_review_queue_item_status",
    "upsert_online_scoring_config",
    # Of the registry; the gate stands there.
    "set_model_versions_tags",
    # Waiting or reckoning, not writing.
    "sanitize_metric_value",
    "end_async_logging", "flush_async_logging", "shut_down_async_logging",
}  # fmt: skip
# The AI gateway's endpoints, secrets and budgets, and the MCP registry: other tables altogether.
OTHER_TABLES = (
    "gateway",
    "secret",
    "endpoint",
    "model_definition",
    "budget",
    "guardrail",
    "mcp",
    "rollup",
)


def public_methods(of: type) -> set[str]:
    """Names of the public methods of a class."""
    return {n for n, _ in inspect.getmembers(of, callable) if not n.startswith("_")}


def test_every_method_was_looked_at() -> None:
    """Each public method of MLflow's store is guarded, reads, or is known to be harmless."""
    known = {*BY_RUN, *BY_EXPERIMENT, *BY_LOGGED_MODEL, *WRITTEN_OUT, *HARMLESS}
    unknown = {
        n
        for n in public_methods(AbstractStore) | public_methods(SqlAlchemyStore)
        if n not in known and not n.startswith(READS) and not any(t in n for t in OTHER_TABLES)
    }
    assert unknown == set()


@pytest.mark.parametrize("method", sorted({*BY_RUN, *BY_EXPERIMENT, *BY_LOGGED_MODEL}))
def test_first_argument_has_mlflows_name(method: str) -> None:
    """MLflow passes it by this name where it passes it by name."""
    expected = {**BY_RUN, **BY_EXPERIMENT, **BY_LOGGED_MODEL}[method]
    assert list(inspect.signature(getattr(SqlAlchemyStore, method)).parameters)[1] == expected


@pytest.mark.parametrize("method", WRITTEN_OUT)
def test_overrides_take_what_mlflow_passes(method: str) -> None:
    """A call by MLflow's own names reaches the override."""
    original = getattr(SqlAlchemyStore, method, None) or getattr(AbstractStore, method)
    said = {
        n: None for n, p in inspect.signature(original).parameters.items()
        if n != "self" and p.kind is not inspect.Parameter.VAR_KEYWORD
    }  # fmt: skip
    inspect.signature(getattr(guarded(SqlAlchemyStore, "spot/"), method)).bind(None, **said)


class Recorder:
    """A store that only says what it was called with."""

    def log_metric(self, run_id: str, metric: Any) -> str:
        """Like MLflow's."""
        return f"{run_id} {metric}"

    def create_experiment(self, name: str, artifact_location: Any = None, tags: Any = None) -> str:
        """Like MLflow's."""
        return f"{name} {artifact_location} {tags}"


def test_by_name_or_place(monkeypatch) -> None:
    """The guard asks about the run however MLflow passes it."""
    store = guarded(Recorder, "spot/")()
    monkeypatch.setattr(store._spot_companions, "run", lambda _, run_id: run_id == "ours")
    assert store.log_metric("mine", 1) == "mine 1"
    assert store.log_metric(run_id="mine", metric=1) == "mine 1"
    for call in (
        lambda: store.log_metric("ours", 1),
        lambda: store.log_metric(run_id="ours", metric=1),
    ):
        with pytest.raises(MlflowException, match="evidence") as refused:
            call()
        assert refused.value.get_http_status_code() == 403


def test_reserved_experiment_name_is_refused() -> None:
    """An experiment that looks like a record cannot be made from aside."""
    store = guarded(Recorder, "spot/")()
    assert store.create_experiment("mine") == "mine None None"
    with pytest.raises(MlflowException, match="reserved"):
        store.create_experiment("SPOT/churn")
