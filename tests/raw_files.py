"""Raw tables as a new user has them: scores, a list of held-out customers, and orders, as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT: dict[str, Any] = {
    "metric": "bought",
    "predicted": {"lift": 0.3, "se": 0.01},
    "tolerance": 0.1,
    "window": "7d",
    "sources": {
        "decisions": {"unit": "customer", "at": "scored"},
        "arms": {"held_out": True, "unit": "customer"},
        "events": {"unit": "customer", "at": "ordered", "id": "order", "complete_until": "now"},
        "outcome": "any",
    },
}
AS_OF = "2026-06-01"


def tables(folder: Path, units: int = 2000) -> dict[str, str]:
    """Scores, a list of held-out customers, and orders: 20 % of the holdout buy, 50 % of the others."""
    scores, held, orders = ["customer,scored"], ["customer"], ["order,customer,ordered"]
    for i in range(units):
        scores.append(f"c{i},2026-01-{1 + i // 4 % 28:02d}T08:00:00")
        if i % 4 == 0:
            held.append(f"c{i}")
        if i % 100 < (20 if i % 4 == 0 else 50):
            orders.append(f"o{i},c{i},2026-01-{1 + i // 4 % 28:02d}T10:00:00")
    out = {}
    for name, lines in (("decisions", scores), ("arms", held), ("events", orders)):
        path = folder / f"{name}.csv"
        path.write_text("\n".join(lines) + "\n")
        out[name] = str(path)
    return out


def options(given: dict[str, str]) -> list[str]:
    """The tables as options of the command."""
    return [x for role, path in given.items() for x in (f"--{role}", path)]
