"""The questions in the terminal, one at a time: answer, skip, go back, stop; nothing is lost.

Sentences are chosen by letters: level numbers stay out of a respondent's sight, since people would
answer the number they want to see.
"""

from __future__ import annotations

import textwrap
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import click

from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.terminal import mind_interrupts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.readiness.instrument import Instrument, Question
    from spot_mlflow_cli.drafts import Draft

LETTERS: Final = "abcde"
_KEYS: Final = "a-e, ? don't know, Enter {enter}, < back, x examples, q stop"
WIDTH: Final = 92


class Stopped(Exception):
    """The respondent stops and goes on another time."""


def interview(
    questions: Sequence[Question],
    instrument: Instrument,
    draft: Draft,
    *,
    before: Mapping[str, Mapping[str, Any]],
    only_now: bool = False,
) -> None:
    """Asks question after question and keeps each answer in the draft at once.

    Args:
        questions: what to ask.
        instrument: for the letters' titles.
        draft: where answers are kept; those in it already are shown.
        before: what this person answered in an earlier assessment.
        only_now: ask for today only, not for target, date, owner and remark.

    Raises:
        Stopped: the respondent wants to go on another time.
    """
    mind_interrupts()
    index = next((i for i, q in enumerate(questions) if q.id not in draft.answers), 0)
    while index < len(questions):
        question = questions[index]
        _show(question, instrument, index + 1, len(questions))
        known = draft.answers.get(question.id) or before.get(question.id)
        _remind(question, known, so_far=question.id in draft.answers)
        step = _ask_one(question, draft, known, only_now=only_now)
        index = max(0, index + step)


def _show(question: Question, instrument: Instrument, number: int, of: int) -> None:
    click.echo()
    click.secho(
        f"Question {number} of {of} · {instrument.letters[question.letter].title}", dim=True
    )
    click.secho(textwrap.fill(question.text, WIDTH), bold=True)
    click.echo(textwrap.fill(question.help, WIDTH))
    click.echo()
    for letter, level in zip(LETTERS, question.levels, strict=True):
        click.echo(
            textwrap.fill(
                f"{letter})  {level.text}", WIDTH, initial_indent="  ", subsequent_indent="      "
            )
        )


def _remind(question: Question, known: Mapping[str, Any] | None, *, so_far: bool) -> None:
    if known is not None:
        said = "Your answer so far" if so_far else "Your answer last time"
        click.secho(f"{said}: {in_words(question, known)} (Enter keeps it)", dim=True)


def _ask_one(
    question: Question, draft: Draft, known: Mapping[str, Any] | None, *, only_now: bool
) -> int:
    """Returns how many questions to go on: 1, or -1 for back.

    Who is shown an answer and keeps it has given it again today; who skips has not.
    """
    keys = _KEYS.format(enter="skip" if known is None else "keep, s skip")
    while True:
        said = _prompt(f"Your answer ({keys})").casefold()
        if not said and known is not None:
            draft.keep(question.id, {k: v for k, v in known.items() if v is not None or k == "now"})
            return 1
        if said in ("", "s", "skip"):
            draft.keep(question.id, None)
            return 1
        if said in ("<", "back"):
            return -1
        if said in ("q", "quit", "stop"):
            raise Stopped
        if said in ("x", "examples"):
            _examples(question)
            continue
        if said in ("?", "don't know", "dont know", "i don't know"):
            draft.keep(question.id, {"now": None})
            return 1
        if len(said) == 1 and said in LETTERS:
            draft.keep(question.id, {"now": LETTERS.index(said) + 1})
            if not only_now:
                draft.keep(question.id, _wanted(LETTERS.index(said) + 1))
            return 1
        click.secho(f"{printable(said)!r} is none of: {keys}.", fg="yellow")


def _examples(question: Question) -> None:
    for letter, level in zip(LETTERS, question.levels, strict=True):
        click.echo(
            textwrap.fill(
                f"{letter})  {level.example}",
                WIDTH,
                initial_indent="  ",
                subsequent_indent="      ",
            )
        )


def _wanted(now: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"now": now}
    if now < len(LETTERS):
        target = _target(now)
        if target is not None:
            answer["target"] = target
            answer["by"] = _day()
            answer["owner"] = _prompt("Who sees to it (Enter: open)") or None
    answer["comment"] = _prompt("A remark (Enter: none)") or None
    return {k: v for k, v in answer.items() if v is not None}


def _target(now: int) -> int | None:
    allowed = LETTERS[now - 1 :]
    while True:
        said = _prompt(
            f"Where should we be ({allowed[0]}-{allowed[-1]}, Enter: leave open)"
        ).casefold()
        if not said:
            return None
        if len(said) == 1 and said in allowed:
            return LETTERS.index(said) + 1
        click.secho(
            f"{printable(said)!r} is none of {', '.join(allowed)}: the aim is today's sentence or a later one.",
            fg="yellow",
        )


def _day() -> str | None:
    while True:
        said = _prompt("By when (2027-01-31, Enter: open)")
        if not said:
            return None
        try:
            return date.fromisoformat(said).isoformat()
        except ValueError:
            click.secho(
                f"{printable(said)!r} is not a date; use YYYY-MM-DD, for example 2027-01-31.",
                fg="yellow",
            )


def _prompt(text: str) -> str:
    said: str = click.prompt(text, default="", show_default=False)
    return said.strip()


def in_words(question: Question, answer: Mapping[str, Any]) -> str:
    """Returns an answer as a person would read it back."""
    now, target = answer.get("now"), answer.get("target")
    said = question.level(now).text if isinstance(now, int) else "I don't know"
    if isinstance(target, int):
        said += f" -> {question.level(target).text}"
        said += f" by {answer['by']}" if answer.get("by") else ""
        said += f" ({answer['owner']})" if answer.get("owner") else ""
    said += f'; "{answer["comment"]}"' if answer.get("comment") else ""
    return printable(said)
