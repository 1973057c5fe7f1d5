"""A first ``lift.yaml`` from the columns that a file has, to be completed by a person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow_checks.guesses import NAMES, guesses
from spot_mlflow_checks.proposal.samples import sample
from spot_mlflow_checks.rows import count_where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow_checks.engines.source import Source
    from spot_mlflow_checks.guesses import Guess
    from spot_mlflow_checks.proposal.samples import Column, Sample

# Outcomes of which fewer are better.
_UNWANTED: Final = re.compile(
    r"churn|cancel|unsubscri|default|complain|return(s|ed)$|lapse|attrit|loss|fraud", re.IGNORECASE
)
_COUNTED: Final = 50  # whole numbers up to here are counts rather than money
_TO_BE_NAMED: Final = "CHANGE_ME"
_TIMES: Final = frozenset({"decided_at", "observed_at", "delivered_at", "due_at", "acted_at"})
_NUMBERS: Final = frozenset({"outcome", "score", "value", "cost", "covariate", "propensity"})


def draft_contract(source: Source) -> str:
    """Returns a commented ``lift.yaml`` for a log.

    Columns are guessed by their names, arms and kind by their values, and a comment says why; what
    could not be guessed is named CHANGE_ME, with the columns that might be meant.
    """
    columns = list(source.families)
    held = sample(source, "", "")
    guessed = guesses(source, held)
    found = guessed.columns
    outcome = found["outcome"].column if "outcome" in found else None
    lines = head(outcome, _kind(source, outcome, held), _direction(outcome))
    lines += ["columns:                        # contract key: column of the log"]
    lines += [
        _required("arm", found.get("arm"), columns, held),
        *(_label_lines(list(guessed.treated), guessed.holdout)),
        _required("outcome", found.get("outcome"), columns, held),
    ]
    lines += [_said(k, found[k], held) for k in NAMES if k in found and k not in {"arm", "outcome"}]
    missing = [k for k in NAMES if k not in found]
    lines += ["  # not found; name the column where the log has one:"]
    lines += [f"  # {k}: {k}" for k in missing if k not in {"arm", "outcome"}]
    used = {guess.column for guess in found.values()}
    spare = [c for c in columns if c not in used]
    if spare:
        lines.append(f"  # columns of the log not used yet: {listed(spare)}")
    return "\n".join(lines) + "\n"


def _said(key: str, guess: Guess, held: Sample) -> str:
    line = f"{f'  {key}: {as_yaml(guess.column)}':<31} # guessed {listed([guess.why])}"
    return line + _unreadable(key, held.columns[guess.column])


def _unreadable(key: str, column: Column) -> str:
    """Says of a day or amount in the form of a country how a log must write it; "" where it is read."""
    if key in _TIMES and column.is_local_time:
        return f"; CHANGE: {listed(column.values[:1])} is not read, write it as 2027-01-31"
    if key in _NUMBERS and column.is_decimal_comma:
        return f"; CHANGE: {listed(column.values[:1])} is not read, write it as 1234.50"
    return ""


def _kind(source: Source, outcome: str | None, held: Sample) -> str:
    if outcome is None:
        return "binary"
    if held.columns[outcome].is_decimal_comma:
        return "money"
    d, family = source.dialect, source.families[outcome]
    x = d.number(source.column(outcome), family)
    broken = count_where(x != d.floor(x))
    query: Any = sa.select(sa.func.min(x), sa.func.max(x), sa.func.count(sa.distinct(x)), broken)
    low, high, distinct, fractions = source.fetch(query.select_from(source.log))[0]
    if low is None or (distinct <= 2 and {float(low), float(high)} <= {0.0, 1.0}):  # noqa: PLR2004 - 0 and 1
        return "binary"
    return "money" if fractions or low < 0 or high > _COUNTED else "count"


def _direction(outcome: str | None) -> str:
    return "decrease" if outcome is not None and _UNWANTED.search(outcome) else "increase"


def listed(names: Sequence[str]) -> str:
    """Returns names on the one line of a comment, whatever they hold."""
    return ", ".join("".join(c if c.isprintable() else " " for c in n) for n in names)


def head(
    metric: str | None,
    kind: str,
    direction: str,
    *,
    lift: str = "0.05                    # CHANGE: 0.05 is 5 points",
    se: str = "0.01                      # CHANGE: its standard error; or low and high",
    window: str = "",
    baseline: str = "",
    minimum: str = "",
    share: str = "",
    measurement: str = "",
) -> list[str]:
    """Returns the lines of a contract that do not depend on how the log is read.

    Args:
        metric: what is measured, where it is known.
        kind: binary, count or money.
        direction: which way is better.
        lift: the promise, with a comment.
        se: its standard error, with a comment.
        window: line of the window; one that is commented out where left out.
        baseline: line of the outcome without the model, as the window.
        minimum: line of the minimum worthwhile lift, as the window.
        share: line of the share treated by design, as the window.
        measurement: line of who measures the outcome, as the window.
    """
    return [
        "# The lift contract: what the model promises, and how it will be measured.",
        "# Complete it, then: spot promise MODEL/VERSION lift.yaml",
        f"metric: {as_yaml(metric or _TO_BE_NAMED)}   # what is measured, in words of the business",
        f"{f'kind: {kind}':<31} # binary (0 and 1) | count | money",
        "effect: absolute                # absolute (points, units) | relative (share of the holdout)",
        f"{f'direction: {direction}':<31} # increase | decrease: which way is better",
        'population: ""                  # who is eligible, treated and holdout alike',
        "predicted:                      # the promise, from a backtest on units the model had not seen",
        f"  lift: {lift}",
        f"  se: {se}",
        baseline
        or "  # baseline: 0.62              # the outcome without the model; `spot plan` needs it",
        "  source: backtest",
        minimum
        or "# minimum_viable: 0.02          # the minimum worthwhile lift; default: derived from economics",
        "# tolerance: 0.015              # how far below the promise still counts as kept",
        "# looks: monitored              # once | monitored; monitored needs planned_units",
        "# planned_units: 4000",
        window
        or "# window: 90d                   # an outcome counts once this has passed since the decision",
        share or "# treatment_share: 0.5          # by design; the sample-ratio check uses it",
        "# economics: {unit: USD, value: 10, offer_cost: 0.10, handling_cost: 0.05, incentive: 0}",
        measurement
        or '# measurement: {owner: "", starts: 2027-01-10, first_check: 2027-04-15}   # the gate asks for it',
        "# funnel: {offered: 1.0, delivered: 0.95, on_time: 1.0}   # what the prediction assumed",
    ]


def _required(key: str, guess: Guess | None, columns: Sequence[str], held: Sample) -> str:
    if guess is not None:
        return _said(key, guess, held)
    return f"  {key}: {_TO_BE_NAMED}   # one of: {listed(columns)}"


def _label_lines(treated: list[str], holdout: str | None) -> list[str]:
    if holdout is None or not treated:
        seen = f"   # CHANGE: the log has {listed(treated)}" if treated else ""
        which = "   # CHANGE: which of them was left alone?" if treated else ""
        return [f"  treated: 1{seen}", f"  holdout: 0{which}"]
    labels: Any = treated[0] if len(treated) == 1 else treated
    return [
        f"  treated: {as_yaml(labels)}",
        f"  holdout: {as_yaml(holdout)}   # guessed by the word",
    ]


def as_yaml(value: Any, *, sort: bool = True) -> str:
    """Writes one value as YAML, quoted where it needs it; whole numbers as numbers."""
    import yaml

    def plain(x: Any) -> Any:
        return (
            int(float(x)) if isinstance(x, str) and re.fullmatch(r"-?[0-9]{1,9}(\.0+)?", x) else x
        )

    value = [plain(x) for x in value] if isinstance(value, list) else plain(value)
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=1000, sort_keys=sort
    )
    return text.removesuffix("\n").removesuffix("\n...")
