"""The picture of a panel: every question with every respondent's dot, the panel's level and target.

A dot chart rather than a radar: on a radar the area depends on the order of the axes and single
respondents cannot be seen. Roles differ by shape as well as by colour.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.letters import LETTERS
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart, rows_of_labels
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.roles import ROLE_TABLE, ROLES, called

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.readiness.instrument import Instrument
    from spot_mlflow.readiness.panel import Dot, QuestionResult, Readiness
    from spot_mlflow.reporting.charts.palette import Palette

STEP: Final = 0.17  # of a level, between two dots on the same level
UNKNOWN_AT: Final = 6.0  # where "don't know" stands, right of level 5
ROW_HEIGHT: Final = 0.36  # inches
LARGE, SMALL = 6.0, 3.5  # points; an answer older than 180 days is small


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
        height=ROW_HEIGHT * len(rows) + 1.2,
        paint=lambda axes, palette, narrow: _paint(axes, palette, rows, readiness, narrow=narrow),
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


def _paint(
    axes: Any, palette: Palette, rows: Sequence[_Row], readiness: Readiness, *, narrow: bool
) -> None:
    rows_of_labels(axes, [label for label, _ in rows], palette)
    for y, tick in enumerate(axes.get_yticklabels()):
        if rows[y][1] is None:
            tick.set_fontweight("bold")
    for x in range(1, 6):
        axes.axvline(x, color=palette.line, linewidth=0.8, zorder=0)
    for y, (_, question) in enumerate(rows):
        if question is not None:
            _paint_question(axes, y, question, palette)
    axes.set_xlim(0.5, UNKNOWN_AT + 0.6)
    end = "?" if narrow else "don't know"
    axes.set_xticks([*range(1, 6), UNKNOWN_AT], ["1", "2", "3", "4", "5", end])
    axes.set_xlabel("level")
    _legend(axes, readiness, palette, narrow=narrow)


def _paint_question(axes: Any, y: float, q: QuestionResult, palette: Palette) -> None:
    if q.low is not None and q.high is not None and q.high > q.low:
        width = 6 if q.contested else 3
        axes.plot(
            [q.low, q.high],
            [y, y],
            color=palette.band,
            linewidth=width,
            zorder=1,
            solid_capstyle="round",
        )
        if q.contested:
            said = "contested, noted" if q.noted else "contested"
            style = {"color": palette.muted, "fontsize": 8, "va": "center"}
            axes.annotate(said, (q.high, y), (9, 0), textcoords="offset points", **style)
    if q.level is not None:
        axes.plot([q.level] * 2, [y - 0.42, y + 0.42], color=palette.ink, linewidth=2.2, zorder=2)
    if q.target is not None:
        axes.plot(
            [q.target] * 2,
            [y - 0.42, y + 0.42],
            color=palette.ink,
            linewidth=1.6,
            linestyle=(0, (1.2, 1.2)),
            zorder=2,
        )
    for dot, x in _places(q.dots):
        mark, colour, fill = _mark(dot.role, palette)
        axes.plot(
            [x], [y], mark, color=colour, markerfacecolor=fill,
            markeredgewidth=1.3, markersize=SMALL if dot.stale else LARGE, zorder=3,
        )  # fmt: skip


def _mark(role: str, palette: Palette) -> tuple[str, str, str]:
    """Returns a role's marker, its colour and what fills it; a builder's is open."""
    facts = ROLE_TABLE.get(role)
    if facts is None:  # of an old record
        return "o", palette.muted, palette.muted
    colour: str = getattr(palette, facts.colour)
    return facts.mark, colour, palette.paper if facts.side == "builder" else colour


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


def _legend(axes: Any, readiness: Readiness, palette: Palette, *, narrow: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=palette.ink, linewidth=2.2, label="panel today"),
        Line2D([], [], color=palette.ink, linewidth=1.6, linestyle=(0, (1.2, 1.2)), label="wanted"),
    ]
    for role in ROLES:
        if role in readiness.roles:
            mark, colour, fill = _mark(role, palette)
            handles.append(
                Line2D(
                    [],
                    [],
                    color=colour,
                    marker=mark,
                    markerfacecolor=fill,
                    linestyle="none",
                    markersize=6,
                    label=called(role),
                )
            )
    if any(d.stale for q in readiness.questions.values() for d in q.dots):
        handles.append(
            Line2D(
                [], [], color=palette.muted, marker="o", markersize=SMALL, linestyle="none",
                label="small: over 180 days",
            )
        )  # fmt: skip
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncol=2 if narrow else 4,
        frameon=False, labelcolor=palette.muted, fontsize=8.5, handlelength=1.4, columnspacing=1.2,
    )  # fmt: skip


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
