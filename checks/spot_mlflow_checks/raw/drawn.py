"""Refuses raw tables whose arms would be drawn from what systems write in several ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.holdout.hashable import refuse_floating, refuse_truth, was_floating
from spot_mlflow_checks.holdout.words import LEAST, SHARE
from spot_mlflow_checks.raw.chosen import CLUSTER
from spot_mlflow_checks.rows import count_where

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow_checks.raw.chosen import Choice
    from spot_mlflow_checks.raw.places import Place


def refuse_unlike(predicted: PredictedLift, place: Place) -> None:
    """Refuses decisions of types that systems write unlike: clusters that are hashed, and segments that are named.

    Raises:
        InvalidInput: naming the column and what to do.
    """
    raw, draw = place.roles["decisions"], predicted.assignment
    if draw is not None and draw.cluster is not None and CLUSTER in raw.named:
        refuse_floating(raw.source, raw.named[CLUSTER], f"sources.decisions.{CLUSTER}")
    refuse_truth(predicted, raw.source, raw.named.get("segment"))


def refuse_floating_ids(c: Choice, place: Place, picked: sa.TableClause) -> None:
    """Refuses decisions whose arms are drawn from ids such as 12.0, unless few are.

    Args:
        c: the contract's choice.
        place: of the tables.
        picked: the decisions that count.

    Raises:
        InvalidInput: naming the column and what to do.
    """
    if c.rule is None:
        return
    key = CLUSTER if c.rule.column == CLUSTER else "unit"
    floating = was_floating(c.home.dialect, picked.c[key], "text")
    if floating is None or (key == "unit" and c.unit == "whole"):
        return
    query: Any = sa.select(count_where(floating), sa.func.count(picked.c[key])).select_from(picked)
    found, total = c.home.fetch(query)[0]
    few = (
        found < LEAST or found <= SHARE * total
    )  # slips; a column that became one has it throughout
    if not found or (few and found < total):
        return
    raw = place.roles["decisions"]
    number = " Or set sources.ids: number." if key == "unit" else ""
    raise InvalidInput(
        f"column {raw.named[key]!r} (sources.decisions.{key}): {found:,} of {total:,} ids end in .0; they "
        "were floating-point numbers, and 12.0 may get another arm than 12",
        where=place.names["decisions"],
        fix=f"Write ids as whole numbers or text.{number}",
    )
