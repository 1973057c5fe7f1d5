"""What a schedule prints: a line a version for people, JSON for machines, Markdown for a run's page."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.days import day
from spot_mlflow.reporting.words.lift_view import lift_view, verdict_words
from spot_mlflow.reporting.words.tables import Table, printable
from spot_mlflow.verdicts import VERDICTS
from spot_mlflow_cli.schedule import Round, State, Visit, status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.due import Due

WIDTH: Final = 80
_NAME: Final = 24
_WORDS: Final = {
    State.RECORDED: "recorded",
    State.ON_RECORD: "unchanged",
    State.NOT_RECORDED: "dry run",
    State.NOT_DUE: "not due",
    State.ELSEWHERE: "elsewhere",
    State.FAILED: "failed",
    State.STOPPED: "stopped",
}
_NONE: Final = (
    "No version is watched: no recorded contract of a version in use names its sources "
    "(docs/schedule.md)."
)


def lines(found: Round) -> list[str]:
    """Returns a line for each version, at most 80 characters wide, and one that counts them."""
    names = [printable(str(v.ref)) for v in found.visits]
    wide = min(_NAME, max(map(len, names), default=0))
    out = [
        _cut(f"{_middle(name, wide):<{wide}}  {_WORDS[v.state]:<9}  {_told(v)}".rstrip(), WIDTH)
        for name, v in zip(names, found.visits, strict=True)
    ]
    return [*out, _counted(found)]


def errors(found: Round) -> Iterable[str]:
    """Yields each failure whole."""
    for v in found.visits:
        if v.error is not None:
            yield f"Not checked: {v.ref}: {v.error}"
    for name, error in found.unread:
        yield f"Not read: {name}: {error}"


def as_json(found: Round) -> dict[str, Any]:
    """Returns JSON values, under the keys of ``docs/json.md``."""
    return {
        "exit_status": found.exit_status,
        "stopped": found.stopped,
        "summary": {
            s.value: n for s, n in sorted(_counts(found).items(), key=lambda x: x[0].value)
        },
        "versions": [_version(v, found.fail_on) for v in found.visits],
        "unread": [{"model": name, "error": _error(e)} for name, e in found.unread],
    }


def markdown(found: Round) -> str:
    """Returns a table of the versions, and the failures whole."""
    rows = tuple((str(v.ref), _WORDS[v.state], _told(v)) for v in found.visits)
    table = Table("Checks", ("version", "check", "finding"), rows).markdown() if rows else ""
    failed = [f"* {e}" for e in errors(found)]
    return "\n".join(part for part in (_counted(found), "", table, "", *failed) if part or rows)


def _told(visit: Visit) -> str:
    """Says what was found, or why nothing was."""
    if visit.error is not None:
        return printable(str(visit.error))
    if visit.claim is not None:
        return (
            f"being checked on {printable(visit.claim.host)} since {visit.claim.since[11:16]} UTC"
        )
    if visit.state is State.NOT_DUE:
        return _when(visit.watched.due)
    return _finding(visit)


def _when(due: Due) -> str:
    if due.rule == "look taken":
        return "its one look is on record (looks: monitored allows more)"
    if due.rule == "look undated":
        return "one look, and no date for it (measurement.first_check)"
    return f"due on {day(due.on)}" if due.on else ""


def _finding(visit: Visit) -> str:
    if visit.checked is None:
        return ""
    view = lift_view(visit.checked.report)
    mark = VERDICTS[view.verdict]
    words = f"{mark.sign} {verdict_words(view)}"
    if view.data_fault or math.isnan(view.realized.lift):
        return words
    amount = view.scale.amount(view.realized.lift)
    return f"{words}: {amount} ({view.scale.interval(view.realized)})"


def _version(visit: Visit, fail_on: tuple[str, ...]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": visit.ref.name,
        "version": visit.ref.version,
        "because": visit.watched.because,
        "due": visit.watched.due.to_dict(),
        "state": visit.state.value,
        "exit_status": status_of(visit, fail_on),
        "error": None if visit.error is None else _error(visit.error),
        "held_by": None
        if visit.claim is None
        else {"host": visit.claim.host, "since": visit.claim.since},
        "on_record_since": None,
        "check": None,
    }
    if visit.checked is None:
        return body
    report = visit.checked.report.to_dict()
    keys = ("as_of", "verdict", "viable", "evidence", "inconclusive", "reason", "withheld", "predicted", "realized", "gap", "assigned", "matured")  # fmt: skip
    check = {k: report[k] for k in keys if k in report}
    return body | {"on_record_since": visit.checked.known_since or None, "check": check}


def _error(error: Exception) -> dict[str, str]:
    return {
        "type": type(error).__name__,
        "what": getattr(error, "what", str(error)),
        "where": getattr(error, "where", ""),
        "fix": getattr(error, "fix", ""),
    }


def _counts(found: Round) -> Counter[State]:
    return Counter(v.state for v in found.visits)


def _counted(found: Round) -> str:
    if not found.visits and not found.unread:
        return _NONE
    counts = _counts(found)
    parts = [f"{counts[s]:,} {_WORDS[s]}" for s in State if counts[s]]
    parts += [f"{len(found.unread):,} not read"] if found.unread else []
    many = "version" if len(found.visits) == 1 else "versions"
    return f"{len(found.visits):,} {many} watched: {', '.join(parts)}."


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _middle(text: str, limit: int) -> str:
    """Cuts a name in its middle: its end holds the version."""
    if len(text) <= limit:
        return text
    end = limit // 2
    return f"{text[: limit - end - 1]}…{text[-end:]}"
