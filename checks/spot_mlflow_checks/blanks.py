"""What blank flags of steps mean, found by a first pass over the log.

A blank is unknown, unless it means no: in a column that holds nothing but yes, and in a holdout of which
nearly all is blank.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.measures import MEASURES
from spot_mlflow.lift.moments.unknown_steps import ANSWERS, known_name
from spot_mlflow_checks.rows import judged
from spot_mlflow_checks.steps import NO, NO_IN_HOLDOUT, answer, counts_known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow_checks.reading import Reading

    Expression = sa.ColumnElement[Any]


_BLANK: Final = 0.99  # share of the holdout blank, from which a blank there means no


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
