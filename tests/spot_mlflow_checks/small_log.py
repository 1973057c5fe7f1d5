"""A log of 400 units with a lift of exactly .12, its contract, and what a check says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spot_mlflow_checks import check_outcomes

WHOLE = (0.12, 400, [])  # what a check of the whole log says
PART = (0.119403, 134, [])  # of segment a alone


def small_log() -> Any:
    """200 treated with 44 successes, 200 held out with 20.

    Decided by turns every half hour: the arms are alike on each day, in whatever whole hours' zone.
    """
    n = 400
    treated = np.arange(n) % 2 == 1
    y = np.zeros(n, dtype=int)
    y[np.flatnonzero(treated)[:44]] = 1
    y[np.flatnonzero(~treated)[:20]] = 1
    return pd.DataFrame(
        {
            "unit": np.arange(1, n + 1),
            "arm": np.where(treated, "treatment", "control"),
            "y": y,
            "at": pd.date_range("2026-01-01", periods=n, freq="30min"),
            "part": np.where(np.arange(n) % 3 == 0, "a", "b"),
        }
    )


def small_contract(columns: dict[str, str | None] | None = None, **keys: Any) -> dict[str, Any]:
    """Its contract; ``columns`` adds some, or takes one away with None."""
    named = {
        "unit": "unit", "arm": "arm", "treated": "treatment", "holdout": "control", "outcome": "y",
    }  # fmt: skip
    return {
        "metric": "y",
        "kind": "binary",
        "predicted": {"lift": 0.1, "se": 0.02},
        **keys,
        "columns": {k: v for k, v in {**named, **(columns or {})}.items() if v},
    }


def seen(
    source: Any, promise: dict[str, Any] | None = None, **options: Any
) -> tuple[float, int, list[str]]:
    """Returns (lift, units, faults that stop a verdict) of a check."""
    report = check_outcomes(source, promise or small_contract(), **options).to_dict()
    units = report["realized"]["n_treatment"] + report["realized"]["n_holdout"]
    stopped = [
        c["name"] for c in report["checks"] if not c["success"] and c["severity"] == "critical"
    ]
    return round(report["realized"]["lift"], 6), units, stopped


def segments(source: Any, column: str = "part", **options: Any) -> list[str]:
    """Returns the segments that a check finds."""
    report = check_outcomes(source, small_contract({"segment": column}), **options).to_dict()
    return sorted(s["label"] for s in report["segments"])
