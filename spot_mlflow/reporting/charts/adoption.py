"""The picture of adoption: the share of recommendations acted on, week by week."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.causes.bridge import interval_from
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.frames import limits, plane_frame, thinned
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.reporting.charts.pen import Pen
    from spot_mlflow.reporting.words.lift_view import LiftView


def adoption_chart(view: LiftView) -> Chart | None:
    """The adoption curve since deployment, with the number of people active."""
    weeks = [w for w in (view.data.get("adoption") or {}).get("weeks") or () if w["week"]]
    if len(weeks) < 2:  # noqa: PLR2004 - one week is no curve
        return None
    rows = tuple(
        (
            figures.day(w["week"]),
            share_words(interval_from(w["share"])),
            figures.count(w["recommended"]),
            figures.count(w["acted"]),
            figures.count(w["active"]),
            figures.count(w["people"]),
        )
        for w in weeks
    )
    heads = ("week of", "acted on", "recommended", "acted", "people active", "people")
    return Chart(
        name="adoption",
        title="Recommendations acted on, by week",
        alt=figures.sentence(str(view.data["adoption"]["words"])),
        paint=lambda pen, narrow: _paint(pen, weeks, narrow=narrow),
        table=Table("Recommendations acted on, by week", heads, rows, frozenset(range(1, 6))),
    )


def share_words(x: Interval) -> str:
    """Writes a share with its interval: "41 % (38 to 44 %)"."""
    if not (math.isfinite(x.low) and math.isfinite(x.high)):
        return figures.share(x.lift)
    low = figures.share(x.low).removesuffix(" %")
    return f"{figures.share(x.lift)} ({low} to {figures.share(x.high)})"


def _paint(pen: Pen, weeks: Sequence[Mapping[str, Any]], *, narrow: bool) -> None:
    shares = [interval_from(w["share"]) for w in weeks]
    highest = limits([100 * s.high for s in shares])[1]
    x = [float(i) for i in range(len(weeks))]
    plane = plane_frame(
        pen,
        (-0.4, x[-1] + 0.4),
        (0.0, max(min(100.0, 1.08 * highest), 10.0)),
        unit="% of recommendations acted on",
        below="week of",
        ticks=thinned([figures.short_day(w["week"]) for w in weeks], narrow=narrow),
        narrow=narrow,
    )
    plane.band(pen, x, [100 * s.low for s in shares], [100 * s.high for s in shares])
    plane.course(pen, x, [100 * s.lift for s in shares])
