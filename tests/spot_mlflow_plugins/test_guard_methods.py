from __future__ import annotations

import inspect

import pytest
from mlflow.store.model_registry.rest_store import RestStore
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.model_registry.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

from spot_mlflow_plugins.guard import GateMixin, gated

STORES = [SqlAlchemyStore, WorkspaceAwareSqlAlchemyStore, RestStore]
OVERRIDES = [
    n for n, f in vars(GateMixin).items() if inspect.isfunction(f) and not n.startswith("_")
]


@pytest.mark.parametrize("store", STORES, ids=lambda s: s.__name__)
@pytest.mark.parametrize("name", OVERRIDES)
def test_arguments_keep_mlflows_names(store: type, name: str) -> None:
    """MLflow calls these by keyword: a name or default of another MLflow would be an error 500."""
    theirs = inspect.signature(getattr(store, name)).parameters
    ours = inspect.signature(vars(GateMixin)[name]).parameters
    assert [(p.name, p.default) for p in ours.values()] == [
        (p.name, p.default) for p in theirs.values()
    ]


def test_nothing_that_changes_a_deployment_is_left_out() -> None:
    """Every method of MLflow's store that changes something is gated, or known not to matter."""
    harmless = {
        "update_registered_model", "update_model_version",  # descriptions
        "copy_model_version",  # by create_model_version
        "create_prompt", "create_prompt_version", "delete_prompt", "delete_prompt_version",
        "set_prompt_alias", "delete_prompt_alias", "set_prompt_tag", "delete_prompt_tag",
        "set_prompt_version_tag", "delete_prompt_version_tag",  # by the methods above, or prompts only
        "link_prompts_to_trace", "link_prompt_version_to_model", "link_prompt_version_to_run",
        "create_webhook", "update_webhook", "delete_webhook", "test_webhook",
    }  # fmt: skip
    verbs = (
        "create",
        "update",
        "rename",
        "delete",
        "set",
        "transition",
        "copy",
        "link",
        "test",
        "restore",
        "log",
    )
    public = {n for n in dir(SqlAlchemyStore) if n.split("_")[0] in verbs}
    assert public - harmless == set(OVERRIDES)


def test_a_gated_class_is_made_once_and_keeps_mlflows() -> None:
    """The same class comes back, it is one of MLflow's, and gating it twice changes nothing."""
    once = gated(SqlAlchemyStore)
    assert once is gated(SqlAlchemyStore) is gated(once)
    assert issubclass(once, SqlAlchemyStore)
    assert once.__name__ == "GatedSqlAlchemyStore"
