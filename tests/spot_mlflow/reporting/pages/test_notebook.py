"""What a notebook shows: the sentence and picture of the page, figures as a frame, one line as ``repr``."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from people import entry
from reports import make_adoption, make_report

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.lift.promise.backtest import backtest
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.verdict.plan import plan_lift
from spot_mlflow.reporting.charts.lift import lift_gap_chart
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.pages.adoption_view import adoption_dict, title_of
from spot_mlflow.reporting.pages.notebook import page_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.reporting.words.plan_words import know_when

if TYPE_CHECKING:
    from spot_mlflow.shown import Shown

LINE = 200  # characters of a repr: two lines of a terminal or three
EVIL = "<script>alert(1)</script>"


def _backtest() -> Any:
    rng = np.random.default_rng(5)
    score, treated = rng.random(4_000), rng.random(4_000) < 0.5
    outcome = rng.random(4_000) < 0.1 + 0.2 * score * treated
    return backtest(score, treated, outcome)


def _decision() -> Any:
    adoption = make_adoption(check=make_report(n=8_000))
    return decide(adoption, "Production", policy=default_policy(), requester="Ann")


def _plan(**said: Any) -> Any:
    contract = {
        "metric": "renewed",
        "predicted": {"lift": 0.04, "baseline": 0.1, **said},
        "tolerance": 0.015,
        "columns": {"arm": "offered", "outcome": "renewed"},
    }
    return plan_lift(PredictedLift.load(contract), holdouts=(0.1, 0.3), per_day=1_000)


RESULTS = {
    "report": lambda: make_report(n=8_000),
    "adoption": lambda: make_adoption(check=make_report(n=8_000)),
    "adoption before outcomes": lambda: make_adoption(predicted=make_report(n=8_000).predicted),
    "decision": _decision,
    "evidence": lambda: entry("concern", {"what": EVIL}, "Kim", "frontline", 3),
    "backtest": _backtest,
    "plan": _plan,
    "plan that never knows": lambda: _plan(se=0.05),
}


def pictures(html: str) -> list[str]:
    """The SVG files in a page."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return [base64.b64decode(x).decode() for x in found]


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_every_result_is_shown_without_network_script_or_style_sheet(make: Any) -> None:
    """What notebooks take out is not there, and what people wrote is escaped."""
    html = make()._repr_html_()
    assert not re.search(
        r"<(script|style|link|iframe)\b|https?://|\bon\w+=", html.replace(EVIL, "")
    )
    assert EVIL not in html


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_every_result_has_a_line_and_a_frame(make: Any) -> None:
    """A cell that ends in a result is not flooded by it, and its rows go on into pandas."""
    result: Shown = make()
    line = repr(result)
    assert line.startswith(f"<{type(result).__name__}")
    assert "\n" not in line
    assert len(line) <= LINE
    frame = result.to_frame()
    assert len(frame) > 0
    assert frame.columns.is_unique


def test_a_report_opens_with_the_sentence_and_picture_of_its_page() -> None:
    """The notebook and the HTML report cannot say different things."""
    report = make_report(n=60_000)
    html = report._repr_html_()
    assert headline_of(report).finding.split(":")[0] in html
    assert pictures(html) == [lift_gap_chart(lift_view(report)).svg_file()]
    frame = report.to_frame().set_index(["part", "label"])
    assert frame.loc[("all", "all"), "lift"] == report.analysis.realized.estimate.lift
    assert len(frame.loc["segment"]) == len(report.analysis.segments)


def test_a_decision_shows_what_is_missing_first() -> None:
    """Each requirement with what was found, what is required and what helps."""
    decision = _decision()
    html, frame = decision._repr_html_(), decision.to_frame()
    assert decision.missing
    for r in decision.missing:
        assert (r.title or r.name) in html
    assert html.index("✕") < html.index("✓")
    assert frame.loc[~frame["met"], "name"].tolist() == [r.name for r in decision.missing]


def test_an_adoption_names_the_model_and_its_result() -> None:
    """One sees at a glance whom it is about."""
    adoption = make_adoption(check=make_report(n=8_000))
    assert title_of(adoption) in adoption._repr_html_()
    assert set(adoption.to_frame()["kind"]) == {"prediction", "outcomes"}
    assert adoption.to_dict() == adoption_dict(adoption)


def test_a_backtest_shows_its_bins() -> None:
    """The table is that of the contract's score edges, highest first."""
    found = _backtest()
    frame = found.to_frame()
    assert frame["n_treatment"].sum() + frame["n_holdout"].sum() == 4_000
    assert frame["low"].is_monotonic_decreasing
    assert found.to_dict()["promise"]["lift"] == found.promise.lift


def test_a_plan_opens_with_the_sentence_of_the_command_and_draws_its_waits() -> None:
    """A row for each share with its chances; where nothing will ever be known, no picture."""
    plan = _plan()
    html, frame = plan._repr_html_(), plan.to_frame()
    assert know_when(plan) in html.replace("\u00a0", " ")
    assert len(pictures(html)) == 1
    assert frame["holdout"].tolist() == [0.1, 0.3]
    assert frame["true: met"].tolist() == [r.chances["true"].met for r in plan.holdouts]
    assert plan.to_dict()["holdouts"][0]["days_needed"] == plan.holdouts[0].days_needed
    assert pictures(_plan(se=0.05)._repr_html_()) == []


def test_a_backtest_draws_each_bin() -> None:
    """Beside the table there is a picture with a mark for the lift of each bin."""
    found = _backtest()
    (chart,) = page_of(found).charts
    assert len(chart.table.rows) == len(found.deciles)
    assert chart.svg_file().count("<circle") >= len(found.deciles)
    assert "<img" in found._repr_html_()
