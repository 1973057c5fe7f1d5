"""The report of one outcome check: a self-contained HTML file, and the same as Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.pages.page import render
from spot_mlflow.reporting.sections.guardrails import harm_verdict
from spot_mlflow.reporting.sections.lift import sections_of
from spot_mlflow.reporting.words.lift_view import LiftView, lift_view, verdict_words
from spot_mlflow.reporting.words.tables import Table, escape_markdown
from spot_mlflow.verdicts import GRADES, NO_MINIMUM, VERDICTS, VIABILITY
from spot_mlflow.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.sections.section import Section


@dataclass(frozen=True, slots=True)
class Card:
    """One large figure of the first screen: what it is, the figure, its unit, its interval."""

    label: str
    figure: str
    unit: str = ""
    detail: str = ""


def html(check: LiftReport | Mapping[str, Any], adoption: Adoption | None = None) -> str:
    """Returns one HTML file that needs no network, follows the reader's theme, and prints.

    Args:
        check: the outcome check, fresh or from the record.
        adoption: what else is known of the model, or None.
    """
    view = lift_view(check)
    return render(
        "report.html.j2",
        title=f"Lift of {view.metric}: {verdict_words(view)}",
        name=view.metric if adoption is None else adoption.name,
        version=None if adoption is None else adoption.version,
        day=figures.day(view.data.get("created")),
        headline=headline_of(check, adoption),
        verdicts=verdicts(view),
        cards=cards(view),
        sections=sections_of(view, adoption),
        contract=_contract(view),
        foot=f"Written by spot-mlflow {__version__}; every figure is in the record as JSON.",
    )


def markdown(check: LiftReport | Mapping[str, Any], adoption: Adoption | None = None) -> str:
    """Returns the report as Markdown, with the same sentences and figures."""
    view = lift_view(check)
    head = headline_of(check, adoption)
    parts = [f"# Lift of {escape_markdown(view.metric)}", *head.markdown]
    parts.append(" · ".join(f"{sign} {text}".strip() for sign, text in verdicts(view)))
    table = Table(
        "Figures",
        ("figure", "value", "interval"),
        tuple((c.label, f"{c.figure} {c.unit}".strip(), c.detail) for c in cards(view)),
    )
    parts.append(table.markdown())
    for section in sections_of(view, adoption):
        parts += section_markdown(section)
    return "\n\n".join(parts) + "\n"


def section_markdown(section: Section) -> list[str]:
    """Returns the paragraphs of a section as Markdown; a picture is given by its numbers."""
    parts = [f"## {escape_markdown(section.title)}"]
    parts += [f"> **{escape_markdown(a)}**" for a in section.alerts]
    parts += [escape_markdown(p) for p in section.text]
    if section.steps:
        parts.append("\n".join(_step_markdown(*step) for step in section.steps))
    for chart in section.charts:
        parts += [escape_markdown(chart.alt), chart.table.markdown()]
    parts += [t.markdown() for t in section.tables]
    if section.notes:
        parts.append("\n".join(f"- {escape_markdown(n)}" for n in section.notes))
    return parts


def _step_markdown(what: str, command: str) -> str:
    fenced = f": `{command.replace('`', '')}`" if command else ""
    return f"- {escape_markdown(what)}{fenced}"


def verdicts(view: LiftView) -> list[tuple[str, str]]:
    """Returns (sign, words) of verdict, viability, guardrails and evidence."""
    out = [(VERDICTS[view.verdict].sign, verdict_words(view))]
    if view.minimum is None:
        out.append(("", NO_MINIMUM))
    elif not view.data_fault:
        worth = VIABILITY[view.viable]
        out.append((worth.sign, worth.words))
    harm = harm_verdict(view)
    if harm is not None:
        out.append(harm)
    out.append(("", GRADES.get(view.grade, view.grade)))
    return out


def cards(view: LiftView) -> list[Card]:
    """Returns the large figures of the first screen."""
    scale, money = view.scale, money_of(view)

    def card(label: str, interval: Interval, figure: str) -> Card:
        exact = interval.low == interval.high
        return Card(
            label, figure, scale.unit(interval.lift), "" if exact else scale.interval(interval)
        )

    out = [card("Promised", view.predicted, scale.number(view.predicted.lift))]
    if not view.data_fault:
        out.append(card("Realized", view.realized, scale.number(view.realized.lift)))
        out.append(card("Gap", view.gap, scale.signed(view.gap.lift)))
    if money is not None:
        out.append(Card("Value promised", money.promised_text, "", "to date"))
        if not view.data_fault:
            out.append(Card("Realized value", money.arrived_text, "", money.range_text))
    return out


def _contract(view: LiftView) -> str:
    import yaml

    return str(yaml.safe_dump(dict(view.contract), sort_keys=False, allow_unicode=True))
