"""Finds the model version that a training script means.

It may hold "churn", "churn/3", "models:/churn/3", "models:/churn@champion", a ``ModelInfo`` (from
``log_model``) or its ``model_uri``, a ``LoggedModel``, a ``ModelVersion`` or a ``RegisteredModel``.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput, NotFound, Unavailable
from spot_mlflow.record.facts import (
    facts_of,
    logged_model_id,
    logged_model_of,
    registered_model,
)
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.registry_ways import ways_of
from spot_mlflow.record.whereabouts import none_at, store_of
from spot_mlflow.validation import nearest

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

    from spot_mlflow.adoption import ModelFacts

    Located = tuple[ModelFacts, str | None]  # a model, and the number of the version meant

# A name may hold an @, so the last one begins the alias; a name may not hold a slash.
_REFERENCE = re.compile(
    r"(?:models:/+)?(?P<name>[^/]+?)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))?"
)
_SHOWN = 10  # versions that a message names
_STAGES = {"none": "None", "staging": "Staging", "production": "Production", "archived": "Archived"}


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model, made sure to exist.

    Attributes:
        name: registered name; "" for the registry as a whole.
        version: version number as text, or None where the model has none yet.
        created: creation timestamp of the registered model, milliseconds.
    """

    name: str
    version: str | None
    created: int

    def __str__(self) -> str:
        return f"{self.name}/{self.version}" if self.version else self.name

    @property
    def typed(self) -> str:
        """The reference as it is typed in a shell, for the commands that messages name."""
        return shlex.quote(str(self))


def locate(client: MlflowClient, model: Any) -> Located:
    """Finds the model version that ``model`` means; a bare name means its newest version.

    Inside an MLflow run that registered a version of the model, a bare name means that version.

    Raises:
        NotFound: no such model, version or alias; the nearest known name is in the message.
        InvalidInput: ``model`` is nothing that names a registered model.
    """
    with mlflow_errors(f"model {_said(model)}", at=_address(client)):
        if isinstance(model, str):
            return _from_text(client, model)
        if hasattr(model, "registered_model_version") and hasattr(model, "model_uri"):
            number = model.registered_model_version
            return _from_logged_model(
                client, getattr(model, "model_id", None), model.run_id, number
            )
        if hasattr(model, "model_id") and hasattr(model, "source_run_id"):
            return _from_logged_model(client, model.model_id, model.source_run_id)
        name, version = getattr(model, "name", None), getattr(model, "version", None)
        if isinstance(name, str) and version is not None:
            return _version(client, _registered(client, name), str(version))
        if isinstance(name, str) and hasattr(model, "latest_versions"):
            return _newest(client, _registered(client, name))
    raise InvalidInput(
        f"a value of type {type(model).__name__} names no registered model",
        fix="Pass 'churn', 'churn/3', 'models:/churn@champion', or what log_model returned.",
    )


def _said(model: Any) -> str:
    return repr(model) if isinstance(model, str) else type(model).__name__


def _from_text(client: MlflowClient, text: str) -> Located:
    logged = logged_model_of(text)
    if logged:
        return _from_logged_model(client, logged)
    match = _REFERENCE.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(
            f"{text!r} names no model", fix="Write churn, churn/3 or models:/churn@champion."
        )
    name, wanted, alias = match["name"], match["version"], match["alias"]
    found = _find(client, name)
    if alias and found is None and (whole := _find(client, f"{name}@{alias}")):
        return _newest(client, whole)
    registered = found or _padded(client, name)
    if alias:
        return _aliased(client, registered, alias)
    if wanted is None or wanted.casefold() == "latest":
        return _newest(client, registered)
    if wanted.casefold() in _STAGES:
        return _staged(client, registered, _STAGES[wanted.casefold()])
    return _version(client, registered, wanted)


def _find(client: MlflowClient, name: str) -> RegisteredModel | None:
    from mlflow.exceptions import MlflowException

    try:
        found = registered_model(client, name)
    except MlflowException as e:
        if e.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    if not found.name:  # an answer that is empty, or JSON of something else
        raise Unavailable(
            f"MLflow at {_address(client)} answered, but not as MLflow does",
            where=f"model {name!r}",
            fix="A proxy or a login page may be in front of it: check MLFLOW_TRACKING_URI.",
        )
    return found


def _address(client: MlflowClient) -> str:
    return str(client.tracking_uri)


def _registered(client: MlflowClient, name: str) -> RegisteredModel:
    return _find(client, name) or _padded(client, name)


def _padded(client: MlflowClient, name: str) -> RegisteredModel:
    """Returns the model that has blanks around its name, which MLflow takes; else says what is known."""
    known = client.search_registered_models(max_results=1000)
    padded = [m for m in known if m.name.strip() == name.strip()]
    if len(padded) == 1:
        return padded[0]
    hint = nearest(name, [m.name for m in known])
    levels = ways_of(client).levels
    if name.count(".") != levels - 1 and levels > 1:
        fix = "Its names have three levels: catalog.schema.model."
    elif known:
        fix = "Register it with log_model(..., registered_model_name=...)."
    else:
        fix = none_at(store_of(client))
    raise NotFound(f"no registered model {name!r}{hint}", fix=fix)


def _newest(client: MlflowClient, registered: RegisteredModel) -> Located:
    import mlflow

    facts = facts_of(client, registered)
    run = mlflow.active_run()
    mine = [] if run is None else _registered_by(client, facts.name, str(run.info.run_id))
    return facts, max(mine, key=int) if mine else facts.newest


def _registered_by(client: MlflowClient, name: str, run_id: str) -> list[str]:
    """Returns the versions of a model that a run registered."""
    found = client.search_model_versions(f"run_id='{run_id}'")
    return [str(v.version) for v in found if v.name == name]


def _version(client: MlflowClient, registered: RegisteredModel, wanted: str) -> Located:
    facts = facts_of(client, registered)
    if facts.version(wanted) is None:
        known = [v.version for v in facts.versions]
        shown = ", ".join(["…"] * (len(known) > _SHOWN) + known[-_SHOWN:]) or "none"
        raise NotFound(f"model {registered.name!r} has no version {wanted!r}; it has {shown}")
    return facts, wanted


def _aliased(client: MlflowClient, registered: RegisteredModel, alias: str) -> Located:
    aliases = {str(k): str(v) for k, v in dict(registered.aliases or {}).items()}
    version = aliases.get(alias) or {k.casefold(): v for k, v in aliases.items()}.get(
        alias.casefold()
    )
    if version is None:
        raise NotFound(
            f"model {registered.name!r} has no alias {alias!r}{nearest(alias, aliases)}; "
            f"it has {', '.join(sorted(aliases)) or 'none'}"
        )
    return _version(client, registered, version)


def _staged(client: MlflowClient, registered: RegisteredModel, stage: str) -> Located:
    ways_of(client).check_target(stage)
    last = [v for v in registered.latest_versions or [] if v.current_stage == stage]
    if not last:
        raise NotFound(f"model {registered.name!r} has no version in stage {stage}")
    return facts_of(client, registered), str(last[0].version)


def _from_logged_model(
    client: MlflowClient, model_id: str | None, run_id: str | None = None, number: Any = None
) -> Located:
    """Finds the version that was registered from a logged model: none of them knows the name.

    Args:
        client: MLflow.
        model_id: of the LoggedModel; None where MLflow 2 logged it.
        run_id: that logged it; None outside a run.
        number: of the version, where known.
    """
    wanted = f"run_id='{run_id}'" if run_id else f"source_path='models:/{model_id}'"
    if not run_id and model_id and not ways_of(client).searches_sources:
        raise InvalidInput(
            f"{ways_of(client).name} cannot search for the version of a logged model",
            fix="Say which: 'name/version'.",
        )
    found = list(client.search_model_versions(wanted)) if run_id or model_id else []
    mine = [v for v in found if model_id and logged_model_id(v) == model_id]
    # A version registered by "runs:/..." has a path for a source; then its run must do.
    mine = mine or [v for v in found if not logged_model_id(v)]
    match = [v for v in mine if number is None or str(v.version) == str(number)]
    if not match:
        raise InvalidInput(
            "the model was logged but not registered",
            fix="Pass registered_model_name= to log_model, or call mlflow.register_model.",
        )
    names = sorted({v.name for v in match})
    if len(names) > 1:
        raise InvalidInput(
            f"the model is registered as {' and '.join(names)}", fix="Say which: 'name/version'."
        )
    last = max(match, key=lambda v: int(v.version))
    return _version(client, _registered(client, last.name), str(last.version))
