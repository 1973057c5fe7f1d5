from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.contract import PredictedLift
from spot_mlflow.lift.guardrail_moments import GuardrailMoments
from spot_mlflow.lift.guardrails import guardrails_of
from spot_mlflow.lift.moments import HOLDOUT, TREATMENT, Moments, OutcomeMoments

BASE: dict[str, Any] = {
    "metric": "m",
    "predicted": 0.1,
    "columns": {"arm": "arm", "outcome": "y"},
}


def contract(*margins: float, **changes: Any) -> PredictedLift:
    """Guardrails g0, g1, ... of which fewer is better, with these margins."""
    guardrails = [
        {"name": f"g{i}", "column": f"c{i}", "direction": "decrease", "margin": m}
        for i, m in enumerate(margins)
    ]
    return PredictedLift.load(BASE | {"guardrails": guardrails} | changes)


def rate(treated: int, holdout: int, n: int = 10000) -> Moments:
    """So many events among n units of each arm."""
    y = np.r_[np.arange(n) < treated, np.arange(n) < holdout].astype(float)
    return Moments.of_units({"outcome": y}, np.repeat([TREATMENT, HOLDOUT], n))


def log(*tables: Moments) -> OutcomeMoments:
    """A log with these guardrails; its headline is the first of them."""
    guarded = {f"g{i}": GuardrailMoments(t) for i, t in enumerate(tables)}
    return OutcomeMoments(tables[0], {}, "2027-01-01", guardrails=guarded)


def test_a_guardrail_is_harmless_harmful_or_undecided():
    """The whole interval above minus the margin, below it, or across it."""
    tables = rate(200, 200), rate(400, 200), rate(215, 200)
    found = guardrails_of(log(*tables), contract(0.01, 0.01, 0.003))
    assert [g.verdict for g in found] == ["harmless", "harmful", "undecided"]
    assert found[0].estimate.low > -0.01
    assert found[1].estimate.high < -0.01
    assert found[2].inconclusive == "units"
    assert "more units" in found[2].reason


def test_holm_gives_later_guardrails_the_error_that_decided_ones_leave():
    """Each decided one leaves its part: alone at .95, undecided of two at .975 until one is decided."""
    near = rate(200, 200)
    margin = -guardrails_of(log(near), contract(1.0))[0].estimate.low * 1.02
    alone = guardrails_of(log(near), contract(margin))[0]
    assert (alone.verdict, alone.confidence) == ("harmless", pytest.approx(0.95))
    with_open = guardrails_of(log(near, rate(215, 200)), contract(margin, 0.003))
    assert [g.verdict for g in with_open] == ["undecided", "undecided"]
    assert with_open[0].confidence == pytest.approx(0.975)
    with_sure = guardrails_of(log(near, rate(900, 200)), contract(margin, 0.003))
    assert [g.verdict for g in with_sure] == ["harmless", "harmful"]
    assert [g.confidence for g in with_sure] == pytest.approx([0.95, 0.975])


def test_more_may_be_better():
    """A metric that should rise is harmed where it falls."""
    up = {"name": "g0", "column": "c0", "direction": "increase", "margin": 0.01}
    found = guardrails_of(log(rate(100, 400)), contract(guardrails=[up]))
    assert found[0].verdict == "harmful"
    assert found[0].estimate.lift == pytest.approx(-0.03)


def test_a_monitored_guardrail_waits_for_its_burn_in():
    """With fewer than 20 events in the smaller arm nothing is cleared yet."""
    monitored = {"looks": "monitored", "planned_units": 20000}
    found = guardrails_of(log(rate(12, 10)), contract(0.01, **monitored))
    assert found[0].verdict == "undecided"
    assert "of 20 events" in found[0].reason


def test_a_guardrail_is_wrongly_called_in_at_most_a_twentieth_of_logs():
    """Five guardrails on the border of their margin: any verdict is wrong, and rare in sum."""
    r = np.random.default_rng(20261128)
    n, wrong, runs = 4000, 0, 300
    for _ in range(runs):
        events = r.binomial(n, [[0.07, 0.05]] * 5)
        tables = [rate(int(a), int(b), n) for a, b in events]
        found = guardrails_of(log(*tables), contract(*[0.02] * 5))
        wrong += any(g.verdict != "undecided" for g in found)
    assert wrong / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_contracts_without_guardrails_keep_their_digest():
    """Guardrails are part of the promise where there are some, and nothing where there are none."""
    assert contract().digest == PredictedLift.load(BASE).digest
    assert "guardrails" not in contract().to_dict()
    guarded = contract(0.01)
    assert guarded.digest != contract().digest
    assert PredictedLift.load(guarded.to_dict()) == guarded


@pytest.mark.parametrize(
    ("guardrail", "word"),
    [
        ({"column": "y"}, "column of its own"),
        ({"margin": -1}, "margin"),
        ({"direction": "down"}, "direction"),
        ({"name": ""}, "name"),
        ({"bounds": {"high": 3}}, "0 or 1"),
        ({"marginn": 1}, "margin"),
    ],
)
def test_a_guardrail_that_guards_nothing_is_refused(guardrail, word):
    """The outcome itself, a negative margin, no way that is better, no name, a misspelt key."""
    good = {"name": "a", "column": "c", "direction": "decrease", "margin": 0.1}
    with pytest.raises(InvalidInput, match=word):
        contract(guardrails=[good | guardrail])


def test_two_guardrails_of_one_name_are_refused():
    """Reports name them."""
    good = {"name": "a", "column": "c", "direction": "decrease", "margin": 0.1}
    with pytest.raises(InvalidInput, match="different names"):
        contract(guardrails=[good, good])


def test_moments_with_guardrails_are_read_back_as_written():
    """The record keeps them; records from before have none."""
    moments = log(rate(3, 2, 50))
    stored = moments.to_dict()
    again = OutcomeMoments.from_dict(stored)
    assert again.to_dict() == stored
    del stored["guardrails"]
    assert OutcomeMoments.from_dict(stored).guardrails == {}
    assert "guardrails" not in OutcomeMoments(moments.cells, {}, "2027-01-01").to_dict()
