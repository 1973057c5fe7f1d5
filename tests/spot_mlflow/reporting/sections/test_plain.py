from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spot_mlflow.reporting.sections.lift import sections_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow_checks import check_outcomes

_N = 4_000
_NUMBER = r"[-+]?[\d,]+\.\d+"


def _log(kind: str) -> pd.DataFrame:
    """Weeks and segments that are held out in shares of their own; the outcome follows last year's."""
    rng = np.random.default_rng(20270301)
    week, segment = rng.integers(0, 4, _N), rng.integers(0, 2, _N)
    held = rng.random(_N) < 0.1 + 0.1 * week + 0.1 * segment
    before = rng.gamma(2.0, 20.0, _N) + 10 * segment
    if kind == "money":
        outcome = np.round(before * 0.8 + rng.gamma(1.0, 10.0, _N) + 3 * ~held + 5 * week, 2)
    else:
        outcome = (rng.random(_N) < 0.2 + 0.05 * ~held + 0.1 * segment).astype(float)
    return pd.DataFrame(
        {
            "unit": np.arange(_N),
            "arm": np.where(held, "holdout", "treated"),
            "decided_at": pd.Timestamp("2027-01-04") + pd.to_timedelta(7 * week, unit="D"),
            "segment": np.array(["new", "old"])[segment],
            "outcome": outcome,
            "visits": rng.integers(1, 9, _N),
            "before": before,
        }
    )


def _checked(log: pd.DataFrame, kind: str, columns: dict[str, str], **more: Any) -> Any:
    named = {"unit": "unit", "arm": "arm", "decided_at": "decided_at", "outcome": "outcome"}
    contract = {
        "metric": "what they spend",
        "kind": kind,
        "predicted": {"lift": 0.05 if kind == "binary" else 3.0, "se": 0.01},
        "window": "30d",
        "columns": {"treated": "treated", "holdout": "holdout", **named, **columns},
        **more,
    }
    return check_outcomes(log, contract, as_of="2027-06-01")


def _sentence(report: Any) -> str:
    result = sections_of(lift_view(report))[0]
    return next((t for t in result.text if t.startswith("Not adjusted")), "")


def _means(log: pd.DataFrame) -> tuple[float, float]:
    by_arm = log.groupby("arm")["outcome"].mean()
    return float(by_arm["treated"]), float(by_arm["holdout"])


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("money", {"covariate": "before"}),
        ("money", {"segment": "segment"}),
        ("money", {"segment": "segment", "covariate": "before"}),
        ("binary", {"segment": "segment"}),
    ],
)
def test_an_adjusted_lift_has_the_plain_difference_beside_it(kind, columns):
    """Who divides two sums of the log finds both means and their difference in the report."""
    log = _log(kind)
    report = _checked(log, kind, columns)
    treated, holdout = _means(log)
    plain = report.to_dict()["realized"]["plain"]
    assert plain["treatment"] == pytest.approx(treated, rel=1e-9)
    assert plain["holdout"] == pytest.approx(holdout, rel=1e-9)
    assert plain["difference"] == pytest.approx(treated - holdout, rel=1e-9)
    assert report.to_dict()["realized"]["lift"] != pytest.approx(treated - holdout, rel=1e-3)
    shown = [float(x.replace(",", "")) for x in re.findall(_NUMBER, _sentence(report))]
    factor = 100 if kind == "binary" else 1
    wanted = [factor * x for x in (treated, holdout, treated - holdout)]
    assert shown == pytest.approx(wanted, abs=0.006)
    counts = log.groupby("arm").size()
    assert f"{counts['treated']:,} treated" in _sentence(report)
    assert f"{counts['holdout']:,} of the holdout" in _sentence(report)


def test_a_lift_that_is_not_adjusted_has_no_second_figure():
    """One arm against the other as they are: the headline is the plain difference already."""
    log = _log("money").assign(decided_at=pd.Timestamp("2027-01-04"))
    report = _checked(log, "money", {})
    treated, holdout = _means(log)
    assert report.to_dict()["realized"]["plain"]["difference"] == pytest.approx(treated - holdout)
    assert not _sentence(report)


def test_a_ratio_metric_is_plain_as_a_ratio_of_sums():
    """Spending per visit within segments: beside it the sums of each arm divided."""
    log = _log("money")
    report = _checked(log, "money", {"segment": "segment", "denominator": "visits"})
    sums = log.groupby("arm")[["outcome", "visits"]].sum()
    ratio = sums["outcome"] / sums["visits"]
    plain = report.to_dict()["realized"]["plain"]
    assert plain["per"] == "denominator"
    assert plain["difference"] == pytest.approx(ratio["treated"] - ratio["holdout"], rel=1e-9)
    assert "the ratio of sums is" in _sentence(report)


def test_a_relative_lift_has_the_plain_one_in_percent_too():
    """The headline is a percentage, so the plain difference is given in it as well."""
    log = _log("money")
    report = _checked(
        log,
        "money",
        {"segment": "segment"},
        effect="relative",
        predicted={"lift": 0.05, "se": 0.01},
    )
    treated, holdout = _means(log)
    said = _sentence(report)
    share = float(re.search(r"([-+][\d.]+) % of the holdout's\.$", said)[1])
    assert share == pytest.approx(100 * (treated / holdout - 1), abs=0.6)
