from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from reports import short_report

import spot_mlflow as spot
from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import NEEDS
from spot_mlflow.record import REGISTRY, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.lift.report import LiftReport

Speaker = dict[str, str]
WRITERS: dict[str, Callable[[LiftReport, Speaker], Any]] = {
    "log_predicted_lift": lambda r, who: spot.log_predicted_lift("churn/1", r.predicted, **who),
    "log_assessment": lambda _, who: spot.log_assessment("churn", {"S1": 3}, **who),
    "log_involvement": lambda _, who: spot.log_involvement(
        "churn", phase="scope", kind="contributed", **who
    ),
    "raise_concern": lambda _, who: spot.raise_concern("churn", what="x", severity="minor", **who),
    "answer_concern": lambda _, who: spot.answer_concern("churn", "c1", what="x", **who),
    "confirm_concern": lambda _, who: spot.confirm_concern("churn", "c1", **who),
    "confirm_entry": lambda _, who: spot.confirm_entry("churn", "e1", **who),
    "reopen_concern": lambda _, who: spot.reopen_concern("churn", "c1", what="x", **who),
    "log_pulse": lambda _, who: spot.log_pulse("churn", useful=4, would_use=4, **who),
    "log_outcomes": lambda r, who: spot.log_outcomes("churn/1", r, **who),
    "sign_off": lambda _, who: spot.sign_off("churn/1", target="Production", **who),
    "waive": lambda _, who: spot.waive(
        "churn/1",
        target="Production",
        requirement="sign_off",
        reason="in a hurry",
        approver=who["person"],
        role=who["role"],
    ),
    "request_promotion": lambda _, who: spot.request_promotion(
        "churn/1", target="Production", why="in a hurry", **who
    ),
    "approve_request": lambda _, who: spot.approve_request("churn", asked(), **who),
    "reject_request": lambda _, who: spot.reject_request("churn", asked(), reason="no", **who),
    "withdraw_request": lambda _, who: spot.withdraw_request("churn", asked(), **who),
    "log_resolution": lambda _, who: spot.log_resolution(
        "churn/1", choice="keep", why="it pays", **who
    ),
}


def asked() -> str:
    """The id of the request that waits."""
    return spot.get_requests("churn")[0].id


@pytest.mark.parametrize(
    ("who", "named"),
    [
        ({"person": "Bea", "role": "busines"}, r"role.*business"),
        ({"person": "Bea\x07", "role": "business"}, r"person.*printable"),
    ],
)
@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_checks_who_speaks(mlflow_uri, name, who, named):
    """Nothing is written in a role or under a name that nobody has, whichever call it is."""
    from mlflow import MlflowClient

    client = MlflowClient()
    client.create_registered_model("churn")
    client.create_model_version("churn", source="file:///nowhere")
    report = short_report()
    spot.log_predicted_lift("churn/1", report.predicted)
    spot.request_promotion(
        "churn/1", target="Staging", why="to try it", person="Kim", role="engineer"
    )
    record = Record()
    before = record.entries(record.resolve("churn"))
    with pytest.raises(InvalidInput, match=named):
        WRITERS[name](report, who)
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


@pytest.mark.parametrize("kind", [*NEEDS, "policy", "restore", "a kind of tomorrow"])
def test_no_way_into_the_record_goes_past_the_check(mlflow_uri, kind):
    """What writes an entry without the public functions is held to the same."""
    record = Record()
    ref = REGISTRY
    said: list[tuple[str | None, str | None]] = [("Bea", "busines"), ("Bea\x07", None), (" ", None)]
    said += [(None, None)] if "person" in NEEDS.get(kind, ()) else []
    for person, role in said:
        with pytest.raises(InvalidInput, match=r"person|role"):
            record.append(ref, kind, {}, person=person, role=role)
    assert record.entries(ref) == []
