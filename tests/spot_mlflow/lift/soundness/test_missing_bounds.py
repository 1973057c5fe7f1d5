from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.estimators.clusters import clustered_means
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.soundness.attrition import attrition_of
from spot_mlflow.lift.soundness.missing_bounds import (
    NoBounds,
    Range,
    imputed,
    range_of,
    unseen_of,
)
from spot_mlflow_checks import check_outcomes

COLUMNS = {"unit": "id", "arm": "arm", "outcome": "y"}


def contract(**changes: Any) -> PredictedLift:
    """A contract with some keys changed."""
    columns = COLUMNS | changes.pop("columns", {})
    return PredictedLift.load({"metric": "m", "predicted": 0.02, "columns": columns} | changes)


def units(n: int = 20000, lift: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Half treated, a fifth of the holdout with an event."""
    r = np.random.default_rng(seed)
    arm = np.arange(n) % 2
    y = (r.random(n) < 0.2 + lift * arm).astype(float)
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "y": y, "seg": np.arange(n) // 2 % 3})


def lose(log: pd.DataFrame, share: float, arm: int = 1, value: float | None = None) -> pd.DataFrame:
    """The log without the outcomes of the first ``share`` of an arm, of one value only if given."""
    of_arm = log.arm == arm
    candidates = log.index[of_arm if value is None else of_arm & (log.y == value)]
    out = log.copy()
    out.loc[candidates[: int(share * of_arm.sum())], "y"] = np.nan
    return out


def answer(log: pd.DataFrame, **changes: Any) -> dict[str, Any]:
    """The documented JSON of a check."""
    return check_outcomes(log, contract(**changes), as_of="2027-06-01").to_dict()


def cells(log: pd.DataFrame) -> Moments:
    """A log without missing values as one table."""
    arm = np.where(log.arm == 1, TREATMENT, HOLDOUT)
    return Moments.of_units({"outcome": log.y.to_numpy()}, arm, segment=log.seg.astype(str))


def reduced(log: pd.DataFrame, **columns: str) -> OutcomeMoments:
    """The moments of a check."""
    return check_outcomes(log, contract(columns=columns), as_of="2027-06-01").moments


def test_filling_in_is_the_same_as_filling_the_log():
    """Every sum of the filled table is that of the log with the missing written in, cell by cell."""
    gone = lose(lose(units(), 0.1), 0.02, arm=0)
    filled = imputed(reduced(gone, segment="seg"), treated=0.0, holdout=1.0).cells
    written = gone.assign(y=gone.y.fillna(pd.Series(np.where(gone.arm == 1, 0.0, 1.0))))
    table = reduced(written, segment="seg").cells
    for key in ("n", "matured", "nonzero", "largest"):
        assert (getattr(filled, key) == getattr(table, key)).all()
    means = [t.center + t.s1 / t.n[:, None] for t in (filled, table)]
    assert means[0] == pytest.approx(means[1], abs=1e-12)


def test_filling_in_clusters_is_the_same_as_filling_the_log():
    """Means and variances over shops are those of the log with the missing written in."""
    log = units().assign(shop=np.arange(20000) // 100)
    gone = lose(log, 0.1)
    written = gone.assign(y=gone.y.fillna(1.0))
    filled = imputed(reduced(gone, cluster="shop"), treated=1.0, holdout=1.0).clusters
    whole = reduced(written, cluster="shop").clusters
    assert filled is not None
    assert whole is not None
    ours, theirs = clustered_means(filled), clustered_means(whole)
    assert ours.treated == pytest.approx(theirs.treated, abs=1e-12)
    assert ours.var_treated == pytest.approx(theirs.var_treated, rel=1e-9)


@pytest.mark.parametrize(("arm", "value"), [(1, 0.0), (0, 1.0), (1, None)])
def test_a_lift_made_by_who_left_gets_no_verdict(arm, value):
    """Where a tenth of one arm left, whoever it was, a true lift of 0 is no promise kept or broken."""
    r = answer(lose(units(), 0.1, arm, value), kind="binary", predicted=0.03, minimum_viable=0.005)
    assert (r["verdict"], r["viable"], r["inconclusive"]) == ("inconclusive", "undecided", "data")
    assert r["withheld"] is False
    assert r["realized"]["low"] is not None
    assert "missing: zero" in r["remedy"]
    failing = [c["name"] for c in r["checks"] if not c["success"]]
    assert "outcomes_missing_alike" in failing


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "binary"},
        {"kind": "binary", "effect": "relative", "predicted": 0.5},
        {"kind": "binary", "looks": "monitored", "planned_units": 20000},
        {"kind": "binary", "columns": {"segment": "seg"}},
        {"kind": "binary", "columns": {"cluster": "shop"}},
        {"kind": "money", "bounds": {"high": 1}},
    ],
)
def test_a_verdict_that_holds_whatever_was_missing_stands(changes):
    """A lift of 40 points is above a promise of 20 even if a twentieth of the treated had nothing."""
    log = lose(units(lift=0.4), 0.05).assign(shop=np.arange(20000) % 400)
    r = answer(log, **({"predicted": 0.2, "minimum_viable": 0.1} | changes))
    assert (r["verdict"], r["viable"], r["inconclusive"]) == ("exceeded", "viable", None)
    assert r["attrition"]["alarm"]
    assert r["attrition"]["bounds"]["low"] < r["realized"]["low"]


def test_where_fewer_is_better_the_worst_case_is_the_other_end():
    """The missing treated are taken to have had the event, where events are unwanted."""
    log = units()
    log["y"] = (np.random.default_rng(2).random(len(log)) < 0.5 - 0.3 * log.arm).astype(float)
    changes = {"kind": "binary", "direction": "decrease", "predicted": 0.1, "minimum_viable": 0.05}
    r = answer(lose(log, 0.05), **changes)
    assert r["verdict"] == "exceeded"
    written = lose(log, 0.05).fillna({"y": 1.0})
    worst = answer(written, **changes)["realized"]
    assert r["attrition"]["bounds"]["low"] == pytest.approx(worst["low"], abs=1e-12)


def test_money_without_a_cap_is_inconclusive_and_names_the_cap():
    """Nobody knows what the missing spent; a cap that the log itself exceeds is none."""
    log = units(lift=0.4)
    log["y"] *= 20.0
    gone = lose(log, 0.05)
    promise: dict[str, Any] = {"kind": "money", "predicted": 4.0, "minimum_viable": 1.0}
    without = answer(gone, **promise)
    assert without["inconclusive"] == "data"
    assert "bounds: {low" in without["remedy"]
    exceeded = answer(gone, **promise, bounds={"high": 10})
    assert exceeded["inconclusive"] == "data"
    assert "above the declared 10" in exceeded["reason"]
    assert answer(gone, **promise, bounds={"high": 50})["verdict"] == "exceeded"


def test_profit_that_may_be_negative_needs_a_floor():
    """A least outcome of 0 is wrong where the log has losses: the floor must be declared, and low enough."""
    log = units(lift=0.4)
    log["y"] = log["y"] * 20.0 - 1.0
    promise: dict[str, Any] = {"kind": "money", "predicted": 4.0, "minimum_viable": 1.0}
    gone = lose(log, 0.05)
    assert "negative outcomes" in answer(gone, **promise, bounds={"high": 50})["reason"]
    floored = answer(gone, **promise, bounds={"low": -2, "high": 50})
    assert floored["verdict"] == "exceeded"
    written = answer(gone.fillna({"y": -2.0}), **promise)["realized"]
    assert floored["attrition"]["bounds"]["low"] == pytest.approx(written["low"], abs=1e-9)


def test_each_arm_gets_the_verdict_that_its_own_missing_outcomes_leave():
    """Of two treatment arms only the one that lost units loses its verdict."""
    r = np.random.default_rng(3)
    arm = np.arange(30000) % 3
    log = pd.DataFrame({"id": np.arange(30000), "arm": arm})
    log["y"] = (r.random(30000) < 0.2 + 0.05 * (arm > 0)).astype(float)
    columns = {"treated": [1, 2]}
    report = answer(
        lose(log, 0.15, arm=2), kind="binary", predicted=0.05, tolerance=0.03, columns=columns
    )
    assert [a["verdict"] for a in report["arms"]] == ["met", "inconclusive"]
    assert report["inconclusive"] == "data"


def test_weights_and_ratios_have_no_bounds():
    """Weights and denominators of units without an outcome were never summed, and it says so."""
    log = lose(units(lift=0.4), 0.05).assign(den=2.0)
    r = answer(log, kind="count", predicted=0.1, columns={"denominator": "den"})
    assert r["inconclusive"] == "data"
    assert "denominators" in r["reason"]


def test_an_arm_without_any_outcome_says_so():
    """It is not too early: all of one arm's outcomes are missing."""
    r = answer(lose(units(), 1.0), kind="binary")
    assert r["verdict"] == "inconclusive"
    assert "100 % of the treated" in r["reason"]
    assert "too early" not in r["reason"]


def test_equal_shares_keep_the_verdict_and_tell_what_would_turn_it():
    """Filling the missing beyond the tipping value turns the verdict; short of it does not."""
    log = lose(lose(units(lift=0.05), 0.1), 0.09, arm=0)
    changes = {"kind": "binary", "predicted": 0.05, "tolerance": 0.02}
    r = answer(log.assign(y=log.y.where(np.arange(20000) != 1)), **changes)
    assert r["verdict"] == "met"
    lost = answer(lose(lose(units(lift=0.05), 0.1), 0.1, arm=0), **changes)
    tipping, other = lost["attrition"]["tipping"], lost["realized"]["mean_holdout"]
    gone = lose(lose(units(lift=0.05), 0.1), 0.1, arm=0)
    verdicts = []
    for rate in (tipping["unseen"] - 0.02, tipping["unseen"] + 0.02):
        filled = gone.copy()
        for arm, mean in ((1, rate), (0, other)):
            empty = filled.index[(filled.arm == arm) & filled.y.isna()]
            filled.loc[empty, "y"] = 0.0
            filled.loc[empty[: round(mean * len(empty))], "y"] = 1.0
        verdicts.append(answer(filled, **changes)["verdict"])
    assert verdicts == ["inconclusive", "met"]
    message = next(c["message"] for c in lost["checks"] if c["name"] == "outcomes_missing_alike")
    assert "would change if the missing outcomes of the treated averaged about" in message


def test_nothing_is_said_of_turning_a_verdict_that_is_withheld():
    """With 30 % missing in both arms alike there is no verdict, and only one check says why."""
    r = answer(lose(lose(units(), 0.3), 0.3, arm=0), kind="binary")
    assert r["withheld"]
    assert r["attrition"]["tipping"] is None
    failing = [c["name"] for c in r["checks"] if not c["success"]]
    assert "outcomes_complete" in failing
    assert "outcomes_missing_alike" not in failing
    assert "missing: zero" in r["reason"]


def test_a_binary_outcome_lies_between_0_and_1_and_a_floor_may_be_declared():
    """Money lies between 0, or the declared floor, and the declared cap."""
    moments = OutcomeMoments(cells(units()), {}, "2027-01-01")
    assert range_of(moments, contract(kind="binary")) == Range(0, 1)
    assert range_of(moments, contract(kind="money", bounds={"low": -5, "high": 9})) == Range(-5, 9)
    found = range_of(moments, contract(kind="money"))
    assert isinstance(found, NoBounds)
    assert found.why == "undeclared"  # Python 3.13 no longer calls two of them with NaN equal


def test_without_an_alarm_nothing_is_bounded():
    """Bounds are for unequal shares only."""
    moments = reduced(lose(lose(units(), 0.1), 0.1, arm=0))
    lost = attrition_of(moments, contract())
    assert unseen_of(moments, contract(), lost) is None


def counts(arms: dict[str, tuple[int, int, int]], **changes: Any) -> tuple[OutcomeMoments, Any]:
    """A log of (units, missing, events among those seen) by arm, and its contract."""
    y = np.concatenate([np.arange(n - gone) < x for n, gone, x in arms.values()]).astype(float)
    table = Moments.of_units(
        {"outcome": y}, np.concatenate([np.repeat(a, n - gone) for a, (n, gone, _) in arms.items()])
    )
    order = [str(a) for a in table.arm]
    matured = np.array([arms[a][0] for a in order])
    return OutcomeMoments(replace(table, matured=matured), {}, "2027-06-01"), contract(**changes)


@pytest.mark.parametrize("effect", ["absolute", "relative"])
def test_a_sure_difference_below_half_a_point_is_taken_at_its_worst(effect):
    """40 of 10,000 are missing in the holdout alone: the bounds are the lift with all of them at 1 and at 0."""
    arms = {TREATMENT: (10_000, 0, 2500), HOLDOUT: (10_000, 40, 1960)}
    moments, made = counts(arms, effect=effect, predicted=0.05)
    lost = attrition_of(moments, made)
    assert lost is not None
    assert (lost.sure, lost.alarm) == (True, False)
    unseen = unseen_of(moments, made, lost)
    assert unseen is not None
    plain = analyze(replace(moments, cells=replace(moments.cells, matured=moments.cells.n)), made)
    seen = plain.realized.estimate

    def lift(events: int) -> float:
        holdout = events / 10_000
        return 0.25 - holdout if effect == "absolute" else 0.25 / holdout - 1

    was = 0.25 - 1960 / 9960 if effect == "absolute" else 0.25 / (1960 / 9960) - 1
    if effect == "absolute":
        assert unseen.lift.low - seen.low == pytest.approx(lift(2000) - was, rel=1e-9)
        assert unseen.lift.high - seen.high == pytest.approx(lift(1960) - was, rel=1e-9)
    else:
        assert (1 + unseen.lift.low) / (1 + seen.low) == pytest.approx((1 + lift(2000)) / (1 + was))
        assert (1 + unseen.lift.high) / (1 + seen.high) == pytest.approx(
            (1 + lift(1960)) / (1 + was)
        )


def test_a_verdict_made_by_few_that_are_surely_missing_is_withheld():
    """The promise is kept by a hair with 40 of the holdout's 10,000 left out; with them as buyers it is not."""
    arms = {TREATMENT: (10_000, 0, 2520), HOLDOUT: (10_000, 40, 1960)}
    keys = {"predicted": 0.05, "tolerance": 0.0085}
    given = analyze(*counts({k: (n - g, 0, x) for k, (n, g, x) in arms.items()}, **keys))
    assert given.outcome.verdict == "met"
    found = analyze(*counts(arms, **keys))
    assert found.outcome.verdict == "inconclusive"
    assert found.outcome.doubt == "data"
    assert "significantly more of the holdout" in found.outcome.reason
    far = analyze(*counts(arms, predicted=0.03, tolerance=0.0085))
    assert far.outcome.verdict in {"met", "exceeded"}


def test_money_without_a_cap_keeps_its_verdict_below_half_a_point():
    """Nothing bounds what 40 units would have paid; no alarm, and the verdict stands as before."""
    arms = {TREATMENT: (10_000, 0, 2500), HOLDOUT: (10_000, 40, 1960)}
    moments, made = counts(arms, kind="money", predicted=0.05)
    assert unseen_of(moments, made, attrition_of(moments, made)) is None


def test_sums_of_an_older_record_without_missing_clusters_get_no_bounds():
    """A record of clusters from before knows no cluster's missing units: no verdict, and it says so."""
    log = lose(units(lift=0.4).assign(shop=np.arange(20000) % 400), 0.05)
    moments = reduced(log, cluster="shop")
    assert moments.clusters is not None
    old = replace(moments, clusters=replace(moments.clusters, missing=None))
    found = analyze(old, contract(columns={"cluster": "shop"}, predicted=0.2))
    assert found.outcome.doubt == "data"
