"""Churn with an uplift model: whom to make an offer, what to promise, and whether it came true.

The customers are invented. Those with a short tenure are moved by the offer, the others hardly are; the
uplift model finds that out from a randomized pilot. Run it, then look at the model in MLflow
(``mlflow server --backend-store-uri sqlite:///mlflow.db``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

import spot_mlflow as spot
from spot_mlflow_checks import check_outcomes

FEATURES = ["tenure", "contacts"]
TOP = 0.3  # the share of customers who get the offer: those with the highest uplift


def customers(n: int, seed: int, *, offered: Any) -> pd.DataFrame:
    """Invents customers; ``offered`` is the chance of an offer, or the offers themselves."""
    rng = np.random.default_rng(seed)
    tenure, contacts = rng.exponential(3, n), rng.poisson(2, n)
    offer = rng.random(n) < offered if np.isscalar(offered) else offered
    stays = rng.random(n) < 0.55 + 0.03 * np.minimum(tenure, 6) + 0.15 * (tenure < 2) * offer  # noqa: PLR2004 - the invented world
    return pd.DataFrame(
        {
            "tenure": tenure,
            "contacts": contacts,
            "offered": offer.astype(int),
            "stays": stays.astype(int),
        }
    )


@dataclass
class Uplift(mlflow.pyfunc.PythonModel):
    """Two models, one for each arm; the difference of their predictions is the uplift."""

    with_offer: HistGradientBoostingClassifier
    without: HistGradientBoostingClassifier

    @classmethod
    def fit(cls, pilot: pd.DataFrame) -> Uplift:
        """Fits each model on its arm of the pilot."""
        arms = dict(iter(pilot.groupby("offered")))
        fitted = [
            HistGradientBoostingClassifier(max_depth=3, min_samples_leaf=200).fit(
                rows[FEATURES], rows["stays"]
            )
            for rows in (arms[1], arms[0])
        ]
        return cls(*fitted)

    def predict(self, context: Any, model_input: Any) -> Any:  # noqa: ARG002 - MLflow's signature
        """Returns (customers,) the predicted lift of each."""
        rows = model_input[FEATURES]
        return self.with_offer.predict_proba(rows)[:, 1] - self.without.predict_proba(rows)[:, 1]


def main(tracking_uri: str = "sqlite:///mlflow.db") -> str:
    """Learns from a pilot, promises from unseen customers, checks what arrived; returns the verdict."""
    mlflow.set_tracking_uri(tracking_uri)
    model = Uplift.fit(customers(20_000, seed=1, offered=0.5))
    unseen = customers(20_000, seed=2, offered=0.5)
    promise = spot.PredictedLift.from_backtest(
        score=model.predict(None, unseen),
        treated=unseen["offered"],
        outcome=unseen["stays"],
        uplift_scores=True,
        top=TOP,
        metric="customers who stay",
        minimum_viable=0.03,
        tolerance=0.04,
        treatment_share=0.8,
        columns={
            "arm": "offered",
            "treated": 1,
            "holdout": 0,
            "outcome": "stays",
            "score": "score",
        },
    )
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=model,
            registered_model_name="churn-uplift",
            input_example=unseen[FEATURES].head(3),
        )
        spot.log_predicted_lift(info, promise)

    # Weeks later: of the customers with the highest scores a fifth was left alone.
    rollout = customers(150_000, seed=3, offered=0.8)
    rollout["score"] = model.predict(None, rollout)
    treated_first = rollout[rollout["score"] >= rollout["score"].quantile(1 - TOP)]
    report = check_outcomes(treated_first, promise)
    spot.log_outcomes(info, report)
    realized = report.analysis.realized.estimate
    print(f"promised {promise.predicted.lift:.3f}, realized {realized.lift:.3f}: {report.verdict}")
    return report.verdict


if __name__ == "__main__":
    main()
