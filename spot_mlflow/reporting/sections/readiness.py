"""What a reader is told of the panel: the letters, and what a level alone would hide."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from spot_mlflow.letters import LETTERS
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.request import plan_words, target_text
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.roles import called

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.readiness.panel import Readiness
    from spot_mlflow.readiness.panel_results import LetterResult, QuestionResult

TITLE: Final = "How ready was the organization?"
PLAN_SHOWN: Final = 8  # steps of the plan in a report


def readiness_section(adoption: Adoption | None, *, plan: bool = True) -> Section | None:
    """Returns the four letters, now and target, weakest first; None where nobody has answered.

    Args:
        adoption: everything known.
        plan: whether to tell the plan too, where no section of its own does.
    """
    if adoption is None or not adoption.readiness.people:
        return None
    ready = adoption.readiness
    if ready.hidden:
        return _hidden(adoption)
    rows = [
        (LETTERS[letter], _level(found), _target(found), _weakest(found, ready))
        for letter, found in sorted(ready.letters.items(), key=lambda pair: pair[1].level or 0)
    ]
    table = Table(
        "Readiness by letter, levels 1 to 5",
        ("letter", "now", "target", "weakest answer"),
        tuple(rows),
        frozenset({1, 2}),
    )
    planned = [f"Planned: {plan_words(p)}" for p in ready.plan[:PLAN_SHOWN]] if plan else []
    return Section(
        "readiness",
        TITLE,
        text=(_who_answered(adoption),),
        tables=(table,),
        notes=(*findings(ready), *planned),
    )


def findings(ready: Readiness) -> Iterator[str]:
    """Yields what the levels do not show: dissent, not knowing, silence, age, and the change."""
    labels = {q.id: q.label for q in default_instrument().questions}
    questions = [(labels.get(i, i), q) for i, q in ready.questions.items()]
    told = {
        "Contested": (_contested(label, q) for label, q in questions if q.contested),
        "“I don't know”": (
            f"{label} {q.dont_know} of {q.dont_know + q.answered}"
            for label, q in questions
            if q.dont_know
        ),
        "Nobody has said": (label for label, q in questions if q.level is None),
        "Not heard": (called(r) for r in ready.missing_roles),
    }
    for what, found in told.items():
        if said := ", ".join(found):
            yield f"{what}: {said}."
    if ready.stale:
        yield f"{figures.things(ready.stale, 'assessment')} older than 180 days."
    if ready.set_aside:
        yield f"{figures.things(ready.set_aside, 'assessment')} of another questionnaire set aside."
    yield from _changes(ready, questions)


def _contested(label: str, q: QuestionResult) -> str:
    return f"{label} ({q.low} to {q.high}, {'' if q.noted else 'not yet '}discussed)"


def _changes(ready: Readiness, questions: Iterable[tuple[str, QuestionResult]]) -> Iterator[str]:
    """Yields what has changed since the last round, where there was one."""
    compared = [q.change for q in ready.questions.values() if q.change is not None]
    if not compared or ready.round_started is None:
        return
    letters = [(LETTERS[k], v.change) for k, v in ready.letters.items()]
    changed = [(what, by) for what, by in (*letters, *((w, q.change) for w, q in questions)) if by]
    said = ", ".join(f"{what} {by:+d}" for what, by in changed) or "nothing has changed"
    yield f"Since the last round, before {figures.day(ready.round_started.date())}: {said}."


def _hidden(adoption: Adoption) -> Section:
    """How many answered, and how to see what they said: the reader has not answered yet."""
    own = f"spot assess {shlex.quote(adoption.facts.name)} --role ROLE"
    return Section(
        "readiness",
        TITLE,
        text=(_who_answered(adoption),),
        steps=(("What they answered is shown once your own answers are in.", own),),
    )


def _who_answered(adoption: Adoption) -> str:
    people = figures.things(adoption.readiness.people, "person", "people")
    return f"{people} answered; users involved: {adoption.involvement.words}."


def _level(letter: LetterResult) -> str:
    return "not known" if letter.level is None else str(letter.level)


def _target(letter: LetterResult) -> str:
    return figures.NOTHING if letter.target is None else str(letter.target)


def _weakest(letter: LetterResult, ready: Readiness) -> str:
    """What is said today on the letter's weakest question, which may lie below the letter."""
    if letter.weakest is None:
        return figures.NOTHING
    level = ready.questions[letter.weakest].level
    return figures.NOTHING if level is None else target_text(letter.weakest, level)
