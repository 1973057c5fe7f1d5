"""A new day's cohorts, merged with what an earlier check stored of the closed ones.

Sums of disjoint sets of units add; nothing of a closed cohort is read again but, where the source
still holds it, its arms and outcomes. Whatever does not add, or has changed, is said and read anew.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.closed import ClosedCohorts
from spot_mlflow.lift.moments import (
    MISSING_SUMS,
    OTHER_SEGMENT,
    ClusterMoments,
    Fault,
    Moments,
    OutcomeMoments,
)
from spot_mlflow.lift.restated import restated_cohorts
from spot_mlflow_checks.centering import on_round_centers, recentered
from spot_mlflow_checks.reduction import BasePass, add_tallies, faults_of
from spot_mlflow_checks.rows import DAY, EARLIEST, Reading, asks_version, is_indicator, judged
from spot_mlflow_checks.sums import cells_of, grouped, moment_sums, period_dates

if TYPE_CHECKING:
    from collections.abc import Mapping

# Faults of identity, which closed cohorts must not have for the counts to add.
IDENTITY = ("duplicate_unit", "unit_in_two_arms")


def remembered(r: Reading, base: BasePass) -> ClosedCohorts | None:
    """Returns what the next check need not read again."""
    if r.closed_until is None:
        return None
    until = _until(r, base)
    closed = {day: counts for day, counts in base.tallies.items() if day and day < until}
    rows = sum(counts.get("rows", 0) for counts in closed.values())
    return ClosedCohorts(
        until=until,
        contract=r.predicted.digest,
        model_version=r.model_version,
        tallies=closed,
        units=base.ranges.get(("unit", "closed")),
        clusters=base.ranges.get(("cluster", "closed")),
        open_rows=base.rows - rows,
    )


def _until(r: Reading, base: BasePass) -> str:
    """The end of the last closed cohort that the log holds; a later one may come in a later file."""
    assert r.closed_until is not None  # noqa: S101 - the caller asked
    latest = max((d for d in base.tallies if d and d < _date(r.closed_until)), default="")
    if not latest:
        return _date(r.closed_until)
    step = float(r.cohort_seconds)
    whole = math.floor((seconds_of(latest) - r.cohort_start) / step) + 1
    return _date(r.cohort_start + whole * step)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).date().isoformat()


def seconds_of(day: str) -> float:
    """Returns the start of a day, seconds since 1970 UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc).timestamp()


def why_not(r: Reading, previous: OutcomeMoments) -> str:
    """Returns why stored moments cannot be built upon, or ""."""
    closed = previous.closed
    if r.closed_until is None:
        return "cohorts close only where the contract has window and columns.decided_at"
    if closed is None or not closed.tallies:
        return "the earlier check stored no closed cohorts"
    reasons = {
        "the earlier check was of another contract or version": (
            (closed.contract, closed.model_version) != (r.predicted.digest, r.model_version)
        ),
        "the log has other columns than at the earlier check": (
            set(previous.columns) != set(r.columns.names)
        ),
        "the earlier check was made as of a later moment": (
            r.as_of < datetime.fromisoformat(previous.as_of).timestamp()
        ),
        "winsorizing needs the quantile of all outcomes": r.predicted.outliers is not None,
        "the earlier check stored whole periods, not days": _grain_of(r, closed) != r.grain,
        "some units have no readable time of decision": _has(previous, "missing_time"),
        "some decisions lie in the future or before 1970": _has(previous, "absurd_time"),
        "some units appeared twice": _has(previous, "duplicate_unit"),
        "some units were in two arms": _has(previous, "unit_in_two_arms"),
        "units without a covariate count as the mean over all units": (
            _without_covariate(previous.cells)
        ),
        "nobody said which model version is checked": asks_version(r),
        "small segments were folded together": OTHER_SEGMENT in previous.cells.segment.tolist(),
        "acts and offers are counted over the whole log": (
            previous.actions is not None or previous.offers is not None
        ),
        "the stored sums over clusters hold open cohorts, too": (
            previous.clusters is not None and closed.open_rows > 0
        ),
    }
    return next((why for why, holds in reasons.items() if holds), "")


def _grain_of(r: Reading, closed: ClosedCohorts) -> int:
    """Length of the cohorts as they were stored, seconds."""
    period = r.predicted.period
    if closed.by_day or period is None:
        return r.grain
    return max(1, round(period.total_seconds() / DAY)) * DAY


def _has(moments: OutcomeMoments, fault: str) -> bool:
    return fault in moments.faults and moments.faults[fault].count > 0


def _without_covariate(cells: Moments) -> bool:
    i = cells.index("covariate")
    return i is not None and bool(cells.missing[:, i].any())


@dataclass(frozen=True, slots=True)
class ClosedChanges:
    """What became of closed cohorts since the earlier check.

    Attributes:
        found: rows of closed cohorts in the source; 0 where it holds the new cohorts alone.
        added: rows more than then, over the cohorts that have more.
        removed: rows fewer.
        restated: cohorts whose units or outcomes differ.
    """

    found: int
    added: int
    removed: int
    restated: int

    @property
    def words(self) -> str:
        """What changed, or ""."""
        if self.added or self.removed:
            return f"{self.added:,} rows were added to closed cohorts and {self.removed:,} removed"
        return (
            f"arms or outcomes of {self.restated:,} closed cohorts were changed"
            if self.restated
            else ""
        )


def closed_changes(r: Reading, previous: OutcomeMoments, closed: ClosedCohorts) -> ClosedChanges:
    """Looks whether the source still says of closed cohorts what it said at the earlier check.

    Of each row only times, arm and outcome are read: a correction must not be passed over.
    """
    measures = replace(r.columns, measures=("outcome",))
    r = replace(r, grain=_grain_of(r, closed))
    outcome = replace(r, columns=measures)
    c = judged(outcome).c
    days = r.source.dialect.floor((c.decided_at - r.grain_start) / float(r.grain))
    dated = sa.select(*c, sa.cast(days, sa.BigInteger()).label("cohort"))
    dated = dated.where(c.decided_at >= EARLIEST, c.decided_at < seconds_of(closed.until))
    c = dated.subquery("dated").c
    sums = {"rows": sa.func.count(), **moment_sums(outcome, c)}
    query: sa.Select[Any] = sa.select(
        c.arm, c.cohort.label("period"), *[x.label(k) for k, x in sums.items()]
    ).group_by(c.arm, c.cohort)
    t = grouped(outcome, query)
    rows: Counter[str] = Counter()
    for day, n in zip(period_dates(r, t["period"]), t["rows"], strict=True):
        rows[str(day)] += int(n)
    stored = {day: counts.get("rows", 0) for day, counts in closed.tallies.items()}
    moved = [rows[day] - stored.get(day, 0) for day in {*rows, *stored}]
    now = cells_of(outcome, t, labels=[""] * len(t["rows"]))
    return ClosedChanges(
        found=rows.total(),
        added=sum(x for x in moved if x > 0),
        removed=-sum(x for x in moved if x < 0),
        restated=len(restated_cohorts(now, _before(previous.cells, closed.until))),
    )


def why_units_meet(base: BasePass, new: Mapping[str, Any], closed: ClosedCohorts) -> str:
    """Returns why units or clusters of new cohorts may be those of closed ones, or ""."""
    if any(new["faults"][name].count for name in IDENTITY if name in new["faults"]):
        return "some units appear twice"
    if _without_covariate(base.cells):
        return "units without a covariate count as the mean over all units"
    if OTHER_SEGMENT in set(base.cells.segment.tolist()):
        return "small segments were folded together"
    for key, stored, asked in (
        ("unit", closed.units, "missing_unit" in base.faults),
        ("cluster", closed.clusters, new.get("clusters") is not None),
    ):
        here = base.ranges.get((key, "all"))
        if not asked or base.rows == 0:
            continue
        if stored is None or here is None or type(stored[0]) is not type(here[0]):
            return f"{key}s cannot be compared with those of closed cohorts"
        if not (here[1] < stored[0] or here[0] > stored[1]):
            return (
                f"{key}s of new cohorts ({here[0]} to {here[1]}) may be among those of closed "
                f"ones ({stored[0]} to {stored[1]})"
            )
    return ""


def merged(
    r: Reading, previous: OutcomeMoments, base: BasePass, new: OutcomeMoments
) -> OutcomeMoments:
    """Adds the closed cohorts of an earlier check to what was read now."""
    closed = previous.closed
    assert closed is not None  # noqa: S101 - `why_not` said so
    old = add_tallies(closed.tallies.values())
    counts = add_tallies([old, *base.tallies.values()])
    faults = {**faults_of(r, counts), **_identity(new, old)}
    faults = {k: replace(f, examples=_first(f, previous, new)) for k, f in faults.items()}
    return replace(
        new,
        cells=_added(r, _before(previous.cells, closed.until), new.cells),
        faults=faults,
        rows=counts.get("rows", 0),
        clusters=_clusters(previous.clusters, new.clusters),
        score_bins=_optional(r, previous.score_bins, new.score_bins, closed.until),
        teams=_optional(r, previous.teams, new.teams, closed.until),
        passes=("closed cohorts from the earlier check", *new.passes),
        closed=_remembered(closed, new.closed),
    )


def _identity(new: OutcomeMoments, old: Mapping[str, int]) -> dict[str, Fault]:
    units = old.get("concerned", 0) - old.get("fault_missing_unit", 0)
    found = {name: new.faults[name] for name in IDENTITY if name in new.faults}
    return {name: replace(f, total=f.total + units) for name, f in found.items()}


def _first(fault: Fault, previous: OutcomeMoments, new: OutcomeMoments) -> tuple[str, ...]:
    if not fault.count:
        return ()
    known = [m.faults[fault.name].examples for m in (previous, new) if fault.name in m.faults]
    return min((e for e in known if e), key=lambda e: (len(e[0]), e[0]), default=())


def _before(cells: Moments, until: str) -> Moments:
    return cells.select(cells.period < np.datetime64(until))


def _added(r: Reading, old: Moments, new: Moments) -> Moments:
    """Adds two tables of the same measures about one centre."""
    old = recentered(old, new.center)
    per_cell = {
        k: np.concatenate([getattr(old, k), getattr(new, k)])
        for k in (
            "segment",
            "arm",
            "period",
            "assigned",
            "matured",
            "n",
            "s1",
            "s2",
            "s3",
            "nonzero",
            "largest",
            "missing",
        )
    }
    cells = Moments(measures=new.measures, center=new.center, **per_cell)
    free = np.array([not is_indicator(r, m) for m in cells.measures])
    return on_round_centers(cells.collapse("segment", "arm", "period"), free)


def _optional(r: Reading, old: Moments | None, new: Moments | None, until: str) -> Moments | None:
    return new if old is None or new is None else _added(r, _before(old, until), new)


def _clusters(old: ClusterMoments | None, new: ClusterMoments | None) -> ClusterMoments | None:
    """Adds sums over clusters that do not meet, about the centre of the new ones."""
    if old is None or new is None:
        return new
    old = _moved(old, new.center)
    labels = sorted({*old.arm.tolist(), *new.arm.tolist()}, key=lambda a: (a != "holdout", a))

    def total(name: str) -> Any:
        rows = []
        for label in labels:
            parts = [
                getattr(m, name)[i] for m in (old, new) for i, a in enumerate(m.arm) if a == label
            ]
            rows.append(np.sum(parts, axis=0))
        return np.array(rows)

    return ClusterMoments(
        arm=np.array(labels, dtype=object),
        clusters=total("clusters"),
        assigned_clusters=total("assigned_clusters"),
        center=new.center,
        s1=total("s1"),
        s2=total("s2"),
        events=total("events"),
        straddling=old.straddling + new.straddling,
        missing=None if old.missing is None or new.missing is None else total("missing"),
    )


def _moved(m: ClusterMoments, center: Any) -> ClusterMoments:
    """Moves cluster sums to other centres: sum of (y - c') is sum of (y - c) plus n (c - c')."""
    shift = np.eye(3)
    shift[1:, 0] = m.center - center
    missing = m.missing
    if missing is not None:
        of_units = np.eye(MISSING_SUMS)
        of_units[2:4, 1] = m.center - center
        missing = missing @ of_units.T
    return replace(m, center=center, s1=m.s1 @ shift.T, s2=shift @ m.s2 @ shift.T, missing=missing)


def _remembered(old: ClosedCohorts, new: ClosedCohorts | None) -> ClosedCohorts | None:
    if new is None:
        return None

    def span(a: Any, b: Any) -> Any:
        return a or b if a is None or b is None else (min(a[0], b[0]), max(a[1], b[1]))

    return replace(
        new,
        tallies={**old.tallies, **new.tallies},
        units=span(old.units, new.units),
        clusters=span(old.clusters, new.clusters),
    )
