"""One outcome log to ``OutcomeMoments``: the passes in order, each named in the result."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments import HOLDOUT, OutcomeMoments
from spot_mlflow.validation import utc
from spot_mlflow_checks.clusters import cluster_pass
from spot_mlflow_checks.columns import columns_in
from spot_mlflow_checks.faults import rules_for
from spot_mlflow_checks.identity import example_pass, identity_pass
from spot_mlflow_checks.reduction import base_pass, fold_segments, with_centers
from spot_mlflow_checks.rows import Reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow_checks.engines.source import Source

    Progress = Callable[[str], None]

SEGMENT_LIMIT: Final = 200


def reduce_source(
    source: Source,
    predicted: PredictedLift,
    *,
    as_of: datetime | date | str | None = None,
    model_version: str | None = None,
    segment_limit: int = SEGMENT_LIMIT,
    progress: Progress | None = None,
) -> OutcomeMoments:
    """Reduces an open source.

    Args:
        source: where the log lies.
        predicted: the contract.
        as_of: moment at which maturity is judged; now where None.
        model_version: rows of other versions do not count; None takes all.
        segment_limit: segments kept apart; the rest is folded together, and said.
        progress: called with the name of each pass as it begins.

    Raises:
        InvalidInput: naming what the log lacks, and where.
    """
    tell = progress or (lambda _name: None)
    moment = utc(as_of)
    reading = Reading(source, predicted, columns_in(source, predicted), moment.timestamp(), model_version)
    passes = ["base"]
    tell("base")
    reading = with_centers(reading)
    cells, faults, rows = base_pass(reading)
    _refuse_unusable(reading, cells, faults, rows)
    cells, notes = fold_segments(cells, segment_limit, list(predicted.segments))
    clusters = None
    if reading.has("cluster"):
        tell("clusters")
        passes.append("clusters")
        clusters = cluster_pass(reading)
    if reading.has("unit"):
        tell("units")
        passes.append("units")
        if any(f.count for f in faults.values()):
            faults = example_pass(reading, faults, rules_for(reading))
        faults = {**faults, **identity_pass(reading)}
    return OutcomeMoments(
        cells=cells,
        faults=faults,
        as_of=moment.isoformat(timespec="seconds"),
        source=source.name,
        digest=source.digest,
        rows=rows,
        columns=tuple(reading.columns.names),
        passes=tuple(passes),
        clusters=clusters,
        notes=(*_notes(reading), *notes),
    )


def _notes(r: Reading) -> list[str]:
    out = [
        f"The contract names {column!r} as columns.{key}; the log has no such column"
        for key, column in r.columns.absent.items()
    ]
    if r.predicted.window is not None and not r.has("decided_at"):
        out.append("The log does not say when units were decided: all are taken as mature")
    return out


def _refuse_unusable(r: Reading, cells: Any, faults: Any, rows: int) -> None:
    """Raises where no lift can be computed at all, saying what was found instead."""
    where = r.source.name
    columns = r.predicted.columns
    if rows == 0:
        raise InvalidInput("the log is empty", where=where, fix="Give one row per unit.")
    unreadable = faults["unreadable_outcome"]
    if unreadable.count and int(cells.n.sum()) == 0:
        raise InvalidInput(
            f"column {columns.outcome!r} (columns.outcome) holds text: "
            f"{unreadable.count:,} of {rows:,} outcomes are no numbers",
            where=where,
            fix="Write 1 and 0, or amounts.",
        )
    treated = [str(x) for x in columns.treated_labels]
    present = set(cells.arm.tolist())
    wanted = {f"holdout {columns.holdout!r}": HOLDOUT in present}
    wanted |= {f"treated {', '.join(map(repr, treated))}": bool(present - {HOLDOUT})}
    gone = [k for k, there in wanted.items() if not there]
    if gone:
        raise InvalidInput(
            f"column {columns.arm!r} (columns.arm) has no rows with {' nor with '.join(gone)}; "
            f"{faults['missing_arm'].count:,} of {rows:,} rows have no arm, "
            f"{faults['unknown_arm'].count:,} another one",
            where=where,
            fix="Correct columns.treated and columns.holdout in lift.yaml, or the log.",
        )
