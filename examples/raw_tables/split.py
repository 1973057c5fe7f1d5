"""Splits a public experiment, one row a customer, into the tables that a company would have.

    python split.py hillstrom hillstrom.csv FOLDER
    python split.py starbucks training.csv FOLDER

`hillstrom` is the MineThatData e-mail challenge (64,000 customers, two e-mails and none), `starbucks` the
promotion experiment of the portfolio exercise (84,534 customers). Neither file states a licence, so get
your own copy. Times are made up, as the files have none: all decisions are of one morning, and what a
customer did lies 1 to 13 days later, by row. Nothing else is added or left out.
"""

from __future__ import annotations

import csv
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

MORNING = {"hillstrom": datetime.fromisoformat("2008-03-20T08:00:00"), "starbucks": datetime.fromisoformat("2018-01-15T08:00:00")}  # fmt: skip
Rows = list[list[Any]]


def hillstrom(customers: list[dict[str, str]], morning: datetime) -> dict[str, Rows]:
    """Returns scores, groups, orders, visits and mailings."""
    scores: Rows = [["customer_id", "scored_at", "score"]]
    groups: Rows = [["customer_id", "group"]]
    orders: Rows = [["order_id", "customer_id", "ordered_at", "amount"]]
    visits: Rows = [["customer_id", "visited_at", "page"]]
    mailings: Rows = [["customer_id", "sent_at"]]
    for i, c in enumerate(customers):
        unit, later = f"H{i:06d}", morning + timedelta(days=1 + i % 13)
        scores.append([unit, morning, c["history"]])
        groups.append([unit, c["segment"]])
        if c["segment"] != "No E-Mail":
            mailings.append([unit, morning + timedelta(hours=2)])
        if c["visit"] == "1":
            visits.append([unit, later, "home"])
        if c["conversion"] == "1":
            orders.append([f"o{i}", unit, later + timedelta(minutes=10), c["spend"]])
    return {
        "scores": scores,
        "groups": groups,
        "orders": orders,
        "visits": visits,
        "mailings": mailings,
    }


def starbucks(customers: list[dict[str, str]], morning: datetime) -> dict[str, Rows]:
    """Returns predictions, those held out, and purchases."""
    predictions: Rows = [["customer_id", "predicted_at", "score"]]
    held: Rows = [["customer_id"]]
    purchases: Rows = [["purchase_id", "customer_id", "purchased_at"]]
    for i, c in enumerate(customers):
        predictions.append([c["ID"], morning, c["V2"]])
        if c["Promotion"] == "No":
            held.append([c["ID"]])
        if c["purchase"] == "1":
            purchases.append([f"p{i}", c["ID"], morning + timedelta(days=1 + i % 13)])
    return {"predictions": predictions, "held_out": held, "purchases": purchases}


def split(name: str, source: Path, folder: Path) -> None:
    """Writes the tables of an experiment as CSV."""
    with source.open(newline="", encoding="utf-8") as f:
        customers = list(csv.DictReader(f))
    made = {"hillstrom": hillstrom, "starbucks": starbucks}[name](customers, MORNING[name])
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in made.items():
        with (folder / f"{table}.csv").open("w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows(rows)


if __name__ == "__main__":
    split(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
