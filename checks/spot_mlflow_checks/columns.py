"""Which columns of a log a contract uses, and which measures come of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.measures import FLAGS, TABLE
from spot_mlflow.lift.promise.sources import Each
from spot_mlflow_checks.engines.source import missing_column
from spot_mlflow_checks.holdout.hashable import refuse_floating, refuse_truth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.promise.terms import Columns
    from spot_mlflow_checks.engines.source import Source

# Without these a check would measure something else than was promised.
_REQUIRED: Final = (
    "arm", "outcome", "unit", "decided_at", "segment", "cluster", "denominator", "propensity",
)  # fmt: skip
HASHED: Final = "hashed"  # in place of a key: the column whose hash decides on the arm
_SETTINGS: Final = ("treated", "holdout")
NUMBERS: Final = (*(m.key for m in TABLE if m.is_centred), "propensity", "score")
TIMES: Final = ("decided_at", "observed_at", "delivered_at", "due_at", "acted_at")
# What a column must hold -> (the families that may hold it, in words, what to do).
_MEANINGS: Final[tuple[tuple[tuple[str, ...], frozenset[str], str, str], ...]] = (
    (
        NUMBERS,
        frozenset({"integer", "float", "bool", "text", "any"}),
        "numbers",
        "Write 1 and 0, or amounts: 12.50 without a currency or a decimal comma; or correct columns in lift.yaml.",
    ),
    (
        FLAGS,
        frozenset({"integer", "float", "bool", "text", "any", "time", "date"}),
        "yes or no",
        "Write 1 and 0, true and false, or the time when it happened; or correct columns in lift.yaml.",
    ),
    (
        TIMES,
        frozenset({"time", "date", "micros", "text", "any"}),
        "times",
        "Write times as 2027-01-31 or 2027-01-31T10:00:00Z (of seconds: to_timestamp(x)); or correct columns in lift.yaml.",
    ),
)


@dataclass(frozen=True, slots=True)
class LogColumns:
    """The columns of one log that a contract uses.

    Attributes:
        names: contract key -> column, for the columns that the log has.
        absent: contract key -> column that the contract names and the log has not.
        measures: measures of the reduction, in the order of ``MEASURES``.
    """

    names: Mapping[str, str]
    absent: Mapping[str, str]
    measures: tuple[str, ...]


def contract_columns(columns: Columns) -> dict[str, str]:
    """Returns contract key -> column name, for every column the contract names."""
    named = columns.model_dump()
    return {k: v for k, v in named.items() if k not in _SETTINGS and v is not None}


def wanted_columns(predicted: PredictedLift) -> dict[str, str]:
    """Returns column name -> contract key; what a source must keep of a log."""
    guarded = {g.column: f"guardrails {g.name}" for g in predicted.guardrails}
    guarded |= dict.fromkeys(_hashed(predicted).values(), "assignment.unit")
    return guarded | {v: f"columns.{k}" for k, v in contract_columns(predicted.columns).items()}


def _hashed(predicted: PredictedLift) -> dict[str, str]:
    """The column that the contract's assignment hashes; where its schedule is dated, decisions must be, too.

    Where every decision of a unit counts, the log's unit is one decision, and its cluster is the unit;
    such a log has no other clusters.
    """
    rule, columns = predicted.arm_rule, predicted.columns
    if rule is None or (rule.dated and columns.decided_at is None):
        return {}
    hashed: str | None = rule.column
    if predicted.sources is not None and isinstance(predicted.sources.repeats, Each):
        own = {columns.unit: columns.cluster, columns.cluster: None}
        hashed = own.get(hashed, hashed)
    return {} if hashed is None else {HASHED: hashed}


def guardrail_key(number: int) -> str:
    """Returns the key under which a guardrail's column is found, by its place in the contract."""
    return f"guardrail_{number}"


def columns_in(source: Source, predicted: PredictedLift) -> LogColumns:
    """Finds the contract's columns in the log.

    Raises:
        InvalidInput: where a required column is missing, naming the nearest one.
    """
    guarded = {guardrail_key(i): g.column for i, g in enumerate(predicted.guardrails)}
    named = contract_columns(predicted.columns) | guarded | _hashed(predicted)
    have = [*source.families, *source.unread]
    absent = {k: v for k, v in named.items() if v not in source.families}
    for key in _REQUIRED:
        if key in absent:
            raise missing_column(absent[key], key, have, source.name)
    names = {k: v for k, v in named.items() if k not in absent}
    for key, name in names.items():
        _refuse_type(source, key, name)
    if HASHED in names:
        refuse_floating(source, names[HASHED], "the id that the assignment hashes")
        refuse_truth(predicted, source, names.get("segment"))
    return LogColumns(names=names, absent=absent, measures=_measures(set(names), predicted))


def _refuse_type(source: Source, key: str, name: str) -> None:
    """Refuses a column whose type cannot hold what the contract asks of it, before anything runs.

    A column of which nothing but gaps is known has no type to speak of; the checks count its gaps.
    """
    family, kind = source.families[name], source.kinds.get(name, "")
    if family == "other" and not kind:
        return
    place = "guardrails" if key.startswith("guardrail_") else f"columns.{key}"
    for keys, families, meaning, fix in _MEANINGS:
        asked = key in keys or (keys is NUMBERS and place == "guardrails")
        if asked and family not in families:
            what = (
                "no time can be read from" if meaning == "times" else "no number can be read from"
            )
            raise InvalidInput(
                f"column {name!r} ({place}) is of type {kind or family}, must hold {meaning}; "
                f"{what} it",
                where=source.name,
                fix=fix,
            )


def _measures(keys: set[str], predicted: PredictedLift) -> tuple[str, ...]:
    weighted = predicted.design == "logged_propensity" and "propensity" in keys
    return tuple(
        m.key for m in TABLE if (weighted if m.kind == "weight" else keys.issuperset(m.columns))
    )
