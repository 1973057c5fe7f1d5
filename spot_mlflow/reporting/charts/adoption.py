"""The picture of adoption: the share of recommendations acted on, week by week."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.causes.bridge import interval_from
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.reporting.charts.palette import Palette
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
        height=2.7,
        paint=lambda axes, palette, narrow: _paint(axes, palette, weeks, narrow=narrow),
        table=Table("Recommendations acted on, by week", heads, rows, frozenset(range(1, 6))),
    )


def share_words(x: Interval) -> str:
    """Writes a share with its interval: "41 % (38 to 44 %)"."""
    if not (math.isfinite(x.low) and math.isfinite(x.high)):
        return figures.share(x.lift)
    low = figures.share(x.low).removesuffix(" %")
    return f"{figures.share(x.lift)} ({low} to {figures.share(x.high)})"


def _paint(
    axes: Any, palette: Palette, weeks: Sequence[Mapping[str, Any]], *, narrow: bool
) -> None:
    x = range(len(weeks))
    shares = [interval_from(w["share"]) for w in weeks]
    axes.fill_between(
        x,
        [100 * s.low for s in shares],
        [100 * s.high for s in shares],
        color=palette.band,
        linewidth=0,
    )
    axes.plot(
        x, [100 * s.lift for s in shares], "o-", color=palette.realized, linewidth=1.8, markersize=5
    )
    axes.set_ylim(0, max(100 * max(s.high for s in shares) * 1.08, 10))
    axes.set_ylabel("% of recommendations\nacted on")
    step = max(1, math.ceil(len(weeks) / (3 if narrow else 7)))
    axes.set_xticks(list(x)[::step], [figures.short_day(w["week"]) for w in weeks][::step])
    axes.set_xlabel("week of")
