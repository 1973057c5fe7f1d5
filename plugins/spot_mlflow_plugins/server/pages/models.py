"""The page ``spot/models``: which models there are, to search, filter, sort and take away as CSV."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from spot_mlflow.letters import LETTERS
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.pages.model_list import (
    ORDERS,
    RESULTS,
    ROWS_A_PAGE,
    Wanted,
    csv_text,
    found_rows,
    owners,
    targets,
)
from spot_mlflow.validation import utc
from spot_mlflow_plugins.server.pages.pages import render_page
from spot_mlflow_plugins.server.pages.rows import holdings, visible_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow


def models_page(asked: Mapping[str, str]) -> str:
    """Returns the models that are asked for, fifty a page.

    Args:
        asked: the query of the address.
    """
    wanted, now = Wanted.read(asked), utc(None)
    today = now.date()
    rows = visible_rows()
    places = holdings()
    held = _held(rows, places)
    found = found_rows(rows, wanted, today=today, held=held)
    pages = max(1, math.ceil(len(found) / ROWS_A_PAGE))
    wanted = replace(wanted, page=min(wanted.page, pages))
    return render_page(
        "models.html.j2",
        title="Models · S.P.O.T.",
        lead=_lead(rows, now, places),
        rows=found[(wanted.page - 1) * ROWS_A_PAGE : wanted.page * ROWS_A_PAGE],
        places=places,
        held={name: targets({"": has}) for name, has in held.items()},
        found=len(found),
        every=len(rows),
        pages=pages,
        wanted=wanted,
        now=now,
        today=today,
        day=figures.day,
        letters=LETTERS,
        results=RESULTS,
        orders={key: words for key, (words, _) in ORDERS.items()},
        owners=owners(rows),
        targets=targets(held, wanted.target),
    )


def models_csv(asked: Mapping[str, str]) -> str:
    """Returns all models that are asked for as CSV, not fifty of them.

    Args:
        asked: the query of the address.
    """
    wanted, today = Wanted.read(asked), utc(None).date()
    rows = visible_rows()
    held = _held(rows, holdings())
    return csv_text(found_rows(rows, wanted, today=today, held=held), today=today, held=held)


def _held(
    rows: Sequence[PortfolioRow], places: Mapping[str, Collection[tuple[str, str]]]
) -> dict[str, frozenset[str]]:
    """Returns the targets of the models that the reader may see, and nothing of others."""
    seen = {r.model for r in rows}
    return {name: frozenset(t for _, t in has) for name, has in places.items() if name in seen}


def _lead(
    rows: Sequence[PortfolioRow], now: datetime, places: Mapping[str, Collection[tuple[str, str]]]
) -> str:
    """Returns the sentence that answers the page's question before the list."""
    if not rows:
        return ""
    loud = sum(bool(r.loud(now, places.get(r.model, ()))) for r in rows)
    short = sum(r.verdict == "shortfall" for r in rows)
    late = sum(r.overdue(now.date()) for r in rows)
    said = [
        f"BREAK-GLASS was used for {figures.things(loud, 'model')}" if loud else "",
        f"{figures.things(short, 'model')} brought less than promised" if short else "",
        f"{figures.count(late)} {'has' if late == 1 else 'have'} something overdue" if late else "",
    ]
    told = "; ".join(s for s in said if s)
    return figures.sentence(figures.raised(told or "nothing is overdue, and no promise is missed"))
