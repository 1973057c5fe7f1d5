from __future__ import annotations

import pytest

import spot_mlflow as spot
from spot_mlflow.errors import NotFound
from spot_mlflow.record import Record
from spot_mlflow.record.erasure import erase_person


def test_an_erased_name_is_gone_and_the_record_is_sound(churn):
    """After erasure the name is nowhere in MLflow, people are still told apart, all verifies."""
    for phase in ("scope", "review"):
        spot.log_involvement(churn, phase=phase, kind="contributed", person="Kim Lee", role="frontline", what="looked at it")  # fmt: skip
    spot.log_involvement(churn, phase="naming", kind="contributed", person="Bo", role="business")
    people = spot.get_adoption(churn).involvement.people
    record = Record()
    done = erase_person(record, "Kim Lee")
    assert done.entries == 2
    assert done.models == ("churn",)
    assert done.mentions == ()
    assert record.verify(churn).sound
    assert spot.get_adoption(churn).involvement.people == people
    with pytest.raises(NotFound, match="Kim Lee"):
        erase_person(record, "Kim Lee")


def test_free_text_that_holds_the_name_is_reported(churn):
    """Text is immutable: where it mentions the person, the run is named."""
    spot.log_involvement(churn, phase="scope", kind="contributed", person="Bo", role="business", what="as Kim Lee said")  # fmt: skip
    assert len(erase_person(Record(), "Kim Lee", dry_run=True).mentions) == 1


def test_dry_run_erases_nothing(churn):
    """A dry run counts and leaves every name."""
    spot.log_involvement(churn, phase="scope", kind="contributed", person="Bo", role="business")
    assert erase_person(Record(), "Bo", dry_run=True).entries == 1
    assert spot.get_adoption(churn).entries[0].person == "Bo"
