"""Measures the way of a version to its target: who moves it, and where it has been before; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.gate.holdings import history_of
from spot_mlflow.gate.requirements import Measure
from spot_mlflow.gate.targets import same_person
from spot_mlflow.validation import format_span

if TYPE_CHECKING:
    from datetime import timedelta

    from spot_mlflow.gate.case import Case
    from spot_mlflow.gate.policy import HeldRule, MoveRule


def moved_by(case: Case, rule: MoveRule) -> Measure:
    """Whether the one who asks may carry it out; no name is measured, since decisions hold none."""
    said = [*rule.accounts, *(f"the role {r}" for r in rule.roles)]
    required, values = f"moved by {' or '.join(said)}", {"movers": " or ".join(said)}
    asker = case.asker
    if asker.anybody:
        return Measure(True, "depends on who asks", required, values)
    named = any(
        same_person(account, name)
        for account in rule.accounts
        for name in (asker.name, asker.login)
    )
    if named or set(rule.roles) & set(asker.roles):
        return Measure(True, "the requester is one of them", required, values)
    known = asker.name is not None
    measured = "the requester is none of them" if known else "nobody knows who asks"
    return Measure(False, measured, required, values)


def held_before(case: Case, rule: HeldRule) -> Measure:
    """How long the version held one of the targets, by the changes on record."""
    required = f"held {' or '.join(rule.targets)} before"
    required += f", for at least {format_span(rule.least)}" if rule.least else ""
    values = {"first": rule.targets[0]}
    facts, decisions = case.adoption.facts, case.adoption.decisions
    histories = [history_of(facts, decisions, t, now=case.now) for t in rule.targets]
    times = [
        (history.held_for(case.version), history.target)
        for history in histories
        if any(h.version == case.version for h in history.holdings)
    ]
    if not times:
        return Measure(False, f"never held {' or '.join(rule.targets)}", required, values)
    span, target = max(times)
    return Measure(span >= rule.least, f"held {target} for {_lasted(span)}", required, values)


def _lasted(span: timedelta) -> str:
    """Writes a span in whole days, hours or minutes, rounded down."""
    minutes = int(span.total_seconds() // 60)
    for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= size or size == 1:
            count = minutes // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    raise AssertionError
