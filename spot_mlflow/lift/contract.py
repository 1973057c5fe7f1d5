"""The contract under its earlier address, which scripts outside this project import.

It lives in ``spot_mlflow.lift.promise.contract``; ``spot_mlflow.PredictedLift`` is its public name.
"""

from __future__ import annotations

from spot_mlflow.lift.promise.contract import PredictedLift

__all__ = ["PredictedLift"]
