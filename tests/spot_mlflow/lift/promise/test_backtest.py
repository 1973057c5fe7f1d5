from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.backtest import backtest
from spot_mlflow.lift.promise.contract import PredictedLift, predicted_from_backtest


@pytest.fixture(scope="module")
def mailing(shared_data):
    """The mailing to women against none, scored by history; ties broken by row as in the figures."""
    frame = pd.read_csv(shared_data / "hillstrom.csv")
    frame = frame[frame.segment != "Mens E-Mail"].reset_index(drop=True)
    score = (frame.history + frame.index * 1e-9).to_numpy()
    return score, (frame.segment == "Womens E-Mail").to_numpy().astype(int), frame.visit.to_numpy()


def history(seed, n=4000, gain=0.3):
    """Randomized history in which the score knows who gains."""
    rng = np.random.default_rng(seed)
    score, treated = rng.random(n), rng.integers(0, 2, n)
    y = (rng.random(n) < 0.2 + gain * (score - 0.5) * treated).astype(float)
    return score, treated, y


def test_a_backtest_agrees_with_the_reference_figures(reference, mailing):
    """Qini, area under the uplift curve, uplift at 30 %, weighted average and deciles."""
    known = reference["uplift/hillstrom_womens_visit_score_history"]
    found = backtest(*mailing)
    assert found.qini == pytest.approx(known["qini_auc"], rel=1e-9)
    assert found.auuc == pytest.approx(known["uplift_auc"], rel=1e-9)
    assert found.lift.lift == pytest.approx(known["uplift_at_30_overall"], rel=1e-9)
    assert found.average_lift == pytest.approx(known["wau"], rel=1e-9)
    deciles = [d.actual.lift for d in found.deciles]
    assert deciles == pytest.approx(known["deciles"], rel=1e-9)


def test_the_promise_of_one_model_and_share_is_what_was_seen():
    """Nothing was picked: no honest figure is needed, and the source says where it comes from."""
    found = backtest(*history(1))
    assert found.honest is None
    assert found.promise == found.lift
    assert found.candidates == 1
    assert found.lift.low < found.lift.lift < found.lift.high
    assert "top 30%" in found.source


def test_the_best_of_many_looks_too_good():
    """Twenty useless scores: on average the picked one promises a lift, the honest figure none."""
    picked, honest = [], []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        treated, y = rng.integers(0, 2, 1500), (rng.random(1500) < 0.2).astype(float)
        scores = {f"m{i}": rng.random(1500) for i in range(20)}
        found = backtest(scores, treated, y, top=0.2)
        assert found.honest is not None
        assert "winner's curse" in found.source
        picked.append(found.lift.lift)
        honest.append(found.promise.lift)
    spread = float(np.std(honest)) / 5
    assert np.mean(picked) > 0.04
    assert abs(np.mean(honest)) < 3 * spread


def test_the_honest_interval_holds_the_truth():
    """Six useless scores and two shares: at least 93 of 100 intervals hold a lift of nothing."""
    held = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        treated, y = rng.integers(0, 2, 800), (rng.random(800) < 0.3).astype(float)
        scores = {f"m{i}": rng.random(800) for i in range(6)}
        honest = backtest(scores, treated, y, top=[0.2, 0.3], bins=2).honest
        assert honest is not None
        held += honest.low <= 0 <= honest.high
    assert held / 120 >= 0.93


@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_an_honest_ratio_is_widened_on_its_log_scale(direction):
    """Bounds of a relative lift stay above -100 % and around the figure, in either direction."""
    score, treated, y = history(3)
    if direction == "decrease":
        y = 1 - y
    scores = {"good": score, "noise": np.random.default_rng(1).random(len(score))}
    found = backtest(scores, treated, y, effect="relative", direction=direction)
    alone = backtest(score, treated, y, effect="relative", direction=direction)
    assert found.honest is not None
    sign = 1 if direction == "increase" else -1
    for bound in ("low", "high"):
        near, far = (1 + sign * getattr(x, bound) for x in (alone.lift, found.honest))
        logs = [
            np.log(r / (1 + sign * x.lift)) for r, x in ((near, alone.lift), (far, found.honest))
        ]
        assert logs[1] == pytest.approx(1.5 * logs[0], rel=0.05)


def test_a_contract_from_history():
    """Lift, standard error, baseline, edges and predictions by score bin go into the contract."""
    score, treated, y = history(3)
    made = PredictedLift.from_backtest(
        score, treated, y, metric="bought", columns={"arm": "arm", "outcome": "bought"}, top=0.2
    )
    found = backtest(score, treated, y, top=0.2)
    assert made.predicted.lift == found.lift.lift
    assert made.predicted.standard_error == found.lift.se
    assert made.predicted.baseline == found.baseline
    assert made.population == "top 20% by score"
    assert tuple(made.score_edges) == found.edges
    assert made.decile_predictions[0] == found.deciles[-1].actual.lift
    assert PredictedLift.load(made.to_dict()).digest == made.digest


def test_relative_and_falling_lifts():
    """In the contract's own effect and direction, as measured later."""
    score, treated, y = history(3)
    plain = backtest(score, treated, y)
    relative = backtest(score, treated, y, effect="relative")
    assert relative.lift.lift == pytest.approx(plain.lift.lift / plain.baseline)
    down = backtest(score, treated, 1 - y, direction="decrease")
    assert down.lift.lift == pytest.approx(plain.lift.lift)
    assert down.qini == pytest.approx(plain.qini)


def test_predicted_lifts_stand_beside_the_actual():
    """Where the score is a predicted lift, its mean by decile is kept and promised by bin."""
    score, treated, y = history(4)
    predicted = 0.3 * (score - 0.5)
    found = backtest(predicted, treated, y, uplift_scores=True)
    top = found.deciles[0]
    assert top.predicted == pytest.approx(0.135, abs=0.01)
    assert top.actual.low < top.predicted < top.actual.high
    made = predicted_from_backtest(found, metric="m", columns={"arm": "a", "outcome": "y"})
    assert made.decile_predictions[-1] == top.predicted


def test_money_has_no_perfect_ranking():
    """Qini and area need a best possible order; the gain above random is there for any outcome."""
    score, treated, y = history(5)
    found = backtest(score, treated, y * 25.0)
    assert found.qini is None
    assert found.auuc is None
    assert found.qini_gain > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0}, "top == 0, must be above 0"),
        ({"top": [0.1, 2]}, "top == 2"),
        ({"bins": 1}, "bins == 1"),
        ({"top": 0.0001}, "must hold at least 2 of each"),
    ],
)
def test_impossible_choices_are_refused(options, message):
    """With what was given and what must hold."""
    with pytest.raises(InvalidInput, match=message):
        backtest(*history(1), **options)


def test_a_series_is_a_score_and_a_mapping_is_several():
    """Pandas columns serve as they are; named scores come back by name."""
    score, treated, y = history(6)
    frame = pd.DataFrame({"score": score, "treated": treated, "y": y})
    one = backtest(frame.score, frame.treated, frame.y)
    assert one.lift == backtest(score, treated, y).lift
    both = backtest({"good": score, "noise": np.zeros(len(y))}, treated, y)
    assert both.model == "good"
    assert both.candidates == 2
