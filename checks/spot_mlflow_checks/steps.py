"""Steps on the way to the customer: passed, not passed, or unknown, out of flags that may be blank.

A blank is unknown, unless it means no: after a step that was not passed, in a timestamp, in a column
that holds nothing but yes, and in a holdout of which nearly all is blank.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.measures import MEASURES
from spot_mlflow.lift.moments.unknown_steps import ANSWERS, known_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow_checks.rows import Reading

    Expression = sa.ColumnElement[Any]

KNOWN: Final = {known_name(s): s for s in ANSWERS}  # measure -> its step
NO: Final = "no"
NO_IN_HOLDOUT: Final = "no in the holdout"
_BLANK: Final = 0.99  # share of the holdout blank, from which a blank there means no


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


def with_unknown(r: Reading, cells: Moments, previous: OutcomeMoments | None) -> Reading:
    """Returns how to read a log in which some answers are blank, after a first pass over it.

    Args:
        r: how it was read.
        cells: what the pass found.
        previous: the earlier check whose closed cohorts this reading goes on from, or None.

    Returns:
        The same reading where no answer is blank, or no blank changes anything.
    """
    blank = {s for s in ANSWERS if _missing(cells, s)}
    if not blank:
        return r
    blanks = _meanings(r, sorted(blank - {"on_time"}), previous)
    r = replace(r, blanks=blanks)
    open_ = [s for s in ANSWERS if s in blank and blanks.get(s) != NO]
    held = {s for s, how in blanks.items() if how == NO_IN_HOLDOUT}
    treated = cells.select(cells.arm.astype(str) != HOLDOUT)
    named = [known_name(s) for s in open_ if s not in held or _missing(treated, s)]
    measures = tuple(m for m in MEASURES if m in {*r.columns.measures, *named})
    return replace(r, columns=replace(r.columns, measures=measures))


def _missing(cells: Moments, step: str) -> bool:
    at = cells.index(step)
    return at is not None and bool(cells.missing[:, at].any())


def _meanings(
    r: Reading, steps: Sequence[str], previous: OutcomeMoments | None
) -> Mapping[str, str]:
    """Returns what the blanks of each step mean, where they do not mean unknown."""
    from spot_mlflow_checks.rows import judged

    out = {} if previous is None else dict(previous.blanks or {})
    steps = [s for s in steps if s not in out]
    if not steps:
        return out
    c = judged(r).c
    held = sa.case((c.arm == 0, 1), else_=0).label("held")
    sums = [sa.func.sum(sa.case((x, c.n), else_=0)) for s in steps for x in _kinds(r, c, s)]
    rows = r.source.fetch(sa.select(held, *sums).where(c.arm >= 0).group_by(held))
    counts = {int(row[0]): [int(x or 0) for x in row[1:]] for row in rows}
    for i, step in enumerate(steps):
        arms = {h: n[3 * i : 3 * i + 3] for h, n in counts.items()}
        yes, no, _ = map(sum, zip(*arms.values(), strict=True))
        if yes and not no and not (previous is not None and _said_no(previous, step)):
            out[step] = NO
            continue
        y, n, none = arms.get(1, [0, 0, 0])
        if none and none >= _BLANK * (y + n + none):
            out[step] = NO_IN_HOLDOUT
    return out


def _kinds(r: Reading, c: Any, step: str) -> tuple[Expression, Expression, Expression]:
    """Whether a column says yes, says no, or is blank; of reasons only those not delivered."""
    if step != "system_failure":
        return c[step] == 1, c[step] == 0, c[step].is_(None)
    yes = c.reason == "system"
    blank = sa.and_(c.reason.is_(None), answer(r, c, "delivered") == 0)
    return yes, sa.and_(c.reason.is_not(None), sa.not_(yes)), blank


def _said_no(previous: OutcomeMoments, step: str) -> bool:
    """Whether closed cohorts hold units that did not pass a step."""
    cells = previous.cells
    at = cells.index(step)
    if at is None:
        return False
    passed = cells.s1[:, at] + cells.n * cells.center[at]
    return bool((cells.n - cells.missing[:, at] - passed > 0.5).any())  # noqa: PLR2004 - a count


def settled(r: Reading, cells: Moments) -> Moments | None:
    """Returns moments in which blanks that mean no are not missing; None where they must be read again.

    What is missing counts as 0 already, so that no sum changes, unless who was asked must be counted
    or the reasons of those not delivered.
    """
    reasons = "system_failure" in r.columns.measures and "delivered" in r.blanks
    if counts_known(r) or reasons:
        return None
    missing = cells.missing.copy()
    for step, how in r.blanks.items():
        if step in cells.measures:
            where = slice(None) if how == NO else cells.arm == HOLDOUT
            missing[where, cells.measures.index(step)] = 0
    return replace(cells, missing=missing)


def blank_notes(r: Reading) -> list[str]:
    """Says which blanks count as no, and why."""
    named = r.columns.names
    key = {"system_failure": "undelivered_reason"}
    out = []
    for step, how in r.blanks.items():
        column = named.get(key.get(step, step), step)
        if how == NO:
            why = "the column holds no other answer than yes"
            if step == "system_failure":
                why = "no other reason than system is given"
            out.append(f"A blank {column!r} counts as no: {why}")
        else:
            out.append(
                f"In the holdout, where 99 % or more are blank, a blank {column!r} counts as no"
            )
    if "on_time" in r.columns.measures and not r.has("delivered"):
        out.append(f"A blank {named['delivered_at']!r} counts as not delivered")
    return out
