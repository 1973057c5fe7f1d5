"""How MySQL and MariaDB say what every engine says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import DATETIME
from typing_extensions import override

from spot_mlflow_checks.engines.dialect import NEVER, Dialect, blank_or_not
from spot_mlflow_checks.engines.forms import OFFSET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.sql.elements import ColumnElement

    from spot_mlflow_checks.engines.dialect import Family

_DATE: Final = 10  # characters of a date without a time
_HOURS: Final = 3  # and of an offset without minutes


def binary_text(x: ColumnElement[Any], *, mariadb: bool) -> ColumnElement[Any]:
    """Text of MySQL or MariaDB as it is written: their usual collations take 'A1' and 'a1 ' for one."""
    spelt = sa.func.convert(x.op("USING")(sa.literal_column("utf8mb4")))
    return sa.collate(spelt, "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin")


class MySQLDialect(Dialect):
    """MySQL and MariaDB, which have no NaN, and no zones in the text of a time."""

    name = "mysql"
    infinity = None

    def __init__(self, *, mariadb: bool = True) -> None:
        self._mariadb = mariadb

    @override
    def text(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        return binary_text(sa.cast(x, sa.Text()), mariadb=self._mariadb)

    @override
    def without_zeros(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        zeros: ColumnElement[Any] = sa.literal_column("LEADING '0' FROM")
        return sa.func.trim(zeros.op("")(x))

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return NEVER

    @override
    def _known(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return x

    @override
    def blanks_last(self, x: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
        return blank_or_not(x)

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        start: ColumnElement[Any] = sa.literal_column("'1970-01-01 00:00:00'")
        unit: ColumnElement[Any] = sa.literal_column("MICROSECOND")
        micros: ColumnElement[Any] = sa.func.timestampdiff(unit, start, x)
        return self.double(micros) / 1e6

    @override
    def to_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return self.double(
            sa.func.trim(x)
        )  # a space behind a number is an error where rows are kept

    @override
    def to_seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        x = sa.func.trim(x)
        zoned = sa.and_(sa.func.length(x) > _DATE, x.regexp_match(OFFSET))
        local = sa.case((zoned, sa.func.trim(sa.func.regexp_replace(x, OFFSET, ""))), else_=x)
        at = sa.cast(sa.func.replace(local, "T", " "), DATETIME(fsp=6))
        return self.seconds(at) - self._offset(x, zoned)

    def _offset(self, x: ColumnElement[Any], zoned: ColumnElement[bool]) -> ColumnElement[float]:
        """Seconds that a time in text is ahead of UTC; 0 where it says no offset."""
        zone: ColumnElement[Any] = sa.func.replace(
            sa.func.regexp_substr(x, r"[+-][0-9]{2}(:?[0-9]{2})?$"), ":", ""
        )
        hours = self.double(sa.func.substr(zone, 2, 2)) * 3600.0
        minutes = sa.case(
            (sa.func.length(zone) > _HOURS, self.double(sa.func.substr(zone, 4, 2)) * 60.0),
            else_=0.0,
        )
        sign = sa.case((sa.func.substr(zone, 1, 1) == "-", -1.0), else_=1.0)
        return sa.case(
            (sa.and_(zoned, sa.func.length(zone) > 0), sign * (hours + minutes)), else_=0.0
        )

    @override
    def ordered(self, x: ColumnElement[Any], family: Family) -> ColumnElement[Any] | None:
        return x  # text compares byte by byte, as it is read here
