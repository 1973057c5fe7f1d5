"""Reads what a person types for a contract: dates, spans, zones, and figures on the scale of the outcome.

Each reader returns the text for the file, or raises ValueError with what was understood and what to type.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Final
from zoneinfo import available_timezones

from spot_mlflow.lift.promise.slips import percent_hint
from spot_mlflow.lift.promise.sources import CompleteUntil
from spot_mlflow.validation import nearest, nearest_zone, parse_length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOCAL: Final = re.compile(r"(\d{1,2})([./])(\d{1,2})[./](\d{4})")
_MONTHS: Final = 12


def one_of(known: Sequence[str]) -> Callable[[str], str]:
    """Returns a reader of one of some words."""

    def read(said: str) -> str:
        if said.casefold() not in known:
            raise ValueError(f"{said!r} must be one of {', '.join(known)}{nearest(said, known)}")
        return said.casefold()

    return read


def some_of(known: Sequence[str]) -> Callable[[str], str]:
    """Returns a reader of words of a column, parted by commas, or of all."""

    def read(said: str) -> str:
        if said.casefold() == "all":
            return "all"
        found = []
        for part in map(str.strip, said.split(",")):
            same = [k for k in known if part in {k, k.strip()}] or [
                k for k in known if k.strip().casefold() == part.casefold()
            ]
            if len(same) != 1:
                raise ValueError(
                    f"{part!r} must be one of {', '.join(known)}{nearest(part, known)}"
                )
            found += same
        return json.dumps(found, ensure_ascii=False)

    return read


def span(said: str) -> str:
    """Reads a duration: 30d."""
    parse_length(said)
    return said


def zone(said: str) -> str:
    """Reads a time zone."""
    if said not in available_timezones():
        raise ValueError(f"{said!r} is not a time zone{nearest_zone(said)}")
    return said


def complete(said: str) -> str:
    """Reads until when events are complete: a day, a time, latest, now, or a span."""
    from pydantic import TypeAdapter, ValidationError

    if re.fullmatch(r"\d+[dhw]", said):
        return f"{{behind: {span(said)}}}"
    said = day(said) if _LOCAL.fullmatch(said) else said
    try:
        TypeAdapter(CompleteUntil).validate_python(said)
    except ValidationError as e:
        raise ValueError(e.errors()[0]["msg"].removeprefix("Value error, ")) from None
    return said


def day(said: str) -> str:
    """Reads 13.08.2026 or 08/13/2026 as 2026-08-13, where only one day can be meant."""
    found = _LOCAL.fullmatch(said)
    assert found is not None  # noqa: S101 - the caller looked
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    slashes = found[2] == "/"
    if slashes and first <= _MONTHS and second <= _MONTHS and first != second:
        raise ValueError(
            f"{said!r} may be {year}-{second:02d}-{first:02d} or {year}-{first:02d}-{second:02d}; "
            "use YYYY-MM-DD"
        )
    month_first = slashes and second > _MONTHS
    parts = (first, second) if month_first else (second, first)
    try:
        return date(year, *parts).isoformat()
    except ValueError:
        raise ValueError(
            f"{said!r} is not a date; use YYYY-MM-DD, for example 2027-01-31"
        ) from None


def number(said: str) -> str:
    """Reads a number."""
    try:
        float(said)
    except ValueError:
        comma = re.fullmatch(r"[+-]?\d*,\d+", said)
        percent = re.fullmatch(r"([+-]?\d+(?:[.,]\d+)?)\s*%", said)
        hint = f"did you mean {said.replace(',', '.')}?" if comma else "use 0.05"
        if percent:
            hint = percent_hint(float(percent[1].replace(",", ".")))
        raise ValueError(f"{said!r} is not a number; {hint}") from None
    return said


def at_least_zero(read: Callable[[str], str]) -> Callable[[str], str]:
    """Returns a reader that refuses what is below zero."""

    def checked(said: str) -> str:
        if float(read(said)) < 0:
            raise ValueError(f"{said} is below 0")
        return said

    return checked


def points(said: str) -> str:
    """Reads a change of a rate: 0.06 is 6 points."""
    x = float(number(said))
    if abs(x) >= 1:
        raise ValueError(
            f"{said} would be {100 * x:g} points of a rate, which cannot move so far; {percent_hint(x)} "
            f"({x:g} points are written {x / 100:g})"
        )
    return said


def rate(said: str) -> str:
    """Reads a rate from 0 to 1."""
    x = float(number(said))
    if not 0 <= x <= 1:
        raise ValueError(
            f"{said} would be {100 * x:g} % of the units, must be from 0 to 1; {percent_hint(x)}"
        )
    return said


def share(said: str) -> str:
    """Reads a share of the units, neither none nor all."""
    x = float(rate(said))
    if x in {0, 1}:
        raise ValueError(f"{said} leaves one arm empty; 0.1 holds a tenth out")
    return said


def at_most(lift: str, read: Callable[[str], str]) -> Callable[[str], str]:
    """Returns a reader that refuses more than the promised lift, where one was given."""

    def checked(said: str) -> str:
        if lift and float(read(said)) > float(lift):
            raise ValueError(
                f"{said} is above the promised lift of {lift}: the promise itself would not be worthwhile"
            )
        return read(said)

    return checked
