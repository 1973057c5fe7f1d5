"""The sections on causes, money and adoption."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spot_mlflow.letters import letter_words
from spot_mlflow.lift.causes.bridge import interval_from
from spot_mlflow.lift.causes.findings import LIFT, RESPONSE
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.adoption import adoption_chart, share_words
from spot_mlflow.reporting.charts.money import waterfall_chart
from spot_mlflow.reporting.charts.score import calibration_chart, profit_curve_chart
from spot_mlflow.reporting.message.cause import bridge_of, cause_sentence
from spot_mlflow.reporting.message.reality import readiness_meets_reality
from spot_mlflow.reporting.message.worth import Money, money_of
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words import terms as words
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.reporting.words.lift_view import LiftView

FINDINGS_SHOWN = 8
DECISIONS_SHOWN = 12


def gap_sections(
    view: LiftView, adoption: Adoption | None = None, *, brief: bool = False
) -> tuple[Section, ...]:
    """Returns what is said of causes, money, scores and adoption.

    Args:
        view: the check.
        adoption: what else is known of the model, to hold readiness against.
        brief: without pictures of detail, as a terminal has it.
    """
    if view.data_fault:
        made: tuple[Section | None, ...] = (_adoption(view, brief=brief),)
    elif brief:
        made = (
            _lost(view, brief=True),
            _reality(view, adoption),
            _worth(view, brief=True),
            _adoption(view, brief=True),
        )
    else:
        made = (
            _lost(view, brief=False),
            _reality(view, adoption),
            _worth(view, brief=False),
            _scores(view),
            _adoption(view, brief=False),
        )
    return tuple(s for s in made if s is not None)


def _lost(view: LiftView, *, brief: bool) -> Section | None:
    bridge = bridge_of(view)
    if bridge is None:
        return None
    said = cause_sentence(view)
    pictures = [waterfall_chart(view, bridge)]
    if bridge.basis == "money" and not brief:
        pictures.append(waterfall_chart(view, bridge, "lift"))
    findings = (view.data.get("diagnosis") or {}).get("findings") or ()
    tables = (_findings(view, findings),) if findings else ()
    notes = (f"The gap is split by {bridge.rule}; the parts sum to it exactly.", *bridge.notes)
    return Section(
        "lost",
        "Where was the rest lost?" if view.gap.lift < 0 else "Where did the difference come from?",
        text=(said,) if said else (),
        charts=tuple(pictures),
        tables=tables,
        notes=tuple(figures.sentence(n) for n in notes),
    )


def _reality(view: LiftView, adoption: Adoption | None) -> Section | None:
    found = readiness_meets_reality(view, adoption)
    if not found:
        return None
    return Section(
        "reality",
        "Did the assessment see it coming?",
        alerts=tuple(r.words for r in found if r.surprise),
        text=tuple(r.words for r in found if not r.surprise),
        notes=tuple(f"Planned, open: {p}" for r in found for p in r.plan)
        or tuple(f"Nothing is planned for {letter_words(r.letter)}." for r in found),
    )


def _findings(view: LiftView, findings: Any) -> Table:
    """Writes the groups that stand out; a share was lost at a step, a lift is a lift."""

    def level(f: Mapping[str, Any]) -> tuple[str, str]:
        x = interval_from(f["level"])
        if f["factor"] in {LIFT, RESPONSE}:
            return view.scale.with_interval(x), view.scale.amount(f["expected"])
        return share_words(x), figures.share(f["expected"])

    rows = tuple(
        (
            f"{f['dimension']} {f['label']}",
            words.FACTORS.get(str(f["factor"]), str(f["factor"])),
            *level(f),
            "worse" if f["worse"] else "better",
        )
        for f in findings[:FINDINGS_SHOWN]
    )
    # Segments with a promise of their own are held to it, all others to what the rest brought.
    heads = ("who differs", "in", "level", "expected", "than expected")
    caption = "Groups that differ by more than noise, compared with all the others"
    return Table(caption, heads, rows, frozenset({2, 3}))


def _worth(view: LiftView, *, brief: bool) -> Section | None:
    economics = view.data.get("economics")
    money = money_of(view, doubted=True)
    if not economics or money is None:
        return None
    chart = None if brief else profit_curve_chart(view)
    text = [figures.sentence(str(economics["words"]))]
    if economics.get("curve"):
        text.append(figures.sentence(str(economics["curve"]["cutoff"]["words"])))
    allocation = economics.get("allocation")
    if allocation:
        text.append(_allocation_words(allocation, money.unit, economics.get("curve")))
    tables = [_money_table(view, economics, money)]
    if economics.get("decisions") and not brief:
        tables.append(_decisions(view, economics["decisions"], money.unit))
    return Section(
        "worth",
        "What was it worth?",
        text=tuple(text),
        tables=tuple(tables),
        charts=() if chart is None else (chart,),
    )


def _money_table(view: LiftView, economics: Mapping[str, Any], money: Money) -> Table:
    unit = money.unit
    rows = [("Promised to date", money.promised_text), ("Realized to date", money.realized_text)]
    if economics.get("rollout"):
        rollout = economics["rollout"]
        yearly = Money(float(rollout["promised"]), interval_from(rollout["realized"]), unit)
        rows.append(("Promised a year at full rollout", yearly.promised_text))
        rows.append(("Expected a year at full rollout", yearly.realized_text))
    if economics.get("break_even") is not None:
        rows.append(
            ("Lift at which a contact pays for itself", view.scale.amount(economics["break_even"]))
        )
    rows.append(("Net value per contact", unit_money(economics["per_contact"], unit)))
    rows.append(("Net value per eligible unit", unit_money(economics["per_eligible"], unit)))
    rows += _held_out(economics.get("holdout"), unit)
    if economics.get("incentive_paid") is not None:
        rows.append(
            ("Incentives paid, to all acceptors", figures.money(economics["incentive_paid"], unit))
        )
    return Table("The money", ("what", "amount"), tuple(rows), frozenset({1}))


def _held_out(found: Mapping[str, Any] | None, unit: str) -> list[tuple[str, str]]:
    """What the holdout has cost, and what would be paid for a model that does nothing."""
    if not found:
        return []
    x = interval_from(found["forgone"])
    half = (x.high - x.low) / 2
    low, high = (figures.money(b, half_width=half) for b in (x.low, x.high))
    cost = f"{figures.money(x.lift, unit, half_width=half)} ({low} to {high})"
    rows = [(f"Forgone by the holdout, {figures.count(found['units'])} units", cost)]
    if found.get("spent_a_year"):
        spent = figures.money(found["spent_a_year"], unit)
        rows.append(("Spent a year at full rollout, wasted if the model did nothing", spent))
    return rows


def unit_money(data: Mapping[str, Any], unit: str) -> str:
    """Writes an amount per unit with its interval, in cents or finer: "0.61 USD (-0.02 to 1.24)"."""
    x = interval_from(data)
    if math.isnan(x.lift):
        return figures.NOTHING
    half = (x.high - x.low) / 2
    decimals = figures.decimals_for(half) if 0 < half < math.inf else 2
    decimals = max(
        0, min(figures.MOST_DECIMALS, max(decimals, 2 if abs(x.lift) < figures.THOUSAND else 0))
    )
    low, high = figures.number(x.low, decimals), figures.number(x.high, decimals)
    return f"{figures.number(x.lift, decimals)} {unit}".strip() + f" ({low} to {high})"


def _allocation_words(
    allocation: Mapping[str, Any], unit: str, curve: Mapping[str, Any] | None
) -> str:
    profit = interval_from(allocation["profit"])
    half = (profit.high - profit.low) / 2
    bins = {} if curve is None else {str(p["bin"]): i + 1 for i, p in enumerate(curve["points"])}

    def named(label: str) -> str:
        return f"score bin {bins[label]}" if label in bins else label or "everybody"

    first = ", ".join(
        f"{named(str(s['label']))} ({figures.about(s['contacts'])})"
        for s in [s for s in allocation["shares"] if s["contacts"]][:3]
    )
    low, high = (figures.money(x, half_width=half) for x in (profit.low, profit.high))
    total = figures.money(profit.lift, unit, half_width=half)
    more = " More contacts would bring more." if allocation["binding"] else ""
    return (
        f"Best use of a {allocation['limit']}, first to {first}: {total} ({low} to {high}).{more}"
    )


def _decisions(view: LiftView, found: Any, unit: str) -> Table:
    leaving = any(d["customer_value"] for d in found)
    rows = tuple(
        (
            " · ".join(
                p for p in (d["segment"], "" if d["offer"] == "treatment" else d["offer"]) if p
            )
            or "everybody",
            d["action"] if d["sure"] or d["action"] == "not known" else f"{d['action']}, not shown",
            unit_money(d["profit"], unit),
            view.scale.with_interval(interval_from(d["lift"]))
            if view.effect == "absolute"
            else figures.NOTHING,
            figures.share(d["share"]),
            *([unit_money(d["customer_value"], unit)] if leaving else []),
        )
        for d in found[:DECISIONS_SHOWN]
    )
    heads = ("for whom", "what to do", "net value per eligible unit", "lift", "share")
    more = ("a customer's value, less the cost to serve",) if leaving else ()
    return Table(
        "Act, do nothing, or let the customer leave",
        (*heads, *more),
        rows,
        frozenset(range(2, 5 + len(more))),
    )


def _scores(view: LiftView) -> Section | None:
    chart = calibration_chart(view)
    if chart is None:
        return None
    return Section("scores", "Are the scores calibrated?", charts=(chart,))


def _adoption(view: LiftView, *, brief: bool) -> Section | None:
    adoption = view.data.get("adoption")
    if not adoption:
        return None
    chart = None if brief else adoption_chart(view)
    tables = [t for t in (_teams(adoption), _reasons(adoption)) if t is not None]
    return Section(
        "adoption",
        "Were the recommendations acted on?",
        text=tuple(
            t for t in (figures.sentence(str(adoption["words"])), _time_words(adoption)) if t
        ),
        charts=() if chart is None else (chart,),
        tables=tuple(tables),
        notes=_acted_note(view, adoption),
    )


def _time_words(adoption: Mapping[str, Any]) -> str:
    taken = adoption.get("time_to_act")
    if not taken:
        return ""
    return (
        f"Half of the acts came within {figures.hours(taken['median'])}, "
        f"{figures.share(taken['within_day'])} within a day."
    )


def _teams(adoption: Mapping[str, Any]) -> Table | None:
    teams = [t for t in adoption.get("teams") or () if t["team"]]
    if not teams:
        return None
    rows = tuple(
        (
            t["team"],
            share_words(interval_from(t["share"])),
            figures.count(t["recommended"]),
            figures.NOTHING
            if t["people"] is None
            else f"{figures.count(t['active'])} of {figures.count(t['people'])}",
            f"{t['differs']} the others" if t["differs"] else "within the noise",
        )
        for t in teams
    )
    heads = ("team", "acted on", "recommended", "people active", "compared")
    return Table("Adoption by team", heads, rows, frozenset({1, 2, 3}))


def _reasons(adoption: Mapping[str, Any]) -> Table | None:
    reasons = adoption.get("reasons") or ()
    if not reasons:
        return None
    rows = tuple(
        (r["reason"], figures.count(r["count"]), figures.share(r["share"]))
        for r in reasons[:FINDINGS_SHOWN]
    )
    return Table(
        "Why recommendations were not followed",
        ("reason", "times", "share"),
        rows,
        frozenset({1, 2}),
    )


def _acted_note(view: LiftView, adoption: Mapping[str, Any]) -> tuple[str, ...]:
    lift = adoption.get("acted_lift")
    if not lift or view.effect == "relative":
        return ()
    difference = view.scale.with_interval(interval_from(lift["difference"]))
    return (f"Acted on vs. not acted on: {difference}. This {lift['label']}.",)
