"""Pricing with money and costs: a discount that sells more, and whether that pays for it.

The customers are invented. The metric is the margin per customer after the discount, what the customer
spent before is a covariate (it narrows the interval), and opt-outs are a guardrail.
"""

from __future__ import annotations

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import spot_mlflow as spot
from spot_mlflow_checks import check_outcomes

CONTRACT = {
    "metric": "margin per customer in 30 days",
    "kind": "money",
    "predicted": {"lift": 1.5, "se": 0.2, "source": "pilot in one region"},
    "minimum_viable": 0.5,
    "tolerance": 0.7,
    "treatment_share": 0.9,
    "guardrails": [
        {"name": "opt-outs", "column": "opted_out", "direction": "decrease", "margin": 0.01}
    ],
    "columns": {
        "unit": "customer", "arm": "discount", "treated": 1, "holdout": 0,
        "outcome": "margin", "covariate": "margin_before",
    },
}  # fmt: skip


def customers(n: int, seed: int) -> pd.DataFrame:
    """Invents customers: nine in ten see the price with the discount, which brings 1.50 each."""
    rng = np.random.default_rng(seed)
    before = rng.gamma(2.0, 10.0, n)
    discount = rng.random(n) < 0.9  # noqa: PLR2004 - the share above
    margin = 0.7 * before + rng.normal(6, 8, n) + 1.5 * discount
    return pd.DataFrame(
        {
            "customer": np.arange(n),
            "discount": discount.astype(int),
            "margin_before": before.round(2),
            "margin": margin.round(2),
            "opted_out": (rng.random(n) < 0.01).astype(int),  # noqa: PLR2004 - in both arms
        }
    )


def main(tracking_uri: str = "sqlite:///mlflow.db") -> str:
    """Registers and promises, then checks what arrived; returns the verdict."""
    mlflow.set_tracking_uri(tracking_uri)
    pilot = customers(2_000, seed=1)
    model = LinearRegression().fit(pilot[["margin_before", "discount"]], pilot["margin"])
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name="pricing")
        spot.log_predicted_lift(info, CONTRACT)
    report = check_outcomes(customers(40_000, seed=2), CONTRACT)
    spot.log_outcomes(info, report)
    realized = report.analysis.realized.estimate
    print(
        f"promised 1.50, realized {realized.lift:.2f} ({realized.low:.2f} to {realized.high:.2f})"
    )
    print(f"{report.verdict}, {report.analysis.outcome.viable}")
    return report.verdict


if __name__ == "__main__":
    main()
