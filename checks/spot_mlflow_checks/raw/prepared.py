"""Each raw table in its meaning: ids as text, times as microseconds UTC, amounts as doubles, flags.

What is prepared has three types only (text, whole numbers, doubles), so that it can be moved to
another engine without loss. Rows are flagged here and left out later, so that each rule can count.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.columns import TIMES
from spot_mlflow_checks.engines.source import missing_column
from spot_mlflow_checks.raw import spelling, zones
from spot_mlflow_checks.raw.given import sql_name
from spot_mlflow_checks.raw.zones import DAY
from spot_mlflow_checks.rows import count_where, flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.lift.promise.sources import Table
    from spot_mlflow_checks.engines.dialect import Dialect, Family
    from spot_mlflow_checks.engines.source import Source
    from spot_mlflow_checks.raw.homes import Kind
    from spot_mlflow_checks.raw.reach import Reach

    Expression = sa.ColumnElement[Any]

_DOUBLE: Final = ("amount", "score", "propensity", "value", "cost", "handling")
_FLAGS: Final = ("offered", "delivered", "acted")
_CLOCKED: Final = frozenset({"time", "date", "text", "any"})
_EXACT: Final = 2**53  # whole numbers up to it are exact as doubles
_DATE: Final = 10  # characters of a date without a time
_ZONED: Final = "_zoned"  # after the key of a time: whether it says its offset
_SPELLED: Final = "spelled "  # before the key of a column that is written in another way


@dataclass(frozen=True)
class Raw:
    """One raw table, open where it lies.

    Attributes:
        role: decisions, arms, events or steps.
        doc: what the contract says of it.
        source: where it lies.
        ids: how ids are compared.
        as_of: seconds since 1970 at which the check is made; the clock changes of 10 years before it
            are known.
        arm: column of the arm, where it stands in the decisions.
        whole: keys of ids that stay whole numbers, since all that they are compared with are: as text
            they would be the same ones, and cost three times as much to join.
        reach: the time that is read; None for all of it.
        marks: steps whose column says "no" nowhere, so that a blank there does.
    """

    role: str
    doc: Table
    source: Source
    ids: Literal["text", "number"]
    as_of: float
    arm: str | None = None
    whole: frozenset[str] = frozenset()
    reach: Reach | None = None
    marks: frozenset[str] = frozenset()

    @property
    def timed(self) -> bool:
        """Whether the table has times, of a type that holds nothing else."""
        at = self.named.get("at")
        return at is not None and self.source.families[at] in {"time", "date"}

    @property
    def named(self) -> dict[str, str]:
        """Key -> column that is read."""
        found = self.doc.columns
        return found if self.arm is None else {**found, "arm": self.arm}


def check_columns(raw: Raw) -> None:
    """Refuses a table that lacks a column, or whose type cannot hold what is asked of it.

    Raises:
        InvalidInput: naming the table, the column and what to do.
    """
    families = raw.source.families
    have = [*families, *raw.source.unread]
    for key, column in [*raw.named.items(), *((f"filter.{c}", c) for c in raw.doc.filter)]:
        if column not in families:
            place = f"sources.{raw.role}.{key}"
            raise missing_column(column, place, have, raw.source.name)
    for key, column in raw.named.items():
        _refuse_type(raw, key, column)


def _refuse_type(raw: Raw, key: str, column: str) -> None:
    family, kind = raw.source.families[column], raw.source.kinds.get(column, "")
    what = f"column {column!r} (sources.{raw.role}.{key}) is of type {kind or family}"
    if key == "at" or key in TIMES:
        if family not in _CLOCKED and (family != "other" or kind):
            raise InvalidInput(
                f"{what}, must hold times",
                where=raw.source.name,
                fix="Write times as 2027-01-31 or 2027-01-31T10:00:00Z (of seconds: to_timestamp(x)).",
            )
    elif key in _DOUBLE and family in {"time", "date", "label"}:
        raise InvalidInput(
            f"{what}, must hold numbers", where=raw.source.name, fix="Write amounts: 12.50."
        )
    elif key in {"unit", "id", "refund_of"} and raw.ids == "text" and _is_fraction(family, kind):
        raise InvalidInput(
            f"{what}; an id must be text or a whole number, or 12 would be read as 12.0",
            where=raw.source.name,
            fix="Cast it to a whole number (pandas: astype('Int64')), or set sources.ids: number.",
        )


def _is_fraction(family: Family, kind: str) -> bool:
    """Whether a type has digits after the point; one of exact numbers says how many."""
    exact = kind.casefold().startswith(("decimal", "numeric")) and "," in kind
    if exact:
        return kind.rstrip(")").rpartition(",")[2].strip() != "0"
    return family == "float" and kind.casefold() != "numeric"


def whole_ids(raws: Sequence[Raw]) -> frozenset[str]:
    """Returns the keys of ids that are whole numbers in every table that is compared by them."""
    found = {k for k in ("unit", "id", "refund_of") if all(_is_whole(r, k) for r in raws)}
    if any("refund_of" in r.named for r in raws) and not found >= {"id", "refund_of"}:
        found -= {"id", "refund_of"}
    return frozenset(found)


def _is_whole(raw: Raw, key: str) -> bool:
    """Whether a table has no such id, or a whole number of at most 64 bits."""
    if key not in raw.named:
        return True
    kind = _kind(raw, key).casefold()
    wide = kind.startswith(("decimal", "numeric", "ubigint", "hugeint", "uhugeint"))
    return _column(raw, key)[1] == "integer" and not wide


def marks_in(raw: Raw) -> frozenset[str]:
    """Returns the steps whose column holds only "yes" and blanks, or only times and blanks; runs a query."""
    keys = [k for k in _FLAGS if k in raw.named and k not in raw.doc.told]
    if not keys:
        return frozenset()
    spelled = _spelled(raw)
    other = [_other_than_yes(spelled, k).label(k) for k in keys]
    found = raw.source.fetch(sa.select(*other).select_from(spelled.source.log))[0]
    return frozenset(k for k, n in zip(keys, found, strict=True) if not n)


def _other_than_yes(raw: Raw, key: str) -> Expression:
    """How many answers are neither blank nor yes."""
    d, (x, family) = raw.source.dialect, _column(raw, key)
    yes = sa.func.coalesce(d.truth(x, family), 0.0) == 1
    return count_where(sa.and_(sa.not_(d.blank(x, family)), sa.not_(yes)))


def is_plain(raw: Raw) -> bool:
    """Whether a table is read almost as it is: ids and numbers of such a type, times that are in UTC."""
    families, doc = raw.source.families, raw.doc
    ids = {k for k in ("unit", "id", "refund_of") if k in raw.named}
    numbers = all(families[c] in {"integer", "float"} for k, c in raw.named.items() if k in _DOUBLE)
    odd = doc.filter or doc.zone != "UTC" or raw.named.keys() & {*_FLAGS, "due_at"}
    return raw.timed and ids <= raw.whole and numbers and not odd


def prepared(raw: Raw) -> sa.Subquery:
    """Returns the rows of a table in their meaning.

    Columns: ``kept`` (0 where ``filter`` leaves the row out), ``unit`` (NULL where there is none),
    ``has_unit``; where the table has times ``moment`` (NULL where unreadable), ``day_only``,
    ``skipped``, ``repeated``; and every further key of the document.
    """
    raw = _spelled(raw)
    d, said = raw.source.dialect, raw.named
    first: dict[str, Expression] = {
        "kept": flag(_filter(raw)),
        "has_unit": flag(sa.not_(d.blank(*_column(raw, "unit")))),
        "unit": _id(raw, "unit"),
    }
    if "at" in said:
        first |= _clock(raw)
    for key in said.keys() - {"unit", "at"}:
        first |= _meaning(raw, key)
    read = sa.select(*[x.label(k) for k, x in first.items()]).select_from(raw.source.log)
    rows = d.fenced(read.where(*near(raw))).subquery(f"{sql_name(raw.role)}_read")
    return _timed(raw, rows, list(first)) if "at" in said else rows


def near(raw: Raw) -> list[Expression]:
    """The condition that leaves out rows far from the time that is read, where there is one."""
    if raw.reach is None or not raw.timed:
        return []
    at = raw.named["at"]
    kind = _kind(raw, "at")
    return [raw.reach.of_column(raw.source.log.c[at], raw.source.families[at], kind)]


def kinds_of(raw: Raw) -> dict[str, Kind]:
    """Name -> kind of the columns of ``prepared``."""
    out: dict[str, Kind] = {"kept": "whole", "has_unit": "whole", "unit": id_kind(raw.whole)}
    if "at" in raw.named:
        out |= dict.fromkeys(("moment", "day_only", "skipped", "repeated"), "whole")
    for key in raw.named.keys() - {"unit", "at"}:
        if key in _FLAGS:
            out |= {key: "whole", f"{key}_at": "whole", f"{key}_odd": "text"}
        elif key == "due_at":
            out[key] = "whole"
        elif key in _DOUBLE:
            out |= {key: "double", f"{key}_blank": "whole"}
        else:
            out[key] = "whole" if key in raw.whole else "text"
    return out


def id_kind(whole: frozenset[str], key: str = "unit") -> Kind:
    """The kind of an id."""
    return "whole" if key in whole else "text"


def _column(raw: Raw, key: str) -> tuple[Expression, Family]:
    name = raw.named[key]
    said = f"{_SPELLED}{key}"
    x = raw.source.log.c[said] if said in raw.source.log.c else raw.source.column(name)
    return x, raw.source.families[name]


def _spelled(raw: Raw) -> Raw:
    """The table with its days and amounts as engines read them, beside what is written.

    In a query of its own: within the expressions that read them it would be too much for SQLite.
    """
    doc, log = raw.doc, raw.source.log
    if doc.dates is None and doc.decimal == ".":
        return raw
    made = {}
    for key, name in raw.named.items():
        x, family = raw.source.column(name), raw.source.families[name]
        timed = key == "at" or key in TIMES or (key in _FLAGS and key not in doc.told)
        if doc.dates is not None and timed:
            made[key] = spelling.as_iso(x, family, doc.dates)
        if doc.decimal == "," and key in _DOUBLE:
            made[key] = spelling.with_point(x, family)
    source = copy(raw.source)
    named = dict.fromkeys([*raw.named.values(), *doc.filter])
    columns = [raw.source.column(n) for n in named]
    columns += [x.label(f"{_SPELLED}{k}") for k, x in made.items()]
    source.log = sa.select(*columns).select_from(log).subquery(f"{sql_name(raw.role)}_spelled")
    return replace(raw, source=source)


def _filter(raw: Raw) -> Expression:
    """Whether a row has one of the values that count, in every column of ``filter``."""
    asked = []
    for column, values in raw.doc.filter.items():
        x, family = raw.source.column(column), raw.source.families[column]
        said = values if isinstance(values, list) else [values]
        asked.append(sa.or_(*[raw.source.dialect.equals_written(x, family, v) for v in said]))
    return sa.and_(sa.true(), *asked) if asked else sa.literal(1) == 1


def _id(raw: Raw, key: str) -> Expression:
    """An id as text, as written; as a whole number written as text where ids are numbers.

    Only units must be numbers then: an id of an event that is not a number stays as written.
    """
    d, (x, family) = raw.source.dialect, _column(raw, key)
    if key in raw.whole:
        return sa.cast(x, sa.BigInteger())
    said = sa.not_(d.blank(x, family))
    if raw.ids == "text" or (family == "integer" and not _is_fraction(family, _kind(raw, key))):
        return sa.case((said, _said(d, x, family)))
    # Of a type that is not known here: the engine's own text of it.
    number = d.amount(d.text(x), "text") if family == "label" else d.amount(x, family)
    whole = sa.and_(d.floor(number) == number, sa.func.abs(number) < float(_EXACT))
    as_number = d.text(sa.cast(number, sa.BigInteger()))
    if key == "unit" or family not in {"text", "any", "label"}:
        return sa.case((sa.and_(said, whole), as_number))
    written = _said(d, x, family)
    digits = sa.not_(sa.func.lower(d.text(x)).like("%e%"))  # 12e4 is an id, and not 120000
    return sa.case((sa.and_(said, whole, digits), as_number), (said, written))


def _kind(raw: Raw, key: str) -> str:
    return raw.source.kinds.get(raw.named[key], "")


def _meaning(raw: Raw, key: str) -> dict[str, Expression]:
    d, (x, family) = raw.source.dialect, _column(raw, key)
    if key in {"id", "refund_of"}:
        return {key: _id(raw, key)}
    if key in _FLAGS:
        return _step(raw, key)
    if key == "due_at":
        return {key: _end_of_day(raw, key), f"{key}{_ZONED}": _zoned(raw, key)}
    if key in _DOUBLE:
        number = d.amount(x, family)
        finite = number if family in {"integer", "bool"} else sa.case((d.finite(number), number))
        return {key: finite, f"{key}_blank": flag(d.blank(x, family))}
    return {key: sa.case((sa.not_(d.blank(x, family)), _said(d, x, family)))}


def _said(d: Dialect, x: Expression, family: Family) -> Expression:
    return d.plain(x) if family == "text" else d.text(x)


def _step(raw: Raw, key: str) -> dict[str, Expression]:
    """Whether a step was passed, when, and the answer where it cannot be read."""
    d, (x, family) = raw.source.dialect, _column(raw, key)
    told = raw.doc.told.get(key)
    at: Expression = sa.cast(sa.null(), sa.BigInteger())
    if told is not None:
        truth = d.answer(x, family, told.yes, told.no)
    else:
        truth = d.truth(x, family)
        # A time says when; none says that it did not happen.
        if family in {"time", "date"} or key in raw.marks:
            truth = sa.func.coalesce(truth, 0.0)
        at = d.micros(x, family) if family in _CLOCKED else at
    odd = sa.and_(sa.not_(d.blank(x, family)), truth.is_(None))
    return {
        key: sa.cast(truth, sa.BigInteger()),
        f"{key}_at": at,
        f"{key}_at{_ZONED}": _zoned(raw, key),
        f"{key}_odd": sa.case((odd, _said(d, x, family))),
    }


def _end_of_day(raw: Raw, key: str) -> Expression:
    """A time; the end of its day where only a date is given."""
    d, (x, family) = raw.source.dialect, _column(raw, key)
    at = d.micros(x, family)
    if family == "time":
        return at
    if family == "date":
        return at + (DAY - 1)
    return sa.case((d.length(sa.func.trim(d.text(x))) <= _DATE, at + (DAY - 1)), else_=at)


class Clock(Enum):
    """What the times of a column are."""

    WALL = "the time on a wall"
    MOMENT = "a moment, whatever the zone"
    EITHER = "text, which may say its offset"


def _clock_of(raw: Raw, key: str = "at") -> Clock:
    d, (_, family) = raw.source.dialect, _column(raw, key)
    if family in {"text", "any"}:
        return Clock.EITHER
    instant = family == "time" and _is_instant(d.name, _kind(raw, key).casefold())
    return Clock.MOMENT if instant else Clock.WALL


def _clock(raw: Raw) -> dict[str, Expression]:
    """The time as microseconds as if it were UTC, and whether it says its own offset."""
    d, (x, family) = raw.source.dialect, _column(raw, "at")
    return {"wall": d.micros(x, family), "zoned": _zoned(raw, "at")}


def _zoned(raw: Raw, key: str) -> Expression:
    """Whether a time says its own offset."""
    d, (x, _) = raw.source.dialect, _column(raw, key)
    clock = _clock_of(raw, key)
    if clock is not Clock.EITHER:
        return sa.literal_column("1" if clock is Clock.MOMENT else "0")
    tail = sa.func.upper(sa.func.substr(sa.func.trim(d.text(x)), _DATE + 1))
    return flag(sa.or_(*[tail.like(p) for p in ("%Z", "%UTC", "%+%", "%-%")]))


def _is_instant(engine: str, kind: str) -> bool:
    """Whether a type of times holds moments, not the time on a wall."""
    if engine in {"spark", "mysql"}:  # beside it: timestamp_ntz, datetime
        return kind == "timestamp"
    return "with time zone" in kind or kind.startswith("timestamptz")


def _at_midnight(d: Dialect, wall: Expression) -> Expression:
    if d.name in {"duckdb", "postgresql", "spark"}:  # in whole numbers, which are faster
        return wall % sa.literal(DAY, sa.BigInteger()) == 0
    return d.floor(d.double(wall) / float(DAY)) * float(DAY) == wall


def _timed(raw: Raw, rows: sa.Subquery, names: list[str]) -> sa.Subquery:
    """Adds the moment in UTC; an event or step known only to the day counts at the day's end."""
    d, clock = raw.source.dialect, _clock_of(raw)
    found = () if raw.doc.zone == "UTC" else zones.changes(raw.doc.zone, int(raw.as_of))
    w = (_walls(raw, rows, names, found) if found else rows).c
    local = w.local if found else w.wall
    shown = [n for n in names if n not in {"wall", "zoned"} and not n.endswith(_ZONED)]
    kept = [_in_utc(d, w, n, found) if f"{n}{_ZONED}" in names else w[n] for n in shown]
    moment: Expression = _to_moment(w, clock, found)
    no = sa.literal(1) == 0
    day = no if raw.role == "decisions" else _at_midnight(d, local)
    if raw.role != "decisions":
        end = local + (DAY - 1)
        moment = sa.case((day, zones.to_utc(end, found, last=True) if found else end), else_=moment)
    naive = sa.and_(w.zoned == 0, sa.not_(day))
    gone = twice = no
    if found and clock is not Clock.MOMENT:
        gone = sa.and_(naive, zones.never_was(local, found))
        twice = sa.and_(naive, zones.comes_twice(local, found))
    timed = sa.select(
        *kept,
        moment.label("moment"),
        flag(day).label("day_only"),
        flag(gone).label("skipped"),
        flag(twice).label("repeated"),
    )
    return d.fenced(timed).subquery(sql_name(raw.role))


def _in_utc(d: Dialect, w: Any, name: str, found: tuple[zones.Change, ...]) -> Expression:
    """A further time of a row, in the zone of its table where it says no offset.

    A step known only to the day counts at the day's end; of ``due_at`` its own type says whether it is.
    """
    at: Expression = w[name]
    said, end = w[f"{name}{_ZONED}"] == 1, at + (DAY - 1)
    local = zones.to_utc(at, found) if found else at
    if name != "due_at":
        day_end = zones.to_utc(end, found, last=True) if found else end
        local = sa.case((_at_midnight(d, at), day_end), else_=local)
    return sa.case((said, at), else_=local).label(name)


def _walls(
    raw: Raw, rows: sa.Subquery, names: list[str], found: tuple[zones.Change, ...]
) -> sa.Subquery:
    """Adds the time on a wall where the table's zone is in force."""
    r, clock = rows.c, _clock_of(raw)
    local: Expression = r.wall
    if clock is Clock.MOMENT:
        local = zones.to_wall(r.wall, found)
    elif clock is Clock.EITHER:
        local = sa.case((r.zoned == 1, zones.to_wall(r.wall, found)), else_=r.wall)
    walls = raw.source.dialect.fenced(sa.select(*[r[n] for n in names], local.label("local")))
    return walls.subquery(f"{sql_name(raw.role)}_walls")


def _to_moment(w: Any, clock: Clock, found: tuple[zones.Change, ...]) -> Expression:
    """Microseconds since 1970 UTC of a row's time."""
    if not found or clock is Clock.MOMENT:
        moment: Expression = w.wall
        return moment
    local = zones.to_utc(w.local, found)
    return local if clock is Clock.WALL else sa.case((w.zoned == 1, w.wall), else_=local)
