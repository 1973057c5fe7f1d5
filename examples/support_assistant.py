"""An assistant built on a language model, judged by a business metric: cases solved at first contact.

The support team is invented. Good answers are not the goal; fewer customers who must call again is. So whole
agents were assigned by chance, half of them see the assistant's suggestions, and the interval counts agents.
``complete`` stands in for a language model, so that the example runs without one: put your own call there.
"""

from __future__ import annotations

from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel

import spot_mlflow as spot
from spot_mlflow_checks import check_outcomes

PROMPT = "Answer in two sentences, and name the page that helps: {{ question }}"
CONTRACT = {
    "metric": "cases solved at first contact",
    "kind": "binary",
    "predicted": {"lift": 0.06, "se": 0.008, "source": "test with 100 agents"},
    "minimum_viable": 0.02,
    "tolerance": 0.03,
    "guardrails": [
        {"name": "wrong answers", "column": "wrong", "direction": "decrease", "margin": 0.01}
    ],
    "columns": {
        "unit": "case", "arm": "assistant", "treated": "on", "holdout": "off",
        "outcome": "solved", "cluster": "agent",
    },
}  # fmt: skip


def complete(prompt: str) -> str:
    """Returns what a language model would answer to a prompt."""
    topic = "the page of returns" if "return" in prompt else "the page of orders"
    return f"This is settled within a day. See {topic}."


class Assistant(PythonModel):  # type: ignore[misc] # mlflow has no types
    """Suggests an answer to each question."""

    def __init__(self, template: str) -> None:
        """Keeps the text of the prompt, so that the version answers the same wherever it is loaded."""
        self.template = template

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> list[str]:  # noqa: ARG002 - MLflow passes them
        """Returns an answer for each row's ``question``."""
        asked = model_input["question"]
        return [complete(self.template.replace("{{ question }}", q)) for q in asked]


def cases(agents: int, each: int, seed: int) -> pd.DataFrame:
    """Invents cases: agents differ in skill, and the assistant solves 6 more in 100."""
    rng = np.random.default_rng(seed)
    helped = rng.permutation(np.arange(agents) % 2 == 0)
    skill = np.clip(rng.normal(0.62, 0.05, agents), 0.3, 0.9)
    agent = np.repeat(np.arange(agents), each)
    n = len(agent)
    return pd.DataFrame(
        {
            "case": np.arange(n),
            "agent": agent,
            "assistant": np.where(helped[agent], "on", "off"),
            "solved": (rng.random(n) < skill[agent] + 0.06 * helped[agent]).astype(int),
            "wrong": (rng.random(n) < 0.01).astype(int),  # noqa: PLR2004 - in both arms
        }
    )


def main(tracking_uri: str = "sqlite:///mlflow.db") -> str:
    """Registers prompt and model, promises, then checks what arrived; returns the verdict."""
    mlflow.set_tracking_uri(tracking_uri)
    prompt = mlflow.genai.register_prompt("suggest-answer", PROMPT)
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=Assistant(prompt.template),
            input_example=pd.DataFrame({"question": ["How do I return my order?"]}),
            registered_model_name="support-assistant",
        )
        spot.log_predicted_lift(info, CONTRACT)
    report = check_outcomes(cases(600, 40, seed=1), CONTRACT)
    spot.log_outcomes(info, report)
    realized = report.analysis.realized.estimate
    print(
        f"promised 6 points, realized {100 * realized.lift:.1f} ({100 * realized.low:.1f} to {100 * realized.high:.1f})"
    )
    print(f"{report.verdict}, {report.analysis.outcome.viable}")
    return report.verdict


if __name__ == "__main__":
    main()
