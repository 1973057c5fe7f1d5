"""The covariate must be alike in both arms, or nothing that is adjusted by it can be believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.estimation.covariate_balance import covariate_difference, covariate_hold
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.strata.choice import compare
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source

COLUMNS = {"unit": "id", "arm": "arm", "outcome": "y", "covariate": "x"}


def contract(**keys: Any) -> PredictedLift:
    """A promise of half a unit of money, adjusted by x."""
    plan = {"metric": "m", "predicted": 0.5, "kind": "money", "columns": COLUMNS, **keys}
    return PredictedLift.load(plan)


def reduced(frame: pd.DataFrame, predicted: PredictedLift) -> Any:
    """The moments of a frame."""
    with open_source(frame, predicted) as source:
        return reduce_source(source, predicted)


def found(frame: pd.DataFrame, **keys: Any) -> Any:
    """Why no verdict can be given, or None."""
    predicted = contract(**keys)
    moments = reduced(frame, predicted)
    return covariate_hold(compare(moments.cells, predicted), predicted, moments.clusters)


def drawn(seed: int, n: int = 4_000, leak: float = 0.0) -> pd.DataFrame:
    """Arms by chance, a skewed covariate, to which the treatment adds ``leak``."""
    r = np.random.default_rng(seed)
    arm, x = r.integers(0, 2, n), r.lognormal(1, 1, n)
    y = x + r.normal(0, 1, n) + 0.5 * arm
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "y": y, "x": x + leak * arm})


def test_the_difference_is_that_of_welch() -> None:
    """Without strata: scipy's difference of means over its standard error, the larger of two."""
    frame = drawn(1)
    predicted = contract()
    difference, error = covariate_difference(compare(reduced(frame, predicted).cells, predicted))
    x = [frame.loc[frame["arm"] == a, "x"] for a in (1, 0)]
    t = [stats.ttest_ind(*x, equal_var=equal).statistic for equal in (True, False)]
    assert difference / error == pytest.approx(min(t, key=abs))


def test_a_covariate_measured_after_the_decision_carries_no_verdict() -> None:
    """The adjusted lift would be -1.5 instead of .5; the reason names the column and both causes."""
    frame = drawn(2, 20_000, leak=2.0)
    predicted = contract()
    analysis = analyze(reduced(frame, predicted), predicted)
    assert analysis.outcome.verdict == "inconclusive"
    assert analysis.outcome.doubt == "data"
    assert "'x' is higher in the treated by 1.980" in analysis.outcome.reason


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_arms_drawn_by_chance_raise_no_alarm(share: float) -> None:
    """At most 2 of 1,000 skewed covariates at one look (.1 %; seed 1), however uneven the arms are."""
    r = np.random.default_rng(1)
    predicted = contract()
    alarms = 0
    for _ in range(1_000):
        arm, x = r.random(400) < share, r.lognormal(1, 1, 400)
        names = np.where(arm, TREATMENT, HOLDOUT)
        cells = Moments.of_units({"outcome": x, "covariate": x}, names)
        alarms += covariate_hold(compare(cells, predicted), predicted) is not None
    assert alarms <= 2


def test_a_covariate_that_moves_with_the_season_under_a_ramp_raises_no_alarm() -> None:
    """Compared within days, arms whose shares follow the season are alike."""
    r = np.random.default_rng(3)
    day = np.repeat(np.arange(10), 1_000)
    arm = (r.random(10_000) < 0.1 + 0.08 * day).astype(int)
    x = day + r.normal(0, 1, 10_000)
    frame = pd.DataFrame({"id": np.arange(10_000), "arm": arm, "x": x, "y": x})
    frame["day"] = pd.Timestamp("2026-01-05") + pd.to_timedelta(day, unit="D")
    apart = [x[arm == a].mean() for a in (1, 0)]
    assert apart[0] - apart[1] > 2  # pooled, it looks like a difference
    assert found(frame, columns={**COLUMNS, "decided_at": "day"}) is None


def test_clusters_that_differ_raise_no_alarm_by_their_units() -> None:
    """Shops whose customers are alike are few; over 10 logs of 60 shops none is taken for a fault.

    By the units, three of four such logs would be.
    """
    for seed in range(10):
        r = np.random.default_rng(seed)
        shop = np.repeat(np.arange(60), 100)
        x = r.normal(0, 1, 60)[shop] + r.normal(0, 0.1, 6_000)
        frame = pd.DataFrame(
            {"id": np.arange(6_000), "arm": shop % 2, "x": x, "y": x, "shop": shop}
        )
        assert found(frame, columns={**COLUMNS, "cluster": "shop"}) is None
