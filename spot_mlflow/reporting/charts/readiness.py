"""The picture of a panel: every question with every respondent's dot, the panel's level and target.

A dot chart rather than a radar: on a radar the area depends on the order of the axes and single
respondents cannot be seen. Roles differ by shape as well as by colour.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from spot_mlflow.letters import LETTERS
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.frames import rows_frame
from spot_mlflow.reporting.charts.pen import SMALL, width_of
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.roles import ROLE_TABLE, ROLES, called

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.readiness.instrument import Instrument
    from spot_mlflow.readiness.panel import Readiness
    from spot_mlflow.readiness.panel_results import Dot, QuestionResult
    from spot_mlflow.reporting.charts.frames import Rows
    from spot_mlflow.reporting.charts.pen import Pen

STEP: Final = 0.17  # of a level, between two dots on the same level
UNKNOWN_AT: Final = 6.0  # where "don't know" stands, right of level 5
DOT, SMALL_DOT = 8.0, 4.5  # an answer older than 180 days is small


def readiness_chart(readiness: Readiness, instrument: Instrument) -> Chart:
    """Returns the dot chart of a panel, with its numbers in a table.

    Args:
        readiness: the panel; as ``seen_by`` where others' answers must stay hidden.
        instrument: for the labels.
    """
    rows = _rows(readiness, instrument)
    return Chart(
        name="readiness",
        title="Readiness: every answer, today and wanted",
        alt=_alt(readiness),
        paint=lambda pen, narrow: _paint(pen, rows, readiness, narrow=narrow),
        table=_table(readiness, instrument),
    )


_Row = tuple[str, "QuestionResult | None"]


def _rows(readiness: Readiness, instrument: Instrument) -> list[_Row]:
    """Returns (label, question), a row without question at the head of each letter."""
    rows: list[_Row] = []
    for letter, text in instrument.letters.items():
        level = readiness.letters[letter].level
        rows.append((f"{text.title} {level if level is not None else '?'}", None))
        rows += [(q.label, readiness.questions[q.id]) for q in instrument.questions_of(letter)]
    return rows


def _alt(readiness: Readiness) -> str:
    if not readiness.people:
        return "Nobody has answered yet."
    said = ", ".join(
        f"{LETTERS[k]} {v.level if v.level is not None else 'not known'}"
        + (f" (wanted {v.target})" if v.target is not None else "")
        for k, v in readiness.letters.items()
    )
    contested = len(readiness.contested)
    more = f" Contested: {figures.things(contested, 'question')}." if contested else ""
    return f"Levels 1 to 5 by {figures.things(readiness.people, 'person', 'people')}: {said}.{more}"


def _paint(pen: Pen, rows: Sequence[_Row], readiness: Readiness, *, narrow: bool) -> None:
    key = _key(readiness)
    top = _paint_key(pen, key)
    end = "?" if narrow else "don't know"
    levels = [(float(x), str(x)) for x in range(1, 6)]
    frame = rows_frame(
        pen,
        [label for label, _ in rows],
        (0.5, UNKNOWN_AT + 0.6),
        step=24,
        top=top,
        below="level",
        bold=frozenset(i for i, (_, question) in enumerate(rows) if question is None),
        ticks=[*levels, (UNKNOWN_AT, end)],
        narrow=narrow,
    )
    for x, _ in levels:
        frame.upright(pen, x, "line")
    for row, (_, question) in enumerate(rows):
        if question is not None:
            _paint_question(pen, frame, row, question)


def _paint_question(pen: Pen, frame: Rows, row: float, q: QuestionResult) -> None:
    y = frame.y(row)
    if q.low is not None and q.high is not None and q.high > q.low:
        left, right = frame.x.at(q.low), frame.x.at(q.high)
        half = 4.0 if q.contested else 2.0
        pen.box((left, y - half), (right - left, 2 * half), fill="band")
    for level, width, dash in ((q.level, 2.6, ""), (q.target, 1.8, "2 2")):
        if level is not None:
            x = frame.x.at(level)
            pen.line((x, y - 10), (x, y + 10), "ink", width=width, dash=dash)
    if q.contested and q.high is not None:
        said = "contested, noted" if q.noted else "contested"
        pen.text((frame.x.at(q.high) + 11, y + 4), said, "muted", size=SMALL - 1, halo=True)
    for dot, level_at in _places(q.dots):
        _paint_mark(pen, (frame.x.at(level_at), y), dot.role, SMALL_DOT if dot.stale else DOT)


def _paint_mark(pen: Pen, at: tuple[float, float], role: str, size: float) -> None:
    """Draws a role's mark; a builder's is open."""
    facts = ROLE_TABLE.get(role)
    if facts is None:  # of an old record
        pen.mark("o", at, size, "muted")
    else:
        pen.mark(facts.mark, at, size, facts.colour, filled=facts.side != "builder")


def _places(dots: Sequence[Dot]) -> list[tuple[Dot, float]]:
    """Returns each dot with its place: side by side where several stand on one level."""
    at = [float(d.level) if d.level is not None else UNKNOWN_AT for d in dots]
    total, seen = Counter(at), Counter[float]()
    placed = []
    for dot, x in zip(dots, at, strict=True):
        n = total[x]
        step = min(STEP, 0.8 / max(1, n - 1))  # many stay within their level
        placed.append((dot, x + (seen[x] - (n - 1) / 2) * step))
        seen[x] += 1
    return placed


def _key(readiness: Readiness) -> list[tuple[str, str]]:
    """Returns (mark, words) of everything that is drawn: a role, "level", "target" or "stale"."""
    key = [("level", "panel today"), ("target", "wanted")]
    key += [(role, called(role)) for role in ROLES if role in readiness.roles]
    if any(d.stale for q in readiness.questions.values() for d in q.dots):
        key.append(("stale", "small: over 180 days"))
    return key


def _paint_key(pen: Pen, key: Sequence[tuple[str, str]]) -> float:
    """Draws the key above the picture, on as many lines as it takes; returns where it ends."""
    x, y = 6.0, 10.0
    for mark, words in key:
        room = 14 + width_of(words, SMALL)
        if x > 6.0 and x + room > pen.width:  # noqa: PLR2004 - the left edge
            x, y = 6.0, y + 20
        if mark in {"level", "target"}:
            dash, width = ("", 2.6) if mark == "level" else ("2 2", 1.8)
            pen.line((x, y - 7), (x, y + 7), "ink", width=width, dash=dash)
        elif mark == "stale":
            pen.mark("o", (x, y), SMALL_DOT, "muted")
        else:
            _paint_mark(pen, (x, y), mark, DOT)
        pen.text((x + 9, y + 4), words, "muted", size=SMALL)
        x += room + 16
    return y + 18


def _table(readiness: Readiness, instrument: Instrument) -> Table:
    rows = []
    for question in instrument.questions:
        q = readiness.questions[question.id]
        rows.append(
            (
                question.text,
                "not known" if q.level is None else str(q.level),
                figures.NOTHING if q.target is None else str(q.target),
                _range(q),
                str(q.answered),
                str(q.dont_know),
                "contested" if q.contested else "",
            )
        )
    return Table(
        "Readiness by question, levels 1 to 5",
        ("question", "today", "wanted", "range", "answers", "don't know", "agreement"),
        tuple(rows),
        frozenset({1, 2, 4, 5}),
    )


def _range(q: QuestionResult) -> str:
    if q.low is None:
        return figures.NOTHING
    return str(q.low) if q.low == q.high else f"{q.low} to {q.high}"
