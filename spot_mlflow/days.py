"""Dates as a person writes them, in English whatever the language of the machine."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Final

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def day(when: date | str) -> str:
    """Writes a date or an ISO time as "30 January 2027"; what is not a date, as it is."""
    found = date_of(when)
    return str(when) if found is None else f"{found.day} {MONTHS[found.month - 1]} {found.year}"


def moment(seconds: float) -> str:
    """Writes seconds since 1970 as "5 August 2024, 14:30 UTC"; midnight as its day alone."""
    at = datetime.fromtimestamp(seconds, tz=timezone.utc)
    time = f", {at:%H:%M} UTC" if (at.hour, at.minute) != (0, 0) else ""
    return f"{day(at)}{time}"


def days_between(first: date | str, last: date | str) -> str:
    """Writes a span as "5 to 9 August 2024", "30 August to 2 September 2024" or one day."""
    a, b = date_of(first), date_of(last)
    if a is None or b is None or a == b:
        return day(last)
    if (a.year, a.month) == (b.year, b.month):
        return f"{a.day} to {day(b)}"
    start = f"{a.day} {MONTHS[a.month - 1]}" if a.year == b.year else day(a)
    return f"{start} to {day(b)}"


def date_of(when: date | str | None) -> date | None:
    """Returns the date of a date, a time or ISO text; None where there is none."""
    if isinstance(when, datetime):
        return when.date()
    if isinstance(when, date):
        return when
    try:
        return datetime.fromisoformat(str(when).replace("Z", "+00:00")).date()
    except ValueError:
        return None
