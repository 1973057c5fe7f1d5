"""Guardrails from events of their own: what is made of them, one value for each decision that counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from spot_mlflow_checks.raw import happened
from spot_mlflow_checks.raw.events import events_of
from spot_mlflow_checks.raw.given import GUARDRAIL, sql_name
from spot_mlflow_checks.raw.happened import COUNTED, Windows
from spot_mlflow_checks.rows import count_where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow_checks.raw.chosen import Choice
    from spot_mlflow_checks.raw.events import Events
    from spot_mlflow_checks.raw.homes import Kind
    from spot_mlflow_checks.raw.places import Place


@dataclass(frozen=True)
class Guarded:
    """One guardrail's events, added up.

    Attributes:
        column: of the guardrail in the contract.
        choice: what decides which decisions count, with these events in place of the outcome's.
        table: one row per decision that has such events.
        events: those.
        counted: how many fell where, of all decisions.
    """

    column: str
    choice: Choice
    table: sa.FromClause
    events: Events
    counted: Mapping[str, int]

    @property
    def key(self) -> str:
        """Its key among the columns of the joined log."""
        return key_of(self.column)


def key_of(column: str) -> str:
    """The key of a guardrail's column among those of the joined log."""
    return f"guardrail_{column}"


def as_events(c: Choice, column: str) -> Choice:
    """Returns the choice in which a guardrail's events stand in for those of the outcome."""
    doc = c.sources.guardrails[column]
    changed = {"events": doc, "outcome": doc.outcome, "before": None}
    return replace(c, sources=c.sources.model_copy(update=changed))


def guardrail_kinds(c: Choice) -> dict[str, Kind]:
    """Key -> kind of the guardrails' columns."""
    return {key_of(g): happened.outcome_kind(as_events(c, g)) for g in c.sources.guardrails}


def guarded(c: Choice, place: Place, picked: sa.TableClause, w: Windows) -> list[Guarded]:
    """Adds up the events of every guardrail, within the window of the outcome.

    Raises:
        InvalidInput: where a table has no event that can be used.
    """
    out = []
    for column in c.sources.guardrails:
        own, role, span = as_events(c, column), f"{GUARDRAIL}{column}", Windows(w.after, 0)
        events = events_of(own, place, picked, span, None, role)
        summed, kinds = happened.summed(own, events.once, picked, span), happened.summed_kinds(own)
        table = c.home.keep(sql_name(role), summed, kinds)
        out.append(Guarded(column, own, table, events, _counted(own, table)))
    return out


def _counted(c: Choice, table: sa.TableClause) -> dict[str, int]:
    t = table.c
    asked: dict[str, Any] = {k: sa.func.sum(t[k]) for k in COUNTED}
    asked["with_events"] = count_where(t.inside > 0)
    query = sa.select(*[x.label(f"n_{k}") for k, x in asked.items()]).select_from(table)
    row = c.home.fetch(query)[0]
    return dict(zip(asked, (int(v or 0) for v in row), strict=True))
