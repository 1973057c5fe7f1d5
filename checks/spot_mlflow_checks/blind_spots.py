"""What a log leaves unknown: which steps a unit passed, and when its outcome came."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow import figures
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.unknown_steps import ANSWERS, shares_unknown
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow_checks.fault_checks import Judgement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.report import LiftAnalysis

_DAY_OF_NOTE: Final = 10  # units of a day, from which its share is told
_FRESH: Final = 0.1  # of the window: cohorts that matured so lately have hardly a late outcome
_FEW: Final = 100  # units of an arm, below which a share of late outcomes is not bounded
_Z: Final = 1.959963984540054


def judge_steps(moments: OutcomeMoments, limit: float = 0.05) -> Judgement | None:
    """Whether the log says of nearly all units which steps they passed.

    Observed is the largest share unknown of a step in an arm; both arms are named, and the day on
    which most was unknown. None where no step is logged.
    """
    cells = moments.cells
    steps = [s for s in ANSWERS if s in cells.measures]
    if not steps:
        return None
    shares = {s: _unknown_by_arm(cells, s) for s in steps}
    worst = max((max(by_arm.values(), default=0.0) for by_arm in shares.values()), default=0.0)
    said = [
        _unknown_words(cells, s, by_arm) for s, by_arm in shares.items() if any(by_arm.values())
    ]
    good = "Every step that a unit could reach is known; a blank after a step that was not passed means no"
    advice = ". A cause that depends on them is not separated from the others"
    message = "; ".join(said) + (advice if worst > limit else "") if said else good
    return Judgement(worst <= limit, "warning", worst, message)


def _unknown_by_arm(cells: Moments, step: str) -> dict[str, float]:
    by_arm = cells.collapse("arm")
    shares = shares_unknown(by_arm, step).tolist()
    return {str(a): x for a, x in zip(by_arm.arm, shares, strict=True)}


def _unknown_words(cells: Moments, step: str, by_arm: Mapping[str, float]) -> str:
    """Writes "delivered is unknown for 2 % (treatment) and 0 % (holdout) of the units"."""
    arms = " and ".join(
        f"{figures.share(x)} ({arm})" for arm, x in sorted(by_arm.items(), reverse=True)
    )
    told = f"{step.replace('_', ' ')} is unknown for {arms} of the units"
    by_day = cells.collapse("period")
    known = by_day.select(~np.isnat(by_day.period) & (by_day.n >= _DAY_OF_NOTE))
    if len(known) < 2:  # noqa: PLR2004 - nothing to compare with
        return told
    unknown = shares_unknown(known, step)
    most = int(np.argmax(unknown))
    return f"{told}, most on {known.period[most]} ({figures.share(float(unknown[most]))})"


def judge_dates(
    moments: OutcomeMoments, predicted: PredictedLift, analysis: LiftAnalysis
) -> Judgement | None:
    """Whether the log says when outcomes came, and what the lift could be as it does not.

    Observed is the largest late share of an arm's outcomes that the log is consistent with: units
    that matured lately hold none that came after the window, so that what the others have more of
    may have come late (upper 97.5 % bound; None where no unit matured lately). Without a window it
    is the share that may still come: what the earliest units have more of than all.
    """
    columns = set(moments.columns)
    if "decided_at" not in columns or "observed_at" in columns:
        return None
    windowed = predicted.window is not None
    late = {
        arm: _share_late(moments, predicted, held=arm == HOLDOUT) for arm in (HOLDOUT, "treated")
    }
    what = (
        "Outcomes from after the window count too: the log does not say when they came"
        if windowed
        else "The latest units had less time for an outcome than the first: the contract has no window"
    )
    column = "log observed_at (columns.observed_at)" + ("" if windowed else " and declare a window")
    if any(x is None for x in late.values()):
        told = f"{what}, and nothing bounds their share. To be sure, {column}"
        return Judgement(False, "warning", None, told)
    low, high = _worst(analysis, predicted, late, windowed=windowed)
    worst = max(x for x in late.values() if x is not None)
    share = (
        f"up to {figures.share(worst)} of an arm's outcomes may have come late"
        if windowed
        else (f"up to {figures.share(worst)} of an arm's outcomes may still come")
    )
    told = (
        f"{what}; {share}. If only one arm's did, the lift is "
        f"{contract_scale(predicted, (high - low) / 2).bounds(Interval((low + high) / 2, low, high))}. To be sure, "
        f"{column}"
    )
    return Judgement(False, "warning" if windowed else "info", worst, told)


def _share_late(moments: OutcomeMoments, predicted: PredictedLift, *, held: bool) -> float | None:
    """Returns the upper bound of the share of an arm's outcomes that came late, or may still come."""
    cells = moments.cells
    mine = (cells.arm.astype(str) == HOLDOUT) == held
    by_day = cells.select(mine & (cells.n > 0) & ~np.isnat(cells.period)).collapse("period")
    if predicted.window is None:
        order = np.cumsum(by_day.n)
        some = order - by_day.n < order[-1] / 5 if len(order) else np.zeros(0, dtype=bool)
    else:
        moment = datetime.fromisoformat(moments.as_of).replace(tzinfo=None)
        fresh = max(timedelta(days=1), _FRESH * predicted.window)
        first = np.datetime64(moment - predicted.window - fresh, "D")
        some = by_day.period >= first
    part, whole = _mean(by_day.select(some)), _mean(by_day)
    if part is None or whole is None or whole[0] <= 0:
        return None
    if predicted.window is None:
        ratio = part[0] / whole[0] - 1
        error = np.hypot(part[1], whole[1] * part[0] / whole[0]) / whole[0]
        return float(max(0.0, ratio + _Z * error))
    error = np.hypot(part[1], whole[1] * part[0] / whole[0]) / whole[0]
    return float(min(1.0, max(0.0, 1 - part[0] / whole[0] + _Z * error)))


def _mean(by_day: Moments) -> tuple[float, float] | None:
    """Returns the mean outcome of some days and its standard error; None for a few units."""
    n = float(by_day.n.sum())
    if n < _FEW:
        return None
    y = by_day.measures.index("outcome")
    around = float(by_day.s1[:, y].sum()) / n
    spread = float(by_day.s2[:, y, y].sum()) / n - around**2
    return float(by_day.center[y]) + around, float(np.sqrt(max(spread, 0.0) / n))


def _worst(
    analysis: LiftAnalysis,
    predicted: PredictedLift,
    late: Mapping[str, float | None],
    *,
    windowed: bool,
) -> tuple[float, float]:
    """Returns the interval of the lift if only the treated's outcomes, or the holdout's, came late."""
    r = analysis.realized
    t, h = (late[k] or 0.0 for k in ("treated", HOLDOUT))
    down = predicted.direction == "decrease"
    # Late outcomes are taken from an arm; those still to come are added to it.
    less, more = (1 - t, 1 - h) if windowed else (1 + h, 1 + t)
    if predicted.effect == "relative":
        low, high = (
            (1 - r.estimate.high, 1 - r.estimate.low)
            if down
            else (1 + r.estimate.low, 1 + r.estimate.high)
        )
        bounds = (low * less, high / max(more, 1e-12)) if windowed else (low / less, high * more)
        return (1 - bounds[1], 1 - bounds[0]) if down else (bounds[0] - 1, bounds[1] - 1)
    gains = (r.mean_treatment * t, r.mean_holdout * h)
    below, above = gains if windowed else gains[::-1]
    if down:
        below, above = above, below
    return r.estimate.low - below, r.estimate.high + above
