"""The table of measures: what is stored keeps its order, and nothing of a measure goes unsaid."""

from __future__ import annotations

import pytest

from spot_mlflow.lift.moments.measures import MEASURES, TABLE, Measure
from spot_mlflow.lift.moments.unknown_steps import ANSWERS, known_name
from spot_mlflow.lift.promise.terms import Columns


def test_stored_moments_keep_their_order():
    """The order of the measures is that of every record there is; new ones may stand between them."""
    recorded = [
        "outcome", "denominator", "covariate", "value", "cost", "handling", "offered", "delivered", "on_time",
        "acted", "system_failure", "weight", "weighted_outcome", "offered_known", "delivered_known",
        "system_failure_known", "on_time_known", "acted_known",
    ]  # fmt: skip
    assert [m for m in MEASURES if m in recorded] == recorded


def test_every_measure_comes_from_columns_of_the_contract():
    """Whatever a measure is read from is a key of the contract; who was asked is counted beside it."""
    read = {key for m in TABLE if m.kind != "asked" for key in m.columns}
    assert read <= set(Columns.model_fields)


def test_who_was_asked_is_counted_of_every_step_that_may_be_unknown():
    """Each step that may be unknown has its count of those who were asked and answered."""
    assert {m.key for m in TABLE if m.kind == "asked"} == {known_name(s) for s in ANSWERS}
    assert {m.key for m in TABLE if m.kind == "step"} == set(ANSWERS)


@pytest.mark.parametrize(
    "given",
    [
        {"label": ""},
        {"slips": ("negative",)},
        {"check": "money_plausible"},
        {"kind": "step", "shown": True},
    ],
)
def test_a_measure_without_words_or_without_its_check_is_refused(given):
    """A measure needs a label, a check wherever its faults are counted, and a mean to be shown."""
    with pytest.raises(ValueError, match=r"label|check|mean"):
        Measure(**{"key": "refund", "kind": "money", "label": "refund", **given})
