"""Joins the messy world in an engine, and holds each row and each rule against the reference."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from messy_world import AS_OF, UTC, Right, World, reference

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.moments.joined import Joined

_TIMES = ("observed_at", "delivered_at")


def joined(
    tables: Mapping[str, Any] | None, contract: dict[str, Any], version: str | None = None
) -> tuple[dict[Any, dict[str, Any]], Joined]:
    """Rows by unit and moment of the decision, and what each rule touched."""
    predicted = PredictedLift.load(contract)
    with joined_log(tables, predicted, as_of=AS_OF, model_version=version) as log:
        keys = list(log.keys)
        columns = [log.source.column(k) for k in keys]
        found = log.source.fetch(sa.select(*columns))
        return {
            _key(r): r for r in (dict(zip(keys, row, strict=True)) for row in found)
        }, log.joined


def _key(row: dict[str, Any]) -> tuple[str, datetime]:
    return str(row.get("cluster") or row["unit"]), _moment(row["decided_at"])


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))


def differences(
    world: World, tables: Any, contract: dict[str, Any], version: str | None
) -> list[str]:
    """Where an engine's join and the reference disagree; an empty list where they agree to 1e-9."""
    right = reference(world, contract, version)
    rows, rules = joined(tables, contract, version)
    out = [f"only in one: {k}" for k in rows.keys() ^ right.rows.keys()]
    for key in rows.keys() & right.rows.keys():
        for name, wanted in right.rows[key].items():
            got = rows[key].get(name)
            if name in _TIMES and got is not None:
                got = _moment(got)
            if isinstance(wanted, float) and got is not None:
                same = abs(float(got) - wanted) < 1e-9
            else:
                same = got == wanted
            if not same:
                out.append(f"{key}: {name} is {got!r}, right is {wanted!r}")
    return out + _rules(right, rules, each="each" in str(contract["sources"].get("repeats")))


def _rules(right: Right, rules: Joined, *, each: bool) -> list[str]:
    counted = {f"{c.table}.{c.rule.value}": c.count for c in rules.rules}
    # With each decision apart, what is far from all of them is not shown separately.
    left_out = {"events.before_the_covariate", "events.after_window"} if each else set()
    return [
        f"rule {k}: {counted.get(k)} counted, right is {n}"
        for k, n in right.counts.items()
        if k != "units" and k not in left_out and counted.get(k, 0) != n
    ]
