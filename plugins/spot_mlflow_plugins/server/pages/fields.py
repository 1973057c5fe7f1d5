"""The fields of a form: what is asked, what was typed, and what is wrong with it, beside each other; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow.days import date_of
from spot_mlflow.person import MAX_NAME, MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Kind = Literal["choice", "select", "text", "line", "day", "moment"]
LONGEST: Final[Mapping[str, int]] = {"text": MAX_TEXT, "line": MAX_NAME, "day": 10, "moment": 25}
_UNREADABLE: Final[Mapping[str, str]] = {
    "day": "This is not a date; write it as 2027-01-30.",
    "moment": "This is not a time; write it as 2027-01-30T18:00.",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked.

    Attributes:
        name: key under which it is sent, unique in a form.
        label: the question.
        kind: "choice" radio buttons, "select" a list, "text" some lines, "line" one, "day" a date,
            "moment" a date and a time, UTC.
        options: (value, words) of a choice or a list.
        required: whether it must be answered.
        help: a sentence below the label.
        more: fields that are folded away below it.
    """

    name: str
    label: str
    kind: Kind = "line"
    options: tuple[tuple[str, str], ...] = ()
    required: bool = True
    help: str = ""
    more: tuple[Field, ...] = ()

    def fault(self, said: Mapping[str, str]) -> str:
        """Returns what is wrong with what was typed, and what to do; "" where nothing is."""
        value = said.get(self.name, "").strip()
        if not value:
            return self._missing if self.required else ""
        if self.options:
            return "" if value in dict(self.options) else "Choose one of these."
        if len(value) > LONGEST[self.kind]:
            return f"This has {len(value):,} characters; {LONGEST[self.kind]:,} fit."
        return _UNREADABLE.get(self.kind, "") if date_of(value) is None else ""

    @property
    def _missing(self) -> str:
        return "Choose one." if self.options else "This must not be empty."


def target_field(targets: Iterable[str]) -> Field:
    """Returns the question for which stage or alias it is."""
    return Field("target", "For", "choice", tuple((t, t) for t in targets))


def every(fields: Iterable[Field]) -> Iterator[Field]:
    """Yields fields with those that are folded away below them."""
    for field in fields:
        yield field
        yield from every(field.more)


def faults_of(fields: Iterable[Field], said: Mapping[str, str]) -> dict[str, str]:
    """Returns field -> what is wrong, of the fields that something is wrong with."""
    found = {f.name: f.fault(said) for f in every(fields)}
    return {name: fault for name, fault in found.items() if fault}
