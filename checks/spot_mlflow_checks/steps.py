"""Steps on the way to the customer: passed, not passed, or unknown, out of flags that may be blank.

A blank is unknown, unless it means no: after a step that was not passed, in a timestamp, and where
``blanks`` found that it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.moments.unknown_steps import ANSWERS, known_name

if TYPE_CHECKING:
    from spot_mlflow_checks.reading import Reading

    Expression = sa.ColumnElement[Any]

KNOWN: Final = {known_name(s): s for s in ANSWERS}  # measure -> its step
NO: Final = "no"
NO_IN_HOLDOUT: Final = "no in the holdout"


def read_blank(r: Reading, step: str, answer: Expression, arm: Expression) -> Expression:
    """Returns an answer with what its blanks were found to mean."""
    how = r.blanks.get(step)
    if how == NO:
        return sa.func.coalesce(answer, 0.0)
    if how == NO_IN_HOLDOUT:
        return sa.case((sa.and_(arm == 0, answer.is_(None)), 0.0), else_=answer)
    return answer


def answer(r: Reading, p: Any, step: str) -> Expression:
    """Returns 1.0, 0.0 or NULL for one step of a placed row."""
    if step == "on_time":
        timely = sa.case((p.delivered_at <= p.due_at, 1.0), (p.delivered_at > p.due_at, 0.0))
        # A log without `delivered` says by the time whether a unit was delivered.
        return (
            timely if r.has("delivered") else sa.case((p.delivered_at.is_(None), 0.0), else_=timely)
        )
    if step != "system_failure":
        column: Expression = p[step]
        return read_blank(r, step, column, p.arm)
    failed = sa.case((p.reason == "system", 1.0), (p.reason.is_not(None), 0.0))
    found = read_blank(r, step, failed, p.arm)
    return found if r.has("delivered") else sa.func.coalesce(found, 0.0)


def measure(r: Reading, p: Any, name: str) -> Expression:
    """Returns a step, or who was asked of it, as a measure.

    Where nothing is unknown a step is what the log says of it. Else it is counted among those who
    passed the step before, so that passed / asked is its share (``spot_mlflow.lift.moments.unknown_steps``).
    """
    step = KNOWN.get(name, name)
    known = answer(r, p, step)
    if name in KNOWN:
        return sa.case((sa.and_(*_asked(r, p, step), known.is_not(None)), 1.0), else_=0.0)
    if not counts_known(r):
        return known
    if step == "offered":
        known = _offered(r, p)
    passed = sa.and_(*_asked(r, p, step), known == 1)
    return sa.case((passed, 1.0), (known.is_(None), sa.null()), else_=0.0)


def unknown(r: Reading, p: Any, step: str) -> Expression:
    """Whether a unit was asked of a step and the log does not say whether it passed."""
    return sa.and_(*_asked(r, p, step), answer(r, p, step).is_(None))


def counts_known(r: Reading) -> bool:
    """Whether the reduction counts who was asked of a step, since some answers are unknown."""
    return any(m in KNOWN for m in r.columns.measures)


def _offered(r: Reading, p: Any) -> Expression:
    """Whether a unit was offered; one that was delivered and is said not to be offered was."""
    said = answer(r, p, "offered")
    if not r.has("delivered"):
        return said
    return sa.case((sa.and_(said == 0, answer(r, p, "delivered") == 1), 1.0), else_=said)


def _asked(r: Reading, p: Any, step: str) -> list[Expression]:
    """Conditions that the step before was passed."""
    out: list[Expression] = [sa.true()]
    if step in {"offered", "acted"}:
        return out
    if r.has("offered"):
        out.append((_offered(r, p) if counts_known(r) else answer(r, p, "offered")) == 1)
    if step != "delivered" and r.has("delivered"):
        out.append(answer(r, p, "delivered") == (0 if step == "system_failure" else 1))
    return out
