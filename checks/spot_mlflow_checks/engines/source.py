"""What every place an outcome log lies in can do: name its columns and answer one query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput, SpotError
from spot_mlflow.validation import nearest, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from spot_mlflow_checks.engines.dialect import Dialect, Family

LOG = "outcome_log"  # the name of the log inside an engine of ours
_SHOWN = 12  # columns in a message: a line's worth


class EngineRefused(InvalidInput):
    """An engine did not run a query of ours.

    Args:
        reason: what it says.
        where: the source.
        fix: what to do, where that can be told.
    """

    def __init__(self, reason: str, *, where: str, fix: str = "") -> None:
        super().__init__(f"cannot be read: {reason}", where=where, fix=fix)
        self.reason = reason


class Source(ABC):
    """An outcome log where it lies; only answers to group-bys leave it.

    Attributes:
        name: what it is, for people; never a secret.
        dialect: how its engine says things.
        families: column name -> family of its type.
        kinds: column name -> its type as the engine calls it, for messages; empty where it has none.
        log: what to select from.
        digest: digest of the content where it is cheap to have, else "".
        unread: columns that it has and nobody wants, for messages.
    """

    name: str
    dialect: Dialect
    families: Mapping[str, Family]
    kinds: Mapping[str, str] = MappingProxyType({})
    log: sa.FromClause
    digest: str = ""
    unread: Sequence[str] = ()

    def fetch(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Sequence[Any]]:
        """Runs a query and returns its rows; meant for a few thousand of them at most.

        Raises:
            EngineRefused: whatever the engine, its driver or its library does not do.
        """
        try:
            return self.answer(query)
        except (SpotError, MemoryError):
            raise
        except Exception as e:  # noqa: BLE001 - each engine has errors of its own, and drivers more
            raise EngineRefused(
                shortened(self.reason(e)), where=self.name, fix=self.remedy(e)
            ) from None

    @abstractmethod
    def answer(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Sequence[Any]]:
        """Runs a query in the engine; its own errors may come out."""

    def reason(self, error: Exception) -> str:
        """What an error of the engine says, on one line, without values of persons."""
        lines = str(error).strip().splitlines()
        return lines[0] if lines else type(error).__name__

    def remedy(self, error: Exception) -> str:  # noqa: ARG002 - for those that know one
        """What to do about an error of the engine, where that can be told."""
        return ""

    def put_in_order(self, columns: Sequence[str]) -> None:  # noqa: B027 - where an engine can
        """Puts the rows of a small log in a fixed order, so that their sums come out the same each time.

        Args:
            columns: all that will be read; rows are ordered by the first, then the next.
        """

    def close(self) -> None:  # noqa: B027 - most sources took nothing
        """Gives back what the source took."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def column(self, name: str) -> sa.ColumnElement[Any]:
        """Returns a column of the log, quoted whatever its name holds."""
        found: sa.ColumnElement[Any] = self.log.c[name]
        return found


def log_table(names: Iterable[str], table: str = LOG, schema: str | None = None) -> sa.TableClause:
    """Returns a table to select from, all names quoted."""
    columns: list[sa.ColumnClause[Any]] = [sa.column(sa.quoted_name(n, quote=True)) for n in names]
    return sa.table(
        sa.quoted_name(table, quote=True),
        *columns,
        schema=None if schema is None else sa.quoted_name(schema, quote=True),
    )


def check_names(names: Sequence[str], wanted: Mapping[str, str], where: str) -> None:
    """Refuses a log in which a wanted column occurs twice.

    Args:
        names: columns of the log.
        wanted: column -> contract key that names it.
        where: the source, for people.
    """
    for name, count in Counter(names).items():
        if count > 1 and name in wanted:
            raise InvalidInput(
                f"column {name!r} occurs {count} times; the contract names it as {wanted[name]}",
                where=where,
                fix="Rename all but one of them.",
            )


def missing_column(name: str, key: str, names: Sequence[str], where: str) -> InvalidInput:
    """Returns the error for a column that the contract names and the log has not."""
    shown = ", ".join(map(repr, names[:_SHOWN]))
    shown += f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return InvalidInput(
        f"no column {name!r}, which the contract names as columns.{key}{nearest(name, names)}; "
        f"it has {shown or 'no columns'}",
        where=where,
        fix="Correct columns in lift.yaml, or the file.",
    )
