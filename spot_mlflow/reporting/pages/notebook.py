"""What a notebook shows of a result: opening sentence, picture and figures, as the pages have them."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.adoption import Adoption
from spot_mlflow.evidence import Evidence, jsonable
from spot_mlflow.gate.decision import GateDecision
from spot_mlflow.lift.promise.backtest import Backtest
from spot_mlflow.lift.report import LiftReport
from spot_mlflow.lift.verdict.plan import LiftPlan
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.lift import lift_gap_chart
from spot_mlflow.reporting.charts.plan import plan_chart
from spot_mlflow.reporting.charts.readiness import readiness_chart
from spot_mlflow.reporting.charts.score import backtest_chart
from spot_mlflow.reporting.message.headline import Headline, headline_of
from spot_mlflow.reporting.pages.adoption_view import adoption_dict, title_of
from spot_mlflow.reporting.pages.lift_report import cards, verdicts
from spot_mlflow.reporting.pages.page import environment
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.reporting.words.plan_view import (
    chances_at,
    opening,
    plan_dict,
    plan_rows,
    plan_table,
)
from spot_mlflow.reporting.words.plan_words import known_when
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.lift.promise.score_bins import Decile
    from spot_mlflow.lift.results import SegmentLift
    from spot_mlflow.reporting.charts.drawing import Chart

Row = dict[str, Any]
_MARKS: Final = {True: "✓", False: "✕"}


@dataclass(frozen=True)
class Page:
    """What is shown of a result.

    Attributes:
        finding: the sentence that comes first.
        lines: more of them.
        charts: pictures.
        tables: figures.
    """

    finding: str
    lines: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


__all__ = ["adoption_dict", "html_of", "known_when", "page_of", "plan_dict", "rows_of"]


def html_of(result: object) -> str:
    """Returns a result as HTML that needs neither network nor style sheet."""
    made = environment()
    made.filters["picture"] = _picture
    return made.get_template("notebook.html.j2").render(shown=page_of(result))


def _picture(chart: Chart) -> str:
    return base64.b64encode(chart.svg_file().encode()).decode()


@singledispatch
def page_of(result: object) -> Page:
    """Returns what is shown of a result."""
    raise NotImplementedError(type(result).__name__)


@singledispatch
def rows_of(result: object) -> list[Row]:
    """Returns the rows of a result, one dict each, all with the same keys."""
    raise NotImplementedError(type(result).__name__)


def _opening(head: Headline) -> tuple[str, ...]:
    asked = f"Asked of you: {head.request}" if head.request else ""
    return tuple(x for x in (head.cause, asked) if x)


@page_of.register
def _(report: LiftReport) -> Page:
    view, head = lift_view(report), headline_of(report)
    figures_ = tuple(
        (c.label, f"{c.figure} {c.unit}".strip(), c.detail or figures.NOTHING) for c in cards(view)
    )
    verdict = " · ".join(f"{sign} {text}".strip() for sign, text in verdicts(view))
    table = Table("Figures", ("figure", "value", "interval"), figures_, frozenset({1, 2}))
    return Page(head.finding, (*_opening(head), verdict), (lift_gap_chart(view),), (table,))


@rows_of.register
def _(report: LiftReport) -> list[Row]:
    a = report.analysis
    whole = {
        **_estimate(a.realized.estimate),
        "n_treatment": a.realized.n_treatment,
        "n_holdout": a.realized.n_holdout,
        "share": 1.0,
        "predicted": report.predicted.predicted.lift,
        "p_value": a.realized.p_value,
        "verdict": a.outcome.verdict,
    }
    parts = {"arm": a.arms, "segment": a.segments, "period": a.periods}
    rows = [{"part": k, **_part(x)} for k, found in parts.items() for x in found]
    return [{"part": "all", "label": "all", **whole}, *rows]


def _estimate(x: Any) -> Row:
    return {"lift": x.lift, "low": x.low, "high": x.high}


def _part(x: SegmentLift) -> Row:
    return {
        "label": x.label,
        **_estimate(x.estimate),
        "n_treatment": x.n_treatment,
        "n_holdout": x.n_holdout,
        "share": x.share,
        "predicted": x.predicted,
        "p_value": x.p_value,
        "verdict": x.verdict,
    }


@page_of.register
def _(decision: GateDecision) -> Page:
    rows = tuple(
        (
            "~ waived" if r.waived is not None and not r.met else _MARKS[r.met],
            r.title or r.name,
            r.measured,
            r.required,
            "" if r.passes else r.fix,
        )
        for r in sorted(decision.requirements, key=lambda r: r.passes)
    )
    head = ("", "requirement", "found", "required", "what helps")
    tables = (Table(f"Requirements of {decision.target}", head, rows),) if rows else ()
    notes = tuple(figures.sentence(n) for n in decision.notes)
    return Page(f"{decision.verdict}.", notes, tables=tables)


@rows_of.register
def _(decision: GateDecision) -> list[Row]:
    return [r.to_dict() for r in decision.requirements]


@page_of.register
def _(adoption: Adoption) -> Page:
    head, check = headline_of(adoption=adoption), adoption.latest_check
    charts: tuple[Chart, ...] = ()
    if check is not None:
        charts = (lift_gap_chart(lift_view(check)),)
    elif adoption.readiness.letters:
        charts = (readiness_chart(adoption.readiness, default_instrument()),)
    return Page(f"{title_of(adoption)}: {head.finding}", _opening(head), charts)


@rows_of.register
def _(adoption: Adoption) -> list[Row]:
    keys = ("at", "kind", "version", "person", "role", "recorded_by", "id")
    return [{k: getattr(e, k) for k in keys} for e in adoption.entries]


@page_of.register
def _(evidence: Evidence) -> Page:
    of = evidence.model + (f"/{evidence.version}" if evidence.version else "")
    who = ", ".join(x for x in (evidence.person, evidence.role) if x)
    said = figures.sentence(f"{evidence.kind} of {of}{f', by {who}' if who else ''}")
    rows = tuple((k, _short(v)) for k, v in evidence.payload.items())
    table = Table("What was said", ("key", "value"), rows)
    return Page(said, (f"{figures.day(evidence.at.isoformat())}.",), tables=(table,))


def _short(value: Any, most: int = 200) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"


@rows_of.register
def _(evidence: Evidence) -> list[Row]:
    return [evidence.to_dict()]


@page_of.register
def _(found: Backtest) -> Page:
    top = figures.share(found.top)
    said = f"The top {top} by {found.model} had a lift of {_bounded(found.promise)}."
    rows = tuple(_bin(i, d) for i, d in enumerate(found.deciles, start=1))
    head = ("bin", "scores", "treated", "untreated", "mean treated", "mean untreated", "lift")
    table = Table("By score, highest first", head, rows, frozenset(range(2, 7)))
    chart = backtest_chart(found, _scale(found.promise), "lift, units of the outcome")
    return Page(said, (figures.sentence(found.source),), (chart,), (table,))


def _bin(number: int, d: Decile) -> tuple[str, ...]:
    counts = figures.count(d.n_treatment), figures.count(d.n_holdout)
    means = figures.plain(d.mean_treatment), figures.plain(d.mean_holdout)
    scores = f"{figures.plain(d.low)} to {figures.plain(d.high)}"
    return (str(number), scores, *counts, *means, _bounded(d.actual))


def _bounded(x: Interval) -> str:
    """An estimate with its bounds, with the digits that they allow; in units of the metric."""
    return _scale(x).with_interval(x)


def _scale(x: Interval) -> figures.LiftScale:
    half = (x.high - x.low) / 2
    digits = figures.decimals_for(half) if 0 < half < math.inf else figures.MOST_DECIMALS
    return figures.LiftScale(1.0, "", max(0, min(digits, figures.MOST_DECIMALS)))


@rows_of.register
def _(found: Backtest) -> list[Row]:
    return [
        {
            **{k: v for k, v in jsonable(d).items() if k != "actual"},
            "lift": d.actual.lift,
            "lift_low": d.actual.low,
            "lift_high": d.actual.high,
        }
        for d in found.deciles
    ]


@page_of.register
def _(plan: LiftPlan) -> Page:
    finding, *worth = opening(plan)
    chart, lines = plan_chart(plan), (*worth, chances_at(plan), *plan.notes)
    return Page(finding, lines, () if chart is None else (chart,), (plan_table(plan),))


@rows_of.register
def _(plan: LiftPlan) -> list[Row]:
    return [
        {**{k: v for k, v in row.items() if k != "chances"}, **_flat(row["chances"])}
        for row in plan_rows(plan)
    ]


def _flat(chances: Row) -> Row:
    return {f"{truth}: {k}": p for truth, found in chances.items() for k, p in found.items()}
