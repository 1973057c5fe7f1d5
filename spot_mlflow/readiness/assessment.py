"""Answers of one respondent, as written by people, turned into the payload that is recorded.

Accepted: ``{"S1": 3, "S2": {"now": 2, "target": 4, "by": "2027-03-01", "owner": "...",
"comment": "..."}, "O3": "don't know"}``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, field_validator

from spot_mlflow.errors import InvalidInput
from spot_mlflow.person import MAX_NAME, MAX_TEXT, check_text
from spot_mlflow.validation import Document, nearest, parse_document

if TYPE_CHECKING:
    from spot_mlflow.readiness.instrument import Instrument

DONT_KNOW: Final = "don't know"
_DONT_KNOW: Final = frozenset(
    {
        "don't know",
        "dont know",
        "don’t know",
        "do not know",
        "i don't know",
        "i don’t know",
        "dk",
        "?",
        "unknown",
    }
)


class AnswerInput(Document):
    """One answer: the level now (None for "don't know"), and what is wanted until when.

    ``now`` must be said: whoever leaves a remark only has not said that they do not know.
    """

    now: Annotated[int, Field(ge=1, le=5)] | None
    target: Annotated[int, Field(ge=1, le=5)] | None = None
    by: date | None = None
    owner: Annotated[str, Field(max_length=MAX_NAME)] | None = None
    comment: Annotated[str, Field(max_length=MAX_TEXT)] | None = None

    @field_validator("now", "target", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        """Whole numbers only: True and 2.5 are no levels; "3" from a file is."""
        if isinstance(value, bool):
            raise ValueError(f"{value!r} is not a level, must be 1 to 5")  # noqa: TRY004 - pydantic's way
        if isinstance(value, str) and value.strip().casefold() in _DONT_KNOW:
            return None
        if isinstance(value, str) and value.strip().isdecimal():
            return int(value)
        return value

    @field_validator("by", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        """A date only; a number of seconds is no date here."""
        if isinstance(value, datetime):
            return value.date()
        if value is None or isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value).strip())
        except ValueError:
            raise ValueError(
                f"{value!r} is not a date; use YYYY-MM-DD, for example 2027-01-31"
            ) from None

    @field_validator("owner", "comment", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        """YAML reads the remark 42 as a number and 2027-03-01 as a date; both are words here."""
        plain = isinstance(value, int | float | date) and not isinstance(value, bool)
        return str(value) if plain else value

    @field_validator("owner", mode="after")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        return " ".join((value or "").split()) or None

    @field_validator("comment", mode="after")
    @classmethod
    def _plain_text(cls, value: str | None) -> str | None:
        """Line ends as one character, no control characters: as every worksheet can carry it."""
        text = (value or "").replace("\r\n", "\n").replace("\r", "\n")
        kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
        return "".join(kept).strip() or None


def parse_answers(
    answers: Mapping[str, Any],
    instrument: Instrument,
    *,
    where: str = "",
    stamp: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Checks answers and returns the payload of an assessment.

    Args:
        answers: question id -> level 1 to 5, "don't know" (or None), or the longer form.
        instrument: the questionnaire answered.
        where: file or form, for the message.
        stamp: name, version and text hash of the instrument that the respondent read, where it is
            known from a worksheet; otherwise that of ``instrument``.

    Raises:
        InvalidInput: naming every question at fault and the nearest known id, or that the answers
            were given to an instrument that must not be compared with this one.
    """
    if not isinstance(answers, Mapping):
        raise InvalidInput(
            f"expected question ids with answers, got {type(answers).__name__}",
            where=where,
            fix='For example {"S1": 3, "O3": "don\'t know"}.',
        )
    parsed = {str(id_): _parse_one(given, str(id_), instrument) for id_, given in answers.items()}
    faults = [p for p in parsed.values() if isinstance(p, str)]
    if faults:
        raise InvalidInput("; ".join(faults), where=where)
    if not parsed:
        raise InvalidInput(
            "no question is answered", where=where, fix="Answer at least one question."
        )
    ordered = {id_: parsed[id_] for id_ in instrument.ids if id_ in parsed}
    return {"answers": ordered, "instrument": _stamp(stamp, instrument, where)}


def _stamp(stamp: Mapping[str, Any] | None, instrument: Instrument, where: str) -> dict[str, str]:
    if not stamp:
        return instrument.stamp
    if not instrument.comparable(stamp):
        raise InvalidInput(
            f"answers to {stamp.get('name')} {stamp.get('version')}, must be to "
            f"{instrument.name} {instrument.major}.x: its questions may mean something else",
            where=where,
            fix="Send a new worksheet: `spot ask`.",
        )
    return {key: str(stamp.get(key, "")) for key in ("name", "version", "hash")}


def _parse_one(given: Any, id_: str, instrument: Instrument) -> dict[str, Any] | str:
    """Returns the answer in its long form, or what is wrong with it."""
    if id_ not in instrument.ids:
        return f"unknown question {id_!r}{nearest(id_, instrument.ids)}"
    short = given is None or isinstance(given, int | float | str)
    if isinstance(given, Mapping) and "now" not in given:
        return f"{id_}: 'now' is missing; give a level from 1 to 5 or {DONT_KNOW!r}"
    try:
        answer = parse_document(AnswerInput, {"now": given} if short else given)
    except InvalidInput as e:
        return f"{id_}: {e.what}"
    if answer.now is not None and answer.target is not None and answer.target < answer.now:
        return f"{id_}: target == {answer.target}, must be at or above now == {answer.now}"
    return answer.model_dump(mode="json")


def parse_discussion(question: str, note: str, instrument: Instrument) -> dict[str, Any]:
    """Returns the payload of a note on a contested question.

    Raises:
        NotFound: no such question.
        InvalidInput: the note is empty or too long.
    """
    instrument.question(question)
    return {"question": question, "note": check_text("note", note)}
