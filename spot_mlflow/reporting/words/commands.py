"""Commands that people are told to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.days import day
from spot_mlflow.due import first_day, names_its_sources, unplaced
from spot_mlflow.figures import things
from spot_mlflow.lift.promise.sources import GUARDRAILS

if TYPE_CHECKING:
    from datetime import date

    from spot_mlflow.lift.promise.contract import PredictedLift


def outcomes_command(typed: str, contract: PredictedLift) -> str:
    """Returns the command that checks a version, with what its contract leaves to each call.

    Args:
        typed: the version, as it is typed in a shell.
        contract: what it promised.
    """
    command = f"spot outcomes {typed}"
    if names_its_sources(contract):
        return command
    tables = [_option(role) for role in unplaced(contract)]
    return " ".join([command, *(tables or ["SOURCE"])])


def _option(role: str) -> str:
    column = role.removeprefix(f"{GUARDRAILS}.")
    return f"--{role} TABLE" if column == role else f"--guardrail {column}=TABLE"


def next_check(typed: str, contract: PredictedLift, today: date) -> str:
    """Returns the command that checks a version next, and from when on it has something to check."""
    command, first = outcomes_command(typed, contract), first_day(contract)
    if first is not None and first > today:
        return f"Next, from {day(first)}: {command}"
    if first is None and contract.window is not None:
        age = things(max(1, contract.window.days), "day")
        return f"Next, once decisions are {age} old: {command}"
    return f"Next: {command}"
