"""Turns what a person wrote into checked values, with one form of message.

Pydantic does the checking; this module gives its errors the project's form ("S1.now == 6, must be
less than or equal to 5") and names the nearest known key for an unknown one.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_SPAN = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(s|m|min|h|d|w|)\s*", re.IGNORECASE)
_SPANS = "use for example 30d, 4w or 12h"
MAX_YAML = 8 * 2**20  # bytes of a file that a person wrote
_ALIKE, _VERY_ALIKE = 0.65, 0.75  # share of letters in common, by difflib
_BEGINNING = 3  # characters that may stand for a word that alone begins so
_LINE = 120  # characters of somebody's input that a message repeats
# What pydantic adds to the place of a fault, where a key may have one of several forms.
_FORM = re.compile(r"^(function|constrained)-|\[")
_FORM_OF = {"string_type": "str", "int_type": "int", "float_type": "float", "bool_type": "bool"}
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


class Document(BaseModel):
    """A frozen value read from YAML, JSON or a dict; unknown keys and NaN are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, ser_json_timedelta="iso8601"
    )


D = TypeVar("D", bound=BaseModel)


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns "; did you mean 'x'?" for the known word that ``word`` is a slip of, else "".

    A slip shares most letters with what was meant; where it shares fewer it begins as that does. A word
    is never suggested in place of itself.
    """
    text = str(word)
    folded = {str(k).casefold(): str(k) for k in known if str(k) != text}
    said = text.casefold()
    for found in difflib.get_close_matches(said, folded, n=3, cutoff=_ALIKE):
        close = difflib.SequenceMatcher(None, found, said).ratio() >= _VERY_ALIKE
        if close or found[:1] == said[:1]:
            return f"; did you mean '{folded[found]}'?"
    begun = [k for k in folded if len(said) >= _BEGINNING and k.startswith(said)]
    return f"; did you mean '{folded[begun[0]]}'?" if len(begun) == 1 else ""


def nearest_zone(said: str) -> str:
    """Returns the same for a time zone, by its city: "; did you mean 'Europe/Berlin'?" for "berlin"."""
    from zoneinfo import available_timezones

    cities = {z.rsplit("/", 1)[-1].casefold(): z for z in sorted(available_timezones())}
    city = said.rsplit("/", 1)[-1].casefold()
    if cities.get(city, said) != said:
        return f"; did you mean '{cities[city]}'?"
    hint = nearest(city, cities)
    return next((hint.replace(f"'{c}'", f"'{cities[c]}'") for c in cities if f"'{c}'" in hint), "")


def shortened(text: str, limit: int = _LINE) -> str:
    """Returns ``text``, cut in the middle where it is longer than ``limit`` characters."""
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]}…{text[-half:]}"


# Letters and symbols that are drawn as nothing: Hangul fillers, the braille pattern without dots.
_FILLERS: Final = "\u115f\u1160\u3164\uffa0\u2800"
# Marks on letters, format characters (zero width joiners, direction marks), control characters.
_INVISIBLE: Final = frozenset({"Mn", "Me", "Cf", "Cc"})


def is_drawn(char: str) -> bool:
    """Says whether a character is seen by itself: not a blank, a mark, a filler, nor invisible."""
    hidden = char.isspace() or char in _FILLERS
    return not hidden and unicodedata.category(char) not in _INVISIBLE


def check_choice(name: str, value: str, choices: Iterable[str], *, where: str = "") -> str:
    """Returns ``value`` when it is one of ``choices``, else raises with the nearest one named."""
    known = list(choices)
    if value not in known:
        raise InvalidInput(
            f"{name} == {shortened(repr(value))}, must be one of {', '.join(known)}{nearest(str(value), known)}",
            where=where,
        )
    return value


def parse_document(
    kind: type[D], data: Any, *, where: str = "", context: Mapping[str, Any] | None = None
) -> D:
    """Checks ``data`` against ``kind``; every fault is named with its key.

    Args:
        kind: the document.
        data: keys and values.
        where: file or place, for the message.
        context: what the document's own validators are told.

    Raises:
        InvalidInput: with one line per fault.
    """
    if isinstance(data, kind):
        return data
    if not isinstance(data, dict):
        raise InvalidInput(
            "is empty; expected keys and values"
            if data is None
            else f"expected keys and values, got {type(data).__name__}",
            where=where,
            fix=f"Known keys: {', '.join(kind.model_fields)}.",
        )
    try:
        return kind.model_validate(data, context=None if context is None else dict(context))
    except ValidationError as e:
        raise InvalidInput("; ".join(_faults(kind, e)), where=where) from None


def load_yaml(path: Path) -> Any:
    """Reads one YAML file; the place of a syntax error is in the message."""
    import yaml

    try:
        with path.open("rb") as f:  # a device could be read without end
            raw = f.read(MAX_YAML + 1)
        text = raw.decode("utf-8-sig") if len(raw) <= MAX_YAML else ""
    except FileNotFoundError:
        raise InvalidInput("no such file", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as e:
        raise InvalidInput(f"cannot be read as UTF-8 text: {e}", where=str(path)) from None
    if len(raw) > MAX_YAML:
        raise InvalidInput(
            f"has more than {MAX_YAML:,} bytes, the most that is read", where=str(path)
        )
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}" if mark else str(path)
        problem = str(getattr(e, "problem", None) or e).replace(
            "'<stream end>'", "the end of the file"
        )
        raise InvalidInput(f"not valid YAML: {problem}", where=place) from None


def _faults(kind: type[BaseModel], error: ValidationError) -> list[str]:
    """Returns one line per key; where several forms are allowed, that of the form that was meant.

    The keys that a place knows stand behind all faults, once.
    """
    found: dict[str, str] = {}
    known: dict[str, list[str]] = {}  # place -> its keys, where no nearest one is named
    for err in error.errors(include_url=False):
        loc = [str(p) for p in err["loc"] if not _is_form(str(p))]
        if loc[-1:] == [_FORM_OF.get(err["type"])]:
            loc.pop()
        found.setdefault(".".join(loc), _fault(kind, loc, dict(err), known))
    lines = [line for key, line in found.items() if not any(k.startswith(f"{key}.") for k in found)]
    return [*lines, *(f"known keys{place}: {', '.join(k)}" for place, k in known.items())]


def _is_form(part: str) -> bool:
    """Whether pydantic added a part to name the form that it tried: a type, or one of our documents."""
    return bool(_FORM.search(part)) or part in {d.__name__ for d in Document.__subclasses__()}


# Kind of a pydantic fault -> what the value must be, in the reader's words.
_PLAIN: Final = {
    "model_type": "keys and values",
    "dict_type": "keys and values",
    "date_parsing": "a date, for example 2027-01-31",
    "date_from_datetime_parsing": "a date, for example 2027-01-31",
    "datetime_parsing": "a time, for example 2027-01-31T09:30",
    "datetime_from_date_parsing": "a time, for example 2027-01-31T09:30",
    "float_parsing": "a number",
    "int_parsing": "a whole number",
    "bool_parsing": "true or false",
}


def _fault(
    kind: type[BaseModel], loc: list[str], err: Mapping[str, Any], known: dict[str, list[str]]
) -> str:
    key = ".".join(loc) or kind.__name__
    if err["type"] == "extra_forbidden":
        keys = _known_keys(kind, loc[:-1])
        hint = nearest(loc[-1], keys)
        if not hint and keys:
            known[f" of '{'.'.join(loc[:-1])}'" if loc[:-1] else ""] = keys
        return f"unknown key '{key}'{hint}"
    if err["type"] == "missing":
        return f"'{key}' is missing"
    message = str(err["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    message = _PLAIN.get(err["type"], message)
    if err["type"] == "value_error":
        return message if not loc else f"{key}: {message}"
    return f"{key} == {shortened(repr(err['input']))}, must be {message}"


def _known_keys(kind: Any, path: list[str]) -> list[str]:
    """Returns the fields of the document that ``path`` leads to, as far as it can be followed."""
    import typing

    for step in path:
        field = getattr(kind, "model_fields", {}).get(step)
        if field is None:
            continue
        options = [field.annotation, *typing.get_args(field.annotation)]
        # A tuple of models is a type for Python 3.10, and no class for issubclass.
        plain = [o for o in options if isinstance(o, type) and typing.get_origin(o) is None]
        nested = [o for o in plain if issubclass(o, BaseModel)]
        if not nested:
            return []
        kind = nested[0]
    return list(getattr(kind, "model_fields", {}))


def parse_span(value: Any) -> timedelta:
    """Reads "30d", "4w", "12h" or a timedelta; raises ValueError with the accepted forms."""
    if isinstance(value, timedelta):
        return value
    match = _SPAN.fullmatch(str(value))
    if match is None:
        return _iso_span(value)
    number, unit = match[1], match[2].lower()
    if not unit:
        raise ValueError(f"{value!r} has no unit; {_SPANS}")
    if unit == "m":
        raise ValueError(
            f"{value!r} may be minutes or months; write {number}min or {float(number) * 30:g}d"
        )
    try:
        return timedelta(seconds=float(number) * _SECONDS[unit])
    except OverflowError:
        raise ValueError(f"{shortened(repr(value))} is too long; {_SPANS}") from None


def _iso_span(value: Any) -> timedelta:
    """Reads a span of ISO 8601, as we write it ourselves."""
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(timedelta).validate_python(value)
    except ValidationError:
        raise ValueError(f"{shortened(repr(value))} is not a duration; {_SPANS}") from None


def parse_length(value: Any) -> timedelta:
    """Reads a span as ``parse_span`` does; raises ValueError also for one that is not longer than 0."""
    found = parse_span(value)
    if found <= timedelta(0):
        shown = value if isinstance(value, str) else format_span(found)
        raise ValueError(f"{shown!r} is not longer than 0; {_SPANS}")
    return found


def format_span(value: timedelta) -> str:
    """Writes a span as ``parse_span`` reads it: "90d", "12h", "30s"."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "min"):
        if seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:g}{unit}"
    return f"{seconds:g}s"


# A span that may be 0, and one that may not.
MaybeZeroSpan = Annotated[timedelta, BeforeValidator(parse_span), PlainSerializer(format_span, str)]
Span = Annotated[timedelta, BeforeValidator(parse_length), PlainSerializer(format_span, str)]


def utc(value: datetime | date | str | None) -> datetime:
    """Returns an aware UTC time; a naive one is taken as UTC, ``None`` is now."""
    if value is None:
        return datetime.now(timezone.utc)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise InvalidInput(
                f"{value!r} is not a date; use YYYY-MM-DD, for example 2027-01-31"
            ) from None
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - made aware below
    if value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    try:
        return value.astimezone(timezone.utc)
    except OverflowError:  # in UTC it is before the year 1 or after the year 9999
        raise InvalidInput(f"{value.isoformat()!r} is not between the years 1 and 9999") from None
