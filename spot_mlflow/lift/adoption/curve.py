"""Adoption after deployment: the share of recommendations acted on, by team and week.

Shares have Wilson (1927) intervals, widened where the people behind them scatter more than chance:
the design effect of a ratio over people (Kish 1965). The lift of what was acted on against what was
not is a description of who acted, not the effect of acting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow import figures
from spot_mlflow.lift.adoption.result import (
    DESCRIPTION,
    ActedLift,
    AdoptionResult,
    OverrideReason,
    TeamAdoption,
    TimeToAct,
    WeekAdoption,
)
from spot_mlflow.lift.estimators.simultaneous import discoveries
from spot_mlflow.lift.interval import Interval, wilson
from spot_mlflow.lift.moments.actions import CLASSES, HOURS, ActionTable, Crew, acted_by_week
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.unknown_steps import known_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift


_FEW_WEEKS: Final = 3  # below it no trend is told
_FEW_PEOPLE: Final = 5  # below it the scatter between people cannot be told


def adoption_of(moments: OutcomeMoments, predicted: PredictedLift) -> AdoptionResult | None:
    """Computes adoption after deployment.

    Args:
        moments: the reduced log.
        predicted: the contract.

    Returns:
        None where the log does not say what was acted on.
    """
    table = actions_of(moments)
    if table is None or table.known.sum() == 0:
        return None
    everything = np.ones(len(table.team), dtype=bool)
    confidence = predicted.confidence
    weeks = _weeks(table, "", confidence)
    crew = table.crews.get(("", ""))
    share = _share(table, everything, crew, confidence)
    trend = trend_of(weeks)
    teams = _teams(table, confidence)
    return AdoptionResult(
        share=share,
        recommended=int(table.known.sum()),
        acted=int(table.acted.sum()),
        unknown=int((table.recommended - table.known).sum()),
        people=None if crew is None else crew.people,
        active=None if crew is None else crew.active,
        weeks=weeks,
        trend=trend,
        teams=teams,
        reasons=_reasons(table, None),
        time_to_act=_time_to_act(table, everything),
        acted_lift=acted_lift(moments, predicted),
        words=_words(share, trend, teams, crew),
    )


def acted_lift(moments: OutcomeMoments, predicted: PredictedLift) -> ActedLift | None:
    """Compares acted-on with not acted-on treated units, as a description.

    The spread within each group is taken from binary outcomes exactly, else from all treated units
    together: the reduction carries no third products. Units of which the log does not say whether they
    were acted on are left out, and the label says how many.
    """
    cells = moments.cells
    at, y = cells.index("acted"), cells.index("outcome")
    treated = cells.select(cells.arm.astype(str) != HOLDOUT)
    if at is None or y is None or not len(treated):
        return None
    one = treated.collapse()
    known = one.index(known_name("acted"))
    n = _sum_of(one, known)
    count, total, both = _sum_of(one, at), _sum_of(one, known, y), _sum_of(one, at, y)
    rest = n - count
    if min(count, rest) < 2:  # noqa: PLR2004 - a spread needs two
        return None
    means = (both / count, (total - both) / rest)
    if predicted.kind == "binary" and one.index("denominator") is None:
        var = [m * (1 - m) for m in means]
    else:
        units = float(one.n[0])
        var = [float(one.s2[0, y, y] - one.s1[0, y] ** 2 / units) / units] * 2
    sign = -1.0 if predicted.direction == "decrease" else 1.0
    se = float(np.sqrt(max(var[0], 0) / count + max(var[1], 0) / rest))
    z = _z(predicted.confidence)
    d = sign * (means[0] - means[1])
    unknown = int(one.missing[0, at])
    label = f"{DESCRIPTION}; {unknown:,} of unknown answer are left out"
    return ActedLift(
        Interval(d, d - z * se, d + z * se, se),
        *means,
        label=label if unknown else DESCRIPTION,
    )


def _sum_of(one: Moments, flag: int | None, other: int | None = None) -> float:
    """Returns the sum, over the units of one cell with a flag (all where None), of 1 or a measure."""
    n, s1, c = float(one.n[0]), one.s1[0], one.center
    if flag is None:
        return n if other is None else float(s1[other] + n * c[other])
    alone = float(s1[flag] + n * c[flag])
    if other is None:
        return alone
    return float(one.s2[0, other, flag] + c[flag] * s1[other] + c[other] * alone)


def trend_of(weeks: Sequence[WeekAdoption]) -> Interval | None:
    """Fits a line through the weekly shares, each weighted by its precision.

    The error is no less than the scatter of the weeks about the line asks for.

    Returns:
        Change of the share per week with a 95 % interval, or None with too few weeks.
    """
    known = [w for w in weeks if w.week and w.recommended]
    if len(known) < _FEW_WEEKS:
        return None
    from scipy.special import stdtrit

    day = np.array([w.week for w in known], dtype="datetime64[D]").astype(np.int64)
    x = (day - day[0]) / 7.0
    p = np.array([w.share.lift for w in known])
    se = np.array([max(w.share.se or 0.0, 1e-9) for w in known])
    weight = 1 / se**2
    middle = (weight * x).sum() / weight.sum()
    spread = (weight * (x - middle) ** 2).sum()
    slope = float((weight * (x - middle) * p).sum() / spread)
    level = (weight * p).sum() / weight.sum()
    residual = p - level - slope * (x - middle)
    scatter = max(1.0, float((weight * residual**2).sum()) / (len(known) - 2))
    error = float(np.sqrt(scatter / spread))
    t = float(stdtrit(len(known) - 2, 0.975)) if scatter > 1 else _z(0.95)
    return Interval(slope, slope - t * error, slope + t * error, error)


def _z(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))


def _share(
    table: ActionTable, rows: NDArray[np.bool_], crew: Crew | None, confidence: float
) -> Interval:
    """Returns the share acted on with its Wilson interval, at the effective number of units."""
    n, acted = float(table.known[rows].sum()), float(table.acted[rows].sum())
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    p = acted / n
    effective = n / design_effect(p, n, crew)
    z = _z(confidence)
    low, high = wilson(p, effective, z)
    # A share of exactly 0 or 1 still has an error: that of the interval.
    se = np.sqrt(p * (1 - p) / effective) if 0 < p < 1 else (high - low) / (2 * z)
    return Interval(p, low, high, float(se))


def design_effect(p: float, n: float, crew: Crew | None) -> float:
    """Returns how much wider the variance of a share is because people differ; 1 at least."""
    if crew is None or crew.people < _FEW_PEOPLE or not 0 < p < 1:
        return 1.0
    scatter = crew.aa - 2 * p * crew.an + p * p * crew.nn
    variance = crew.people / (crew.people - 1) * scatter / n**2
    return max(1.0, variance / (p * (1 - p) / n))


def _weeks(table: ActionTable, team: str, confidence: float) -> tuple[WeekAdoption, ...]:
    inside = np.ones(len(table.team), dtype=bool) if not team else table.team == team
    out = []
    for week in np.unique(table.week[inside & ~np.isnat(table.week)]):
        rows = inside & (table.week == week)
        crew = table.crews.get((team, str(week)))
        if table.known[rows].sum() == 0:
            continue
        out.append(
            WeekAdoption(
                str(week),
                _share(table, rows, crew, confidence),
                int(table.known[rows].sum()),
                int(table.acted[rows].sum()),
                None if crew is None else crew.people,
                None if crew is None else crew.active,
            )
        )
    return tuple(out)


def _teams(table: ActionTable, confidence: float) -> tuple[TeamAdoption, ...]:
    names = sorted({str(t) for t in table.team if t})
    rows = {t: table.team == t for t in names}
    shares = {t: _share(table, rows[t], table.crews.get((t, "")), confidence) for t in names}
    known = [t for t in names if table.known[rows[t]].sum() > 0]
    others = [_share(table, ~rows[t], None, confidence) for t in known]
    gaps = [shares[t].lift - o.lift for t, o in zip(known, others, strict=True)]
    errors = [np.hypot(shares[t].se or 0, o.se or 0) for t, o in zip(known, others, strict=True)]
    shown = discoveries(_p_values(gaps, errors))
    side = {
        t: ("below" if g < 0 else "above") if s else ""
        for t, g, s in zip(known, gaps, shown, strict=True)
    }
    out = []
    for t in known:
        crew, weeks = table.crews.get((t, "")), _weeks(table, t, confidence)
        out.append(
            TeamAdoption(
                t,
                shares[t],
                int(table.known[rows[t]].sum()),
                int(table.acted[rows[t]].sum()),
                None if crew is None else crew.people,
                None if crew is None else crew.active,
                side[t],
                trend_of(weeks),
                _reasons(table, t),
                _time_to_act(table, rows[t]),
                weeks,
            )
        )
    return tuple(sorted(out, key=lambda x: (x.share.lift, x.team)))


def _p_values(gaps: Sequence[float], errors: Sequence[float]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return np.array(
        [
            2 * ndtr(-abs(g) / e) if np.isfinite(g) and e > 0 else 1.0
            for g, e in zip(gaps, errors, strict=True)
        ]
    )


def _reasons(table: ActionTable, team: str | None) -> tuple[OverrideReason, ...]:
    counts: dict[str, int] = {}
    for (t, _, reason), n in table.overrides.items():
        if team is None or t == team:
            counts[reason] = counts.get(reason, 0) + n
    rows = np.ones(len(table.team), dtype=bool) if team is None else table.team == team
    missed = int((table.known - table.acted)[rows].sum())
    return tuple(
        OverrideReason(r, n, n / missed if missed else 0.0)
        for r, n in sorted(counts.items(), key=lambda x: (-x[1], x[0]))
    )


def _time_to_act(table: ActionTable, rows: NDArray[np.bool_]) -> TimeToAct | None:
    timed = int(table.timed[rows].sum())
    if timed == 0:
        return None
    counts = table.classes[rows].sum(axis=0)
    return TimeToAct(
        mean=float(table.hours[rows].sum()) / timed,
        median=_median(counts),
        within_day=float(counts[:3].sum()) / timed,
        classes=tuple(zip(CLASSES, (int(c) for c in counts), strict=True)),
        timed=timed,
    )


def _median(counts: NDArray[np.int64]) -> float:
    """Reads the median off the classes, straight between their ends; the open class at its start."""
    running = np.cumsum(counts)
    half = running[-1] / 2
    i = int(np.searchsorted(running, half))
    if i >= len(HOURS):
        return HOURS[-1]
    low = HOURS[i - 1] if i else 0.0
    before = float(running[i - 1]) if i else 0.0
    return float(low + (HOURS[i] - low) * (half - before) / float(counts[i]))


def _words(
    share: Interval, trend: Interval | None, teams: Sequence[TeamAdoption], crew: Crew | None
) -> str:
    out = f"{figures.share(share.lift)} of recommendations were acted on ({figures.share(share.low)} to {figures.share(share.high)})"
    if crew is not None:
        out += f", by {crew.active} of {crew.people} people"
    if trend is not None and (trend.low > 0 or trend.high < 0):
        way = "rising" if trend.lift > 0 else "falling"
        out += f", {way} by {abs(trend.lift) * 100:.1f} points a week"
    low = [t for t in teams if t.differs == "below"]
    if low:
        out += f"; lowest in team {low[0].team} ({figures.share(low[0].share.lift)})"
    return out + "."


def actions_of(moments: OutcomeMoments) -> ActionTable | None:
    """Returns the table of actions; from the moments by team or period where no pass made one.

    None where the log does not say what was acted on.
    """
    if moments.actions is not None:
        return moments.actions
    table = moments.teams if moments.teams is not None else moments.cells
    if table.index("acted") is None:
        return None
    return acted_by_week(table, teams=moments.teams is not None)
