"""What one operation has read of a model, passed down so that nothing is asked for twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlflow.entities import Experiment, LoggedModel

    from spot_mlflow.adoption import ModelFacts
    from spot_mlflow.record.entry import Reading
    from spot_mlflow.record.references import ModelRef


@dataclass
class Subject:
    """A model as one operation sees it: made for that operation, and then dropped.

    The next operation reads anew, so that it sees what others did in the meantime.

    Attributes:
        ref: the model, and the version in question.
        facts: what the registry says, or None where it was not asked yet.
        home: the companion experiment, or None where there is none.
        looked: whether the companion experiment was looked for.
        readings: the runs in it as they were read, or None where they were not read yet.
        logged: the LoggedModel of the version, or None where it has none, or its own is gone.
        logged_asked: whether MLflow was asked for it.
    """

    ref: ModelRef
    facts: ModelFacts | None = None
    home: Experiment | None = None
    looked: bool = False
    readings: Collection[Reading] | None = None
    logged: LoggedModel | None = None
    logged_asked: bool = False
