from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from funnel_logs import FUNNEL, make_contract, make_units

from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.causes.names import letter_of, unknown_notes
from spot_mlflow.lift.causes.words import cause_words, joined
from spot_mlflow.lift.moments.labels import TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

UNITS = make_units(6_000)


def notes(*columns, **changes):
    """What the bridge says was folded or assumed."""
    return attribute(UNITS.log("outcome", *columns), make_contract(**changes)).notes


@pytest.mark.parametrize(
    ("factors", "letter"),
    [
        (("mix",), "S"),
        (("coverage",), "P"),
        (("system",), "T"),
        (("delivery",), "O"),
        (("timeliness",), "T"),
        (("response",), "O"),
        (("value",), "S"),
        (("cost",), "P"),
        (("handling",), "T"),
        (("delivery", "response"), "O"),
        (("timeliness", "response"), "O/T"),
        (("coverage", "delivery", "timeliness", "response"), "P/O/T"),
        (("response", "value"), "O"),
    ],
)
def test_letters(factors, letter):
    """Every factor has its letter; folded ones have all of theirs, in the order S, P, O, T."""
    assert letter_of(factors) == letter


def test_delivery_not_logged_is_said_with_the_remedy():
    """Without `delivered` operation and response are one, and the note names the column."""
    said = " ".join(notes("offered", funnel={"offered": 0.9}))
    assert "delivered was not logged: delivery and response cannot be separated" in said
    assert "log `delivered` to separate them" in said


def test_a_full_log_has_nothing_to_say():
    """With every column and every promise there is no note."""
    parts = {"gold": {"share": 0.5, "response": 0.12}, "plain": {"share": 0.5, "response": 0.06}}
    assert notes(*FUNNEL, "value", "cost", segments=parts) == ()


@pytest.mark.parametrize(
    ("columns", "changes", "said"),
    [
        (("offered", "delivered"), {"funnel": {}}, "timeliness was not logged"),
        (("offered", "delivered"), {}, "reasons of what was not delivered were not logged"),
        (FUNNEL, {"mix": False}, "the promise names no segments"),
        (FUNNEL, {}, "value was not logged"),
        (FUNNEL, {}, "cost was not logged"),
        ((*FUNNEL, "value"), {"economics": {"offer_cost": 1}}, "no value was promised"),
        (FUNNEL, {"effect": "relative"}, "the holdout's realized mean"),
    ],
)
def test_what_was_assumed_is_said(columns, changes, said):
    """Each assumption has its sentence."""
    assert any(said in n for n in notes(*columns, **changes))


def test_a_lift_that_may_be_zero_takes_the_value_in():
    """Where the interval of the lift holds 0, value is no cause of its own, and that is said."""
    flat = make_units(2_000, response=(0.0, 0.0), seed=2)
    bridge = attribute(flat.log(), make_contract())
    assert "response+value" in {c.cause for c in bridge.contributions}
    assert any("not clearly different from 0" in n for n in bridge.notes)


def test_words():
    """One factor speaks for itself, several are joined by their short names."""
    assert cause_words(("delivery",)) == "offers not delivered"
    assert cause_words(("coverage", "delivery", "response")) == "coverage, delivery and response"
    assert joined(["a"]) == "a"


def test_steps_of_which_the_log_is_silent_are_told():
    """Treated units of whom a delivery is unknown are counted, and the share is that of the others."""
    cells = UNITS.moments()
    assert unknown_notes(cells) == ()
    at = cells.measures.index("delivered")
    missing = cells.missing.copy()
    missing[np.flatnonzero(cells.arm == TREATMENT)[0], at] = 1_200
    said = (
        "for 1,200 treated units the log does not say whether they were delivered: the share is that "
        "of the others"
    )
    assert unknown_notes(replace(cells, missing=missing)) == (said,)
    log = OutcomeMoments(replace(cells, missing=missing), {}, as_of="")
    assert attribute(log, make_contract()).notes[-1] == said
