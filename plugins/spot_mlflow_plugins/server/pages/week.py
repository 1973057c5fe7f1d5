"""The page ``spot/``: what arrived, what changed since last week, and which decisions wait."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.months import months_chart
from spot_mlflow.reporting.pages.week import MOST, SHOWN, week_of
from spot_mlflow.validation import utc
from spot_mlflow_plugins.server.pages.pages import render_page
from spot_mlflow_plugins.server.pages.rows import loud_rows, visible_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.reporting.charts.drawing import Chart
    from spot_mlflow.reporting.message.portfolio_money import PortfolioMoney


def week_page(asked: Mapping[str, str]) -> str:
    """Returns the portfolio this week, of the models that the reader may read.

    Args:
        asked: the query of the address: ``owner`` of the decisions to show, ``all`` for lists in full.
    """
    owner, everything = asked.get("owner", "")[:200], asked.get("all", "") == "1"
    rows, now = visible_rows(), utc(None)
    week = week_of(rows, now, owner=owner)
    most = MOST if everything else SHOWN
    here = {k: v for k, v in (("owner", owner), ("all", "1" if everything else "")) if v}
    charts = [chart for total in week.money if (chart := _chart(total)) is not None]
    return render_page(
        "week.html.j2",
        title="This week · S.P.O.T.",
        week=week,
        loud=loud_rows(rows, now),
        owner=owner,
        most=most,
        charts=charts,
        day=figures.day,
        link=f"./?{urlencode(here)}" if here else "./",
        in_full=f"./?{urlencode({**here, 'all': '1'})}",
    )


def _chart(total: PortfolioMoney) -> Chart | None:
    money = total.money
    return months_chart(
        total.months,
        currency=total.unit,
        arrived=money.arrived_text,
        promised=money.promised_text,
    )
