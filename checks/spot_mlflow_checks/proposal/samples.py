"""What the columns of a table hold, by a bounded number of its first rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow_checks.engines.dialect import BLANK_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spot_mlflow_checks.engines.source import Source

ROWS: Final = 20_000  # read of each table
SOUGHT: Final = 1_000_000  # rows among which a few ids are looked for
_IDS: Final = 500
FEW: Final = 8
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_COMMA: Final = re.compile(r"[+-]?\d{1,3}(\.\d{3})*,\d+|[+-]?\d+,\d+")
_WHOLE: Final = re.compile(r"\d+")
_TIME: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)
_LOCAL: Final = re.compile(r"\d{1,2}[./]\d{1,2}[./]\d{2,4}([ T]\d{1,2}:\d{2}(:\d{2})?)?")
# How days are written, as the contract calls it -> such a text.
_WRITTEN: Final = {
    form: re.compile(
        re.sub("[DMY]", r"\\d", form).replace(".", r"\.") + r"([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"
    )
    for form in ("DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY")
}


@dataclass(frozen=True)
class Column:
    """What one column holds in the rows that were read.

    Attributes:
        name: of the column.
        values: those that are not blank, row by row, as text.
        rows: how many rows were read.
        zoned: whether the engine's own type of it is a time with a zone.
    """

    name: str
    values: tuple[str, ...]
    rows: int
    zoned: bool = False

    @cached_property
    def distinct(self) -> frozenset[str]:
        """The values, each once."""
        return frozenset(self.values)

    @property
    def repeats(self) -> int:
        """How many values are the same as one of an earlier row."""
        return len(self.values) - len(self.distinct)

    @cached_property
    def is_unique(self) -> bool:
        """Whether every row has a value, and no two the same."""
        return 0 < self.rows == len(self.distinct)

    def mostly(self, form: re.Pattern[str]) -> bool:
        """Whether at least 95 % of the values have a form."""
        fits = sum(1 for v in self.values if form.fullmatch(v))
        return bool(self.values) and fits >= 0.95 * len(self.values)

    @cached_property
    def is_number(self) -> bool:
        """Whether it holds numbers as our engines read them."""
        return self.mostly(_NUMBER)

    @cached_property
    def is_decimal_comma(self) -> bool:
        """Whether it holds numbers with a decimal comma."""
        return (
            not self.is_number
            and any(map(_COMMA.fullmatch, self.values))
            and self.mostly(re.compile(f"{_COMMA.pattern}|{_NUMBER.pattern}"))
        )

    @cached_property
    def has_fractions(self) -> bool:
        """Whether some number is not whole, or below zero."""
        return self.is_number and any(not _WHOLE.fullmatch(v) for v in self.values)

    @cached_property
    def is_time(self) -> bool:
        """Whether it holds dates or times as our engines read them."""
        return self.mostly(_TIME)

    @cached_property
    def is_local_time(self) -> bool:
        """Whether it holds dates as 31.12.2026 or 12/31/2026."""
        return not self.is_time and self.mostly(_LOCAL)

    @cached_property
    def dates(self) -> str:
        """How its days are written, as the contract's ``dates`` says it; "" where they do not show it."""
        if self.is_time:
            return ""
        fits = [form for form, written in _WRITTEN.items() if self.mostly(written)]
        if len(fits) < 2:  # noqa: PLR2004 - with points the day comes first
            return fits[0] if fits else ""
        parts = [v.split("/") for v in self.values if _WRITTEN[fits[0]].fullmatch(v)]
        if any(day > "12" for day, *_ in parts):
            return "DD/MM/YYYY"
        return "MM/DD/YYYY" if any(day > "12" for _, day, *_ in parts) else ""

    @cached_property
    def has_zone(self) -> bool:
        """Whether every time says its zone."""
        return self.zoned or all((m := _TIME.fullmatch(v)) and m["zone"] for v in self.values)

    @cached_property
    def is_id(self) -> bool:
        """Whether it may hold ids: not blank, of many values, neither a time nor a fraction."""
        many = len(self.distinct) > FEW or self.is_unique
        return (
            many
            and not (self.is_time or self.is_local_time or self.is_decimal_comma)
            and (not self.has_fractions)
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The values, where they are few; the commonest first."""
        if len(self.distinct) > FEW:
            return ()
        return tuple(sorted(self.distinct, key=lambda v: (-self.values.count(v), v)))

    @property
    def newest(self) -> str:
        """The latest of its times, as it is written."""
        month, day = (0, 3) if self.dates.startswith("M") else (3, 0)

        def order(v: str) -> tuple[str, ...]:
            return (v[6:10], v[month : month + 2], v[day : day + 2], v[10:]) if self.dates else (v,)

        return max(self.values, key=order, default="")


@dataclass(frozen=True)
class Sample:
    """A table, by its first rows.

    Attributes:
        name: as it is called at the command line: a path, or a table of a database.
        table: what ``sources`` calls it.
        database: address without a password, or a variable; "" for files.
        columns: by name.
        whole: whether these are all of its rows.
        doubled: rows that are the same as an earlier one in every column.
    """

    name: str
    table: str
    database: str
    columns: dict[str, Column]
    whole: bool
    doubled: int = 0

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return max((c.rows for c in self.columns.values()), default=0)


def sample(source: Source, name: str, table: str, database: str = "") -> Sample:
    """Reads the first rows of a table."""
    names = list(source.families)
    query = sa.select(*(source.column(n) for n in names)).select_from(source.log).limit(ROWS + 1)
    rows = source.fetch(query) if names else []
    cells = list(zip(*rows[:ROWS], strict=True)) if rows else [()] * len(names)
    columns = {n: _column(n, c) for n, c in zip(names, cells, strict=True)}
    doubled = len(rows[:ROWS]) - len({str(row) for row in rows[:ROWS]})
    return Sample(name, table, database, columns, whole=len(rows) <= ROWS, doubled=doubled)


def found_among(source: Source, column: str, ids: Iterable[str]) -> set[str]:
    """Returns which of a few ids a column holds, within a bounded number of rows."""
    wanted = sorted(ids)[:_IDS]
    column_ = source.column(column)
    part = sa.select(column_.label("id")).select_from(source.log).limit(SOUGHT).subquery()
    family = source.families[column]
    if family == "integer":
        numbers = [int(x) for x in wanted if _WHOLE.fullmatch(x)]
        query = sa.select(part.c.id).where(part.c.id.in_(numbers)).distinct()
    else:
        query = sa.select(part.c.id).where(part.c.id.in_(wanted)).distinct()
    return {text(row[0]) for row in source.fetch(query)}


def text(value: Any) -> str:
    """Writes a value of any engine as a CSV file would."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


def _column(name: str, cells: Sequence[Any]) -> Column:
    values = tuple(
        said for v in cells if v is not None and (said := text(v)).lower() not in BLANK_WORDS
    )
    zoned = any(isinstance(v, datetime) and v.tzinfo is not None for v in cells)
    return Column(name, values, len(cells), zoned)
