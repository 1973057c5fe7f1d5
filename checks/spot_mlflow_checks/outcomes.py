"""One outcome log to ``OutcomeMoments``: the passes in order, each named in the result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments import HOLDOUT, OutcomeMoments
from spot_mlflow.validation import utc
from spot_mlflow_checks.clusters import cluster_pass
from spot_mlflow_checks.columns import columns_in
from spot_mlflow_checks.faults import rules_for
from spot_mlflow_checks.identity import example_pass, identity_pass
from spot_mlflow_checks.reduction import (
    base_pass,
    fold_segments,
    score_pass,
    team_pass,
    with_centers,
)
from spot_mlflow_checks.rows import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import Fault
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
    tell("base")
    reading = with_centers(reading)
    cells, faults, rows = base_pass(reading)
    _refuse_unusable(reading, cells, faults, rows)
    cells, notes = fold_segments(cells, segment_limit, list(predicted.segments))
    # What a unit without a covariate counts as is known only now.
    reading = replace(reading, center=dict(zip(cells.measures, cells.center.tolist(), strict=True)))
    optional = _optional_passes(reading, faults, tell)
    return OutcomeMoments(
        cells=cells,
        faults={**faults, **optional.pop("faults", {})},
        as_of=moment.isoformat(timespec="seconds"),
        source=source.name,
        digest=source.digest,
        rows=rows,
        columns=tuple(reading.columns.names),
        passes=("base", *optional.pop("passes")),
        notes=(*_notes(reading), *notes),
        **optional,
    )


def _optional_passes(r: Reading, faults: Mapping[str, Fault], tell: Progress) -> dict[str, Any]:
    """Runs the passes that need another grain, only those that the contract asks for."""
    out: dict[str, Any] = {}
    passes: list[str] = []

    def begin(name: str) -> None:
        tell(name)
        passes.append(name)

    if r.has("cluster"):
        begin("clusters")
        out["clusters"] = cluster_pass(r, alone=faults["missing_cluster"].count > 0)
    if r.has("unit"):
        if any(f.count for f in faults.values()):
            begin("examples")
            out["faults"] = example_pass(r, faults, rules_for(r))
        begin("units")
        out["faults"] = {**out.get("faults", {}), **identity_pass(r)}
    if r.has("score") and r.predicted.score_edges:
        begin("score bins")
        out["score_bins"] = score_pass(r)
    if r.has("team"):
        begin("teams")
        out["teams"] = team_pass(r)
    return {**out, "passes": passes}


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
