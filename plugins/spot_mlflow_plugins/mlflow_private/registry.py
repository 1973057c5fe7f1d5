"""The registry store: prompts, stages, and a model's rows in four small statements."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from spot_mlflow_plugins.mlflow_private.tracking import _primary

# What MLflow's client and store write as a prompt version's source; older ones have no name for it.
PROMPT_SOURCES: Final = frozenset({"dummy-source", "prompt-template"})


def registry_store_of(client: Any) -> Any:
    """Returns the registry store behind a client."""
    return client._get_registry_client().store  # noqa: SLF001 - what this package is for


def sql_registry_store() -> type:
    """Returns the class of a registry in a database, workspaces included where they are on."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if MLFLOW_ENABLE_WORKSPACES.get():
        from mlflow.store.model_registry.sqlalchemy_workspace_store import (
            WorkspaceAwareSqlAlchemyStore,
        )

        return WorkspaceAwareSqlAlchemyStore
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore


def rest_registry_store(uri: str) -> tuple[type, Any]:
    """Returns the class of a remote registry, and its argument: where and as whom."""
    from functools import partial

    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    return RestStore, partial(get_default_host_creds, uri)


def is_prompt_tag(key: str) -> bool:
    """Says whether a tag makes a registered model, or a version, a prompt."""
    from mlflow.prompt.constants import IS_PROMPT_TAG_KEY

    return bool(key == IS_PROMPT_TAG_KEY)


def is_prompt_model(model: Any) -> bool:
    """Says whether a registered model is a prompt; its public ``tags`` hide that."""
    return bool(model._is_prompt())  # noqa: SLF001 - what this package is for


def is_prompt_source(source: str) -> bool:
    """Says whether a version's source is a placeholder: a prompt's text stands in its tags."""
    return source in PROMPT_SOURCES


def is_prompt_version(version: Any) -> bool:
    """Says whether a version is a prompt's: by its tag, and with nothing that could be loaded."""
    return bool(version._is_prompt()) and is_prompt_source(str(version.source))  # noqa: SLF001 - what this package is for


def registered_model_tag(key: str, value: str) -> Any:
    """Returns a tag as the registry's store takes it."""
    from mlflow.entities.model_registry import RegisteredModelTag

    return RegisteredModelTag(key, value)


def in_stage(store: Any, name: str, stage: str) -> list[str]:
    """Returns the numbers of a model's versions in a stage, all of them.

    ``get_latest_versions`` gives one per stage only; a search reads every version's tags.
    """
    rows = model_rows(store, name)
    if rows is not None:
        return [version for version, _, held, _ in rows.versions if held == stage]
    found: list[str] = []
    token: str | None = None
    while True:
        quote = '"' if "'" in name else "'"
        page = store.search_model_versions(
            f"name = {quote}{name}{quote}", max_results=1000, page_token=token
        )
        found.extend(str(v.version) for v in page if v.current_stage == stage)
        token = page.token
        if not token:
            return found


class ModelRows(NamedTuple):
    """What a registry's tables say of one model.

    Attributes:
        name: as it is written there.
        created: creation time, milliseconds.
        tags: key to value.
        aliases: alias to version.
        versions: (version, creation time, stage, run id), oldest first, deleted ones left out.
    """

    name: str
    created: int
    tags: dict[str, str]
    aliases: dict[str, str]
    versions: list[tuple[str, int, str, str]]


def model_rows(store: Any, name: str) -> ModelRows | None:
    """Reads one model by four small statements; None where the store is no database here, or has none.

    ``get_registered_model`` and ``search_model_versions`` load every tag of every version.
    """
    if not hasattr(store, "ManagedSessionMaker"):
        return None
    from mlflow.entities.model_registry.model_version_stages import STAGE_DELETED_INTERNAL
    from mlflow.store.model_registry.dbmodels import models as m

    def rows(session: Any, table: Any, *columns: str) -> list[Any]:
        query = store._get_query(session, table).filter(table.name == name)  # noqa: SLF001 - what this package is for
        return list(query.with_entities(*(getattr(table, c) for c in columns)).all())

    with store.ManagedSessionMaker() as session:
        found = rows(session, m.SqlRegisteredModel, "name", "creation_time")
        if len(found) != 1:
            return None
        tags = rows(session, m.SqlRegisteredModelTag, "key", "value")
        aliases = rows(session, m.SqlRegisteredModelAlias, "alias", "version")
        versions = rows(
            session, m.SqlModelVersion, "version", "creation_time", "current_stage", "run_id"
        )
    return ModelRows(
        str(found[0][0]),
        int(found[0][1] or 0),
        {str(k): str(v) for k, v in tags},
        {str(a): str(v) for a, v in aliases},
        [
            (str(v), int(created or 0), str(stage or "None"), str(run or ""))
            for v, created, stage, run in sorted(versions)
            if stage != STAGE_DELETED_INTERNAL
        ],
    )


def model_births(store: Any) -> set[tuple[str, int]] | None:
    """Returns (name, creation time) of every registered model, of all workspaces: one statement.

    None where the store is no database here.
    """
    if not hasattr(store, "ManagedSessionMaker"):
        return None
    import sqlalchemy as sa
    from mlflow.store.model_registry.dbmodels.models import SqlRegisteredModel as Model

    query: Any = sa.select(Model.name, Model.creation_time)
    with store.ManagedSessionMaker() as session:
        return {(str(name), int(created or 0)) for name, created in session.execute(query)}


class HolderRow(NamedTuple):
    """A version that has a stage or an alias.

    Attributes:
        name: of the model.
        version: version number.
        target: stage, or "@alias".
        run_id: the run it came from, or "".
        location: URI of its files.
        source: URI that it was registered with.
        workspace: its workspace, or None where they are off.
    """

    name: str
    version: str
    target: str
    run_id: str
    location: str
    source: str = ""
    workspace: str | None = None


def holders(store: Any) -> list[HolderRow]:
    """Returns the versions with a stage or alias, of all workspaces, one row for each of these.

    Two statements; nothing where the store is no database here.
    """
    if not hasattr(store, "ManagedSessionMaker"):
        return []
    import sqlalchemy as sa
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
    from mlflow.store.model_registry.dbmodels import models as m

    version: Any = m.SqlModelVersion
    alias: Any = m.SqlRegisteredModelAlias
    columns = (
        version.name, version.version, version.run_id, version.storage_location, version.source,
        version.workspace,
    )  # fmt: skip
    with _primary(store) as session:
        every = session.query(version)
        staged = every.filter(version.current_stage.in_(("Staging", "Production")))
        found = list(staged.with_entities(version.current_stage, *columns).all())
        keys = ("workspace", "name", "version")
        same = [getattr(alias, k) == getattr(version, k) for k in keys]
        named = every.join(alias, sa.and_(*same)).with_entities(alias.alias, *columns)
        found += [(f"@{row[0]}", *row[1:]) for row in named.all()]
    several = MLFLOW_ENABLE_WORKSPACES.get()
    return [
        HolderRow(
            str(name), str(number), str(target), str(run or ""), str(location or source or ""),
            str(source or ""), str(workspace) if several else None,
        )
        for target, name, number, run, location, source, workspace in found
    ]  # fmt: skip
