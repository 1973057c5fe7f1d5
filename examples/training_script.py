"""A training script that promises its lift, and a check weeks later; runs as it stands.

The customers are invented: an offer makes some of them stay. Run it twice and look at the model in
MLflow (``mlflow server --backend-store-uri sqlite:///mlflow.db``).
"""

from __future__ import annotations

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import spot_mlflow as spot
from spot_mlflow_checks import check_outcomes

CONTRACT = {
    "metric": "customers who stay",
    "predicted": {"lift": 0.05, "se": 0.004, "source": "backtest"},
    "minimum_viable": 0.02,
    "tolerance": 0.02,
    "treatment_share": 0.8,
    "measurement": {"owner": "Head of Retention (sample)", "first_check": "2027-04-15"},
    "columns": {"unit": "customer", "arm": "offered", "outcome": "stayed"},
}


def customers(n: int, seed: int) -> pd.DataFrame:
    """Invents customers: 80 % get the offer, which keeps 5 of 100 who would have left."""
    rng = np.random.default_rng(seed)
    offered = rng.random(n) < 0.8  # noqa: PLR2004 - the share above
    tenure = rng.exponential(3, n)
    stays = rng.random(n) < 0.6 + 0.02 * np.minimum(tenure, 5) + 0.05 * offered
    return pd.DataFrame(
        {
            "customer": np.arange(n),
            "offered": offered.astype(int),
            "tenure": tenure,
            "stayed": stays.astype(int),
        }
    )


def main(tracking_uri: str = "sqlite:///mlflow.db") -> None:
    """Trains, registers, promises; then checks what arrived."""
    mlflow.set_tracking_uri(tracking_uri)
    history = customers(2_000, seed=1)
    with mlflow.start_run():
        model = LogisticRegression().fit(history[["tenure", "offered"]], history["stayed"])
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name="retention")
        spot.log_predicted_lift(info, CONTRACT)

    report = check_outcomes(customers(60_000, seed=2), CONTRACT)
    spot.log_outcomes(info, report)
    print(f"{report.verdict}: {report.analysis.outcome.reason}")
    print(spot.check_gate(info, "Production").explain())


if __name__ == "__main__":
    main()
