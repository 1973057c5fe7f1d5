"""Guardrails as a reader sees them: whether anything else was harmed, beside the promise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spot_mlflow.figures import scale_of
from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.verdicts import HARMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.reporting.words.lift_view import LiftView


def harm_verdict(view: LiftView) -> tuple[str, str] | None:
    """Returns (sign, words) over all guardrails, the worst first; None where there are none."""
    found: Sequence[Mapping[str, Any]] = view.data.get("guardrails") or ()
    if not found or view.data_fault:
        return None
    verdicts = [g["verdict"] for g in found]
    worst = min(HARMS, key=lambda harm: harm not in verdicts)
    names = [str(g["name"]) for g in found if g["verdict"] == worst]
    return HARMS[worst].sign, HARMS[worst].said.format(names=", ".join(names))


def guardrails_section(view: LiftView) -> Section | None:
    """Returns the table of guardrails with their intervals and margins; None where there are none."""
    found: Sequence[Mapping[str, Any]] = view.data.get("guardrails") or ()
    if not found or view.data_fault:
        return None
    table = Table(
        caption="Guardrails: change for the better, and how much worse still counts as harmless",
        columns=("metric", "result", "change", "interval", "margin", "units"),
        rows=tuple(_row(g, view.unit) for one in found for g in one.get("arms") or (one,)),
        numeric=frozenset({2, 3, 4, 5}),
    )
    said = tuple(
        figures.sentence(f"{g['name']}: {_told(g)}")
        for g in found
        if not HARMS[g["verdict"]].good or g["missing"]
    )
    return Section("guardrails", "Was anything else harmed?", tables=(table,), notes=said)


def _told(guardrail: Mapping[str, Any]) -> str:
    """Why a guardrail is not cleared, and how many units have no value of it."""
    lost = int(guardrail["missing"])
    missing = f"{figures.count(lost)} units have no value of it and do not count" if lost else ""
    if HARMS[guardrail["verdict"]].good:
        return missing
    return f"{guardrail['reason']}. {missing}" if missing else str(guardrail["reason"])


def _row(guardrail: Mapping[str, Any], unit: str) -> tuple[str, ...]:
    e, margin = guardrail["estimate"], float(guardrail["margin"])
    harm = HARMS[guardrail["verdict"]]
    arm, units = guardrail.get("arm"), guardrail["n_treatment"] + guardrail["n_holdout"]
    name = f"{guardrail['name']}, {arm}" if arm else str(guardrail["name"])
    low = -math.inf if e["low"] is None else float(e["low"])
    high = math.inf if e["high"] is None else float(e["high"])
    scale = scale_of(
        kind=str(guardrail["kind"]),
        effect="absolute",
        unit=unit,
        half_width=(high - low) / 2,
        exact=(margin,),
    )
    nothing = e["lift"] is None
    interval = Interval(math.nan if nothing else float(e["lift"]), low, high)
    return (
        name,
        f"{harm.sign} {harm.words}",
        figures.NOTHING if nothing else scale.signed(interval.lift),
        figures.NOTHING if nothing else scale.interval(interval),
        scale.amount(margin),
        figures.count(units),
    )
