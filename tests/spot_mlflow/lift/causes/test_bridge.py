from __future__ import annotations

import json

import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.evidence import jsonable
from spot_mlflow.letters import letter_words
from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.causes.bridge import Bridge, interval_from

BRIDGE = attribute(make_units(6_000).log(), make_contract())


@pytest.mark.parametrize("basis", ["lift", "money"])
def test_the_waterfall_leads_from_promised_to_realized(basis):
    """Each bar begins where the last one ended, the first stands on 0 and so does the last."""
    first, *between, last = BRIDGE.bars(basis)
    level = first.end
    for bar in between:
        assert bar.start == pytest.approx(level)
        assert bar.kind == ("loss" if bar.amount < 0 else "gain")
        assert bar.low <= bar.amount <= bar.high
        level = bar.end
    assert (first.start, last.start) == (0, 0)
    assert last.end == pytest.approx(level)
    realized = BRIDGE.realized_lift if basis == "lift" else BRIDGE.realized_money
    assert last.end == pytest.approx(realized)


def test_json_and_back():
    """What goes into the record comes back the same."""
    data = json.loads(json.dumps(jsonable(BRIDGE)))
    assert Bridge.from_dict(data) == BRIDGE


def test_unbounded_sides_survive_json():
    """None in JSON is an unbounded side."""
    x = interval_from({"lift": 1.0, "low": None, "high": None})
    assert (x.low, x.high, x.se) == (float("-inf"), float("inf"), None)


def test_a_factor_is_found_in_its_fold():
    """A factor is looked up by its own name even where it is folded with others."""
    folded = attribute(make_units(3_000).log("offered"), make_contract())
    assert "delivery" in folded.contribution("delivery").cause
    with pytest.raises(KeyError):
        folded.contribution("weather")


def test_losses_are_those_found_surest_first():
    """Only shown losses, by falling lower bound."""
    bounds = [c.lost_at_least for c in BRIDGE.losses]
    assert bounds == sorted(bounds, reverse=True)
    assert all(c.found for c in BRIDGE.losses)


def test_letters_in_words():
    """Letters that cannot be told apart are named together."""
    assert letter_words("O") == "Operation"
    assert letter_words("O/T") == "Operation or Technology"
