"""Gives each row of a frame its arm, as the contract's ``assignment`` says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.arm_hash import arm_numbers, unit_text
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.validation import nearest, shortened, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from numpy.typing import NDArray

    from spot_mlflow.lift.promise.arm_hash import ArmRule, Label

FLOAT_TEXT: Final = r"^-?[0-9]+\.0$"  # what a whole number becomes beside a missing one
_FLOAT: Final = re.compile(FLOAT_TEXT)


def rule_of(predicted: PredictedLift) -> ArmRule:
    """Returns the rule of a contract.

    Raises:
        InvalidInput: where it has no ``assignment``.
    """
    rule = predicted.arm_rule
    if rule is None:
        raise InvalidInput(
            "the contract has no assignment",
            where="assignment",
            fix="Add for example assignment: {salt: churn/2027-01, holdout: 0.1}.",
        )
    return rule


def assign_arms(
    frame: Any,
    contract: PredictedLift | dict[str, Any] | str | Path,
    *,
    at: datetime | date | str | None = None,
) -> Any:
    """Adds the arm of each row; the same id always has the same arm.

    Args:
        frame: pandas, polars or pyarrow, with the column of the id that ``assignment`` hashes; where
            the schedule names segments, with ``columns.segment``.
        contract: ``PredictedLift``, a dict or the path of ``lift.yaml``.
        at: time of decision (UTC unless it has an offset); it picks the step of a schedule. The frame's
            own column ``columns.decided_at`` is used where it is there; otherwise now.

    Returns:
        A frame of the same kind with one more column, ``columns.arm``.

    Raises:
        InvalidInput: where a column is missing or there already, an id is missing or a floating-point
            number, or no step of the schedule was in force.
    """
    import narwhals as nw

    predicted = PredictedLift.load(contract)
    rule = rule_of(predicted)
    try:
        rows = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise InvalidInput(
            f"arms are assigned in pandas, polars and pyarrow frames, not in a {type(frame).__module__}"
            f".{type(frame).__name__}",
            fix="For a table in a database or in Spark use the expression of spot assign LIFT.YAML --sql.",
        ) from None
    name = predicted.columns.arm
    if name in rows.columns:
        raise InvalidInput(
            f"there is a column {name!r} already, which would be overwritten",
            where=_place(rows),
            fix="Remove it, or rename columns.arm.",
        )
    units = unit_texts(_column(rows, rule.column, "the id that is hashed"), rule.column)
    arms = arm_numbers(
        rule,
        units,
        days=_days(rows, predicted, at) if rule.dated else None,
        segments=_segments(rows, predicted) if rule.by_segment else None,
    )
    _refuse_unassigned(arms)
    made = nw.new_series(name, labelled(rule, arms.tolist()), backend=rows.implementation)
    if rows.implementation.is_pandas_like():
        made = nw.from_native(made.to_native().set_axis(frame.index), series_only=True)
    return rows.with_columns(made).to_native()


def labelled(rule: ArmRule, arms: Iterable[int]) -> list[Label]:
    """Returns the label of each arm; all as text where they are of several types."""
    labels: list[Label] = [rule.holdout, *rule.treated]
    if len({type(x) for x in labels}) > 1:
        labels = [str(x) for x in labels]
    return [labels[a] for a in arms]


def unit_texts(values: Any, name: str) -> list[str]:
    """Returns ids as the text that is hashed.

    Args:
        values: a Narwhals series.
        name: of the column, for messages.

    Raises:
        InvalidInput: where an id is missing, or is not text, a whole number, a decimal or a UUID.
    """
    kind = values.dtype
    if kind.is_float():
        raise InvalidInput(
            f"column {name!r} holds floating-point numbers ({kind}), which are not the same text everywhere: "
            "12 becomes 12.0 where one id is missing",
            where=name,
            fix=f"Give ids as text or whole numbers: frame[{name!r}].astype('int64'), or read them as text.",
        )
    if values.null_count():
        row = int(values.is_null().arg_true()[0])
        raise _missing(name, row)
    listed = values.to_list()
    if kind.is_integer():
        return list(map(str, listed))
    return [_text(x, name, row) for row, x in enumerate(listed)]


def _text(value: Any, name: str, row: int) -> str:
    where = f"{name}, row {row + 1}"
    try:
        text = unit_text(value)
    except ValueError as e:
        said = (
            f"{e}" if value is None or isinstance(value, str) else f"{e}: {shortened(repr(value))}"
        )
        raise InvalidInput(said, where=where, fix="Remove rows without an id.") from None
    if isinstance(value, str) and _FLOAT.match(value):
        raise InvalidInput(
            f"id {value!r} was a floating-point number: {value[:-2]!r} is another text, and may get "
            "another arm",
            where=where,
            fix="Read the column as text, or remove .0 from all ids.",
        )
    return _encodable(text, name, row)


def _encodable(value: str, name: str, row: int) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            f"id {value!r} is not valid Unicode", where=f"{name}, row {row + 1}"
        ) from None
    return value


def _missing(name: str, row: int) -> InvalidInput:
    return InvalidInput(
        "the id is missing, so no arm can be computed",
        where=f"{name}, row {row + 1}",
        fix="Remove rows without an id.",
    )


def _place(rows: Any) -> str:
    return f"{rows.implementation.name.lower()} frame"


def _column(rows: Any, name: str, what: str) -> Any:
    if name not in rows.columns:
        raise InvalidInput(
            f"no column {name!r}, {what}{nearest(name, rows.columns)}",
            where=_place(rows),
            fix="Add it, or correct the contract.",
        )
    return rows[name]


def _days(
    rows: Any, predicted: PredictedLift, at: datetime | date | str | None
) -> NDArray[np.datetime64]:
    """(rows,) when each was decided, UTC."""
    name = predicted.columns.decided_at
    if at is not None or name is None or name not in rows.columns:
        return np.full(len(rows), _moment(at))
    values = rows[name].to_list()
    known = {v: _moment(v) for v in set(values) if v is not None and v == v}  # noqa: PLR0124 - NaT
    missing = next((i for i, v in enumerate(values) if v not in known), None)
    if missing is not None:
        raise InvalidInput(
            "the time of decision is missing, which picks the step of the schedule",
            where=f"{name}, row {missing + 1}",
            fix="Add it, or give at=.",
        )
    return np.array([known[v] for v in values], dtype="datetime64[us]")


def truth_segment(name: str, where: str) -> InvalidInput:
    """Returns the error for segments that are truth values, which no two systems write alike."""
    return InvalidInput(
        f"column {name!r}, which the schedule of the assignment needs, holds true and false: they are "
        "written True, true or 1, and the arm depends on it",
        where=where,
        fix="Write the segment as text, for example new and known.",
    )


def _moment(value: Any) -> np.datetime64:
    return np.datetime64(utc(value).replace(tzinfo=None), "us")


def _segments(rows: Any, predicted: PredictedLift) -> NDArray[Any]:
    name = predicted.columns.segment
    assert name is not None  # noqa: S101 - the contract asks for it
    column = _column(rows, name, "which the schedule of the assignment needs")
    values: Sequence[Any] = column.to_list()
    if any(isinstance(v, bool) for v in values):
        raise truth_segment(name, _place(rows))
    return np.array([None if v is None else str(v) for v in values], dtype=object)


def _refuse_unassigned(arms: NDArray[np.int64]) -> None:
    if (arms < 0).any():
        row = int(np.argmax(arms < 0))
        raise InvalidInput(
            f"no step of the schedule is in force for {int((arms < 0).sum()):,} rows, the first of them row "
            f"{row + 1}",
            where="assignment.schedule",
            fix="Add a step without from, or an earlier one.",
        )
