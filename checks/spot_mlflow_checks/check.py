"""``check_outcomes``: a log and a contract in, a ``LiftReport`` out; nothing is logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.report import LiftReport
from spot_mlflow.lift.stored.kept_units import checked_units
from spot_mlflow_checks.analyses import analysis_of
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source, with_left_out
from spot_mlflow_checks.raw.given import ready_log
from spot_mlflow_checks.raw.joined import complete_to, joined_log
from spot_mlflow_checks.reading import SEGMENT_LIMIT
from spot_mlflow_checks.reduced import read_reduced
from spot_mlflow_checks.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments


def check_outcomes(  # noqa: PLR0913 - each says how one log is read; all are named
    source: Any,
    predicted: PredictedLift | dict[str, Any] | str | Path,
    *,
    as_of: datetime | date | str | None = None,
    table: str | None = None,
    query: str | None = None,
    model_version: str | None = None,
    segment: str | None = None,
    previous: OutcomeMoments | LiftReport | None = None,
    previous_looks: int = 0,
    fewer: str | None = None,
    full: bool = False,
    reduced: bool = False,
    progress: Callable[[str], None] | None = None,
    segment_limit: int = SEGMENT_LIMIT,
    complete_until: str | None = None,
) -> LiftReport:
    """Checks an outcome log against a lift contract.

    Args:
        source: a pandas, polars or pyarrow frame; a DuckDB relation; the path or glob of CSV or
            Parquet files; a SQLAlchemy URL, engine or connection; a Spark DataFrame. Or raw tables, as
            a mapping with decisions, arms, events and steps; None where the contract names the log
            (``outcome_log``) or all tables (``sources``).
        predicted: the contract, as an object, a dict or the path of ``lift.yaml``.
        as_of: moment at which maturity is judged; now where None, UTC where it has no zone.
        table: for a database, the table; "schema.table" where it stands in a schema.
        query: for a database, a query instead of a table.
        model_version: the version checked; rows of other versions do not count.
        segment: column to break the lift down by, where the contract names none.
        previous: what an earlier check of this contract found; closed cohorts are not read again
            where that gives the same answer.
        previous_looks: checks of this contract that came before.
        fewer: why units that the earlier check rests on are meant to be missing from this one; without
            a reason a log that leaves out more than a correction would is refused.
        full: read everything, closed cohorts too; the earlier check is compared with all the same.
        reduced: the source is a table that another tool has reduced, with n, sum and sum of squares
            by arm, day and segment (``spot_mlflow_checks.reduced``).
        progress: called with the name of each pass as it begins.
        segment_limit: segments kept apart; the rest is folded together, and said.
        complete_until: of raw tables: up to when all events are there, instead of what the contract says.

    Returns:
        The report; log it with ``spot_mlflow.log_outcomes``.

    Raises:
        InvalidInput: naming what is wrong with the source or the contract, and where.
    """
    contract = PredictedLift.load(predicted)
    read_by = _by_segment(contract, segment)
    earlier = previous.moments if isinstance(previous, LiftReport) else previous
    if source is None and contract.outcome_log is not None:
        source, table, query = ready_log(contract.outcome_log)
    if source is None or isinstance(source, Mapping):
        moments = _read_joined(
            source,
            complete_to(read_by, complete_until),
            contract,
            as_of,
            progress,
            model_version=model_version,
            previous=earlier,
            fewer=fewer,
            full=full,
            segment_limit=segment_limit,
        )
    elif reduced:
        moments = _read_reduced(source, read_by, contract, as_of, earlier, fewer)
    else:
        with open_source(source, read_by, table=table, query=query) as opened:
            moments = reduce_source(
                opened,
                read_by,
                as_of=as_of,
                model_version=model_version,
                previous=earlier,
                fewer=fewer,
                full=full,
                promise=contract.digest,
                segment_limit=segment_limit,
                progress=progress,
            )
    if progress:
        progress("statistics")
    # Before Great Expectations, which would wrap what this raises into a result.
    analysis = analysis_of(moments, contract, previous_looks, earlier)
    checks, validation = validate(moments, contract, previous_looks=previous_looks)
    return LiftReport(
        predicted=contract,
        analysis=analysis,
        checks=checks,
        moments=moments,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        validation=validation,
        previous_looks=previous_looks,
    )


def _read_joined(
    tables: Mapping[str, Any] | None,
    read_by: PredictedLift,
    contract: PredictedLift,
    as_of: datetime | date | str | None,
    progress: Callable[[str], None] | None,
    *,
    model_version: str | None,
    **settings: Any,
) -> OutcomeMoments:
    """Joins raw tables to a log, and reads that as any other."""
    with joined_log(
        tables, read_by, as_of=as_of, model_version=model_version, progress=progress
    ) as log:
        moments = reduce_source(
            log.source,
            read_by,
            as_of=log.as_of,
            model_version=model_version,
            promise=contract.digest,
            progress=progress,
            joined=True,
            **settings,
        )
        return log.with_faults(moments)


def _read_reduced(  # noqa: PLR0917 - what ``check_outcomes`` was given
    source: Any,
    read_by: PredictedLift,
    contract: PredictedLift,
    as_of: datetime | date | str | None,
    earlier: OutcomeMoments | None,
    fewer: str | None,
) -> OutcomeMoments:
    """Reads a table reduced elsewhere, and holds it to the units of the last check."""
    moments = replace(read_reduced(source, read_by, as_of=as_of), contract=contract.digest)
    if earlier is None:
        return moments
    lost = checked_units(moments, earlier, window=contract.window, reason=fewer or "")
    return moments if lost is None else with_left_out(moments, lost)


def _by_segment(contract: PredictedLift, segment: str | None) -> PredictedLift:
    """Returns the contract to read the log by; the promise itself stays as it is."""
    if segment is None or segment == contract.columns.segment:
        return contract
    if contract.columns.segment is not None:
        raise InvalidInput(
            f"segment == {segment!r}, but the promise names column {contract.columns.segment!r}",
            where="columns.segment",
            fix="Its segments are part of the promise; record a new promise to change them.",
        )
    columns = contract.columns.model_copy(update={"segment": segment})
    return contract.model_copy(update={"columns": columns})
