"""What the panel says on one question and on one letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class Dot:
    """One respondent's answer to one question; ``level`` is None for "don't know"."""

    role: str
    level: int | None
    target: int | None = None
    person: str | None = None
    comment: str | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """What the panel says on one question.

    Attributes:
        question: its id.
        level: lower median over roles, or None where not known.
        low: lowest level given; high: highest.
        contested: whether they lie two or more apart.
        noted: whether a discussion note was written knowing that range.
        dont_know: respondents who said they do not know.
        answered: respondents who gave a level.
        roles: roles that gave a level, sorted.
        missing_roles: roles it is asked of that have not answered at all.
        target: lower median of the wanted levels over roles, or None.
        by: date to which the owner is held; owner: who sees to it. Both from the newest answer
            that names them.
        dots: every respondent's answer.
        change: level now minus level at the end of the round before, or None.
        hidden: whether the answers are withheld because the reader has not answered yet.
    """

    question: str
    level: int | None = None
    low: int | None = None
    high: int | None = None
    contested: bool = False
    noted: bool = False
    dont_know: int = 0
    answered: int = 0
    roles: tuple[str, ...] = ()
    missing_roles: tuple[str, ...] = ()
    target: int | None = None
    by: date | None = None
    owner: str | None = None
    dots: tuple[Dot, ...] = ()
    change: int | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class LetterResult:
    """What the panel says on a letter.

    Attributes:
        level: lower median of its known questions, or None.
        weakest: id of the question with the lowest level, the first one in a tie.
        target: lower median of the wanted levels (the level now where none is wanted), or None.
        unknown: ids of the questions without any level.
        change: level now minus level at the end of the round before, or None.
    """

    level: int | None = None
    weakest: str | None = None
    target: int | None = None
    unknown: tuple[str, ...] = ()
    change: int | None = None
