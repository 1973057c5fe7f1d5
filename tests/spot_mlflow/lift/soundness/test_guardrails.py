from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rates import rates

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.guardrails import GuardrailMoments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.soundness.guardrails import guardrails_of

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
    return rates({TREATMENT: treated, HOLDOUT: holdout}, {TREATMENT: n, HOLDOUT: n})


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
    """Two guardrails on the border of their margin: any verdict is wrong, and rare in sum."""
    r = np.random.default_rng(20261128)
    n, wrong, runs, made = 4000, 0, 300, contract(0.02, 0.02)
    for _ in range(runs):
        events = r.binomial(n, [[0.07, 0.05]] * 2)
        tables = [rate(int(a), int(b), n) for a, b in events]
        found = guardrails_of(log(*tables), made)
        wrong += any(g.verdict != "undecided" for g in found)
    assert wrong / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def arms_apart(*events: dict[str, int], n: int = 10_000) -> OutcomeMoments:
    """A log of several arms of n units, with so many events of each guardrail by arm."""
    return log(*(rates(by, dict.fromkeys(by, n)) for by in events))


TWO: dict[str, Any] = {"columns": {"arm": "arm", "outcome": "y", "treated": ["a", "b"]}}


def test_a_harm_in_one_of_several_arms_is_a_harm():
    """Arm b triples the complaints; with a, which lowers them, it would pass for half as bad."""
    moments = arms_apart({HOLDOUT: 200, "a": 100, "b": 420})
    (found,) = guardrails_of(moments, contract(0.01, **TWO))
    assert (found.verdict, found.arm) == ("harmful", "b")
    assert found.reason.startswith("b: worse by at least")
    assert [(g.arm, g.verdict) for g in found.arms] == [("a", "harmless"), ("b", "harmful")]
    assert found.arms[1].estimate.lift == pytest.approx(-0.022)
    assert found.arms[1].n_treatment == 10_000


def test_a_guardrail_is_harmless_where_it_is_in_every_arm():
    """One arm undecided leaves it undecided; its figures are those shown."""
    moments = arms_apart({HOLDOUT: 200, "a": 200, "b": 250}, {HOLDOUT: 200, "a": 190, "b": 195})
    found = guardrails_of(moments, contract(0.006, 0.02, **TWO))
    assert [(g.verdict, g.arm) for g in found] == [("undecided", "b"), ("harmless", "b")]
    assert found[0].inconclusive == "units"


def test_holm_runs_over_metrics_and_arms():
    """Two metrics in two arms: four at a quarter of the error, then those that are left."""
    moments = arms_apart({HOLDOUT: 200, "a": 200, "b": 900}, {HOLDOUT: 200, "a": 200, "b": 215})
    found = guardrails_of(moments, contract(0.01, 0.003, **TWO))
    levels = {(g.name, x.arm): 1 - x.confidence for g in found for x in g.arms}
    assert levels["g0", "b"] == pytest.approx(0.05 / 4)
    assert levels["g1", "b"] == pytest.approx(0.05 / 2)


def test_an_arm_is_compared_where_it_and_the_holdout_are():
    """Arm b ran in the second week only, when complaints are four times as many: against that week's holdout."""
    n = 2_000
    sizes = {("a", 0): 800, ("a", 1): n, (HOLDOUT, 0): 800, (HOLDOUT, 1): n, ("b", 1): n}
    rate = (0.02, 0.08)
    table = Moments.of_units(
        {
            "outcome": np.concatenate(
                [np.arange(m) < m * rate[w] for (_, w), m in sizes.items()]
            ).astype(float)
        },
        np.concatenate([np.repeat(a, m) for (a, _), m in sizes.items()]),
        period=np.datetime64("2027-01-04")
        + np.concatenate([np.repeat(7 * w, m) for (_, w), m in sizes.items()]),
    )
    (found,) = guardrails_of(log(table), contract(0.03, **TWO))
    assert {g.arm: g.estimate.lift for g in found.arms} == pytest.approx(
        {"a": 0.0, "b": 0.0}, abs=1e-12
    )
    assert found.verdict == "harmless"
    assert found.arms[1].n_holdout == n


def test_several_arms_are_wrongly_called_in_at_most_a_twentieth_of_logs():
    """Two guardrails in two arms, all on the border of their margin: any verdict is wrong."""
    r = np.random.default_rng(20261129)
    wrong, runs, made = 0, 300, contract(0.02, 0.02, **TWO)
    for _ in range(runs):
        tables = [
            {HOLDOUT: int(h), "a": int(a), "b": int(b)}
            for h, a, b in r.binomial(4000, [[0.05, 0.07, 0.07]] * 2)
        ]
        found = guardrails_of(arms_apart(*tables, n=4000), made)
        wrong += any(x.verdict != "undecided" for g in found for x in g.arms)
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
        ({"column": "y"}, "its own column"),
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
