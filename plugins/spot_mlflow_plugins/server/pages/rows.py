"""The models as lists show them: each row is made once for the tags that it is made of."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.reporting.pages.portfolio_row import in_order, portfolio_row
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.pages.visible import visible_models
from spot_mlflow_plugins.server.record.signed import server_client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow

    Kept = dict[str, tuple[Mapping[str, str], PortfolioRow]]


MOST: Final = 100_000  # rows that one worker keeps


def visible_rows() -> tuple[PortfolioRow, ...]:
    """Returns the models that the reader may read, what asks for attention first."""
    kept = _kept(private.current_workspace())
    found = visible_models()
    if len(kept) > MOST:  # names that are gone
        kept.clear()
    for name, tags in found:
        known = kept.get(name)
        if (
            known is None or known[0] is not tags
        ):  # the same object as long as nothing was read anew
            kept[name] = tags, portfolio_row(name, tags)
    return in_order(kept[name][1] for name, _ in found)


def holdings() -> dict[str, frozenset[tuple[str, str]]]:
    """Returns model -> (version, stage or "@alias") of what its versions have now."""
    with mlflow_errors("the registry"):
        found = private.holders(private.registry_store_of(server_client()))
    here = private.current_workspace()
    held: dict[str, set[tuple[str, str]]] = {}
    for row in found:
        if row.workspace == here:
            held.setdefault(row.name, set()).add((row.version, row.target))
    return {name: frozenset(has) for name, has in held.items()}


def loud_rows(rows: Sequence[PortfolioRow], now: datetime) -> tuple[tuple[PortfolioRow, str], ...]:
    """Returns (model, phrase) for each use of break-glass to be shown; asks the registry where there is one.

    Args:
        rows: the models that the reader may see.
        now: UTC.
    """
    used = [r for r in rows if r.glass]
    held = holdings() if used else {}
    return tuple((r, words) for r in used for words in r.loud(now, held.get(r.model, frozenset())))


@cache
def _kept(workspace: str | None) -> Kept:  # noqa: ARG001 - what is kept is told apart by it
    return {}
