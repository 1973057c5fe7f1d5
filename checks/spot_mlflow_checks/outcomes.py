"""One outcome log to ``OutcomeMoments``: the passes in order, each named in the result."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow import figures
from spot_mlflow.days import day
from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.measures import FLAGS
from spot_mlflow.lift.moments.outcome_moments import Fault, OutcomeMoments
from spot_mlflow.lift.stored.kept_units import checked_units
from spot_mlflow.lift.strata.choice import with_cut
from spot_mlflow.validation import utc
from spot_mlflow_checks.action_pass import action_pass
from spot_mlflow_checks.blanks import blank_notes, settled, with_unknown
from spot_mlflow_checks.centering import lone_giants
from spot_mlflow_checks.clusters import cluster_pass
from spot_mlflow_checks.columns import HASHED, columns_in, guardrail_key
from spot_mlflow_checks.diagnosis import explaining
from spot_mlflow_checks.faults import EXPECTED, rules_for
from spot_mlflow_checks.feed_end import judged_as_of
from spot_mlflow_checks.guardrails import guarded
from spot_mlflow_checks.holdout.arm_causes import recomputed
from spot_mlflow_checks.identity import example_pass, identity_pass, version_pass
from spot_mlflow_checks.incremental import (
    TOGETHER,
    closed_changes,
    merged,
    remembered,
    why_not,
    why_open_rows_miss,
    why_units_meet,
)
from spot_mlflow_checks.reading import SEGMENT_LIMIT, Reading
from spot_mlflow_checks.reduction import (
    BasePass,
    base_pass,
    fold_segments,
    label_pass,
    score_pass,
    with_cap,
    with_centers,
)
from spot_mlflow_checks.rows import asks_version, is_indicator
from spot_mlflow_checks.steps import counts_known
from spot_mlflow_checks.sums import segment_label
from spot_mlflow_checks.versions import versions_said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.closed import ClosedCohorts
    from spot_mlflow.lift.moments.left_out import LeftOut
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow_checks.engines.source import Source
    from spot_mlflow_checks.incremental import ClosedChanges

    Progress = Callable[[str], None]

_CLOCKS: Final = 3600  # seconds: clocks differ; and a query said alike is planned and compiled once
_NAMED: Final = 3  # labels of a column that a message shows


def reduce_source(
    source: Source,
    predicted: PredictedLift,
    *,
    as_of: datetime | date | str | None = None,
    model_version: str | None = None,
    previous: OutcomeMoments | None = None,
    fewer: str | None = None,
    full: bool = False,
    promise: str = "",
    segment_limit: int = SEGMENT_LIMIT,
    progress: Progress | None = None,
    joined: bool = False,
) -> OutcomeMoments:
    """Reduces an open source.

    Args:
        source: where the log lies.
        predicted: the contract.
        as_of: moment at which maturity is judged; now where None.
        model_version: rows of other versions do not count; None takes all.
        previous: what an earlier check stored; its closed cohorts are not read again where that
            gives the same answer.
        fewer: why units of the earlier check are meant to be missing from this one.
        full: read everything, closed cohorts too.
        promise: digest of the promise, where the log is broken down by a column that it does not name.
        segment_limit: segments kept apart; the rest is folded together, and said.
        progress: called with the name of each pass as it begins.
        joined: whether the log was just made of raw tables, and ``as_of`` is when their events end.

    Raises:
        InvalidInput: naming what the log lacks, and where.
    """
    moment, columns = utc(as_of), columns_in(source, predicted)
    if not joined:
        moment = judged_as_of(source, predicted, columns.names, moment)
    now = math.ceil(utc(None).timestamp() / _CLOCKS) * float(_CLOCKS)
    r = Reading(
        source,
        predicted,
        columns,
        moment.timestamp(),
        model_version,
        now,
        segment_limit=segment_limit,
        tell=progress or (lambda _name: None),
        earlier=() if previous is None or previous.recomputed is None else (previous.recomputed,),
    )
    promise = promise or predicted.digest
    source.put_in_order(_in_order(columns.names, source.families))
    with explaining(r):
        if previous is None:
            first = with_cut(_reduce(r)[1], predicted)
            return replace(first, contract=promise)
        again = _read_again if full else partial(_continue, previous=previous)
        read = again(r)
    moments = replace(with_cut(read.moments, predicted, previous), contract=promise)
    if not _same_version(previous, model_version):
        return moments
    lost = checked_units(
        moments,
        previous,
        window=predicted.window,
        reason=fewer or "",
        all_of_them=read.new_alone,
        because=read.why,
    )
    return moments if lost is None else with_left_out(moments, lost)


@dataclass(frozen=True, slots=True)
class _Read:
    """How a log was read after an earlier check.

    Attributes:
        moments: what it says.
        why: why everything was read again, or "".
        new_alone: whether the log holds no row of a closed cohort.
    """

    moments: OutcomeMoments
    why: str = ""
    new_alone: bool = False


def _in_order(names: Mapping[str, str], all_of_them: Iterable[str]) -> list[str]:
    """All columns of a log, those first that tell its rows apart, then the others that are read.

    Those that are not read by name are kept, too: a row is blank only where all of its cells are.
    """
    first = [names[k] for k in ("unit", "cluster", "decided_at") if k in names]
    return list(dict.fromkeys([*first, *sorted(names.values()), *all_of_them]))


def _same_version(previous: OutcomeMoments, model_version: str | None) -> bool:
    return previous.closed is None or previous.closed.model_version == model_version


def with_left_out(moments: OutcomeMoments, lost: LeftOut) -> OutcomeMoments:
    """Returns moments that say what of the last check's units they lack."""
    fault = Fault("left_out_unit", lost.units, lost.of)
    return replace(moments, left_out=lost, faults={**moments.faults, fault.name: fault})


def _continue(r: Reading, previous: OutcomeMoments) -> _Read:
    """Reads what is new, or everything where that would not give the same answer."""
    why, closed = why_not(r, previous), previous.closed
    if closed is None or not closed.tallies or not r.has("decided_at"):
        return _read_again(r, why)
    r.tell("closed cohorts")
    changes = closed_changes(r, previous, closed)
    why = why or changes.words
    if not why and previous.spans is not None and changes.found and not changes.absent:
        why = TOGETHER
    if not why:
        late = replace(r, since=closed.boundary)
        base, new = _reduce(late, previous)
        if not changes.found:
            _refuse_hopeless(r, base.faults, base.rows)
        why = why_units_meet(base, {"faults": new.faults, "clusters": new.clusters}, closed)
        if not changes.found:
            why = why or why_open_rows_miss(base, closed)
        if not why:
            whole = merged(r, previous, base, new)
            notes = (*whole.notes, *_from_last_check(changes, closed, previous.as_of))
            faults = {**whole.faults, **_late(closed, 0, 0)}
            return _Read(replace(whole, notes=notes, faults=faults), new_alone=not changes.found)
    again = _read_again(r, why)
    late_rows = _late(closed, changes.added, changes.removed + changes.absent)
    moments = replace(again.moments, faults={**again.moments.faults, **late_rows})
    return replace(again, moments=moments)


def _from_last_check(changes: ClosedChanges, closed: ClosedCohorts, as_of: str) -> list[str]:
    """Says which rows are not in the log and were counted as at the last check."""
    absent = changes.absent if changes.found else closed.rows
    which = f"decided before {day(changes.first)}" if changes.found else closed.words
    if not absent:
        return []
    said = f"{absent:,} rows {which} are not in this log; they count as at the last check"
    return [f"{said}, as of {day(as_of)}"]


def _read_again(r: Reading, why: str = "") -> _Read:
    """Reads everything, and says why where something else could be expected."""
    _, whole = _reduce(r)
    # Where decisions are not dated nobody can expect anything else.
    notes = [f"The full log was re-read because {why}"] if why and r.has("decided_at") else []
    return _Read(replace(whole, notes=(*whole.notes, *notes)), why)


def _late(closed: ClosedCohorts, added: int, removed: int) -> dict[str, Fault]:
    rows = closed.rows
    return {
        "late_row": Fault("late_row", added, rows + added),
        "removed_row": Fault("removed_row", removed, rows),
    }


def _reduce(r: Reading, previous: OutcomeMoments | None = None) -> tuple[BasePass, OutcomeMoments]:
    """Runs all passes; a reading that goes on from an earlier check may find no rows, or one arm."""
    first = []
    if r.predicted.outliers is not None:
        r.tell("quantile")
        first.append("quantile")
        r = with_cap(r)
    r.tell("base")
    r = with_centers(r)
    base = base_pass(r)
    r, base = _with_unknown(r, base, previous)
    if previous is None:
        _refuse_unusable(r, base.cells, base.faults, base.rows)
    cells, notes = fold_segments(
        base.cells, r.segment_limit, list(r.predicted.segments), base.segments
    )
    if base.segments:
        first.append("segments")
    last = ["guardrail clusters"] if r.has("cluster") and base.guardrails else []
    # What a unit without a covariate counts as is known only now.
    own = dict(zip(cells.measures, cells.center.tolist(), strict=True))
    r = replace(r, center={**r.center, **own})
    folded = {
        k: fold_segments(g, r.segment_limit, list(r.predicted.segments), base.segments)[0]
        for k, g in base.guardrails.items()
    }
    optional = _optional_passes(r, base)
    if asks_version(r):
        mixed = version_pass(r) if base.versions else Fault("mixed_model_version", 0, base.rows)
        optional["faults"] = {**optional.get("faults", {}), mixed.name: mixed}
    as_of = datetime.fromtimestamp(r.as_of, tz=timezone.utc)
    moments = OutcomeMoments(
        cells=cells,
        faults={**base.faults, **optional.pop("faults", {})},
        as_of=as_of.isoformat(timespec="seconds"),
        source=r.source.name,
        digest=r.source.digest,
        rows=base.rows,
        columns=tuple(r.columns.names),
        passes=(*first, "base", *optional.pop("passes"), *last),
        notes=(*_notes(r), *blank_notes(r), *_found(r, base), *notes),
        closed=remembered(r, base),
        recomputed=recomputed(r, base.faults, r.earlier),
        ids=base.ranges.get(("unit", "all")),
        guardrails=guarded(r, folded, alone=base.faults.get("missing_cluster", _NONE).count > 0),
        blanks=r.blanks,
        **optional,
    )
    return replace(base, cells=cells), moments


def _with_unknown(
    r: Reading, base: BasePass, previous: OutcomeMoments | None
) -> tuple[Reading, BasePass]:
    """Reads a log again in which it is blank whether units passed a step, and counts who was asked."""
    r = with_unknown(r, base.cells, previous)
    if not r.blanks and not counts_known(r):
        return r, base
    cells = settled(r, base.cells)
    return r, base_pass(r) if cells is None else replace(base, cells=cells)


def _optional_passes(r: Reading, base: BasePass) -> dict[str, Any]:
    """Runs the passes that need another grain, only those that the contract asks for."""
    faults = base.faults
    out: dict[str, Any] = {}
    passes: list[str] = []

    def begin(name: str) -> None:
        r.tell(name)
        passes.append(name)

    if r.has("cluster"):
        begin("clusters")
        out["clusters"] = cluster_pass(r, alone=faults["missing_cluster"].count > 0)
    if r.has("unit"):
        if any(f.count for f in faults.values() if f.name not in EXPECTED):
            begin("examples")
            out["faults"] = example_pass(r, faults, rules_for(r))
        begin("units")
        out["faults"] = {**out.get("faults", {}), **identity_pass(r, apart=base.apart > 0)}
    if r.has("score") and r.predicted.score_edges:
        begin("score bins")
        out["score_bins"] = score_pass(r)
    if r.has("team"):
        begin("teams")
        out["teams"] = label_pass(r, "team")
    if r.has("acted"):
        begin("actions")
        out["actions"] = action_pass(r)
    if r.has("offer"):
        begin("offers")
        out["offers"] = label_pass(r, "offer")
    return {**out, "passes": passes}


_NONE: Final = Fault("", 0, 0)


def _place(r: Reading, key: str) -> str:
    """Where the contract names a column."""
    if key == HASHED:
        return "assignment.unit"
    found = [g.name for i, g in enumerate(r.predicted.guardrails) if guardrail_key(i) == key]
    return f"guardrail {found[0]!r}" if found else f"columns.{key}"


def _notes(r: Reading) -> list[str]:
    out = [
        f"The contract names {column!r} as {_place(r, key)}; the log has no such column"
        for key, column in r.columns.absent.items()
    ]
    if r.predicted.window is not None and not r.has("decided_at"):
        out.append("The log does not say when units were decided: all are taken as mature")
    if r.as_of > r.now and r.has("decided_at"):
        day = datetime.fromtimestamp(r.as_of, tz=timezone.utc).date()
        out.append(f"Maturity is judged as of {day}, which is in the future")
    return out


def _found(r: Reading, base: BasePass) -> list[str]:
    """What was left out, and what outweighs everything else."""
    out = []
    if base.blank:
        rows = "1 blank row was" if base.blank == 1 else f"{base.blank:,} blank rows were"
        out.append(f"{rows} left out: they are empty")
    if not is_indicator(r, "outcome") and r.cap is None:
        out += [
            f"One outcome of about {figures.plain(x)} in {arm} outweighs all others together. If it means "
            "'unknown' or is a mistake, correct it; else declare outliers: {winsorize: 0.99}"
            for arm, x in lone_giants(base.cells).items()
        ]
    return out


def _refuse_unusable(r: Reading, cells: Moments, faults: Mapping[str, Fault], rows: int) -> None:
    """Raises where no lift can be computed at all, saying what was found instead."""
    _refuse_hopeless(r, faults, rows)
    unreadable = faults["unreadable_outcome"]
    if unreadable.count and int(cells.n.sum()) == 0:
        raise InvalidInput(
            f"column {r.columns.names['outcome']!r} (columns.outcome) holds text: "
            f"{unreadable.count:,} of {unreadable.total:,} outcomes are not numbers",
            where=r.source.name,
            fix="Write 1 and 0, or amounts: 12.50 without a currency or a decimal comma.",
        )
    _refuse_one_arm(r, cells, faults, rows)
    _refuse_foreign_answers(r, cells, faults)


def _refuse_foreign_answers(r: Reading, cells: Moments, faults: Mapping[str, Fault]) -> None:
    """Raises where a step has answers and none of the treated's can be read as yes or no."""
    treated = cells.select(cells.arm.astype(str) != HOLDOUT)
    for key in FLAGS:
        fault, at = faults.get(f"unreadable_{key}"), cells.index(key)
        if fault is None or not fault.count or at is None:
            continue
        if int(treated.n.sum()) > int(treated.missing[:, at].sum()):
            continue
        column, family = (
            r.source.column(r.columns.names[key]),
            r.source.families[r.columns.names[key]],
        )
        read = r.source.dialect.truth(column, family).is_not(None)
        raise InvalidInput(
            f"column {r.columns.names[key]!r} (columns.{key}) must hold yes or no; no treated "
            f"row has a readable answer{_labels_other_than(r, key, [read])}",
            where=r.source.name,
            fix="Write 1 and 0, true and false, or the time when it happened; or leave the column "
            "out of lift.yaml.",
        )


def _refuse_hopeless(r: Reading, faults: Mapping[str, Fault], rows: int) -> None:
    """Raises where every row has a fault that leaves nothing to check, or there is none."""
    where = r.source.name
    if rows == 0:
        raise InvalidInput("the log is empty", where=where, fix="Give one row per unit.")
    for name, (key, what, fix) in _HOPELESS.items():
        fault = faults.get(name)
        if fault is not None and fault.count == fault.total > 0:
            column = r.columns.names[key]
            there = ""
            if name == "other_model_version":
                known = versions_said(r.source.fetch, r.source.column(column), r.source.log)
                there = f" than {r.model_version}: {known}"
            raise InvalidInput(
                f"column {column!r} (columns.{key}): {what}{there}, in all {fault.count:,} rows",
                where=where,
                fix=fix,
            )


# Fault that leaves nothing to check once every row has it: (contract key, what it is, what to do).
_HOPELESS: Final = {
    "missing_time": ("decided_at", "no time can be read", "Write times as 2027-01-31 or 2027-01-31T10:00:00Z."),
    "absurd_time": ("decided_at", "decided in the future or before 1970", "Correct the times."),
    "after_as_of": ("decided_at", "decided after as_of", "Give a later --as-of."),
    "infinite_outcome": ("outcome", "infinite", "Write amounts."),
    "infinite_value": ("value", "infinite", "Write amounts."),
    "infinite_cost": ("cost", "infinite", "Write amounts."),
    "missing_unit": ("unit", "no unit has an id", "Write ids, or leave columns.unit out."),
    "other_model_version": ("model_version", "another model version", "Check which version the log belongs to."),
}  # fmt: skip


def _refuse_one_arm(r: Reading, cells: Moments, faults: Mapping[str, Fault], rows: int) -> None:
    columns = r.predicted.columns
    present = set(cells.arm.tolist())
    treated = ", ".join(repr(x) for x in columns.treated_labels)
    wanted = {
        f"holdout ({columns.holdout!r})": HOLDOUT in present,
        f"treated ({treated})": bool(present - {HOLDOUT}),
    }
    gone = [k for k, there in wanted.items() if not there]
    if gone and r.predicted.design != "before_after":
        unknown = (
            _labels_other_than(r, "arm", _named_arms(r)) if faults["unknown_arm"].count else ""
        )
        raise InvalidInput(
            f"column {columns.arm!r} (columns.arm) has no rows of the {' or the '.join(gone)}; "
            f"of {figures.things(rows, 'row')}, {faults['missing_arm'].count:,} have no arm and "
            f"{faults['unknown_arm'].count:,} another value{unknown}",
            where=r.source.name,
            fix="Say in lift.yaml which value is which, for example columns: {treated: offer, holdout: none}; "
            "or correct the log.",
        )


def _named_arms(r: Reading) -> list[Any]:
    """Whether a row has one of the arms that the contract names."""
    name = r.columns.names["arm"]
    column, family = r.source.column(name), r.source.families[name]
    return [r.source.dialect.equals(column, family, x) for x in r.arms]


def _labels_other_than(r: Reading, key: str, known: Sequence[Any]) -> str:
    """A few labels of a column that are neither blank nor known."""
    name = r.columns.names[key]
    column = r.source.column(name)
    blank = r.source.dialect.blank(column, r.source.families[name])
    query = (
        sa.select(column).where(sa.not_(sa.or_(blank, *known))).group_by(column).order_by(column)
    )
    found = [repr(segment_label(row[0])) for row in r.source.fetch(query.limit(_NAMED + 1))]
    shown = [*found[:_NAMED], *(["..."] if len(found) > _NAMED else [])]
    return f" ({', '.join(shown)})" if shown else ""
