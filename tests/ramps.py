"""Logs whose share of treatment varies, with exact counts."""

from __future__ import annotations

import numpy as np

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift

DAY = np.datetime64("2026-01-05")  # a Monday


def promise(**more):
    """Two points promised of a rate."""
    base = {"metric": "m", "predicted": 0.02, "columns": {"arm": "a", "outcome": "y"}}
    return PredictedLift.load({**base, **more})


def cells(*rows):
    """Cells with exactly x successes among n units: (day, arm, n, x) or (day, arm, n, x, segment)."""
    y, arm, day, segment = [], [], [], []
    for d, a, n, x, *s in rows:
        y += [1.0] * x + [0.0] * (n - x)
        arm += [TREATMENT if a else HOLDOUT] * n
        day += [DAY + d] * n
        segment += [s[0] if s else ""] * n
    period = np.array(day, dtype="datetime64[D]")
    return Moments.of_units({"outcome": y}, arm, segment=segment, period=period)


def log(*rows):
    """The same as a reduced log."""
    return OutcomeMoments(cells(*rows), {}, "2026-12-01T00:00:00+00:00")


def ramp(days, per=400, lift=0.0):
    """A share that rises from 10 to 90 % while the rate rises from 10 to 20 %."""
    rows = []
    for d in range(days):
        n_t = round(per * (0.1 + 0.8 * d / (days - 1)))
        rate = 0.1 + 0.1 * d / (days - 1)
        rows += [
            (d, 1, n_t, round(n_t * (rate + lift))),
            (d, 0, per - n_t, round((per - n_t) * rate)),
        ]
    return rows
