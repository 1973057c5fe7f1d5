from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from reports import short_report

import spot_mlflow as spot
from spot_mlflow.errors import InvalidInput
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.lift.report import LiftReport

SPEAKER = {"person": "Bea", "role": "busines"}
WRITERS: dict[str, Callable[[LiftReport], Any]] = {
    "log_predicted_lift": lambda r: spot.log_predicted_lift("churn/1", r.predicted, **SPEAKER),
    "log_assessment": lambda _: spot.log_assessment("churn", {"S1": 3}, **SPEAKER),
    "log_involvement": lambda _: spot.log_involvement(
        "churn", phase="scope", kind="contributed", **SPEAKER
    ),
    "raise_concern": lambda _: spot.raise_concern("churn", what="x", severity="minor", **SPEAKER),
    "answer_concern": lambda _: spot.answer_concern("churn", "c1", what="x", **SPEAKER),
    "confirm_concern": lambda _: spot.confirm_concern("churn", "c1", **SPEAKER),
    "confirm_entry": lambda _: spot.confirm_entry("churn", "e1", **SPEAKER),
    "reopen_concern": lambda _: spot.reopen_concern("churn", "c1", what="x", **SPEAKER),
    "log_pulse": lambda _: spot.log_pulse("churn", useful=4, would_use=4, **SPEAKER),
    "log_outcomes": lambda r: spot.log_outcomes("churn/1", r, **SPEAKER),
    "sign_off": lambda _: spot.sign_off("churn/1", target="Production", **SPEAKER),
    "waive": lambda _: spot.waive(
        "churn/1",
        target="Production",
        requirement="sign_off",
        reason="in a hurry",
        approver="Bea",
        role="busines",
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_refuses_a_misspelt_role(mlflow_uri, name):
    """Nothing is written in a role that nobody has, whichever call it is; the nearest is named."""
    from mlflow import MlflowClient

    client = MlflowClient()
    client.create_registered_model("churn")
    client.create_model_version("churn", source="file:///nowhere")
    report = short_report()
    spot.log_predicted_lift("churn/1", report.predicted)
    record = Record()
    before = record.entries(record.resolve("churn"))
    with pytest.raises(InvalidInput, match=r"role.*business"):
        WRITERS[name](report)
    assert record.entries(record.resolve("churn")) == before


def test_the_table_above_names_every_writer():
    """A new public function that takes a role stands in the table, or this fails."""
    import inspect

    takes_role = {
        name
        for name in spot.__all__
        if inspect.isfunction(f := getattr(spot, name))
        and "role" in inspect.signature(f).parameters
    }
    assert takes_role == set(WRITERS)
