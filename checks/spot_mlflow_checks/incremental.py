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

from spot_mlflow.days import day, moment
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.closed import ClosedCohorts
from spot_mlflow.lift.moments.clusters import MISSING_SUMS, ClusterMoments
from spot_mlflow.lift.moments.guardrails import GuardrailMoments
from spot_mlflow.lift.moments.labels import OTHER_SEGMENT
from spot_mlflow.lift.moments.unknown_steps import ANSWERS, unknown_steps, with_known
from spot_mlflow.lift.stored.restated import restated_cohorts
from spot_mlflow_checks.centering import on_round_centers, recentered
from spot_mlflow_checks.guardrails import as_outcome, present
from spot_mlflow_checks.reading import DAY, Reading
from spot_mlflow_checks.reduction import BasePass, add_tallies, faults_of
from spot_mlflow_checks.rows import EARLIEST, asks_version, is_indicator, judged
from spot_mlflow_checks.sums import cells_of, grouped, moment_sums, period_dates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.moments.outcome_moments import Fault, OutcomeMoments
    from spot_mlflow.lift.moments.recomputed import Recomputed
    from spot_mlflow.lift.moments.spans import Spans

# Faults of identity, which closed cohorts must not have for the counts to add.
IDENTITY = ("duplicate_unit", "unit_in_two_arms")
TOGETHER = "cells of few units were merged with others, and must be compared again"
_CLOCK = 1e-3  # seconds: SQLite tells no finer times apart


def remembered(
    r: Reading, base: BasePass, old: ClosedCohorts | None = None
) -> ClosedCohorts | None:
    """Returns what the next check need not read again.

    Args:
        r: how the log was read.
        base: what was read now; the new cohorts alone where ``old`` is given.
        old: what an earlier check remembered, and was not read now.
    """
    if r.closed_until is None:
        return None
    days = _added_tallies(old.tallies if old else {}, base.tallies)
    last = _last_if_all_closed(r, base, old)
    until = _until(r, days) if last is None else _date(last + DAY)
    closed = {k: counts for k, counts in days.items() if k and k < until}
    rows = sum(counts.get("rows", 0) for counts in closed.values())
    which = "closed" if last is None else "all"
    return ClosedCohorts(
        until=until,
        contract=r.predicted.digest,
        model_version=r.model_version,
        tallies=closed,
        units=_span(old and old.units, base.ranges.get(("unit", which))),
        clusters=_span(old and old.clusters, base.ranges.get(("cluster", which))),
        open_rows=base.rows + (old.rows if old else 0) - rows,
        last=last,
        first_open=None if last is not None else _first_time(base, "open"),
    )


def _first_time(base: BasePass, which: str) -> float | None:
    return float(base.ranges["time", which][0]) if ("time", which) in base.ranges else None


def _last_if_all_closed(r: Reading, base: BasePass, old: ClosedCohorts | None) -> float | None:
    """The latest decision, where the outcome window of every row has passed; else None."""
    if base.tallies.get(""):  # rows without a time, or of a time to come
        return None
    if base.rows == 0:
        return old.last if old else None
    latest = float(base.ranges["time", "all"][1])
    known = max(latest, old.last) if old is not None and old.last is not None else latest
    return known if latest + (r.window_seconds or 0.0) <= r.as_of else None


def _added_tallies(
    *tables: Mapping[str, Mapping[str, int]],
) -> dict[str, dict[str, int]]:
    """Adds counts by period; a week may have begun in one log and gone on in the next."""
    return {
        k: add_tallies(t[k] for t in tables if k in t)
        for k in sorted({d for t in tables for d in t})
    }


def _span(a: Any, b: Any) -> Any:
    return a or b if a is None or b is None else (min(a[0], b[0]), max(a[1], b[1]))


def _until(r: Reading, days: Mapping[str, Any]) -> str:
    """The end of the last closed cohort that the log holds; a later one may come in a later file."""
    assert r.closed_until is not None  # noqa: S101 - the caller asked
    latest = max((d for d in days if d and d < _date(r.closed_until)), default="")
    if not latest:
        return _date(r.closed_until)
    step = float(r.cohort_seconds)
    whole = math.floor((seconds_of(latest) - r.cohort_start) / step) + 1
    return _date(r.cohort_start + whole * step)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).date().isoformat()


def seconds_of(date: str) -> float:
    """Returns the start of a day, seconds since 1970 UTC."""
    return datetime.fromisoformat(date).replace(tzinfo=timezone.utc).timestamp()


def why_not(r: Reading, previous: OutcomeMoments) -> str:
    """Returns why stored moments cannot be built upon, or ""."""
    closed = previous.closed
    if r.closed_until is None:
        return "cohorts close only where the contract has window and columns.decided_at"
    if closed is not None and not closed.tallies and previous.spans is not None:
        return TOGETHER
    if closed is None or not closed.tallies:
        return "no outcome window had passed at the last check"
    reasons = {
        "the last check was of another contract or version": (
            (closed.contract, closed.model_version) != (r.predicted.digest, r.model_version)
        ),
        "the log has other columns than at the last check": (
            set(previous.columns) != set(r.columns.names)
        ),
        f"the last check was made as of a later day, {day(previous.as_of)}": (
            r.as_of < datetime.fromisoformat(previous.as_of).timestamp()
        ),
        "winsorizing needs the quantile of all outcomes": r.predicted.outliers is not None,
        "the earlier check stored whole periods, not days": _grain_of(r, closed) != r.grain,
        "some units have no readable time of decision": _has(previous, "missing_time"),
        "some decisions are in the future or before 1970": _has(previous, "absurd_time"),
        "some units appeared twice": _has(previous, "duplicate_unit"),
        "some units were in two arms": _has(previous, "unit_in_two_arms"),
        "units without a covariate count as the mean over all units": (
            _without_covariate(previous.cells)
        ),
        "the model version to check was not named": asks_version(r),
        "the earlier check did not count who was asked of a step": (
            previous.blanks is None and _blank_steps(previous.cells)
        ),
        "the earlier check added teams up by week": _teams_by_week(previous),
        "small segments were folded together": OTHER_SEGMENT in previous.cells.segment.tolist(),
        "acts and offers are counted over the whole log": (
            previous.actions is not None or previous.offers is not None
        ),
        f"the stored sums over clusters include {closed.open_rows:,} units whose outcome window was "
        "still open": (previous.clusters is not None and closed.open_rows > 0),
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


def _blank_steps(cells: Moments) -> bool:
    at = [i for s in ANSWERS if (i := cells.index(s)) is not None]
    return bool(cells.missing[:, at].any())


def _teams_by_week(previous: OutcomeMoments) -> bool:
    """Whether teams were stored by week though units were decided on other days than Mondays."""
    if previous.teams is None or previous.spans is not None:  # merged ones were by day
        return False
    days, teams = (
        {str(d) for d in t.period[~np.isnat(t.period)]} for t in (previous.cells, previous.teams)
    )
    return not days <= teams


def _without_covariate(cells: Moments) -> bool:
    i = cells.index("covariate")
    return i is not None and bool(cells.missing[:, i].any())


@dataclass(frozen=True, slots=True)
class ClosedChanges:
    """What became of closed cohorts since the earlier check.

    Attributes:
        found: rows of closed cohorts in the source; 0 where it holds the new cohorts alone.
        added: rows more than then, over the cohorts that have more.
        removed: rows fewer, over the cohorts from the first that the source holds.
        restated: of these, cohorts whose units or outcomes differ.
        absent: rows of the cohorts before the first that the source holds.
        first: first day of that cohort, or "".
    """

    found: int
    added: int
    removed: int
    restated: int
    absent: int = 0
    first: str = ""

    @property
    def words(self) -> str:
        """What changed, or ""."""
        if self.added or self.removed:
            return (
                f"{self.added:,} rows were added to cohorts that were closed at the last check, and "
                f"{self.removed:,} removed"
            )
        if not self.restated:
            return ""
        cohorts = "1 cohort" if self.restated == 1 else f"{self.restated:,} cohorts"
        return f"arms or outcomes changed in {cohorts} that had closed at the last check"


def closed_changes(r: Reading, previous: OutcomeMoments, closed: ClosedCohorts) -> ClosedChanges:
    """Looks whether the source still says of closed cohorts what it said at the earlier check.

    Of each row only times, arm and outcome are read: a correction must not be passed over. A source
    that begins later, as an export of the last ninety days does, is compared from where it begins.
    """
    measures = replace(r.columns, measures=("outcome",))
    r = replace(r, grain=_grain_of(r, closed))
    outcome = replace(r, columns=measures)
    c = judged(outcome).c
    days = r.source.dialect.floor((c.decided_at - r.grain_start) / float(r.grain))
    dated = sa.select(*c, sa.cast(days, sa.BigInteger()).label("cohort"))
    dated = dated.where(c.decided_at >= EARLIEST, c.decided_at < closed.boundary)
    c = dated.subquery("dated").c
    sums = {"rows": sa.func.count(), **moment_sums(outcome, c)}
    query: sa.Select[Any] = sa.select(
        c.arm, c.cohort.label("period"), *[x.label(k) for k, x in sums.items()]
    ).group_by(c.arm, c.cohort)
    t = grouped(outcome, query)
    rows: Counter[str] = Counter()
    dates = period_dates(r, t["period"])
    spans = previous.spans
    runs = dates if spans is None else spans.onto(dates)
    for period, n in zip(runs, t["rows"], strict=True):
        rows[str(period)] += int(n)
    if not rows:
        return ClosedChanges(0, 0, 0, 0, absent=closed.rows)
    stored = {k: counts.get("rows", 0) for k, counts in closed.tallies.items()}
    first = _first_whole(rows, dates, spans)
    moved = [rows[k] - stored.get(k, 0) for k in {*rows, *stored} if k >= first]
    now = cells_of(outcome, t, labels=[""] * len(t["rows"]))
    if spans is not None:
        now = replace(now, period=spans.onto(now.period))
    now = now.select(now.period >= np.datetime64(first))
    known = _closed_cells(previous.cells, closed)
    known = known.select(known.period >= np.datetime64(first))
    return ClosedChanges(
        found=rows.total(),
        added=sum(x for x in moved if x > 0),
        removed=-sum(x for x in moved if x < 0),
        restated=len(restated_cohorts(now, known)),
        absent=sum(n for k, n in stored.items() if k < first),
        first=first,
    )


def _first_whole(rows: Mapping[str, int], days: Any, spans: Spans | None) -> str:
    """The first run of days that the source holds from its first day on."""
    begins = min(rows)
    if spans is None or str(min(days)) == begins:
        return begins
    return min((d for d in rows if d > begins), default=spans.end)


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
                f"ones ({stored[0]} to {stored[1]}): only sequential ids can be separated"
            )
    return ""


def why_open_rows_miss(base: BasePass, closed: ClosedCohorts) -> str:
    """Returns that a file of new cohorts begins after units that were open, or ""."""
    first = _first_time(base, "all")
    if closed.first_open is None or (first is not None and first <= closed.first_open + _CLOCK):
        return ""
    return (
        f"{closed.open_rows:,} rows from {moment(closed.first_open)} on were still open at the last "
        f"check, and the log begins {moment(first) if first is not None else 'later'}"
    )


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
        cells=_added(r, _closed_cells(previous.cells, closed), new.cells),
        faults=faults,
        rows=counts.get("rows", 0),
        clusters=_clusters(previous.clusters, new.clusters),
        score_bins=_optional(r, previous.score_bins, new.score_bins, closed),
        teams=_optional(r, previous.teams, new.teams, closed),
        passes=("closed cohorts from the earlier check", *new.passes),
        closed=remembered(r, base, closed),
        ids=_span(previous.ids, new.ids),
        guardrails=_guardrails(r, previous, new),
        blanks={**(previous.blanks or {}), **(new.blanks or {})},
        recomputed=_recomputed(previous, new),
        spans=_spans(previous, closed, new),
    )


def _recomputed(previous: OutcomeMoments, new: OutcomeMoments) -> Recomputed | None:
    """Why arms differ: what is new says it, else the last check does."""
    if new.recomputed is None or new.recomputed.causes or previous.recomputed is None:
        return new.recomputed
    return replace(new.recomputed, causes=previous.recomputed.causes)


def _spans(previous: OutcomeMoments, closed: ClosedCohorts, new: OutcomeMoments) -> Spans | None:
    """Runs of days that are stored together, then the days read now, each by itself."""
    if previous.spans is None:
        return None
    until = closed.until if closed.last is None else previous.spans.end
    return previous.spans.then(new.cells.period, until)


def _identity(new: OutcomeMoments, old: Mapping[str, int]) -> dict[str, Fault]:
    units = old.get("concerned", 0) - old.get("fault_missing_unit", 0)
    found = {name: new.faults[name] for name in IDENTITY if name in new.faults}
    return {name: replace(f, total=f.total + units) for name, f in found.items()}


def _first(fault: Fault, previous: OutcomeMoments, new: OutcomeMoments) -> tuple[str, ...]:
    if not fault.count:
        return ()
    known = [m.faults[fault.name].examples for m in (previous, new) if fault.name in m.faults]
    return min((e for e in known if e), key=lambda e: (len(e[0]), e[0]), default=())


def _closed_cells(cells: Moments, closed: ClosedCohorts) -> Moments:
    """Returns the cells of closed cohorts; all of them where nothing was open."""
    if closed.last is not None:
        return cells
    return cells.select(cells.period < np.datetime64(closed.until))


def _added(r: Reading, old: Moments, new: Moments) -> Moments:
    """Adds two tables of the same columns about one centre."""
    old, new = with_known(old, unknown_steps(new)), with_known(new, unknown_steps(old))
    old = recentered(old, new.center)
    per_cell: dict[str, Any] = {
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
            "negative",
        )
    }
    cells = Moments(measures=new.measures, center=new.center, **per_cell)
    free = np.array([not is_indicator(r, m) for m in cells.measures])
    return on_round_centers(cells.collapse("segment", "arm", "period"), free)


def _optional(
    r: Reading, old: Moments | None, new: Moments | None, closed: ClosedCohorts
) -> Moments | None:
    return new if old is None or new is None else _added(r, _closed_cells(old, closed), new)


def _guardrails(
    r: Reading, previous: OutcomeMoments, new: OutcomeMoments
) -> dict[str, GuardrailMoments]:
    """Adds the closed cohorts of every guardrail; they are those of the same contract."""
    closed = previous.closed
    assert closed is not None  # noqa: S101 - `why_not` said so
    out = {}
    for i in present(r):
        name = r.predicted.guardrails[i].name
        old, late = previous.guardrails[name], new.guardrails[name]
        own = as_outcome(r, i)
        cells = _added(own, _closed_cells(old.cells, closed), late.cells)
        out[name] = GuardrailMoments(cells, _clusters(old.clusters, late.clusters))
    return out


def _clusters(old: ClusterMoments | None, new: ClusterMoments | None) -> ClusterMoments | None:
    """Adds sums over clusters that do not meet, about the centre of the new ones."""
    if old is None or new is None:
        return new
    old = _moved(old, new.center)
    # What one of the two does not tell apart, the sum of both cannot.
    segments = old.segment is not None and new.segment is not None
    periods = old.period is not None and new.period is not None

    def keys_of(m: ClusterMoments) -> list[tuple[str, str, str]]:
        segment, period = m.labels
        days = [str(p) if periods else "NaT" for p in period]
        names = [str(s) if segments else "" for s in segment]
        return list(zip(names, days, map(str, m.arm), strict=True))

    known = {id(m): keys_of(m) for m in (old, new)}
    rows = sorted({*known[id(old)], *known[id(new)]}, key=lambda k: (*k[:2], k[2] != "holdout", k))

    def total(name: str) -> Any:
        parts = [
            [
                getattr(m, name)[i]
                for m in (old, new)
                for i, k in enumerate(known[id(m)])
                if k == row
            ]
            for row in rows
        ]
        return np.array([np.sum(x, axis=0) for x in parts])

    return ClusterMoments(
        arm=np.array([k[2] for k in rows], dtype=object),
        clusters=total("clusters"),
        assigned_clusters=total("assigned_clusters"),
        center=new.center,
        s1=total("s1"),
        s2=total("s2"),
        events=total("events"),
        straddling=old.straddling + new.straddling,
        missing=None if old.missing is None or new.missing is None else total("missing"),
        segment=np.array([k[0] for k in rows], dtype=object) if segments else None,
        period=np.array([k[1] for k in rows], dtype="datetime64[D]") if periods else None,
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
