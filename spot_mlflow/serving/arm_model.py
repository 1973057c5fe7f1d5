"""The logged model: the arm, the version and the time beside what the model inside predicts.

Models from code: MLflow logs this file, nothing is pickled. It imports nothing of spot-mlflow but the hash,
which is logged beside it, so that a served container needs neither. What it is to do is in an artifact,
since ``model_config`` can be changed when a model is loaded.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel

try:
    import arm_hash as hashing  # type: ignore[import-not-found] # logged beside this file
except ModuleNotFoundError:
    from spot_mlflow.lift.promise import arm_hash as hashing

if TYPE_CHECKING:
    from collections.abc import Mapping


class ArmModel(PythonModel):
    """Returns the keys of a row, what the model inside predicts of it, and its arm.

    Artifacts: ``model``, the model inside; ``settings``, a JSON file with the ``rule`` (``ArmRule.to_dict``), the
    ``keys`` passed through, the inner model's ``features``, the ``version``, the ``names`` of the columns
    that are added, and whether to ``withhold`` the predictions of the holdout. Loaded with
    ``model_config={"only": COLUMN}`` it returns that column alone, as MLflow's evaluators need it.
    """

    def load_context(self, context: Any) -> None:
        """Loads the model inside and the settings."""
        settings = Path(context.artifacts["settings"]).read_text(encoding="utf-8")
        self.settings: dict[str, Any] = json.loads(settings)
        self.rule = hashing.ArmRule.from_dict(self.settings["rule"])
        self.inner = mlflow.pyfunc.load_model(context.artifacts["model"])
        self.only = str((context.model_config or {}).get("only") or "")

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002 - MLflow's signature
        """Returns one row for each of the input's; one column of it where the model was loaded for that."""
        frame = pd.DataFrame(model_input)
        now = datetime.now(timezone.utc)
        arms = self._arms(frame, now)
        features = frame[self.settings["features"]]
        inner = self.inner.predict(features, params) if params else self.inner.predict(features)
        found = predicted(inner, self.settings["names"])
        if self.settings["withhold"]:
            found = {k: withheld(v, arms == 0) for k, v in found.items()}
        names = self.settings["names"]
        labels = [self.rule.holdout, *self.rule.treated]
        if len({type(x) for x in labels}) > 1:
            labels = [str(x) for x in labels]
        keys = {k: frame[k].to_numpy() for k in self.settings["keys"]}
        added = {
            names["arm"]: [labels[a] for a in arms.tolist()],
            names["version"]: self.settings["version"],
            names["time"]: now.isoformat(timespec="microseconds"),
        }
        result = pd.DataFrame({**keys, **found, **added}, index=frame.index)
        if not self.only:
            return result
        if self.only not in result:
            known = ", ".join(map(str, result))
            raise _refusal(f"model_config: only == {self.only!r} must be one of {known}")
        return result[self.only]

    def _arms(self, frame: pd.DataFrame, now: datetime) -> Any:
        for column in self.settings["keys"]:
            if column not in frame:
                raise _refusal(f"no column {column!r}, which the arm or the log needs")
        try:
            units = [hashing.unit_text(x) for x in frame[self.rule.column].tolist()]
        except ValueError as e:
            raise _refusal(f"column {self.rule.column!r}: {e}") from None
        moment = np.datetime64(now.replace(tzinfo=None), "us")
        segment = self.settings["segment"]
        arms = hashing.arm_numbers(
            self.rule,
            units,
            days=np.full(len(units), moment),
            segments=None if segment is None else frame[segment].astype(str).to_numpy(),
        )
        if (arms < 0).any():
            raise _refusal(f"no step of the assignment's schedule is in force on {now.date()}")
        return arms


def predicted(inner: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """The predictions of a model as columns: its own, or ``prediction`` and, of one number a row, a score."""
    if isinstance(inner, pd.DataFrame):
        return {str(k): inner[k].to_numpy() for k in inner}
    values = np.asarray(inner)
    if values.ndim > 1 and values.shape[1] > 1:
        return {f"prediction_{i}": values[:, i] for i in range(values.shape[1])}
    values = values.reshape(len(values))
    if values.dtype.kind in "biuf":
        return {"prediction": values, names["score"]: values.astype(np.float64)}
    return {"prediction": values}


def withheld(values: Any, held: Any) -> Any:
    """Returns predictions with None in place of those of the holdout: NaN would not be valid JSON."""
    return np.where(held, None, pd.Series(values).astype(object).to_numpy())


def _refusal(what: str) -> mlflow.MlflowException:
    refusal: mlflow.MlflowException = mlflow.MlflowException.invalid_parameter_value(what)
    return refusal


mlflow.models.set_model(ArmModel())
