"""What a lift report says, section by section; HTML, Markdown and terminal only set it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow import verdicts
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts import lift as charts
from spot_mlflow.reporting.charts.time import course_chart, periods_chart
from spot_mlflow.reporting.message.request import wait_words
from spot_mlflow.reporting.sections.guardrails import guardrails_section
from spot_mlflow.reporting.sections.joined import joined_section
from spot_mlflow.reporting.sections.lasting import lasting_section
from spot_mlflow.reporting.sections.means import means_section
from spot_mlflow.reporting.sections.money import gap_sections
from spot_mlflow.reporting.sections.plain import plain_words
from spot_mlflow.reporting.sections.readiness import readiness_section
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words import old_records
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.reporting.words.weaknesses import is_verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.reporting.words.lift_view import LiftView


def sections_of(
    view: LiftView, adoption: Adoption | None = None, *, brief: bool = False
) -> tuple[Section, ...]:
    """Returns the sections that have something to say, in the order of reading.

    Args:
        view: the check.
        adoption: what else is known of the model.
        brief: only what a terminal has room for; the report has it all.
    """
    made: tuple[Section | None, ...]
    if brief:
        made = (
            _result(view),
            guardrails_section(view),
            *gap_sections(view, adoption, brief=True),
            lasting_section(adoption),
            joined_section(view, brief=True),
            _checks(view, brief=True),
        )
    else:
        made = (
            _result(view),
            guardrails_section(view),
            *gap_sections(view, adoption),
            means_section(view),
            _segments(view),
            _time(view),
            lasting_section(adoption),
            readiness_section(adoption),
            _checks(view),
            joined_section(view),
            _method(view),
        )
    return tuple(s for s in made if s is not None)


def _result(view: LiftView) -> Section:
    realized = view.data["realized"]
    text = [reason_words(view)]
    if not view.data_fault and (view.viable != "undecided" or view.minimum is not None):
        text.append(_worth(view))
    if not view.data_fault:
        text.append(plain_words(view))
    # What is said of a lift that nobody can tell would only seem to say something.
    caveats = () if view.data_fault else realized.get("caveats", ())
    notes = [*caveats, *view.data.get("notes", ())]
    return Section(
        "result",
        "Was the promised lift realized?",
        text=tuple(t for t in text if t),
        charts=(charts.lift_gap_chart(view),),
        notes=tuple(figures.sentence(n) for n in notes),
    )


def reason_words(view: LiftView) -> str:
    """Returns why this verdict, in the figures of the report.

    The record's own reason has more digits than a reader needs; it is used where it tells more than
    the figures: faults of the data, or too few events to begin.
    """
    scale, gap = view.scale, view.gap
    own = str(view.data.get("reason") or "")
    found = f"{scale.number(view.realized.lift)} of {scale.amount(view.predicted.lift)} realized"
    within = scale.amount(view.tolerance)
    if view.verdict == "exceeded":
        return f"{found}; the gap is at least {scale.signed(gap.low)}, more than the tolerance of {within}."
    if view.verdict == "shortfall":
        return f"{found}; the gap is at most {scale.signed(gap.high)}, beyond the tolerance of {within}."
    if view.verdict == "met":
        return f"{found}; the gap is at least {scale.signed(gap.low)}, within the tolerance of {within}."
    if not old_records.has_raw_figures(view.data):
        return figures.sentence(own)
    wait = wait_words(view)
    decides = "" if wait == own.rstrip(".") else f"; {wait}"
    so_far = " so far" if view.is_so_far else ""
    return f"{found}{so_far}; the gap may be anything from {scale.interval(gap)}, with a tolerance of {within}{decides}."


def _worth(view: LiftView) -> str:
    if view.minimum is None:
        return figures.sentence(verdicts.NO_MINIMUM)
    return verdicts.VIABILITY[view.viable].said.format(least=view.scale.amount(view.minimum))


def _segments(view: LiftView) -> Section | None:
    if view.data_fault:
        return None
    pictures = [charts.segments_chart(view), charts.segments_chart(view, view.arms)]
    found = tuple(c for c in pictures if c is not None)
    if not found:
        return None
    hidden = len(view.segments) - charts.ROWS_DRAWN
    note = (
        (f"The picture shows the {charts.ROWS_DRAWN} largest; the table has all.",)
        if hidden > 0
        else ()
    )
    return Section("segments", "For whom did it work?", charts=found, notes=note)


def _time(view: LiftView) -> Section | None:
    if view.data_fault:
        return None
    found = tuple(c for c in (course_chart(view), periods_chart(view)) if c is not None)
    trend = view.data.get("trend") or {}
    said = (str(trend["words"]),) if trend.get("words") else ()
    return Section("time", "How did it go over time?", text=said, charts=found) if found else None


def _checks(view: LiftView, *, brief: bool = False) -> Section | None:
    checks = sorted(checks_on_log(view), key=_check_order)
    if not checks:
        return None
    failed = [c for c in checks if not c["success"]]
    passed = len(checks) - len(failed)
    said = f"{figures.count(passed)} of {figures.things(len(checks), 'check')} passed."
    shown = failed if brief else checks
    table = Table(
        caption="Checks on the outcome log",
        columns=("result", "what was found", "a failure"),
        rows=tuple(
            (
                "✓ passed" if c["success"] else "✕ failed",
                figures.sentence(str(c["message"]) or str(c["name"]).replace("_", " ")),
                verdicts.SEVERITIES.get(str(c["severity"]), str(c["severity"])),
            )
            for c in shown
        ),
    )
    return Section(
        "checks", "Can the log be trusted?", text=(said,), tables=(table,) if shown else ()
    )


def checks_on_log(view: LiftView) -> list[Mapping[str, Any]]:
    """Returns the checks that ask whether the log can be trusted; the verdicts are no such check."""
    return [c for c in view.data.get("checks") or () if not is_verdict(str(c["name"]))]


def _check_order(check: Mapping[str, Any]) -> tuple[bool, int]:
    order = list(verdicts.SEVERITIES)
    severity = str(check["severity"])
    return bool(check["success"]), order.index(severity) if severity in order else len(order)


def _method(view: LiftView) -> Section:
    data, realized, scale = view.data, view.data["realized"], view.scale
    rate = view.contract.get("kind", "binary") == "binary"

    def mean(x: Any) -> str:
        return (
            figures.NOTHING if x is None else figures.share(x, 2) if rate else figures.number(x, 2)
        )

    strata = (data.get("comparison") or {}).get("strata") or 1
    mixed = " at the mix of segments and times of both arms" if strata > 1 else ""
    rows: list[tuple[str, str]] = [
        ("Metric", view.metric),
        ("Population", str(view.contract.get("population") or figures.NOTHING)),
        ("Method", str(realized.get("method", figures.NOTHING))),
        ("Evidence", verdicts.GRADES.get(view.grade, view.grade)),
        (
            "Treated",
            f"{figures.count(realized['n_treatment'])} units, mean {mean(realized.get('mean_treatment'))}{mixed}",
        ),
        (
            "Holdout",
            f"{figures.count(realized['n_holdout'])} units, mean {mean(realized.get('mean_holdout'))}{mixed}",
        ),
        (
            "Matured",
            f"{figures.count(data.get('matured'))} of {figures.count(data.get('assigned'))} units assigned",
        ),
        ("Interval", f"{figures.share(view.confidence)} confidence"),
        ("Test against no lift", figures.p_value(realized.get("p_value"))),
        ("Sample ratio as designed", figures.p_value(data.get("sample_ratio_p"))),
        *_assigned(data.get("arms_recomputed")),
        ("Tolerance", scale.amount(view.tolerance)),
        (
            "Source",
            f"{data.get('source') or figures.NOTHING}, {figures.count(data.get('rows'))} rows",
        ),
        ("Passes over the source", ", ".join(data.get("passes") or ()) or figures.NOTHING),
        ("Checked as of", figures.day(data.get("as_of"))),
        ("Earlier checks of this promise", figures.count(data.get("previous_looks", 0))),
        ("Contract", str(data.get("contract_digest") or "")[:12] or figures.NOTHING),
    ]
    table = Table("How it was measured", ("what", "value"), tuple(rows))
    return Section("method", "How was it measured?", tables=(table,))


def _assigned(found: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """By what the holdout was drawn, and whether the log has it."""
    if not found:
        return []
    rule = found["assignment"]
    steps = rule.get("schedule") or [rule]
    said = [_step(s) for s in steps]
    return [
        ("Held out by", f"salt {rule['salt']!r}: {'; '.join(said)}"),
        (
            "Arms as assigned",
            f"{figures.count(found['units'] - found['differ'])} of {figures.count(found['units'])} units",
        ),
    ]


def _step(step: Mapping[str, Any]) -> str:
    """Writes "10 % held out from 2027-01-10 in north"."""
    if step.get("holdout") is not None:
        what = f"{figures.share(step['holdout'])} held out"
    else:
        what = ", ".join(f"{arm} {figures.share(x)}" for arm, x in step["shares"].items())
    since = f" from {step['from']}" if step.get("from") else ""
    where = f" in {step['segment']}" if step.get("segment") else ""
    return f"{what}{since}{where}"
