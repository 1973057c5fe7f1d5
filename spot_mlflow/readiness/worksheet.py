"""A worksheet: what it asks, of whom, and until when; ``worksheet_written`` makes files of it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from spot_mlflow.readiness.instrument import Instrument, Question

ENDINGS: Final[Mapping[str, str]] = {
    "html": ".html",
    "markdown": ".md",
    "yaml": ".yaml",
    "csv": ".csv",
}
MINUTES_A_QUESTION: Final = 0.4  # three minutes for the seven questions of one role


@dataclass(frozen=True, slots=True)
class Worksheet:
    """What a worksheet shows.

    Attributes:
        instrument: the questionnaire.
        model: registered name; it travels with the answers.
        role: whose questions; None for the whole instrument.
        title: how people call the model; the registered name unless given.
        person: the respondent, where known.
        deadline: until when an answer is wanted.
        return_to: mail address to which the answers go.
        answers: what is filled in already, in the long form.
    """

    instrument: Instrument
    model: str
    role: str | None = None
    title: str = ""
    person: str = ""
    deadline: date | None = None
    return_to: str = ""
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions asked, and any other that is answered already."""
        asked = {q.id for q in self.instrument.questions_for(self.role)}
        return tuple(q for q in self.instrument.questions if q.id in asked or q.id in self.answers)

    @property
    def heading(self) -> str:
        """How people call the model."""
        return self.title or self.model

    @property
    def minutes(self) -> int:
        """How long it takes, in whole minutes."""
        return max(1, round(len(self.questions) * MINUTES_A_QUESTION))

    @property
    def until(self) -> str:
        """The deadline in words ("Sunday, 8 November 2026"), or ""."""
        d = self.deadline
        return f"{d:%A}, {d.day} {d:%B %Y}" if d else ""

    def file_name(self, format_: str) -> str:
        """Returns a file name that any system takes ("spot-churn-business.html"); accents are left off."""
        parts = ["spot", self.model or "questions", self.role or "all"]
        plain = [unicodedata.normalize("NFKD", p).encode("ascii", "ignore").decode() for p in parts]
        safe = [re.sub(r"[^A-Za-z0-9]+", "-", p).strip("-").lower() or "model" for p in plain]
        return "-".join(safe)[:100] + ENDINGS[format_]
