"""What is said of a reduced log beyond counted faults: arms, lift, mix, guardrails; pure.

The Great Expectations classes (``expectations``) only hand these on, so that a check reads the same
in our report, in Data Docs and in JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow import figures
from spot_mlflow.lift.moments.labels import MISSING_SEGMENT, OTHER_SEGMENT
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.verdicts import HARMS, VERDICTS, VIABILITY
from spot_mlflow_checks.fault_checks import BY_NAME, FAULT_CHECKS, Judgement

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.report import LiftAnalysis
    from spot_mlflow.lift.soundness.attrition import Attrition
    from spot_mlflow.verdicts import Severity


def judge_data(moments: OutcomeMoments, analysis: LiftAnalysis) -> list[Judgement]:
    """What is said of the log itself, by the limits of the checks, whatever a suite tolerates."""
    counted = [check.judge(moments) for check in FAULT_CHECKS if check.applies(moments)]
    lost = judge_attrition(analysis)
    return [*counted, *([] if lost is None else [lost]), judge_sample_ratio(analysis)]


def judge_attrition(analysis: LiftAnalysis) -> Judgement | None:
    """Whether outcomes are missing in the same share in both arms; None where none is missing."""
    lost = analysis.attrition
    if lost is None:
        return None
    if lost.alarm:
        why = (
            "Units leave a log for a reason: there is a verdict only if it is the same for all values "
            "that those outcomes may have"
        )
        return Judgement(False, _beside(lost), lost.difference, f"{lost.words}. {why}")
    return Judgement(True, "warning", lost.difference, f"{lost.words}{_tipping(lost)}")


def _beside(lost: Attrition) -> Severity:
    """How bad it is: where so many are missing that there is no verdict at all, it says why."""
    gone = sum(m.missing for m in lost.arms.values())
    matured = sum(m.matured for m in lost.arms.values())
    return "critical" if gone > BY_NAME["outcomes_complete"].blocking * matured else "warning"


def _tipping(lost: Attrition) -> str:
    """Writes what would turn the verdict, or nothing where there is none."""
    at = lost.tipping
    if at is None:
        return ""
    named = {"treated": "the treated", "holdout": "the holdout"}[at.arm]
    if at.unseen is None:
        return f". No outcome of those missing among {named} alone would change the verdict"
    return (
        f". The verdict would change if the missing outcomes of {named} averaged about {figures.plain(at.unseen)} instead "
        f"of the {figures.plain(at.seen)} of those seen"
    )


def judge_sample_ratio(analysis: LiftAnalysis) -> Judgement:
    """Whether the arms have the sizes that the design gave them."""
    p = analysis.sample_ratio_p
    if analysis.sample_ratio_alarm:
        told = figures.p_value(p) if p is not None else "sequential test"
        return Judgement(
            success=False,
            severity="critical",
            observed=p,
            message=f"The arm sizes do not match the design ({told}): "
            "units were lost or added on one side. Find out where before believing any lift",
        )
    told = "no share was designed" if p is None else figures.p_value(p)
    return Judgement(True, "critical", p, f"The arm sizes match the design ({told})")


def judge_balance(analysis: LiftAnalysis) -> Judgement | None:
    """Whether the share of treatment is the same on all days and in all segments."""
    found = analysis.variation
    if found is None:
        return None
    if not found.alarm:
        message = f"The treated share is the same on all days and in all segments ({figures.p_value(found.p_value)})"
        return Judgement(True, "warning", found.p_value, message)
    message = (
        f"Assignment is not balanced: {found.words} ({figures.p_value(found.p_value)}). The lift compares within "
        "segments and times. If this was planned, declare it: treatment_share as a list of "
        "{from: date, share: ..., segment: ...}"
    )
    return Judgement(False, "warning", found.p_value, message)


def judge_mix(
    moments: OutcomeMoments, predicted: PredictedLift, limit: float = 0.1
) -> Judgement | None:
    """Whether the segments come in the shares that the backtest promised.

    Observed is the total variation distance, half the sum of absolute differences of the shares.
    """
    promised = {k: s.share for k, s in predicted.segments.items()}
    cells = moments.cells
    total = int(cells.assigned.sum())
    if not promised or total == 0:
        return None
    found: dict[str, float] = {}
    for segment, n in zip(cells.segment, cells.assigned, strict=True):
        found[str(segment)] = found.get(str(segment), 0.0) + int(n) / total
    names = sorted({*promised, *found})
    moved = {n: found.get(n, 0.0) - promised.get(n, 0.0) for n in names}
    distance = sum(map(abs, moved.values())) / 2
    name = max(names, key=lambda n: abs(moved[n]))
    shown = {MISSING_SEGMENT: "units without a segment", OTHER_SEGMENT: "all other segments"}.get(
        name, name
    )
    message = f"{shown} is {figures.share(found.get(name, 0.0))} of the units, promised {figures.share(promised.get(name, 0.0))}"
    good = distance <= limit
    return Judgement(
        good,
        "warning",
        distance,
        f"The segments come as promised: {message}"
        if good
        else f"The mix of segments has moved by {figures.share(distance)}: {message}",
    )


def judge_guardrail(analysis: LiftAnalysis, name: str) -> Judgement | None:
    """Whether a guardrail was left unharmed; None where the contract names none of this name."""
    found = next((g for g in analysis.guardrails if g.name == name), None)
    if found is None:
        return None
    total = found.missing + found.n_treatment + found.n_holdout
    lost = f". {found.missing:,} of {total:,} units have no value of it" if found.missing else ""
    message = f"{found.name} is {found.verdict}: {found.reason}{lost}"
    return Judgement(HARMS[found.verdict].good is True, "warning", found.verdict, message)


def judge_lift(analysis: LiftAnalysis) -> Judgement:
    """Whether the realized lift meets the promise within the tolerance."""
    outcome = analysis.outcome
    return Judgement(
        VERDICTS[outcome.verdict].good is True, "warning", outcome.verdict, outcome.reason
    )


def judge_viability(analysis: LiftAnalysis, predicted: PredictedLift) -> Judgement | None:
    """Whether the realized lift is worth having."""
    o, r = analysis.outcome, analysis.realized.estimate
    if o.minimum is None:
        return None
    if o.withheld:
        return Judgement(False, "warning", o.viable, o.reason)
    scale = contract_scale(predicted, (r.high - r.low) / 2)
    message = (
        f"The realized lift, {scale.with_interval(r)}, is {o.viable} against the minimum of "
        f"{scale.amount(o.minimum)}"
    )
    return Judgement(VIABILITY[o.viable].good is True, "warning", o.viable, message)
