"""The tables of a company for ``docs/own-data.md``: decisions, a holdout list, deliveries, orders, and a history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

CUSTOMERS = 12_000


def write_own_tables(folder: Path) -> None:
    """Writes them as other systems export them: repeated decisions and orders, local times, a German form of days."""
    r, n = np.random.default_rng(7), CUSTOMERS
    ids, held = np.arange(500_000, 500_000 + n), r.random(n) < 0.15
    at = pd.Timestamp("2026-07-06 06:00") + pd.to_timedelta(r.integers(0, 42 * 24, n), unit="h")
    decisions = pd.DataFrame(
        {
            "customer": ids,
            "scored_at": at.strftime("%Y-%m-%d %H:%M:%S"),
            "score": r.beta(2, 4, n).round(4),
            "tariff": r.choice(["S", "M", "L"], n),
        }
    )
    pd.concat([decisions, decisions.sample(400, random_state=1)]).to_csv(
        folder / "decisions.csv", index=False
    )
    pd.DataFrame({"customer": ids[held]}).to_csv(folder / "holdout.csv", index=False)
    status = r.choice(
        ["delivered", "opened", "bounced", "suppressed"], n, p=[0.55, 0.33, 0.08, 0.04]
    )
    sent = at + pd.to_timedelta(r.integers(4, 40, n), unit="h")
    deliveries = pd.DataFrame(
        {"recipient": ids, "sent_at": sent.strftime("%d.%m.%Y %H:%M"), "status": status}
    )
    deliveries[~held].to_csv(folder / "deliveries.csv", index=False, sep=";")
    reached = ~held & np.isin(status, ["delivered", "opened"])
    _orders(r, ids, at, 0.35 + 0.07 * reached).to_csv(folder / "orders.csv", index=False)
    history = pd.DataFrame(
        {
            "age": r.integers(18, 80, 600),
            "months": r.integers(1, 60, 600),
            "spend": r.gamma(3, 12, 600),
        }
    )
    history.assign(bought=(r.random(600) < 0.3).astype(int)).to_csv(
        folder / "history.csv", index=False
    )


def _orders(
    r: np.random.Generator, ids: np.ndarray, at: pd.DatetimeIndex, rate: np.ndarray
) -> pd.DataFrame:
    """Orders before and after the decision; some cancelled, some exported twice."""
    parts = []
    for count, days in ((r.poisson(0.3, len(ids)), (-40, 0)), (r.poisson(rate), (0, 45))):
        who = np.repeat(np.arange(len(ids)), count)
        when = at[who] + pd.to_timedelta(r.uniform(*days, len(who)), unit="D")
        parts.append(pd.DataFrame({"customer_id": ids[who], "ordered_at": when}))
    orders = pd.concat(parts, ignore_index=True)
    orders.insert(0, "order_id", [f"O{i}" for i in range(len(orders))])
    orders["ordered_at"] = orders["ordered_at"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    orders["net_amount"] = r.gamma(3, 12, len(orders)).round(2)
    orders["status"] = r.choice(["paid", "cancelled"], len(orders), p=[0.95, 0.05])
    return pd.concat([orders, orders.sample(60, random_state=2)])
