"""Which version held a target when, in words and as CSV; what nobody recorded is "unknown"."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from spot_mlflow.readiness.answer_text import cell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from spot_mlflow.gate.holdings import History, Holding, Standing

UNKNOWN: Final = "unknown"
COLUMNS: Final = (
    "model",
    "target",
    "version",
    "from",
    "to",
    "by",
    "outcome",
    "policy",
    "decision",
)


def since_words(h: Holding) -> str:
    """Returns when a version was given its target (UTC)."""
    return UNKNOWN if h.since is None else time_words(h.since)


def until_words(h: Holding) -> str:
    """Returns when a version gave its target up (UTC), or "now"."""
    if h.current:
        return "now"
    return UNKNOWN if h.until is None else time_words(h.until)


def standing_words(history: History, standing: Standing) -> tuple[str, ...]:
    """Returns who held a target at a time, one sentence each; last what is not known."""
    lines = [
        f"version {h.version}, from {since_words(h)} to {until_words(h)} (UTC)"
        for h in standing.holdings
    ]
    if standing.known and not standing.holdings:
        lines.append(f"No version held {history.target}.")
    if not standing.known:
        more = "whether there was another" if standing.holdings else "which version held it"
        first = history.recorded_from
        begins = (
            "no change"
            if first is None
            else f"nothing before {time_words(first)}, or not all since,"
        )
        lines.append(f"{UNKNOWN}: {more}; {begins} is on record.")
    return tuple(lines)


def holdings_csv(rows: Iterable[tuple[str, Holding]]) -> str:
    """Returns (model, holding) as CSV; cells that a spreadsheet would run as formulas are quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for model, h in rows:
        since = UNKNOWN if h.since is None else h.since.isoformat()
        until = "" if h.current else UNKNOWN if h.until is None else h.until.isoformat()
        said = (cell(model), h.target, h.version, since, until, cell(h.by or ""))
        writer.writerow((*said, h.outcome, cell(h.policy), h.decision))
    return text.getvalue()


def time_words(at: datetime) -> str:
    """Returns a moment (UTC) to the minute."""
    return at.strftime("%Y-%m-%d %H:%M")
