"""The arm of a unit as an expression of each engine; the same arm as ``promise.assignment`` computes.

The hash is compared as hex text with a bound, which is about twice as fast as comparing numbers: hex
digits in lower case sort as the numbers do wherever text is compared byte by byte.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.arm_hash import bound_text
from spot_mlflow_checks.engines.sqlite_md5 import MD5_FUNCTION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from sqlalchemy.sql.elements import ColumnElement

    from spot_mlflow.lift.promise.arm_hash import ArmRule, Cut, Label
    from spot_mlflow_checks.engines.dialect import Dialect

_DIGITS: Final = 8  # of each of the two numbers


def arm_of(
    dialect: Dialect,
    unit: ColumnElement[Any],
    rule: ArmRule,
    *,
    decided_at: ColumnElement[Any] | None = None,
    segment: ColumnElement[Any] | None = None,
    labels: Sequence[Label] | None = None,
) -> ColumnElement[Any]:
    """Returns the arm of each unit: one of the rule's labels, NULL where nothing decides.

    That is where the id is NULL or empty, and where no step of the schedule was in force. The hash is
    computed once a row for a single treatment arm.

    Args:
        dialect: of the engine; a SQLite connection of the caller's own needs
            ``register_md5`` first (``open_source`` does it).
        unit: the id as text, ``dialect.text(column)``; floating-point ids must be refused before.
        rule: ``PredictedLift.arm_rule``.
        decided_at: seconds since 1970 UTC, ``dialect.time(column, family)``; needed where the rule is dated.
        segment: the segment as text; needed where the rule is by segment.
        labels: what to return instead of the labels: of the holdout first, then of each treatment arm.

    Raises:
        InvalidInput: where the rule needs a time or a segment that is not given.
    """
    if rule.dated and decided_at is None:
        raise InvalidInput("the schedule has dates, so the time of decision must be given")
    if rule.by_segment and segment is None:
        raise InvalidInput("the schedule names segments, so the segment must be given")
    drawn = md5_hex(dialect, sa.literal(f"{rule.salt}:").concat(unit))
    held = _in_force([(c, c.held) for c in rule.cuts], decided_at, segment)
    said = [sa.literal(x) for x in (labels or [rule.holdout, *rule.treated])]
    part = sa.func.substring if dialect.name == "mssql" else sa.func.substr
    second = part(drawn, _DIGITS + 1, _DIGITS)
    bounds = [
        _in_force([(c, c.bounds[i]) for c in rule.cuts], decided_at, segment)
        for i in range(len(rule.treated) - 1)
    ]
    later = [(second < bound, arm) for bound, arm in zip(bounds, said[1:-1], strict=True)]
    undecided = [unit.is_(None), unit == ""]
    if len(rule.cuts) > 1 or rule.dated or rule.by_segment:
        undecided.append(held.is_(None))
    return sa.case((sa.or_(*undecided), sa.null()), (drawn < held, said[0]), *later, else_=said[-1])


def _in_force(
    bounds: Sequence[tuple[Cut, int]],
    decided_at: ColumnElement[Any] | None,
    segment: ColumnElement[Any] | None,
) -> ColumnElement[Any]:
    """The bound of the step in force, as text; NULL where none is."""
    tried = [(_holds(c, decided_at, segment), sa.literal(bound_text(x))) for c, x in bounds]
    dated = [(when, then) for when, then in tried if when is not None]
    always = [then for when, then in tried if when is None]
    if not dated:
        return always[0]
    return sa.case(*dated, else_=always[0]) if always else sa.case(*dated)


def _holds(
    cut: Cut, decided_at: ColumnElement[Any] | None, segment: ColumnElement[Any] | None
) -> ColumnElement[bool] | None:
    """Whether a step holds; None for always."""
    asked = []
    if cut.segment is not None:
        assert segment is not None  # noqa: S101 - arm_of looked
        asked.append(segment == cut.segment)
    if cut.starts is not None:
        assert decided_at is not None  # noqa: S101 - arm_of looked
        asked.append(decided_at >= seconds_of(cut.starts))
    return sa.and_(*asked) if asked else None


def seconds_of(day: date) -> float:
    """Seconds since 1970 at the beginning of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()


def md5_hex(dialect: Dialect, text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Returns the MD5 of a text in UTF-8 as 32 hex digits in lower case that compare byte by byte."""
    return _MD5.get(dialect.name, sa.func.md5)(text)


def _postgresql(text: ColumnElement[Any]) -> ColumnElement[Any]:
    # In UTF-8 whatever the database's encoding is; its usual collations are slow at comparing.
    return sa.collate(sa.func.md5(sa.func.convert_to(text, "UTF8")), "C")


def _mysql(text: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.func.md5(sa.func.convert(text.op("USING")(sa.literal_column("utf8mb4"))))


def _mssql(text: ColumnElement[Any]) -> ColumnElement[Any]:
    # Its own text is UTF-16; from 2019 on there is a collation in UTF-8.
    utf8 = sa.collate(sa.cast(text, sa.VARCHAR(8000)), "Latin1_General_100_BIN2_UTF8")
    digits = sa.func.hashbytes("MD5", utf8)
    plain = sa.func.convert(sa.literal_column("VARCHAR(32)"), digits, sa.literal_column("2"))
    return sa.func.lower(sa.collate(plain, "Latin1_General_100_BIN2"))


def _oracle(text: ColumnElement[Any]) -> ColumnElement[Any]:
    utf8 = sa.func.convert(text, "AL32UTF8")
    return sa.func.lower(sa.func.rawtohex(sa.func.standard_hash(utf8, "MD5")))


_MD5: Final[Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[Any]]]] = {
    "sqlite": getattr(sa.func, MD5_FUNCTION),
    "postgresql": _postgresql,
    "mysql": _mysql,
    "mssql": _mssql,
    "oracle": _oracle,
    "trino": lambda x: sa.func.lower(sa.func.to_hex(sa.func.md5(sa.func.to_utf8(x)))),
    "bigquery": lambda x: sa.func.to_hex(sa.func.md5(x)),
}
