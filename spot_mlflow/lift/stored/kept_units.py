"""Units that an earlier answer rests on and a new one does not: an answer never shrinks in silence.

Both answers are compared by period, arm and segment, whatever way the new one was come by: merged,
read again, from another file, as of another day, corrected, by weeks. What is missing is either a
small correction, which the report says first, or a log that is not the whole one, which is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.days import day, days_between
from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.labels import NO_COUNTERPART, OTHER_SEGMENT, SMALL_CELLS
from spot_mlflow.lift.moments.left_out import LeftOut
from spot_mlflow.lift.moments.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

    Days = NDArray[np.datetime64]


_SPREAD: Final = 0.2  # share of cohorts that grew, and that shrank, where the units are others
_COHORTS: Final = 4  # fewer cohorts show no such pattern
_NAMED: Final = 3  # labels named one by one
_TOGETHER: Final = {OTHER_SEGMENT, SMALL_CELLS, NO_COUNTERPART}  # labels of several segments
_DAY: Final = np.timedelta64(1, "D")
_WEEK: Final = 7
_MONDAY: Final = np.datetime64("1970-01-05", "D")
_EPOCH: Final = np.datetime64("1970-01-01", "D")


def checked_units(
    now: OutcomeMoments,
    before: OutcomeMoments,
    *,
    window: timedelta | None = None,
    reason: str = "",
    all_of_them: bool = False,
    because: str = "",
) -> LeftOut | None:
    """Compares the units of a new answer with those of the last one.

    Args:
        now: the new answer.
        before: the last one of the same version.
        window: the outcome window, for a check as of an earlier day.
        reason: why units are meant to go, given by a person.
        all_of_them: refuse even a few missing units: the log holds new cohorts alone.
        because: why the log was read as it was, for the message.

    Returns:
        What is missing, to be said first; None where nothing is.

    Raises:
        InvalidInput: more is missing than a correction explains, and nobody said why.
    """
    return accepted(
        left_out(now, before, window), now.source, reason, all_of_them=all_of_them, because=because
    )


def accepted(
    found: LeftOut | None,
    source: str,
    reason: str = "",
    *,
    all_of_them: bool = False,
    because: str = "",
) -> LeftOut | None:
    """Returns what is missing with the reason given; refuses where it needs one and has none.

    Raises:
        InvalidInput: see ``checked_units``.
    """
    if found is None:
        return None
    if reason.strip():
        return replace(found, reason=reason.strip())
    if found.needs_reason or all_of_them:
        raise InvalidInput(
            f"this log leaves out {found.units:,} of the {found.of:,} units of the last check "
            f"(as of {day(found.since)}): {found.why}{f' ({because})' if because else ''}",
            where=source,
            fix="Give the whole log, old rows and new (a pattern such as 'logs/*.csv' names all its files); "
            "or, where these units must go, say why: "
            '--fewer "REASON" (fewer= in Python).',
        )
    return found


def fewer_than(now: OutcomeMoments, assigned: int, analysed: int, since: str) -> LeftOut | None:
    """Compares with the counts of a last check of which nothing else can be read any more."""
    cells = now.cells
    units = _drop((assigned, analysed), (int(cells.assigned.sum()), int(cells.n.sum())))
    why = "the log has fewer rows, or fewer outcomes, than it had then"
    return LeftOut(units, max(assigned, analysed), since, why) if units else None


def left_out(
    now: OutcomeMoments, before: OutcomeMoments, window: timedelta | None = None
) -> LeftOut | None:
    """Returns what of the last answer's units is not in the new one; None where nothing is."""
    views = [_by_period(now, before, window), _by_label("arm", now, before)]
    if _segments_compare(now.cells, before.cells):
        views.append(_by_label("segment", now, before))
    views.append(_other_units(now, before))
    lost = [v for v in views if v.units]
    if not lost:
        return None
    most = max(lost, key=lambda v: (v.whole, v.units))
    units = max(v.units for v in lost)
    return LeftOut(
        units=units,
        of=max(int(before.cells.assigned.sum()), units),
        since=before.as_of,
        why=most.why,
        whole=most.whole,
        explained=min(v.explained for v in lost),
    )


@dataclass(frozen=True, slots=True)
class _View:
    units: int = 0
    why: str = ""
    whole: bool = False
    explained: int = 0


def _by_period(now: OutcomeMoments, before: OutcomeMoments, window: timedelta | None) -> _View:
    changed = bool(before.contract) and now.contract != before.contract
    # Early records hold whole periods of the contract, not days.
    by_day = before.contract and (before.closed is None or before.closed.by_day)
    step = 1 if by_day else max(_step(now.cells), _step(before.cells))
    new, old = (_periods(cells, step) for cells in side_by_side(now, before))
    drops = {p: _drop(old[p], new.get(p, (0, 0))) for p in old}
    lost = {p: n for p, n in drops.items() if n > 0}
    if not lost:
        return _View()
    early = _open_as_of(now, before, window, step)
    there = {p for p in lost if changed and old[p][0] <= new.get(p, (0, 0))[0]}
    excused = {p: n for p, n in lost.items() if p in there or early(p)}
    unexcused = [p for p in lost if p not in excused]
    gone = [p for p in unexcused if p not in new]
    if not unexcused:
        why = (
            f"this check is as of {day(now.as_of)}, an earlier day"
            if now.as_of < before.as_of
            else "the promise was changed, and with it which units count"
        )
    elif gone:
        why = f"those decided {_when(gone)} are not in the log" if gone != [""] else _UNDATED
    elif unexcused == [""]:
        why = "the log has fewer rows, or fewer outcomes, than it had then"
    else:
        why = (
            f"the log has fewer rows, or fewer outcomes, of units decided {_when(unexcused)} "
            "than it had then"
        )
    return _View(sum(lost.values()), why, bool(gone), sum(excused.values()))


_UNDATED: Final = "those without a time of decision are not in the log"


def _when(periods: list[str]) -> str:
    dated = [p for p in periods if p]
    first, last = min(dated), max(dated)
    return f"on {day(first)}" if first == last else f"from {days_between(first, last)}"


def _open_as_of(
    now: OutcomeMoments, before: OutcomeMoments, window: timedelta | None, step: int
) -> Callable[[str], bool]:
    """Says of a period whether an earlier ``as_of`` explains that units of it are missing."""
    if now.as_of >= before.as_of:
        return lambda _: False
    whole = np.timedelta64(step, "D") + np.timedelta64(window.days if window else 0, "D")
    until = np.datetime64(now.as_of[:10], "D") - whole
    return lambda p: bool(p and np.datetime64(p, "D") > until)


def _by_label(key: str, now: OutcomeMoments, before: OutcomeMoments) -> _View:
    """What is gone of arms or segments altogether; a few units may have been moved by a correction."""
    old, new = (_labels(m.cells, key) for m in (before, now))
    gone = {k: max(v) for k, v in old.items() if max(v) and not max(new.get(k, (0, 0)))}
    if not gone:
        return _View()
    named = ", ".join(repr(k) for k in sorted(gone)[:_NAMED])
    more = f" and {len(gone) - _NAMED:,} more" if len(gone) > _NAMED else ""
    return _View(sum(gone.values()), f"the log has no units of {key} {named}{more}", whole=True)


def _other_units(now: OutcomeMoments, before: OutcomeMoments) -> _View:
    """Whether the log is about other units: their ids lie elsewhere, or cohorts vary both ways."""
    total = int(before.cells.assigned.sum())
    ids = [m.ids for m in (before, now)]
    if ids[0] and ids[1] and total:
        (low, high), (first, last) = ids[0], ids[1]
        if type(low) is type(first) and (last < low or first > high):
            why = f"ids in the log run from {first} to {last}, those of the last check from {low} to {high}"
            return _View(total, why, whole=True)
    if now.as_of < before.as_of:
        return _View()
    new, old = (_closed_periods(cells) for cells in side_by_side(now, before, whole=True))
    shared = [(n, new[k]) for k, n in old.items() if k in new]
    if len(shared) < _COHORTS:
        return _View()
    fewer = sum(b > a for b, a in shared)
    more = sum(b < a for b, a in shared)
    if min(fewer, more) < _SPREAD * len(shared):
        return _View()
    why = f"of {len(shared):,} days or weeks {fewer:,} have fewer units than then and {more:,} have more: the log seems to be about other units"
    return _View(max(1, sum(max(0, b - a) for b, a in shared)), why, whole=True)


def _drop(old: tuple[int, int], new: tuple[int, int]) -> int:
    """Units fewer, assigned or analysed, whichever fell more."""
    return max(old[0] - new[0], old[1] - new[1], 0)


def _periods(cells: Moments, step: int) -> dict[str, tuple[int, int]]:
    table = cells.collapse("period")
    keys = ["" if np.isnat(p) else str(p) for p in _floored(table.period, step)]
    out: dict[str, tuple[int, int]] = {}
    for key, assigned, n in zip(keys, table.assigned.tolist(), table.n.tolist(), strict=True):
        a, b = out.get(key, (0, 0))
        out[key] = (a + assigned, b + n)
    return {k: v for k, v in out.items() if max(v)}


def _floored(periods: NDArray[np.datetime64], step: int) -> NDArray[np.datetime64]:
    start = _MONDAY if step % _WEEK == 0 else _EPOCH
    out: NDArray[np.datetime64] = periods.copy()
    dated = ~np.isnat(periods)
    days = (periods[dated] - start).astype(np.int64)
    out[dated] = start + (days // step * step).astype("timedelta64[D]")
    return out


def _step(cells: Moments) -> int:
    """Days between periods, their greatest common divisor; 1 where there are fewer than two."""
    table = cells.collapse("period").period
    apart = np.diff(np.unique(table[~np.isnat(table)])) // _DAY
    return int(np.gcd.reduce(apart.astype(np.int64))) if len(apart) else 1


def _labels(cells: Moments, key: str) -> dict[str, tuple[int, int]]:
    table = cells.collapse(key)
    counts = zip(table.assigned.tolist(), table.n.tolist(), strict=True)
    return dict(zip((str(x) for x in getattr(table, key)), counts, strict=True))


def _closed_periods(cells: Moments) -> dict[str, int]:
    """Returns period -> units assigned, of periods whose units have all matured."""
    table = cells.collapse("period")
    whole = ~np.isnat(table.period) & (table.assigned == table.matured)
    return dict(zip(table.period[whole].astype(str), table.assigned[whole].tolist(), strict=True))


def _segments_compare(now: Moments, before: Moments) -> bool:
    """Whether both tables keep apart the same kind of segments."""
    new, old = ({str(x) for x in m.segment} for m in (now, before))
    return bool(new & old) and not _TOGETHER & (new | old)


def side_by_side(
    now: OutcomeMoments, before: OutcomeMoments, *, whole: bool = False
) -> tuple[Moments, Moments]:
    """Returns the cells of two answers with days that one does not keep apart under one label.

    Args:
        now: an answer.
        before: an earlier one.
        whole: leave out runs of days in which the later answer has days that the earlier had not.
    """
    new, old = now.cells, before.cells
    if now.spans is None and before.spans is None:
        return new, old
    a, b = (m.spans or Spans.of(m.cells.period, ()) for m in (now, before))
    later = tuple(d for d in a.first if d >= b.end)
    common = Spans(tuple(sorted({*({*a.first} & {*b.first}), *later})), a.end)
    if not common.first:
        common = Spans((min(*a.first, *b.first, a.end),), a.end)
    new, old = (replace(x, period=common.onto(x.period)) for x in (new, old))
    last = common.before(b.end)
    if whole and last < b.end < a.end:
        old = old.select(old.period < np.datetime64(last))
    return new, old
