from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spot_mlflow.lift.holds.words import shares_words
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.soundness.attrition import Attrition, attrition_of


def contract(**changes: Any) -> PredictedLift:
    """A contract with some keys changed."""
    base = {"metric": "m", "predicted": 0.02, "columns": {"arm": "arm", "outcome": "y"}}
    return PredictedLift.load(base | changes)


def log(*cells: tuple[str, int, int], segment: Any = None, period: Any = None) -> OutcomeMoments:
    """A log of (arm, matured, missing) a cell; half of its outcomes are 1, and none is made only to be counted."""
    matured = np.array([m for _, m, _ in cells])
    n = matured - [x for *_, x in cells]
    ones = (n // 2)[:, None]
    table = Moments(
        segment=np.array([""] * len(cells) if segment is None else segment, dtype=object),
        arm=np.array([a for a, *_ in cells], dtype=object),
        period=np.array(["NaT"] * len(cells) if period is None else period, dtype="datetime64[D]"),
        measures=("outcome",), center=np.zeros(1), assigned=matured, matured=matured, n=n,
        s1=ones * 1.0, s2=ones[:, :, None] * 1.0, s3=ones * 1.0, nonzero=ones,
        largest=np.ones((len(cells), 1)), missing=np.zeros((len(cells), 1), dtype=int),
    )  # fmt: skip
    return OutcomeMoments(table, {}, "2027-01-01")


def found(moments: OutcomeMoments, **changes: Any) -> Attrition:
    """What is missing, which must not be nothing."""
    lost = attrition_of(moments, contract(**changes))
    assert lost is not None
    return lost


def test_a_log_without_missing_outcomes_is_not_asked():
    """Where every mature unit has an outcome there is nothing to compare."""
    assert attrition_of(log((TREATMENT, 100, 0), (HOLDOUT, 100, 0)), contract()) is None


def test_unequal_shares_alarm_and_both_are_named():
    """24 % against 2 % is an alarm that names both arms' shares."""
    lost = found(log((TREATMENT, 10000, 2400), (HOLDOUT, 10000, 200)))
    assert lost.alarm
    assert lost.shares == "24 % of the treated and 2 % of the holdout"
    assert lost.difference == pytest.approx(0.22)


@pytest.mark.parametrize(("gone", "alarm"), [(5200, False), (6000, True)])
def test_a_point_is_an_alarm_and_less_than_half_of_one_is_not(gone, alarm):
    """5.2 % of 100,000 units against 5 % of as many is none; 6 % is one."""
    lost = found(log((TREATMENT, 100_000, gone), (HOLDOUT, 100_000, 5000)))
    assert lost.alarm is alarm


def test_less_than_half_a_point_is_no_alarm_however_sure():
    """In two million units .2 points are beyond chance, and no alarm; the words say both."""
    sure = found(log((TREATMENT, 1_000_000, 52000), (HOLDOUT, 1_000_000, 50000)))
    assert not sure.alarm
    assert sure.sure
    assert "less than half a point apart, but significantly (p < " in sure.words


def test_a_ramp_that_loses_more_later_is_no_alarm():
    """Where day and treated share move together, only the difference within days counts."""
    days = ["2027-01-01", "2027-01-01", "2027-01-02", "2027-01-02"]
    cells = [
        (TREATMENT, 1000, 20),
        (HOLDOUT, 9000, 180),
        (TREATMENT, 9000, 900),
        (HOLDOUT, 1000, 100),
    ]
    lost = found(log(*cells, period=days))
    assert not lost.alarm
    assert "within segments and periods they are 0 points apart" in lost.words


def test_losses_that_cancel_over_segments_alarm():
    """More missing of the treated in one segment, more of the holdout in another: both are named."""
    cells = [
        (TREATMENT, 5000, 500),
        (HOLDOUT, 5000, 50),
        (TREATMENT, 5000, 50),
        (HOLDOUT, 5000, 500),
    ]
    lost = found(log(*cells, segment=["a", "a", "b", "b"]))
    assert lost.alarm
    assert set(lost.segments) == {"a", "b"}
    assert lost.difference == pytest.approx(0)


def test_one_tiny_segment_is_no_alarm():
    """What a hundredth of the units lose in one arm cannot move the lift by half a point."""
    cells = [(TREATMENT, 50000, 0), (HOLDOUT, 50000, 0), (TREATMENT, 200, 60), (HOLDOUT, 200, 0)]
    assert not found(log(*cells, segment=["a", "a", "b", "b"])).alarm


def test_each_of_several_arms_is_compared_with_the_holdout():
    """One arm that loses units alarms, with every arm's share in the words."""
    cells = [("mail", 5000, 100), ("call", 5000, 500), (HOLDOUT, 5000, 100)]
    columns = {"arm": "arm", "outcome": "y", "treated": ["mail", "call"], "holdout": "none"}
    lost = found(log(*cells), columns=columns)
    assert lost.alarm
    assert lost.shares == "2 % of mail, 10 % of call and 2 % of the holdout"


def test_a_monitored_contract_counts_the_evidence_of_every_look():
    """An alarm of an earlier look stays, since the e-value is the greatest so far."""
    days = np.repeat(np.arange("2027-01-01", "2027-01-11", dtype="datetime64[D]"), 2)
    cells = [(TREATMENT, 1000, 60), (HOLDOUT, 1000, 20)] * 10
    monitored = {"looks": "monitored", "planned_units": 20000}
    lost = found(log(*cells, period=days), **monitored)
    assert lost.alarm
    assert lost.p_value is None
    assert lost.e_value is not None
    assert lost.e_value > 1e6
    alike = [(TREATMENT, 1000, 20), (HOLDOUT, 1000, 20)] * 10
    assert not found(log(*alike, period=days), **monitored).alarm


def test_an_arm_without_any_outcome_alarms():
    """All outcomes of one arm missing is the plainest attrition of all."""
    moments = log((TREATMENT, 1000, 0), (HOLDOUT, 1000, 0))
    n = np.where(moments.cells.arm == TREATMENT, 0, moments.cells.n)
    lost = found(replace(moments, cells=replace(moments.cells, n=n)))
    assert lost.alarm
    assert lost.shares.startswith("100 % of the treated")


def clustered(gone: dict[str, np.ndarray], size: int = 50) -> OutcomeMoments:
    """Shops of ``size`` units each, so many of them without an outcome."""
    totals = [(a, size * len(x), int(x.sum())) for a, x in gone.items()]
    zero = np.zeros(len(gone))
    u = np.array([x.sum() for x in gone.values()], dtype=float)
    uu = np.array([(x**2).sum() for x in gone.values()], dtype=float)
    un = np.array([(x * (size - x)).sum() for x in gone.values()], dtype=float)
    n = np.array([(size - x).sum() for x in gone.values()], dtype=float)
    s1, s2 = np.zeros((len(gone), 3)), np.zeros((len(gone), 3, 3))
    s1[:, 0], s2[:, 0, 0] = n, [((size - x) ** 2).sum() for x in gone.values()]
    groups = np.array([len(x) for x in gone.values()])
    clusters = ClusterMoments(
        np.array(list(gone), dtype=object), groups, groups, np.zeros(2), s1, s2, groups,
        missing=np.column_stack([u, un, zero, zero, uu, groups]),
    )  # fmt: skip
    return replace(log(*totals), clusters=clusters)


def test_whole_shops_that_drop_out_are_counted_as_shops():
    """Twelve shops of 100 against six are chance; one unit of ten in every shop is not."""
    shops = np.zeros(100)
    twelve, six = shops.copy(), shops.copy()
    twelve[:12], six[:6] = 45, 45
    assert not found(clustered({TREATMENT: twelve, HOLDOUT: six})).alarm
    everywhere = np.tile([4.0, 6.0], 50)
    assert found(clustered({TREATMENT: everywhere, HOLDOUT: shops})).alarm


def test_shares_are_written_with_as_many_digits_as_tell():
    """Whole per cents lose their decimals, tiny ones keep two digits."""
    assert shares_words({"b": 0.0004, TREATMENT: 0.24, HOLDOUT: 0.021}) == (
        "0.04 % of b, 24 % of the treated and 2.1 % of the holdout"
    )
