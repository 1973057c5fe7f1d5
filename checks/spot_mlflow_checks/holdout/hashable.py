"""Ids that were floating-point numbers: 12 became 12.0, which is another text, and may get another arm."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.assign import truth_segment

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow_checks.engines.dialect import Dialect, Family
    from spot_mlflow_checks.engines.source import Source

    Expression = sa.ColumnElement[Any]

_EXACT: Final = re.compile(r"decimal|numeric|number|fixed|money", re.IGNORECASE)
_FORMS: Final = ("%.0", "%e+%")  # 12.0, and 1e+16 of a large one


def refuse_floating(source: Source, column: str, place: str) -> None:
    """Refuses a column of ids that are hashed where its type is a floating-point one.

    Args:
        source: where it is.
        column: its name.
        place: where the contract names it.

    Raises:
        InvalidInput: naming the column and what to do.
    """
    family, kind = source.families[column], source.kinds.get(column, "")
    if family == "float" and not _EXACT.match(kind):
        raise InvalidInput(
            f"column {column!r} ({place}) holds floating-point numbers ({kind or family}), whose text is "
            "hashed: 12 becomes 12.0 where one id is missing, and may get another arm",
            where=source.name,
            fix="Write ids as whole numbers or text (pandas: astype('Int64')).",
        )


def refuse_truth(predicted: PredictedLift, source: Source, column: str | None) -> None:
    """Refuses a segment of truth values where the schedule of the assignment names segments.

    Raises:
        InvalidInput: naming the column and what to do.
    """
    rule = predicted.arm_rule
    if rule is None or not rule.by_segment or column is None:
        return
    if source.families[column] == "bool":
        raise truth_segment(column, source.name)


def was_floating(d: Dialect, x: Expression, family: Family) -> Expression | None:
    """Whether an id in text is that of a floating-point number; None where its type tells that it is not."""
    if family not in {"text", "any"}:
        return None
    text = d.text(x)
    formed = sa.or_(*[text.like(form) for form in _FORMS])
    # A number is looked for in few ids, or none.
    return sa.case((formed, sa.case((d.parse_number(text).is_not(None), 1))), else_=None) == 1
