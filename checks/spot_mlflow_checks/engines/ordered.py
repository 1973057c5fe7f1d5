"""Small logs in a fixed order and read by one thread, so that DuckDB adds them up to the same last digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from spot_mlflow_checks.engines.stoppable import stoppable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

# Rows that DuckDB gives to one thread: more are shared out, and added up in another order each time.
SHARE: Final = 122_880
_ONE_THREAD: Final = "SET threads = 1; SET preserve_insertion_order = true"


def in_one_thread(connection: Any, views: Iterable[str], rows: int) -> None:
    """Uses one thread from now on where no table has more rows; what cannot be read is left to later steps."""

    def small() -> None:
        if all(_fits(connection, view, rows) for view in views):
            connection.execute(_ONE_THREAD)

    _quietly(connection, small)


def in_order(connection: Any, view: str, columns: Sequence[str]) -> str:
    """Keeps the rows of a small log in a fixed order, from now on read by one thread; returns their name.

    Floating-point sums depend on the order in which they are added up. Thus a log gives the same
    figures to the last digit whatever order its rows came in, from a file or from raw tables.

    Args:
        connection: of our own.
        view: of the log.
        columns: that will be read; rows are ordered by the first, then the next, as text.

    Returns:
        "" where the log is larger, or cannot be read: the pass that comes next says why.
    """
    names = ['"' + c.replace('"', '""') + '"' for c in columns]
    rows = f'SELECT {", ".join(names)} FROM "{view}"'  # noqa: S608 - quoted
    order = ", ".join(f"CAST({n} AS VARCHAR)" for n in names)
    name = f"{view} in order"

    def kept() -> str:
        if not names or not _fits(connection, view, SHARE):
            return ""
        connection.execute(_ONE_THREAD)
        connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {rows} ORDER BY {order}')
        return name

    return _quietly(connection, kept) or ""


def _fits(connection: Any, view: str, rows: int) -> bool:
    """Whether a table has no more rows; no more of it is looked at."""
    probe = f'SELECT count(*) FROM (SELECT 1 FROM "{view}" LIMIT {rows + 1})'  # noqa: S608 - our own name
    return bool(connection.execute(probe).fetchone()[0] <= rows)


def _quietly(connection: Any, call: Callable[[], T]) -> T | None:
    """Runs what can be done without; only Ctrl-C comes out of it."""
    import duckdb

    try:
        return stoppable(call, connection.interrupt)
    except (duckdb.Error, RuntimeError) as e:
        if "interrupted" in str(e).casefold():  # what DuckDB makes of Ctrl-C
            raise KeyboardInterrupt from None
        return None
