"""Tables as companies have them, made with a known lift: decisions, a list held out, orders, contacts."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Rows = list[list[object]]
START = datetime(2026, 3, 1, 6)  # noqa: DTZ001 - written without a zone, as many are
DAYS = 20
WINDOW = 14


@dataclass
class World:
    """Tables by role, as rows under a head.

    Attributes:
        decisions: id, time, score, segment.
        held: ids held out.
        orders: order id, customer, time, amount, status.
        contacts: id, time, delivered, team.
        lift: mean paid by the treated in the window less that of the holdout, as it was drawn.
        rate: the same of the share that bought.
    """

    decisions: Rows = field(default_factory=list)
    held: Rows = field(default_factory=list)
    orders: Rows = field(default_factory=list)
    contacts: Rows = field(default_factory=list)
    lift: float = 0.0
    rate: float = 0.0


def world(
    units: int = 1200, *, first: int = 1, pad: int = 0, seed: int = 3, days: int = DAYS
) -> World:
    """Draws a world: one decision a unit, 20 % held out, the treated buy more often.

    Args:
        units: how many are decided about.
        first: number of the first; ids are numbers.
        pad: digits of an id, with zeros in front.
        seed: of the draw.
        days: over which decisions are spread.
    """
    draw, out = random.Random(seed), World()  # noqa: S311 - not a secret
    paid: dict[bool, list[float]] = {True: [], False: []}
    for i in range(first, first + units):
        unit = f"{i:0{pad}d}"
        at = START + timedelta(days=(i - first) * days // units, minutes=draw.randrange(600))
        treated = draw.random() < 0.8
        out.decisions.append([unit, at, round(draw.random(), 4), draw.choice(["new", "old"])])
        if treated:
            out.contacts.append(
                [
                    unit,
                    at + timedelta(hours=3),
                    draw.choice(["yes", "yes", "no"]),
                    draw.choice(["North", "South"]),
                ]
            )
        else:
            out.held.append([unit])
        total = 0.0
        for _ in range(1 + (draw.random() < 0.3)):
            if draw.random() < (0.45 if treated else 0.25):
                amount = round(draw.uniform(5, 60), 2)
                when = at + timedelta(days=draw.uniform(0.1, WINDOW - 0.1))
                out.orders.append(
                    [len(out.orders) + 100_001 + 1_000 * first, unit, when, amount, "paid"]
                )
                total += amount
        if draw.random() < 0.2:  # before the decision: never an outcome
            out.orders.append(
                [
                    len(out.orders) + 100_001 + 1_000 * first,
                    unit,
                    at - timedelta(days=3),
                    20.5,
                    "paid",
                ]
            )
        paid[treated].append(total)
    for i in range(units // 10):  # cancelled again: they count only where nothing is filtered
        order = out.orders[i * 3]
        out.orders.append(
            [len(out.orders) + 100_001 + 1_000 * first, order[1], order[2], 99.5, "cancelled"]
        )
    for _ in range(units // 20):  # of people nobody decided about
        out.orders.append(
            [
                len(out.orders) + 100_001 + 1_000 * first,
                f"{draw.randrange(10**6, 2 * 10**6)}",
                START,
                9.5,
                "paid",
            ]
        )
    out.orders.sort(key=lambda r: str(r[2]))
    mean = {k: sum(v) / len(v) for k, v in paid.items()}
    share = {k: sum(x > 0 for x in v) / len(v) for k, v in paid.items()}
    out.lift, out.rate = mean[True] - mean[False], share[True] - share[False]
    return out


ENGLISH = {
    "scores.csv": ["customer_id", "scored_at", "score", "segment"],
    "holdout.csv": ["customer_id"],
    "orders.csv": ["order_id", "customer_id", "ordered_at", "net_amount", "status"],
    "contacts.csv": ["customer_id", "sent_at", "delivered", "team"],
}
GERMAN = {
    "bewertungen.csv": ["KundenNr", "bewertet_am", "Wahrscheinlichkeit", "Kundensegment"],
    "kontrollgruppe.csv": ["Kunden-Nr."],
    "bestellungen.csv": ["Bestellnummer", "Kundennummer", "Bestellzeitpunkt", "Nettobetrag", "Zustand"],
    "kontakte.csv": ["KundenNr", "versendet_am", "zugestellt", "Filiale"],
}  # fmt: skip


def tables(made: World) -> list[Rows]:
    """The tables of a world in the order of the names above."""
    return [made.decisions, made.held, made.orders, made.contacts]


def write_csv(folder: Path, made: World, names: dict[str, list[str]]) -> list[str]:
    """Writes a world as CSV; returns the paths."""
    paths = []
    for (name, head), rows in zip(names.items(), tables(made), strict=True):
        path = folder / name
        with path.open("w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows([head, *rows])
        paths.append(str(path))
    return paths


def promise(folder: Path, **more: Any) -> dict[str, Any]:
    """A contract whose tables are all files of a folder: ``scores*.csv``, ``holdout*.csv``, ``orders*.csv``.

    Monitored, so that every look is planned.
    """
    place = {"unit": "customer_id", "zone": "UTC"}
    events = {"table": str(folder / "orders*.csv"), **place, "at": "ordered_at", "id": "order_id"}
    sources = {
        "decisions": {"table": str(folder / "scores*.csv"), **place, "at": "scored_at"},
        "arms": {"held_out": str(folder / "holdout*.csv"), "unit": "customer_id"},
        "events": {**events, "amount": "net_amount", "filter": {"status": "paid"}, "complete_until": "now"},
        "outcome": "sum",
        "before": "none",  # the lift is then the difference of two means
    }  # fmt: skip
    said = {
        "metric": "paid",
        "kind": "money",
        "predicted": {"lift": 8.0, "se": 1.0},
        "window": f"{WINDOW}d",
    }
    return {**said, "looks": "monitored", "planned_units": 4000, "sources": sources, **more}
