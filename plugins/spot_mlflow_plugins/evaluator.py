"""``mlflow.models.evaluate(evaluators="spot")``: a backtest of the lift, logged to the run.

MLflow runs every evaluator plugin when none is named, so this one runs only where its own
configuration says who was treated:

```python
mlflow.models.evaluate(
    data=history,                       # randomized history with targets and scores
    targets="visit",
    predictions="score",
    model_type="uplift",                # MLflow wants one; any name will do
    evaluators="spot",
    evaluator_config={"treated": "treated", "top": 0.3, "metric": "visit"},
)
```

The run then holds metrics (``spot_lift``, ``spot_qini``, ...), the decile table as
``spot_backtest.json``, and the contract to promise as ``spot_lift.yaml``.
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.models.evaluation import EvaluationResult, ModelEvaluator
from mlflow.models.evaluation.artifacts import JsonEvaluationArtifact, TextEvaluationArtifact

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.promise.contract import predicted_from_backtest
from spot_mlflow.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.promise.backtest import Backtest

TREATED = "treated"  # the key that opts in
_BACKTEST = ("top", "bins", "effect", "direction", "confidence", "uplift_scores")
_CONTRACT = ("metric", "kind", "columns")
_KNOWN = (TREATED, *_BACKTEST, *_CONTRACT)


class SpotEvaluator(ModelEvaluator):
    """Evaluates scores by the lift that treating the highest of them brings."""

    @classmethod
    def can_evaluate(
        cls,
        *,
        model_type: str | None,  # noqa: ARG003 - any model that scores will do
        evaluator_config: Mapping[str, Any] | None,
        **kwargs: Any,  # noqa: ARG003 - MLflow may pass more one day
    ) -> bool:
        """Says yes only where the configuration names the treatment: opt in."""
        return bool(evaluator_config) and TREATED in (evaluator_config or {})

    def evaluate(
        self,
        *,
        model_type: str | None,  # noqa: ARG002 - any model that scores will do
        dataset: Any,
        run_id: str,
        evaluator_config: Mapping[str, Any],
        model: Any = None,
        extra_metrics: Any = None,  # noqa: ARG002 - MLflow's signature
        custom_artifacts: Any = None,  # noqa: ARG002 - MLflow's signature
        predictions: str | None = None,
        model_id: str | None = None,
        **kwargs: Any,  # noqa: ARG002 - MLflow may pass more one day
    ) -> EvaluationResult:
        """Runs the backtest and logs metrics and artifacts to the run.

        Args:
            model_type: not used.
            dataset: MLflow's evaluation data: features, targets, and predictions or a model's input.
            run_id: run to log to.
            evaluator_config: ``treated`` (a column of the data, or one value per unit); optional
                ``top``, ``bins``, ``effect``, ``direction``, ``confidence``, ``uplift_scores``; with
                ``metric`` also ``kind`` and ``columns``, and the contract is written as well.
            model: a pyfunc model, or None where the data hold its predictions.
            extra_metrics: not used.
            custom_artifacts: not used.
            predictions: column of a model's output that is the score, where it has several.
            model_id: LoggedModel that the metrics belong to.
            **kwargs: not used.

        Raises:
            InvalidInput: where the configuration or the data cannot be used.
        """
        from spot_mlflow.lift.promise.backtest import backtest

        config = _checked(evaluator_config)
        treated = _treated(dataset, config[TREATED])
        scores = _scores(dataset, model, config[TREATED], predictions)
        if dataset.labels_data is None:
            raise InvalidInput("the data have no outcome column", fix="Give targets=.")
        options = {k: config[k] for k in _BACKTEST if k in config}
        outcome = _indexed(dataset, dataset.labels_data, treated)
        result = backtest(_indexed(dataset, scores, treated), treated, outcome, **options)
        metrics = metrics_of(result)
        contents = {"spot_backtest.json": json.dumps(table_of(result), indent=2)}
        if "metric" in config:
            contents["spot_lift.yaml"] = _contract(result, config)
        uris = _log(run_id, metrics, contents, model_id)
        return EvaluationResult(
            metrics=metrics,
            run_id=run_id,
            artifacts={
                name: (
                    JsonEvaluationArtifact(uri=uris[name], content=json.loads(text))
                    if name.endswith(".json")
                    else TextEvaluationArtifact(uri=uris[name], content=text)
                )
                for name, text in contents.items()
            },
        )


def metrics_of(result: Backtest) -> dict[str, float]:
    """Figures of a backtest under the names they are logged by; infinite ones are left out."""
    promise = result.promise
    named = {
        "spot_lift": promise.lift,
        "spot_lift_low": promise.low,
        "spot_lift_high": promise.high,
        "spot_lift_as_picked": result.lift.lift,
        "spot_baseline": result.baseline,
        "spot_qini": result.qini,
        "spot_auuc": result.auuc,
        "spot_average_lift": result.average_lift,
        "spot_top_decile_lift": result.top_decile_lift.lift,
    }
    return {k: float(v) for k, v in named.items() if v is not None and math.isfinite(v)}


def table_of(result: Backtest) -> dict[str, Any]:
    """The whole backtest as JSON values."""
    return {**jsonable(result), "source": result.source}


def _checked(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in config:
        if key not in _KNOWN:
            known = nearest(key, _KNOWN) or f"; known keys: {', '.join(_KNOWN)}"
            raise InvalidInput(f"unknown key '{key}'{known}", where="evaluator_config")
    return config


def _treated(dataset: Any, treated: Any) -> Any:
    """Returns one value per unit: a column of the features, or what was given."""
    if not isinstance(treated, str):
        return treated
    features = dataset.features_data
    columns = list(getattr(features, "columns", ()))
    if treated not in columns:
        raise InvalidInput(
            f"the data have no column '{treated}'{nearest(treated, columns)}",
            where="evaluator_config: treated",
        )
    return features[treated]


def _indexed(dataset: Any, values: Any, treated: Any) -> Any:
    """Gives values of the data set its index back, where the treatment is a Series that has one."""
    import pandas as pd

    index = getattr(dataset.features_data, "index", None)
    if not isinstance(treated, pd.Series) or not isinstance(index, pd.Index):
        return values
    if len(values) != len(index) or isinstance(values, pd.Series):
        return values
    return pd.Series(list(values), index=index)


def _scores(dataset: Any, model: Any, treated: Any, column: str | None) -> Any:
    """Returns one score per unit, from the data or from the model."""
    import numpy as np
    import pandas as pd

    if model is None:
        found = dataset.predictions_data
        if found is None:
            raise InvalidInput("the data have no scores", fix="Give predictions= or a model.")
    else:
        features = dataset.features_data
        inputs = model.metadata.get_input_schema() if hasattr(model, "metadata") else None
        wanted = inputs.input_names() if inputs is not None and inputs.has_input_names() else None
        if isinstance(treated, str) and (wanted is None or treated not in wanted):
            features = features.drop(columns=[treated])
        found = model.predict(features)
    if hasattr(found, "columns"):
        found = found[column] if column in found.columns else found.iloc[:, -1]
    values = found if isinstance(found, pd.Series) else np.asarray(found)
    # A classifier's probabilities stand one column a class; the last is that of the event.
    return values[:, -1] if values.ndim > 1 else values


def _contract(result: Backtest, config: Mapping[str, Any]) -> str:

    given = {k: config[k] for k in ("effect", "direction", "confidence", *_CONTRACT) if k in config}
    given.setdefault("columns", {"arm": str(config[TREATED]), "outcome": config["metric"]})
    return predicted_from_backtest(result, **given).to_yaml()


def _log(
    run_id: str, metrics: Mapping[str, float], contents: Mapping[str, str], model_id: str | None
) -> dict[str, str]:
    """Logs metrics and files; returns where each file is."""
    from mlflow import MlflowClient

    client = MlflowClient()
    for name, value in metrics.items():
        client.log_metric(run_id, name, value, model_id=model_id)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in contents.items():
            path = Path(folder, name)
            path.write_text(text, encoding="utf-8")
            client.log_artifact(run_id, str(path))
    base = client.get_run(run_id).info.artifact_uri
    return {name: f"{base}/{name}" for name in contents}
