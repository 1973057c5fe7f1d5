"""What happened to a model: which version was where, what each check said, and the record itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.gate.holdings import history_of, targets_of
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.entry_words import entry_words, kind_words, speaker_words
from spot_mlflow.reporting.words.lift_view import lift_view, promise_scale, verdict_words
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.holdings import Holding

UNKNOWN: Final = "unknown"
SHOWN: Final = 50  # rows of a table: what a person reads


def history_sections(adoption: Adoption) -> tuple[Section, ...]:
    """Returns where versions were, and what was promised and found of each, newest first."""
    return (_places(adoption), _results(adoption))


def _places(adoption: Adoption) -> Section:
    decisions = [e for e in adoption.entries if e.kind == "decision"]
    targets = targets_of(adoption.facts, decisions)
    told = [history_of(adoption.facts, decisions, t, now=adoption.now) for t in targets]
    held = [h for history in told for h in reversed(history.holdings)]
    rows = tuple(
        (h.target, h.version, _since(h), _until(h), h.by or figures.NOTHING) for h in held[:SHOWN]
    )
    if not rows:
        return Section("places", "Where was it?", text=("No deployment is on record.",))
    columns = ("where", "version", "from", "until", "asked for by")
    note = (
        (f"{figures.things(len(held) - SHOWN, 'earlier line')} left out: `spot history`.",)
        if len(held) > SHOWN
        else ()
    )
    table = Table("Which version was where", columns, rows, frozenset({1}))
    return Section("places", "Where was it?", tables=(table,), notes=note)


def _since(h: Holding) -> str:
    return UNKNOWN if h.since is None else figures.day(h.since)


def _until(h: Holding) -> str:
    if h.current:
        return "now"
    return UNKNOWN if h.until is None else figures.day(h.until)


def _results(adoption: Adoption) -> Section:
    rows: list[tuple[str, ...]] = []
    for e in adoption.entries:
        version = e.version or ""
        if e.kind == "prediction":
            rows.append((figures.day(e.at), version, "Promise", _promised(e.payload), ""))
        elif e.kind == "outcomes":
            view = lift_view(e.payload)
            arrived = view.realized.lift
            nothing = view.data_fault or math.isnan(arrived)
            lift = figures.NOTHING if nothing else view.scale.with_interval(view.realized)
            rows.append((figures.day(e.at), version, "Outcome check", lift, verdict_words(view)))
    newest = tuple(reversed(rows))
    if not newest:
        return Section(
            "results", "What was promised and found?", text=("Nothing was promised yet.",)
        )
    table = Table(
        "Promises and checks, newest first",
        ("day", "version", "what", "lift", "verdict"),
        newest[:SHOWN],
        frozenset({1}),
    )
    note = ("Earlier ones are in the log.",) if len(newest) > SHOWN else ()
    return Section("results", "What was promised and found?", tables=(table,), notes=note)


def _promised(said: Mapping[str, Any]) -> str:
    contract = PredictedLift.stored(said["contract"])
    return promise_scale(contract).amount(contract.predicted.lift)


def log_section(adoption: Adoption, page: int = 1) -> tuple[Section, int]:
    """Returns one page of the record, newest entry first, and how many pages there are.

    Args:
        adoption: everything known.
        page: which fifty, from 1; the nearest there is.
    """
    every = adoption.entries[::-1]
    pages = max(1, math.ceil(len(every) / SHOWN))
    page = min(max(page, 1), pages)
    rows = tuple(
        (
            f"{e.at:%Y-%m-%d %H:%M}",
            kind_words(e),
            entry_words(e),
            e.version or "",
            speaker_words(e),
        )
        for e in every[(page - 1) * SHOWN : page * SHOWN]
    )
    said = f"{figures.things(len(every), 'entry', 'entries')}, newest first. None can be changed."
    columns = ("when (UTC)", "what", "in short", "version", "who")
    tables = (Table("The record", columns, rows, frozenset({3})),) if rows else ()
    return Section("log", "What is on record?", text=(said,), tables=tables), pages
