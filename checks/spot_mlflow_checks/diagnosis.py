"""Why an engine refused a log: the one column that it cannot read, its type, and what to give instead."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.engines.source import EngineRefused
from spot_mlflow_checks.rows import typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spot_mlflow_checks.reading import Reading

_GIVE: Final = "Give it as plain numbers, text, true and false, or times, for example by a cast in a query or view."


@contextmanager
def explaining(r: Reading) -> Iterator[None]:
    """Turns what an engine refuses into the refusal of one column."""
    try:
        yield
    except EngineRefused as e:
        raise _explained(r, e) from None


def _explained(r: Reading, refused: EngineRefused) -> InvalidInput:
    """Returns the refusal that names the column at fault, or the engine's where no single one is.

    Each column is asked for alone, as every pass reads it: the first that fails is named. Runs only
    once an engine has refused.
    """
    failed = {key: e for key in r.columns.names if (e := _failure(r, key)) is not None}
    if not failed or len(failed) == len(r.columns.names):
        return refused  # no single column: the file, the connection, or all of them together
    key, error = next(iter(failed.items()))
    name = r.columns.names[key]
    kind = r.source.kinds.get(name, "")
    of_type = f" of type {kind}" if kind else ""
    return InvalidInput(
        f"column {name!r} (columns.{key}){of_type} cannot be read: {error.reason}",
        where=r.source.name,
        fix=error.fix or _GIVE,
    )


def _failure(r: Reading, key: str) -> EngineRefused | None:
    """What the engine says of one column, read as every pass reads it."""
    names = {"undelivered_reason": {"reason"}}.get(key, {key, f"{key}_blank"})
    try:
        for column in typed(r).c:
            if column.name in names:
                asked: Any = sa.select(sa.func.count(column), sa.func.max(column))
                r.source.fetch(asked)
    except EngineRefused as e:
        return e
    return None
