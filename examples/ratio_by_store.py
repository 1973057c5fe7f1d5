"""A ratio metric with clusters: sales per visit, where whole stores got the recommendations.

The stores are invented. Visits differ from store to store, so the metric is a ratio of two sums, and
stores, not days, were assigned by chance, so the interval must count stores. Therefore the log has a row
for each store: sums of sales and of visits.
"""

from __future__ import annotations

import mlflow
import numpy as np
import pandas as pd
from sklearn.dummy import DummyRegressor

import spot_mlflow as spot
from spot_mlflow_checks import check_outcomes

CONTRACT = {
    "metric": "sales per visit",
    "kind": "money",
    "predicted": {"lift": 0.60, "se": 0.05, "source": "test in 40 stores"},
    "minimum_viable": 0.2,
    "tolerance": 0.25,
    "columns": {
        "unit": "store", "arm": "recommendations", "treated": "yes", "holdout": "no",
        "outcome": "sales", "denominator": "visits",
    },
}  # fmt: skip


def store_days(stores: int, days: int, seed: int) -> pd.DataFrame:
    """Invents a row per store and day; half of the stores show recommendations, worth .60 a visit."""
    rng = np.random.default_rng(seed)
    treated = rng.permutation(np.arange(stores) % 2 == 0)
    level = rng.normal(9, 0.5, stores)  # what a store sells per visit anyway
    store = np.repeat(np.arange(stores), days)
    visits = rng.poisson(200, stores * days)
    sales = visits * (level[store] + 0.60 * treated[store] + rng.normal(0, 0.4, stores * days))
    return pd.DataFrame(
        {
            "store": store,
            "recommendations": np.where(treated[store], "yes", "no"),
            "visits": visits,
            "sales": sales.round(2),
        }
    )


def main(tracking_uri: str = "sqlite:///mlflow.db") -> str:
    """Registers and promises, then checks what arrived; returns the verdict."""
    mlflow.set_tracking_uri(tracking_uri)
    with mlflow.start_run():
        model = DummyRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name="recommender")
        spot.log_predicted_lift(info, CONTRACT)
    days = store_days(400, 30, seed=1)
    log = days.groupby(["store", "recommendations"], as_index=False)[["sales", "visits"]].sum()
    report = check_outcomes(log, CONTRACT)
    spot.log_outcomes(info, report)
    realized = report.analysis.realized.estimate
    print(
        f"promised 0.60, realized {realized.lift:.2f} ({realized.low:.2f} to {realized.high:.2f})"
    )
    return report.verdict


if __name__ == "__main__":
    main()
