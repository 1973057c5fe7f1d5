"""The log itself: the decisions that count, beside what happened to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow_checks.raw import happened
from spot_mlflow_checks.raw.chosen import Choice, as_kind, chosen_kinds
from spot_mlflow_checks.raw.guarded import as_events, guardrail_kinds, key_of
from spot_mlflow_checks.raw.happened import COUNTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow_checks.raw.homes import Kind

    Expression = sa.ColumnElement[Any]

COUNTS: Final = (*COUNTED, "contacts", "offers", "two_arms", "tied")  # of each row of the log
_DONE: Final = ("offered", "delivered", "acted", "cost", "handling")


def log_kinds(c: Choice) -> dict[str, Kind]:
    """Key -> kind of the columns of the log, in their order."""
    kinds: dict[str, Kind] = {**chosen_kinds(c), **happened.summed_kinds(c)}
    if c.sources.steps is not None:
        kinds |= happened.step_kinds(c)
    kinds |= {"model_version": "text"}
    if c.each:
        kinds |= {"cluster": c.unit, "unit": "text"}
    return {k: kinds[k] for k in c.sources.log_keys} | guardrail_kinds(c)


def assembled(  # noqa: PLR0917 - the parts of a log
    c: Choice,
    picked: Any,
    summed: Any,
    stepped: Any,
    kinds: Mapping[str, Kind],
    guardrails: Mapping[str, Any],
) -> sa.Select[Any]:
    """Returns one row per decision that counts, those without events and steps too.

    Args:
        c: what decides which decisions count.
        picked: those.
        summed: their events.
        stepped: their steps, or None.
        kinds: name -> kind of the columns wanted.
        guardrails: column -> the events of that guardrail, added up.
    """
    p, none = picked.c, happened.without_events(c)
    made: dict[str, Expression] = {
        **{k: p[k] for k in p.keys()},  # noqa: SIM118 - a collection of columns
        "outcome": sa.func.coalesce(summed.c.outcome, none),
        "observed_at": summed.c.observed_at,
        "covariate": sa.func.coalesce(summed.c.covariate, none),
        **{k: sa.func.coalesce(summed.c[k], 0) for k in COUNTED},
        **dict.fromkeys(("contacts", "offers"), sa.literal_column("0")),
    }
    if c.each:
        made["cluster"] = p.unit
        text = c.home.dialect.text
        made["unit"] = text(p.unit).concat(" ").concat(text(p.decided_at))
    if "version" in p:
        made["model_version"] = p.version
    rows: Any = picked.outerjoin(summed, _same(c, summed, picked))
    if stepped is not None:
        rows = rows.outerjoin(stepped, _same(c, stepped, picked))
        made |= _steps(stepped)
    for column, part in guardrails.items():
        rows = rows.outerjoin(part, _same(c, part, picked))
        nothing = happened.without_events(as_events(c, column))
        made[key_of(column)] = sa.func.coalesce(part.c.outcome, nothing)
    columns = [as_kind(made[k], kind).label(k) for k, kind in kinds.items()]
    return sa.select(*columns).select_from(rows)


def _steps(stepped: Any) -> dict[str, Expression]:
    """No step at all means that nothing was done; a step of unknown result stays unknown."""
    s = stepped.c
    done = s.contacts.is_not(None)
    made: dict[str, Expression] = {
        k: sa.case((done, s[k]), else_=sa.literal_column("0")) if k in _DONE else s[k]
        for k in s.keys()  # noqa: SIM118 - a collection of columns
        if k not in {"unit", "decided_at"}
    }
    return {**made, **{k: sa.func.coalesce(s[k], 0) for k in ("contacts", "offers")}}


def _same(c: Choice, part: Any, picked: Any) -> Expression:
    return sa.and_(*[part.c[k] == picked.c[k] for k in c.keys])
