"""Which version held a target when, as the record and the registry say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.gate.holdings import History, history_of, targets_of
from spot_mlflow.gate.targets import normalize_target
from spot_mlflow.record.shared import shared_record
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from spot_mlflow.record.store import Record


def get_history(model: Any, target: str, *, record: Record | None = None) -> History:
    """Returns which versions of a model held a target when: ``.holdings``, ``.at("2027-03-01")``.

    It consists of recorded changes. A change made before the gate was installed, or around it, shows
    only as a difference: its begin or end is then None, and ``.at(day).known`` is false.

    Args:
        model: which model; a version that it names does not matter.
        target: a stage ("Production") or an alias ("@champion").
        record: where to read.

    Raises:
        InvalidInput: the target is neither a stage nor an alias.
        NotFound: no such model.
    """
    return _histories(model, [normalize_target(target)], record)[0]


def get_histories(model: Any, *, record: Record | None = None) -> tuple[History, ...]:
    """Returns the history of every target that a version of the model holds, or held on record."""
    return _histories(model, None, record)


def _histories(model: Any, targets: list[str] | None, record: Record | None) -> tuple[History, ...]:
    record = record or shared_record()
    about = record.about(model)
    now = utc(None)
    facts, entries = record.state(about)
    decisions = [e for e in entries if e.kind == "decision"]
    wanted = targets_of(facts, decisions) if targets is None else targets
    return tuple(history_of(facts, decisions, t, now=now) for t in wanted)
