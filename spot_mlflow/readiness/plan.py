"""The way from now to target: one step per question that is not yet where it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.letters import ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from spot_mlflow.readiness.instrument import Instrument
    from spot_mlflow.readiness.panel_results import LetterResult, QuestionResult


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One step from now to target.

    Attributes:
        question: id; letter: S, P, O or T.
        now: the level today, None where not known.
        target: the level wanted.
        by: until when; owner: who sees to it.
        overdue: whether ``by`` has passed.
    """

    question: str
    letter: str
    now: int | None
    target: int
    by: date | None
    owner: str | None
    overdue: bool


def plan_of(
    questions: Mapping[str, QuestionResult],
    letters: Mapping[str, LetterResult],
    instrument: Instrument,
    today: date,
) -> tuple[PlanItem, ...]:
    """Returns what is wanted and not yet there: weakest letter first, lowest level first.

    Args:
        questions: the panel's results by id.
        letters: the panel's results by letter.
        instrument: for the order of the questions.
        today: the day at which a date is overdue.
    """

    def order(item: PlanItem) -> tuple[int, int, int, int]:
        level = letters[item.letter].level
        return (
            level if level is not None else 0,  # a letter nobody knows comes before all
            ORDER.index(item.letter),
            item.now if item.now is not None else 0,
            instrument.ids.index(item.question),
        )

    items = [
        PlanItem(q.question, q.question[0], q.level, q.target, q.by, q.owner, _late(q.by, today))
        for q in questions.values()
        if q.target is not None and (q.level is None or q.level < q.target)
    ]
    return tuple(sorted(items, key=order))


def _late(by: date | None, today: date) -> bool:
    return by is not None and by < today
