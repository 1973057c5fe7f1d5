from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.explanation import explained
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.report import LiftReport

EDGES = [0.25, 0.5, 0.75]
UNITS = make_units(12_000, late_team="West")


def test_an_analysis_carries_all_that_the_log_allows():
    """Bridge, diagnosis, money, adoption and calibration are there, and agree with the headline."""
    log = replace(UNITS.log(periods=True), score_bins=UNITS.bins(EDGES), teams=UNITS.teams())
    contract = make_contract(score_edges=EDGES)
    a = analyze(log, contract)
    assert a.attribution.realized_lift == pytest.approx(a.realized.estimate.lift)
    assert a.economics.lift.lift == pytest.approx(a.realized.estimate.lift)
    assert a.diagnosis.ranked[0].cause == a.attribution.ranked[0]
    assert a.adoption.teams
    assert len(a.calibration) == 4
    written = json.loads(LiftReport(contract, a, (), log, "2027-01-01").to_json())
    assert written["diagnosis"]["sentence"] == a.diagnosis.sentence


def test_a_lift_that_cannot_be_told_leaves_the_rest_out():
    """Where the lift is not a number there is no bridge, and adoption is told all the same."""
    arm = np.array([TREATMENT] * 5 + [HOLDOUT])
    measures = {"outcome": np.zeros(6), "acted": np.r_[np.ones(5), 0]}
    log = OutcomeMoments(Moments.of_units(measures, arm), {}, as_of="")
    a = analyze(log, make_contract(mix=False, effect="relative"))
    assert a.attribution is None
    assert a.adoption.acted == 5


@pytest.mark.parametrize("looks", ["once", "monitored"])
def test_clusters_and_looks_never_make_the_bridge_surer_than_the_headline(looks):
    """The bridge's gap is no narrower than the headline's realized lift."""
    contract = make_contract(looks=looks, planned_units=20_000, predicted=0.08)
    a = analyze(UNITS.log(), contract)
    headline = a.realized.estimate
    assert a.attribution.gap.se >= 0.95 * (headline.se or 0)


def test_findings_and_calibration_are_as_wide_as_a_clustered_headline():
    """With twice the headline's error a finding is told with twice its own."""
    log = replace(UNITS.log(periods=True), score_bins=UNITS.bins(EDGES), teams=UNITS.teams())
    contract = make_contract(score_edges=EDGES)
    plain = analyze(log, contract)
    estimate = replace(plain.realized.estimate, se=2 * plain.attribution.gap.se)
    wide = explained(
        replace(plain, realized=replace(plain.realized, estimate=estimate)), log, contract
    )

    def width(x):
        return x.high - x.low

    segments = {(f.label, f.factor): f for f in plain.diagnosis.findings}
    for f in wide.diagnosis.findings:
        if f.factor == "lift":
            assert width(f.level) > 1.8 * width(segments[f.label, f.factor].level)
    assert wide.diagnosis.groups_tested == plain.diagnosis.groups_tested
    assert len(wide.diagnosis.findings) < len(plain.diagnosis.findings)
    for a, b in zip(plain.calibration, wide.calibration, strict=True):
        assert width(b.realized) > 1.8 * width(a.realized)
