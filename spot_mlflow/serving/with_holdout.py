"""``with_holdout``: logs a model that returns the arm beside the prediction."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise import arm_hash
from spot_mlflow.lift.promise.assign import rule_of
from spot_mlflow.lift.promise.contract import PredictedLift

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.models.model import ModelInfo

    from spot_mlflow.lift.promise.arm_hash import ArmRule

_MODEL: Final = Path(__file__).with_name("arm_model.py")
_HASH: Final = Path(arm_hash.__file__)
_KINDS: Final = {"b": "boolean", "i": "long", "u": "long", "f": "double"}
_LABELS: Final = {str: "string", bool: "boolean", int: "long", float: "double"}


def with_holdout(
    model: Any,
    contract: PredictedLift | dict[str, Any] | str | Path,
    *,
    name: str = "with_holdout",
    registered_model_name: str | None = None,
    withhold: bool = False,
    version: str | None = None,
    id_type: Literal["string", "integer", "long"] = "string",
    **log_model: Any,
) -> ModelInfo:
    """Logs a model around another one: it returns keys, predictions, score, arm, version and time.

    The model inside stays as it is, and is logged with it. In batch, in Spark and behind ``mlflow models
    serve`` the arm is the one that ``assign_arms`` gives; a dated schedule goes by the time of the prediction.
    ``mlflow.models.evaluate(uri, ..., model_config={"only": "prediction"})`` evaluates one column of it.

    Args:
        model: URI of a logged model with a signature of named columns, or what ``log_model`` returned.
        contract: a contract with ``assignment``.
        name: of the logged model.
        registered_model_name: to register it under.
        withhold: whether the predictions of held-out units, the score among them, are left empty. Whole
            numbers then become doubles, since they have no empty value.
        version: written as the model's version; that of a registered ``model``, else its id, where None.
        id_type: type of the ids in the signature.
        **log_model: further arguments of ``mlflow.pyfunc.log_model``.

    Returns:
        What ``mlflow.pyfunc.log_model`` returns.

    Raises:
        InvalidInput: where the contract has no assignment, the model no signature of named columns, or a
            column of the result would occur twice.
    """
    import mlflow

    predicted = PredictedLift.load(contract)
    rule = rule_of(predicted)
    uri = str(getattr(model, "model_uri", model))
    info = mlflow.models.get_model_info(uri)
    columns = predicted.columns
    names = {
        "arm": columns.arm,
        "score": columns.score or "score",
        "version": columns.model_version or "model_version",
        "time": columns.decided_at or "decided_at",
    }
    features = _features(info.signature, uri)
    segment = columns.segment if rule.by_segment else None
    keys = list(dict.fromkeys(k for k in (columns.unit, rule.column, segment) if k is not None))
    signature = _signature(info.signature, keys, rule, names, withhold=withhold, id_type=id_type)
    settings = {
        "rule": rule.to_dict(),
        "assignment": predicted.to_dict()["assignment"],
        "contract_digest": predicted.digest,
        "keys": keys,
        "features": features,
        "segment": segment,
        "names": names,
        "version": version or _version(model, uri, info),
        "withhold": withhold,
    }
    requirements = log_model.pop("pip_requirements", None) or _requirements(uri)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.json"
        path.write_text(json.dumps(settings, indent=1), encoding="utf-8")
        logged: ModelInfo = mlflow.pyfunc.log_model(
            name=name,
            python_model=str(_MODEL),
            artifacts={"model": uri, "settings": str(path)},
            code_paths=[str(_HASH)],
            signature=signature,
            registered_model_name=registered_model_name,
            pip_requirements=requirements,
            model_config={"only": "", **(log_model.pop("model_config", None) or {})},
            **log_model,
        )
    return logged


def _features(signature: ModelSignature | None, uri: str) -> list[str]:
    """The columns that the model inside reads."""
    if signature is None or signature.inputs is None or signature.outputs is None:
        raise InvalidInput(
            "the model has no signature, so its columns are not known",
            where=uri,
            fix="Log it with signature=infer_signature(X, model.predict(X)).",
        )
    if signature.inputs.is_tensor_spec() or not signature.inputs.has_input_names():
        raise InvalidInput(
            "the model's inputs have no column names, so an id cannot be added to them",
            where=uri,
            fix="Log it with a signature that was inferred from a frame.",
        )
    return list(signature.inputs.input_names())


def _signature(
    inner: Any,
    keys: list[str],
    rule: ArmRule,
    names: dict[str, str],
    *,
    withhold: bool,
    id_type: str,
) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    own = {c.name: c for c in inner.inputs.inputs}
    inputs = [own.get(k) or ColSpec(id_type, k) for k in keys]
    labels = {type(x) for x in (rule.holdout, *rule.treated)}
    arm = _LABELS[labels.pop()] if len(labels) == 1 else "string"
    outputs = [
        *(ColSpec(c.type, c.name) for c in inputs),
        *_predictions(inner.outputs, names["score"], withhold=withhold),
        ColSpec(arm, names["arm"]),
        ColSpec("string", names["version"]),
        ColSpec("string", names["time"]),
    ]
    said = [c.name for c in outputs]
    twice = sorted({n for n in said if said.count(n) > 1})
    if twice:
        raise InvalidInput(
            f"the result would have column {twice[0]!r} twice: the model's own, and one that is added",
            where="columns",
            fix="Rename it in the contract, or in what the model returns.",
        )
    rest = [c for c in inner.inputs.inputs if c.name not in keys]
    return ModelSignature(Schema([*inputs, *rest]), Schema(outputs), inner.params)


def _predictions(outputs: Any, score: str, *, withhold: bool) -> list[Any]:
    """The columns of what the model inside predicts, as ``arm_model.predicted`` names them."""
    from mlflow.types.schema import ColSpec

    named: list[tuple[str, Any]]
    if outputs.is_tensor_spec():
        (tensor,) = outputs.inputs
        kind = _KINDS.get(tensor.type.kind, "string")
        wide = tensor.shape[1] if len(tensor.shape) > 1 else 1
        if wide > 1:
            named = [(f"prediction_{i}", kind) for i in range(wide)]
        else:
            named = [("prediction", kind), *([(score, "double")] if kind != "string" else [])]
    elif outputs.has_input_names():
        named = [(c.name, c.type.name) for c in outputs.inputs]
    else:
        kind = outputs.inputs[0].type.name
        number = kind in {"boolean", "integer", "long", "float", "double"}
        named = [("prediction", kind), *([(score, "double")] if number else [])]
    if not withhold:
        return [ColSpec(kind, name) for name, kind in named]
    empty = {"integer": "double", "long": "double"}
    return [ColSpec(empty.get(kind, kind), name, required=False) for name, kind in named]


def _version(model: Any, uri: str, info: Any) -> str:
    """The number of a registered version, else the id of the logged model."""
    found = getattr(model, "registered_model_version", None)
    if (found is None and uri.startswith("models:/") and uri.count("/") > 1) or "@" in uri:
        from mlflow import MlflowClient

        from spot_mlflow.record.references import locate

        found = locate(MlflowClient(), uri)[1]
    return str(found or info.model_id or info.run_id)


def _requirements(uri: str) -> list[str]:
    """What the model inside needs, and pandas."""
    import mlflow

    path = Path(mlflow.pyfunc.get_model_dependencies(uri, format="pip"))
    lines = [x.strip() for x in path.read_text(encoding="utf-8").splitlines()]
    kept = [x for x in lines if x and not x.startswith(("#", "-c"))]
    own = [] if any(x.startswith("pandas") for x in kept) else ["pandas"]
    return [*kept, *own]
