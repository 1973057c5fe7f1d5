"""MLflow's basic auth: who is asking, and what they may."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from spot_mlflow_plugins.mlflow_private.server import model_registry_store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


def auth_app(flask: Any) -> Any:
    """Puts MLflow's basic auth in front and returns the application to serve."""
    from mlflow.server.auth import create_app

    return create_app(flask)


def sender_is_admin() -> bool:
    """Says whether the authenticated user of this request administers the server."""
    from mlflow.server.auth import sender_is_admin as is_admin

    return bool(is_admin())


def authorize(validators: dict[tuple[str, str], Any]) -> None:
    """Tells basic auth who may call which route of ours.

    Args:
        validators: (path, method) -> function without arguments that says yes or no.
    """
    from mlflow.server import auth

    auth.BEFORE_REQUEST_VALIDATORS.update(validators)


def leave_open(paths: Iterable[str]) -> None:
    """Has basic auth ask nobody for a login who asks for exactly one of these paths.

    MLflow asks the function that is replaced from Flask, and from its ASGI middleware, where there is no
    request of Flask's: so the path alone decides.

    Raises:
        RuntimeError: this MLflow decides in another way.
    """
    from mlflow.server import auth

    if not hasattr(auth, "is_unprotected_route"):
        raise RuntimeError("this MLflow decides in another way who needs a login")
    inner, ours = auth.is_unprotected_route, frozenset(paths)

    def unprotected(path: str) -> bool:
        return path in ours or bool(inner(path))

    auth.is_unprotected_route = unprotected


def bind_experiments(
    models_of: Callable[[str], Collection[str] | None], withheld: Callable[[str, str], bool]
) -> None:
    """Has every right on an experiment that holds a model's evidence end where that on the model does.

    MLflow decides all of them, of routes, listings, GraphQL and proxied files alike, by folding a
    user's grants for a key; that one function is replaced, and the grants on models are read with
    those on experiments.

    Args:
        models_of: experiment id -> names of the models, each of which must be readable; None where
            the experiment holds no evidence, empty where its model is gone.
        withheld: (user, experiment id) -> whether this user may not read it now all the same; asked
            only of experiments that hold evidence and that the user could read.

    Raises:
        RuntimeError: this MLflow decides in another way.
    """
    from mlflow.server import auth

    if not hasattr(auth, "fold_grants_for_key"):
        _bind_older(auth, models_of, withheld)
        return
    if not hasattr(auth.store, "list_grants"):
        raise RuntimeError("this MLflow decides on experiments in a way that is not known here")
    if hasattr(auth.fold_grants_for_key, "spot"):
        return
    fold, list_grants = auth.fold_grants_for_key, auth.store.list_grants

    def with_models(user_id: int, workspace: str, resource_types: Any) -> list[Any]:
        types = set(resource_types)
        wanted = types | {"registered_model"} if "experiment" in types else types
        return _Grants(list_grants(user_id, workspace, wanted), workspace, user_id)

    def bound(grants: Any, key: Any) -> Any:
        found = fold(grants, key)
        if key.resource_type != "experiment" or key.resource_id == "*":
            return found
        models = models_of(str(key.resource_id))
        if models is None:
            return found
        if not models or not all(_readable(fold, grants, name) for name in models):
            return auth.DENY
        user = grants.username if isinstance(grants, _Grants) else None
        return auth.DENY if user is None or withheld(user, str(key.resource_id)) else found

    bound.spot = True  # type: ignore[attr-defined] # so that it is done once
    auth.fold_grants_for_key = bound
    setattr(auth.store, "list_grants", with_models)  # noqa: B010 - a method of one object


def _bind_older(
    auth: Any,
    models_of: Callable[[str], Collection[str] | None],
    withheld: Callable[[str, str], bool],
) -> None:
    """Does the same for MLflow that asks for one right at a time, and for those of a listing."""
    needed = ("_role_permission_for", "_role_based_read_predicate", "NO_PERMISSIONS")
    if not all(hasattr(auth, n) for n in needed):
        raise RuntimeError("this MLflow decides on experiments in a way that is not known here")
    if hasattr(auth._role_permission_for, "spot"):  # noqa: SLF001 - what this package is for
        return
    one, listing = auth._role_permission_for, auth._role_based_read_predicate  # noqa: SLF001 - the same

    def readable(username: str, experiment_id: str) -> bool:
        models = models_of(experiment_id)
        if models is None:
            return True
        known = bool(models) and all(_permission_of(username, m).can_read for m in models)
        return known and not withheld(username, experiment_id)

    def bound(*args: Any, **kwargs: Any) -> Any:
        said = dict(zip(("username", "resource_type", "resource_key"), args, strict=False)) | kwargs
        found = one(*args, **kwargs)
        if said["resource_type"] != "experiment":
            return found
        username, key = said["username"], str(said["resource_key"])
        return lambda: found() if readable(username, key) else auth.NO_PERMISSIONS

    def bound_listing(username: str, resource_type: str, *args: Any, **kwargs: Any) -> Any:
        found = listing(username, resource_type, *args, **kwargs)
        if resource_type != "experiment":
            return found
        return lambda experiment_id: found(experiment_id) and readable(username, str(experiment_id))

    bound.spot = True  # type: ignore[attr-defined] # so that it is done once
    auth._role_permission_for = bound  # noqa: SLF001 - what this package is for
    auth._role_based_read_predicate = bound_listing  # noqa: SLF001 - what this package is for


class _Grants(list[Any]):
    """A user's grants, with the workspace they are of, and whose they are."""

    def __init__(self, rows: Iterable[Any], workspace: str, user_id: int) -> None:
        super().__init__(rows)
        self.workspace = workspace
        self._user_id = user_id

    @cached_property
    def username(self) -> str | None:
        """The user's name, read where it is asked for; None where the user is gone."""
        import sqlalchemy as sa
        from mlflow.server import auth
        from mlflow.server.auth.db.models import SqlUser

        with auth.store.ManagedSessionMaker() as session:
            found = session.execute(sa.select(SqlUser.username).where(SqlUser.id == self._user_id))
            return found.scalar_one_or_none()  # type: ignore[no-any-return] # a column of text


def _readable(fold: Any, grants: Any, model: str) -> bool:
    """Whether a user with these grants may read a registered model."""
    from mlflow.server import auth

    for key in (("registered_model", model), ("workspace", "*")):
        found = fold(grants, auth.GrantLoadKey(*key))
        if found is not None:
            return bool(found.can_read)
    workspace = getattr(grants, "workspace", None)
    if workspace is None:
        return False
    return bool(auth._absent_permission(workspace).can_read)  # noqa: SLF001 - what this package is for


def may_read_model(name: str) -> bool:
    """Says whether the authenticated user may read a registered model."""
    return bool(_permission_on_model(name).can_read)


def readable_models() -> Callable[[str], bool]:
    """Returns whether the authenticated user may read a registered model: one look for a whole list.

    It is what MLflow's own list of models asks.
    """
    from mlflow.server import auth

    user: Any = auth.authenticate_request()
    found: Callable[[str], bool] = auth._role_based_read_predicate(  # noqa: SLF001 - what this package is for
        user.username, "registered_model"
    )
    return found


def may_update_model(name: str) -> bool:
    """Says whether the authenticated user may update a registered model."""
    return bool(_permission_on_model(name).can_update)


def may_manage_model(name: str) -> bool:
    """Says whether the authenticated user may manage a registered model."""
    return bool(_permission_on_model(name).can_manage)


def _permission_on_model(name: str) -> Any:
    from mlflow.server import auth

    user: Any = auth.authenticate_request()
    return _permission_of(user.username, name)


def _permission_of(username: str, name: str) -> Any:
    from mlflow.server import auth

    return auth._get_role_permission_or_default(  # noqa: SLF001 - what this package is for
        auth._role_permission_for(  # noqa: SLF001 - what this package is for
            username=username,
            resource_type="registered_model",
            resource_key=name,
            workspace_lookup_id=name,
            workspace_fetcher=model_registry_store().get_registered_model,
            workspace_label="registered model",
        )
    )
