"""The page ``spot/history``: which version held a target when, as a table, for one day, and as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.holdings import history_of, targets_of
from spot_mlflow.gate.targets import normalize_target
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.words.holdings import (
    holdings_csv,
    since_words,
    standing_words,
    time_words,
    until_words,
)
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.validation import utc
from spot_mlflow_plugins.server.pages.pages import render_page
from spot_mlflow_plugins.server.record.signed import model_lock, server_record

if TYPE_CHECKING:
    from spot_mlflow.gate.holdings import History


def history_page(name: str, target: str = "", when: str = "") -> str:
    """Returns the page.

    Args:
        name: of the model.
        target: stage or "@alias"; all where empty.
        when: a day (UTC) on which it is asked who held each, or "".

    Raises:
        NotFound: no such model.
        InvalidInput: no such target, or no such day.
    """
    found = _histories(name, target)
    return render_page(
        "history.html.j2",
        title=f"{name}: history · S.P.O.T.",
        name=name,
        target=target,
        targets=[h.target for h in (_histories(name, "") if target else found)],
        when=when,
        answers=[(h.target, _answer(h, when)) for h in found] if when else [],
        tables=[_table(h) for h in found],
        notes=[_note(h) for h in found],
    )


def history_csv(name: str, target: str = "") -> str:
    """Returns the same as CSV, as ``spot history --format csv`` writes it."""
    return holdings_csv((h.model, x) for h in _histories(name, target) for x in h.holdings)


def _histories(name: str, target: str) -> list[History]:
    with model_lock(name), mlflow_errors(f"model {name!r}"):
        record = server_record()
        facts, entries = record.state(record.named(name), recent=True)
    decisions = [e for e in entries if e.kind == "decision"]
    wanted = [normalize_target(target)] if target else targets_of(facts, decisions)
    now = utc(None)
    return [history_of(facts, decisions, t, now=now) for t in wanted]


def _answer(history: History, when: str) -> list[str]:
    standing = history.at(when)
    if standing.begin > history.now:
        raise InvalidInput(
            f"the day {when[:40]} is in the future", fix="Choose today or an earlier day."
        )
    return [figures.raised(line) for line in standing_words(history, standing)]


def _table(history: History) -> Table:
    rows = tuple(
        (f"version {h.version}", since_words(h), until_words(h), h.by or figures.NOTHING, h.outcome)
        for h in reversed(history.holdings)
    )
    heads = ("held by", "from (UTC)", "to (UTC)", "given by", "decision")
    return Table(f"{history.model} · {history.target}", heads, rows)


def _note(history: History) -> str:
    first = history.recorded_from
    if first is None:
        return "No change is on record."
    return f"Nothing is on record before {time_words(first)} (UTC)."
