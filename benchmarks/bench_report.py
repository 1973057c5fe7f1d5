"""What showing a check costs: HTML report, Markdown and chart, in CPU seconds.

The baseline is one bare matplotlib drawing saved as SVG in the same run: the report holds up to
sixteen pictures (eight, each once for a desk and once for a phone). "Cold" is the first report of a
process that has read the record but drawn nothing yet.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3


def run() -> dict[str, object]:
    """Returns CPU seconds of each surface, the size of the page, and the ratio to the baseline."""
    from spot_mlflow.reporting.charts import lift as charts
    from spot_mlflow.reporting.pages import lift_report

    check = _check()
    bare = _seconds(_bare_drawing)
    html = _seconds(lambda: lift_report.html(check))
    page = lift_report.html(check)
    return {
        "baseline": "one bare matplotlib SVG",
        "baseline_seconds": bare,
        "html_seconds": html,
        "html_ratio": html / bare,
        "pictures": page.count("<svg"),
        "html_kib": len(page.encode()) / 1024,
        "html_cold_seconds": _cold(check),
        "svg_seconds": _seconds(lambda: charts.lift_gap_svg(check)),
        "png_seconds": _seconds(lambda: charts.lift_gap_png(check)),
        "markdown_seconds": _seconds(lambda: lift_report.markdown(check)),
    }


def _check() -> dict[str, object]:
    """A check of 60,000 simulated units in three segments over twelve weeks, as the record has it."""
    from spot_mlflow.lift.analysis import analyze
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.report import LiftReport

    rng = np.random.default_rng(7)
    n = 60_000
    treated = rng.integers(0, 5, n) > 0
    y = (rng.random(n) < 0.06 + 0.009 * treated).astype(float)
    cells = Moments.of_units(
        {"outcome": y},
        np.where(treated, "treatment", "holdout"),
        segment=rng.choice(["West", "North", "South"], n),
        period=np.datetime64("2027-01-04") + 7 * rng.integers(0, 12, n),
    )
    predicted = PredictedLift.load(
        {
            "metric": "renewed",
            "predicted": {"lift": 0.023, "se": 0.002},
            "minimum_viable": 0.005,
            "economics": {"unit": "USD", "value": 100, "offer_cost": 1},
            "columns": {"arm": "arm", "outcome": "renewed"},
        }
    )
    moments = OutcomeMoments(cells, {}, "2027-04-15T00:00:00+00:00")
    analysis = analyze(moments, predicted)
    return LiftReport(predicted, analysis, (), moments, "2027-04-15T00:00:00+00:00").to_dict()


def _bare_drawing() -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.7), layout="constrained")
    figure.add_subplot().plot([0, 1], [0, 1])
    figure.savefig(io.StringIO(), format="svg")


def _cold(check: dict[str, object]) -> float:
    """Returns the CPU seconds of the first report that a new process makes."""
    code = (
        "import json, sys, time, spot_mlflow.adoption, spot_mlflow.lift.report\n"
        "check = json.load(sys.stdin)\n"
        "start = time.process_time()\n"
        "from spot_mlflow.reporting.pages import lift_report\n"
        "lift_report.html(check)\n"
        "print(time.process_time() - start)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(check),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(said.stdout)


def _seconds(work: Callable[[], object]) -> float:
    """Returns the least CPU seconds of some rounds, the first one (imports) left out."""
    work()
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best
