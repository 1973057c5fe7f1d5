"""Where the tables of a contract and the rest of it disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.promise.sources import LOG_COLUMNS, Sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.promise.terms import Terms


def sources_slip(predicted: Terms) -> str:
    """Returns where ``sources`` and the rest of a contract disagree; "" where they agree."""
    sources = predicted.sources
    if sources is None:
        return ""
    if predicted.outcome_log is not None:
        return "give outcome_log (a ready log) or sources (the tables to make it from), not both"
    if predicted.window is None:
        return "sources need window, the time in which an outcome counts, for example window: 30d"
    binary = sources.outcome in {"any", "none"}
    if binary != (predicted.kind == "binary"):
        fits = "kind: binary" if binary else "kind: money or count"
        return f"sources.outcome: {sources.outcome} needs {fits}, got kind: {predicted.kind}"
    return _unsupplied(predicted.columns.model_dump(), sources) or _guardrails_slip(
        predicted, sources
    )


def _guardrails_slip(predicted: Terms, sources: Sources) -> str:
    """Names a guardrail and its events that do not fit together."""
    promised = {g.column: g for g in predicted.guardrails}
    for column, events in sources.guardrails.items():
        guardrail = promised.get(column)
        if guardrail is None:
            return (
                f"sources.guardrails.{column} belongs to no guardrail; name it there: "
                f"guardrails: [{{name: ..., column: {column}, direction: decrease, margin: ...}}]"
            )
        if (events.outcome == "any") != (guardrail.kind == "binary"):
            fits = "binary" if events.outcome == "any" else "count or money"
            return (
                f"sources.guardrails.{column}.outcome: {events.outcome} needs kind: {fits} of guardrail "
                f"{guardrail.name!r}, got kind: {guardrail.kind}"
            )
        if column in predicted.columns.model_dump().values() or column in LOG_COLUMNS:
            return f"sources.guardrails.{column} needs another name: the log already has a column {column!r}"
    lacking = [c for c in promised if c not in sources.guardrails]
    if not lacking:
        return ""
    return (
        f"guardrail {promised[lacking[0]].name!r} has column {lacking[0]!r}, and no table of sources "
        f"supplies it; add sources.guardrails: {{{lacking[0]}: {{table: ..., unit: ..., at: ..., "
        "complete_until: ...}}"
    )


def _unsupplied(columns: Mapping[str, Any], sources: Sources) -> str:
    """Names a column of the contract that no table supplies."""
    keys = set(LOG_COLUMNS) | {"denominator", "override_reason"}
    asked = [k for k in columns if k in keys and columns[k] is not None]
    lacking = [k for k in asked if k not in sources.log_keys]
    if not lacking:
        return ""
    return (
        f"columns.{lacking[0]} is named, and no table of sources supplies it; add it to the table "
        "that has it, or leave columns out: the joined log's own names are then used"
    )
