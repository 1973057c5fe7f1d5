"""Adds the arm to each row of a CSV or Parquet file, streamed by DuckDB."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.assign import FLOAT_TEXT, labelled, rule_of, truth_segment
from spot_mlflow.validation import nearest, utc
from spot_mlflow_checks.engines.duck import open_path
from spot_mlflow_checks.holdout.arm_sql import arm_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime
    from pathlib import Path

    from spot_mlflow.lift.promise.arm_hash import ArmRule
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow_checks.engines.duck import DuckSource

_FORMATS: Final = {
    ".csv": "FORMAT csv, HEADER",
    ".gz": "FORMAT csv, HEADER, COMPRESSION gzip",
    ".parquet": "FORMAT parquet",
    ".pq": "FORMAT parquet",
}


def assign_file(
    source: str,
    out: Path,
    predicted: PredictedLift,
    *,
    at: datetime | date | str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Mapping[str, int]:
    """Writes the file again with one more column, the arm; all of it or nothing.

    Args:
        source: CSV or Parquet files, as an outcome log is named. Ids in CSV are hashed as written.
        out: .csv, .csv.gz or .parquet; what is there is replaced once everything is written.
        predicted: a contract with ``assignment``.
        at: time of decision, where the file has no column ``columns.decided_at``; otherwise now.
        progress: called with the name of each pass as it begins.

    Returns:
        Rows by label of the arm, the holdout first.

    Raises:
        InvalidInput: where a column is missing, an id is missing or a floating-point number, no step of
            the schedule was in force, or the file cannot be written.
    """
    rule, name = rule_of(predicted), predicted.columns.arm
    how = _FORMATS.get(out.suffix.lower())
    if how is None:
        raise InvalidInput("must end in .csv, .csv.gz or .parquet", where=str(out))
    tell = progress or (lambda _: None)
    with open_path(source, {}) as rows:
        if name in rows.families:
            raise InvalidInput(
                f"there is a column {name!r} already",
                where=rows.name,
                fix="Remove it, or rename columns.arm.",
            )
        number = _arm(rows, rule, predicted, at)
        tell("counting arms")
        counts = _counts(rows, rule, number)
        labels = labelled(rule, range(len(counts)))
        arm = sa.case(*((number == i, sa.literal(x)) for i, x in enumerate(labels)))
        quoted = arm.label(sa.quoted_name(name, quote=True))
        tell("writing")
        _write(rows, sa.select(rows.log, quoted), out, how)
    return dict(zip(map(str, labels), counts, strict=True))


def _arm(
    rows: DuckSource, rule: ArmRule, predicted: PredictedLift, at: datetime | date | str | None
) -> sa.ColumnElement[int]:
    """The number of each row's arm, 0 for the holdout."""
    d, c = rows.dialect, predicted.columns
    _check_ids(rows, rule.column)
    if at is None and c.decided_at is not None and c.decided_at in rows.families:
        decided_at = d.time(rows.column(c.decided_at), rows.families[c.decided_at])
    else:
        decided_at = sa.literal(utc(at).timestamp())
    segment = None
    if rule.by_segment and c.segment is not None:
        _refuse_missing(rows, c.segment, "which the schedule of the assignment needs")
        if rows.families[c.segment] == "bool":
            raise truth_segment(c.segment, rows.name)
        segment = d.text(rows.column(c.segment))
    unit, arms = d.text(rows.column(rule.column)), range(len(rule.treated) + 1)
    return arm_of(d, unit, rule, decided_at=decided_at, segment=segment, labels=arms)


def _refuse_missing(rows: DuckSource, name: str, what: str) -> None:
    if name not in rows.families:
        raise InvalidInput(
            f"no column {name!r}, {what}{nearest(name, rows.families)}",
            where=rows.name,
            fix="Add it, or correct the contract.",
        )


def _check_ids(rows: DuckSource, name: str) -> None:
    _refuse_missing(rows, name, "the id that is hashed")
    family, kind = rows.families[name], rows.kinds[name]
    if family not in {"integer", "text"} and kind != "UUID":
        raise InvalidInput(
            f"ids are of type {kind}; they must be text, whole numbers, decimals or UUIDs",
            where=f"{rows.name}, column {name!r}",
            fix="A floating-point id is not the same text everywhere: write it as a whole number.",
        )
    unit = rows.dialect.text(rows.column(name))
    missing = sa.or_(unit.is_(None), unit == "")
    float_like = sa.func.regexp_matches(unit, FLOAT_TEXT) if family == "text" else sa.false()
    query: Any = sa.select(
        sa.func.count(sa.case((missing, 1))), sa.func.count(sa.case((float_like, 1)))
    )
    blank, floats = rows.fetch(query)[0]
    where = f"{rows.name}, column {name!r}"
    if blank:
        raise InvalidInput(
            f"{blank:,} rows have no id, so no arm can be computed",
            where=where,
            fix="Remove these rows.",
        )
    if floats:
        raise InvalidInput(
            f"{floats:,} ids end in .0: they were floating-point numbers, and 12.0 is not the same text as 12",
            where=where,
            fix="Write ids as whole numbers or text.",
        )


def _counts(rows: DuckSource, rule: ArmRule, arm: sa.ColumnElement[int]) -> list[int]:
    query: Any = sa.select(arm, sa.func.count()).group_by(sa.literal_column("1"))
    found: dict[Any, int] = {a: int(n) for a, n in rows.fetch(query)}
    if found.get(None):
        raise InvalidInput(
            f"no step of the schedule is in force for {found[None]:,} rows",
            where="assignment.schedule",
            fix="Add a step without from, or an earlier one; the time of decision must be readable.",
        )
    return [found.get(i, 0) for i in range(len(rule.treated) + 1)]


def _write(rows: DuckSource, query: sa.Select[Any], out: Path, how: str) -> None:
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        try:
            rows.write(query, str(draft), how)
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as e:
        raise InvalidInput(f"cannot be written: {e.strerror or e}", where=str(out)) from None
