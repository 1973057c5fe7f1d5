"""Guardrails in the base pass: each is read as an outcome of its own over the same rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.moments.guardrails import GuardrailMoments
from spot_mlflow.lift.moments.measures import BY_KEY
from spot_mlflow.lift.soundness.guardrails import as_promise
from spot_mlflow_checks.clusters import cluster_pass
from spot_mlflow_checks.columns import LogColumns, guardrail_key
from spot_mlflow_checks.sums import cells_of, moment_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow_checks.reading import Reading

# Columns that say where a unit stands; all others belong to the headline's outcome.
_PLACE: Final = ("arm", "unit", "decided_at", "segment", "cluster", "model_version", "propensity")
_OF_ALL: Final = ("assigned", "matured")


def present(r: Reading) -> Iterator[int]:
    """Yields the places in the contract of the guardrails whose column the log has."""
    return (i for i in range(len(r.predicted.guardrails)) if r.has(guardrail_key(i)))


def as_outcome(r: Reading, number: int) -> Reading:
    """Returns the reading in which a guardrail stands in for the outcome."""
    key, guardrail = guardrail_key(number), r.predicted.guardrails[number]
    names = {k: v for k, v in r.columns.names.items() if k in _PLACE} | {
        "outcome": guardrail.column
    }
    weights = tuple(m for m in r.columns.measures if BY_KEY[m].kind == "weight")
    center = {"outcome": r.center[key]} if key in r.center else {}
    return replace(
        r,
        predicted=as_promise(guardrail, r.predicted),
        columns=LogColumns(names=names, absent={}, measures=("outcome", *weights)),
        center=center,
        cap=None,
    )


def guardrail_sums(r: Reading, c: Any) -> dict[str, sa.ColumnElement[Any]]:
    """Returns name -> aggregate of every guardrail, over the judged rows ``c`` of the base pass."""
    out: dict[str, sa.ColumnElement[Any]] = {}
    for i in present(r):
        key, own = guardrail_key(i), as_outcome(r, i)
        value = sa.case((c.matured == 1, c[key]))
        view: dict[str, Any] = {"n": sa.case((value.is_not(None), 1), else_=0), "x_outcome": value}
        view |= {k: c[k] for k in _OF_ALL}
        if "weight" in own.columns.measures:
            view |= _weighted(c, value)
        sums = moment_sums(own, view)
        out |= {f"{key}_{k}": f for k, f in sums.items() if k not in _OF_ALL}
    return out


def _weighted(c: Any, value: Any) -> dict[str, Any]:
    """Weights of the units that have a value of the guardrail."""
    weight = sa.case((value.is_not(None), c.any_weight))
    return {
        "x_weight": weight,
        "x_weighted_outcome": weight * value,
        "missing_weight": sa.literal(0),
        "missing_weighted_outcome": sa.literal(0),
    }


def guardrail_cells(
    r: Reading, t: Mapping[str, NDArray[Any]], labels: Sequence[str]
) -> dict[str, Moments]:
    """Returns the table of every guardrail, by name, from the rows of the base pass."""
    shared = {k: t[k] for k in ("arm", "period", *_OF_ALL)}
    out = {}
    for i in present(r):
        prefix = f"{guardrail_key(i)}_"
        own = {k.removeprefix(prefix): v for k, v in t.items() if k.startswith(prefix)}
        name = r.predicted.guardrails[i].name
        out[name] = cells_of(as_outcome(r, i), shared | own, labels=labels)
    return out


def guarded(
    r: Reading, cells: Mapping[str, Moments], *, alone: bool
) -> dict[str, GuardrailMoments]:
    """Adds sums over clusters where the contract names a cluster column: one more pass each."""
    out = {}
    for i in present(r):
        name = r.predicted.guardrails[i].name
        clusters = cluster_pass(as_outcome(r, i), alone=alone) if r.has("cluster") else None
        out[name] = GuardrailMoments(cells[name], clusters)
    return out
