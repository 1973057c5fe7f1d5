"""The record in MLflow: the only part of the package that talks to MLflow.

``Record`` writes and reads evidence; see ``docs/record.md`` for what is kept where and why.
"""

from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.store import Record
from spot_mlflow.record.verification import Finding, Verification

__all__ = ["REGISTRY", "Finding", "ModelRef", "Record", "Verification"]
