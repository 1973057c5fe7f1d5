"""From the columns of a log to one judged row per unit: arm, period, maturity, measures, faults.

Nothing runs here: the module builds the query that every pass groups. The rules, in order:
a unit is *assigned* when its arm is known, it was decided by ``as_of`` and its model version is the
one checked; *matured* once ``decided_at + window`` has passed; *analysed* when it is matured and has
an outcome, or none where the contract says ``missing: zero``. An outcome that came after its window
counts as none came: 0. Rows decided after ``as_of`` and those of another version stand *apart*:
nothing is asked of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.moments.measures import AMOUNTS, BY_KEY, FLAGS, with_slip
from spot_mlflow_checks import steps
from spot_mlflow_checks.columns import HASHED, NUMBERS, TIMES, guardrail_key
from spot_mlflow_checks.engines.dialect import NEVER
from spot_mlflow_checks.holdout.arm_sql import arm_of
from spot_mlflow_checks.holdout.hashable import was_floating
from spot_mlflow_checks.reading import DAY, Reading

if TYPE_CHECKING:
    from spot_mlflow_checks.engines.dialect import Family

    Expression = sa.ColumnElement[Any]

UNKNOWN_ARM: Final = -1
BLANK_ROW: Final = -2  # in place of an arm: nothing stands in the row, as below a spreadsheet
_WHOLE_DAY: Final = 86_399.999999  # from its first moment to its last, seconds
_DATE: Final = 10  # characters of a date without a time
EARLIEST: Final = 0  # 1970: what was decided before is a slip of the pen
_INSTANT: Final = 5e-7  # seconds, half a microsecond: sums of doubles do not meet to the last digit
CLIP: Final = 0.01  # a logged propensity below it would let one unit speak for a hundred


def flag(condition: Expression) -> Expression:
    """1 where the condition holds, else 0."""
    return sa.case((condition, 1), else_=0)


def count_where(condition: Expression) -> Expression:
    """The rows for which a condition holds; to count takes an engine half the time that a sum takes."""
    return sa.func.count(sa.case((condition, 1)))


def has_matured(r: Reading, decided_at: Expression) -> Expression:
    """Whether a unit's window has ended: at its very end, too."""
    end = r.as_of - (r.window_seconds or 0.0) + _INSTANT
    return decided_at <= end


def came_late(r: Reading, t: Any) -> Expression:
    """Whether an outcome came after the window; one at its very end is in time."""
    end = t.decided_at + ((r.window_seconds or 0.0) + _INSTANT)
    late: Expression = t.observed_at > end
    return late


def before_decision(r: Reading, t: Any, at: Expression) -> Expression:
    """Whether something came before the decision; a time of midnight is a day, known no closer."""
    day = r.source.dialect.floor(t.decided_at / float(DAY)) * float(DAY)
    whole = r.source.dialect.floor(at / float(DAY)) * float(DAY) == at
    return sa.and_(at < t.decided_at, sa.not_(sa.and_(whole, at >= day)))


def judged(r: Reading) -> sa.Subquery:
    """Returns the query of judged rows; its columns are what ``reduction`` groups."""
    return _measured(r, _placed(r, typed(r)))


_LABELS: Final = ("segment", "unit", "cluster", "team", "actor", "offer", "override_reason")


def typed(r: Reading) -> sa.Subquery:
    """Returns every column in its meaning: numbers as doubles, times as seconds, flags as 0 and 1."""
    d = r.source.dialect
    out: dict[str, Expression] = {
        "arm": _arm(r),
        "outcome_blank": flag(d.blank(*_column(r, "outcome"))),
        **{f"{k}_blank": flag(d.blank(*_column(r, k))) for k in may_be_unreadable(r)},
        **{k: d.number(*_column(r, k)) for k in NUMBERS if r.has(k)},
        **{k: d.truth(*_column(r, k)) for k in FLAGS if r.has(k)},
        **{k: d.time(*_column(r, k)) for k in TIMES if r.has(k)},
        **{k: _label(r, k) for k in _LABELS if r.has(k)},
        **{f"{k}_rest": _in_the_rest(r, k) for k in r.folded},
        **{k: _guardrail(r, i, k) for i, k in _guardrails(r)},
    }
    if r.blanks.get("acted") == steps.NO:  # the pass over acts reads it, too
        out["acted"] = sa.func.coalesce(out["acted"], 0.0)
    if r.has("undelivered_reason"):
        column, family = _column(r, "undelivered_reason")
        text = family in {"text", "any"}
        out["reason"] = d.word(column) if text else d.text(sa.null())
    if r.has("propensity") and _guardrails(r):
        out["any_weight"] = 1.0 / _clipped(d.number(*_column(r, "propensity")))
    if r.has("model_version") and r.model_version is not None:
        same = d.equals(*_column(r, "model_version"), r.model_version)
        out["other_version"] = flag(sa.not_(same))
    if asks_version(r):
        out["version"] = d.text(_column(r, "model_version")[0])
    if r.has("due_at"):
        out["due_at"] = _last_of_day(r, "due_at")
    if r.has(HASHED):
        out |= _assigned(r)
    query = sa.select(*[x.label(k) for k, x in out.items()]).select_from(r.source.log)
    if r.since is not None and r.has("decided_at"):
        at = d.time(*_column(r, "decided_at"))
        query = query.where(sa.or_(at >= r.since, at.is_(None)))
    return r.source.dialect.fenced(query).subquery("typed")


def _assigned(r: Reading) -> dict[str, Expression]:
    """The id that the contract's assignment hashes, and the code of the arm that it gives.

    An id that was a floating-point number gives none: nobody can hold out by it, so that it counts as wrong.
    """
    rule, d = r.predicted.arm_rule, r.source.dialect
    assert rule is not None  # noqa: S101 - ``columns_in`` found its column
    column, family = _column(r, HASHED)
    unit = sa.case((sa.not_(d.blank(column, family)), d.text(column)))
    due: Expression = arm_of(
        d,
        unit,
        rule,
        decided_at=d.time(*_column(r, "decided_at")) if r.has("decided_at") else None,
        segment=d.text(_column(r, "segment")[0]) if r.has("segment") else None,
        labels=range(len(r.arms)),
    )
    floating = was_floating(d, column, family)
    if floating is not None:
        due = sa.case((floating, UNKNOWN_ARM), else_=due)
    return {HASHED: unit, "due_arm": due}


def _guardrails(r: Reading) -> list[tuple[int, str]]:
    """Places and keys of the guardrails whose column the log has."""
    keys = [(i, guardrail_key(i)) for i in range(len(r.predicted.guardrails))]
    return [(i, k) for i, k in keys if r.has(k)]


def _guardrail(r: Reading, number: int, key: str) -> Expression:
    """A guardrail's value; NULL where it is missing, unreadable, infinite or not 0 or 1."""
    guardrail, d = r.predicted.guardrails[number], r.source.dialect
    column, family = _column(r, key)
    x = d.number(column, family)
    usable = x.in_((0.0, 1.0)) if guardrail.kind == "binary" else d.finite(x)
    zero = [(d.blank(column, family), 0.0)] if guardrail.missing == "zero" else []
    return sa.case((usable, x), *zero)


def may_be_unreadable(r: Reading) -> list[str]:
    """Measures, the outcome aside, whose column may hold text that says nothing of them."""
    kinds = {k: r.source.families[r.columns.names[k]] for k in with_slip("unreadable") if r.has(k)}
    return [k for k, family in kinds.items() if family in {"text", "any"}]


def asks_version(r: Reading) -> bool:
    """Whether rows may be of several model versions, and nobody said which one is checked."""
    return r.has("model_version") and r.model_version is None


def _column(r: Reading, key: str) -> tuple[Expression, Family]:
    name = r.columns.names[key]
    return r.source.column(name), r.source.families[name]


def _arm(r: Reading) -> Expression:
    """The code of the arm: NULL where none is given, -1 where the contract does not name it."""
    column, family = _column(r, "arm")
    d = r.source.dialect
    # Labels before blanks: an arm may be called "None". As written before trimmed: it costs less.
    codes = [(d.equals(column, family, label), i) for i, label in enumerate(r.arms)]
    if family in {"text", "any"}:
        codes += [(d.equals_trimmed(column, family, x), i) for i, x in enumerate(r.arms)]
    return sa.case(*codes, (d.blank(column, family), _blank_row(r)), else_=UNKNOWN_ARM)


def _blank_row(r: Reading) -> Expression:
    """What a row without an arm is: a unit whose arm is missing, or a row in which nothing stands."""
    if r.has("unit"):
        others = [_column(r, k) for k in r.columns.names if k != "arm"]
    elif r.source.unread:
        return sa.null()  # what is not looked at may say whose row it is
    else:
        families = r.source.families
        others = [
            (r.source.column(n), f) for n, f in families.items() if n != r.columns.names["arm"]
        ]
    blank = [r.source.dialect.blank(x, family) for x, family in others]
    return sa.case((sa.and_(*blank), BLANK_ROW))


def _last_of_day(r: Reading, key: str) -> Expression:
    """A time; the end of the day where only a date is given: what is due on a day is so all day."""
    column, family = _column(r, key)
    at = r.source.dialect.time(column, family)
    if family == "date":
        return at + _WHOLE_DAY
    if family not in {"text", "any"}:
        return at
    return sa.case(
        (r.source.dialect.length(sa.func.trim(column)) <= _DATE, at + _WHOLE_DAY), else_=at
    )


def _label(r: Reading, key: str) -> Expression:
    """A column as it is; NULL for all that means nothing, unless it is labelled after grouping."""
    column, family = _column(r, key)
    if key in r.folded:
        return sa.case((r.source.dialect.text(column).in_(r.folded[key].kept), column))
    if key == "segment":
        return column
    return sa.case((sa.not_(r.source.dialect.blank(column, family)), column))


def _in_the_rest(r: Reading, key: str) -> Expression:
    """1 for a label that does not stay apart."""
    column, family = _column(r, key)
    kept = r.source.dialect.text(column).in_(r.folded[key].kept)
    return flag(sa.not_(sa.or_(r.source.dialect.blank(column, family), kept)))


def _placed(r: Reading, rows: sa.Subquery) -> sa.Subquery:
    """Adds where a unit stands: period, assigned, matured, and the outcome that counts."""
    t = rows.c
    known = t.arm >= 0
    assigned = [known]
    apart: list[Expression] = []
    if "other_version" in t:
        assigned.append(t.other_version == 0)
        apart.append(t.other_version == 1)
    period: Expression = sa.cast(sa.null(), sa.BigInteger())
    matured: list[Expression] = []
    late: Expression = NEVER
    if r.has("decided_at"):
        # Every comparison with a missing time is unknown: what is not known is not refused here.
        future = sa.or_(t.decided_at > r.as_of, t.decided_at < EARLIEST)
        assigned.append(sa.or_(t.decided_at.is_(None), sa.not_(future)))
        index = r.source.dialect.floor((t.decided_at - r.grain_start) / float(r.grain))
        period = sa.case((sa.not_(future), sa.cast(index, sa.BigInteger())))
        if r.as_of < r.now:
            apart.append(sa.and_(t.decided_at > r.as_of, t.decided_at <= r.now))
        if r.window_seconds is not None:
            matured.append(has_matured(r, t.decided_at))
            if "observed_at" in t:
                late = came_late(r, t)
    whole = r.source.families[r.columns.names["outcome"]] in {"integer", "bool"}
    finite = t.outcome.is_not(None) if whole else r.source.dialect.finite(t.outcome)
    usable = [finite]
    if (
        r.predicted.kind == "binary"
        and r.columns.measures[0] == "outcome"
        and not r.has("denominator")
    ):
        usable = [t.outcome.in_((0.0, 1.0))]
    if r.window_seconds is None and "observed_at" in t:
        usable.append(sa.or_(t.observed_at.is_(None), t.observed_at <= r.as_of))
    y = sa.case(
        (sa.and_(late, finite), 0.0), (sa.and_(*usable), t.outcome), *_nothing_happened(r, t)
    )
    query = sa.select(
        *t,
        flag(sa.and_(*assigned)).label("assigned"),
        flag(sa.and_(*assigned, *matured)).label("matured"),
        flag(late).label("late"),
        period.label("period"),
        y.label("y"),
        *([flag(sa.or_(*apart)).label("apart")] if apart else []),
    )
    return r.source.dialect.fenced(query).subquery("placed")


def _nothing_happened(r: Reading, t: Any) -> list[tuple[Expression, float]]:
    """What no outcome counts as, where the contract says that nothing happened then."""
    return [(t.outcome_blank == 1, 0.0)] if r.predicted.missing == "zero" else []


def _measured(r: Reading, placed: sa.Subquery) -> sa.Subquery:
    """Adds the measures of analysed units, NULL for all others."""
    p = placed.c
    analysed = sa.and_(p.matured == 1, p.y.is_not(None))
    kept = [c for c in p if c.name not in AMOUNTS]
    out = [*kept, flag(analysed).label("n")]
    for m in r.columns.measures:
        raw = _measure(r, p, m)
        finite = raw if not BY_KEY[m].is_amount else sa.case((r.source.dialect.finite(raw), raw))
        fill = r.center.get(m, 0.0) if m == "covariate" else 0.0
        value = finite if m == "outcome" else sa.func.coalesce(finite, fill)
        out.append(sa.case((analysed, value)).label(f"x_{m}"))
        if BY_KEY[m].may_be_missing:
            gone = steps.unknown(r, p, m) if BY_KEY[m].is_flag else finite.is_(None)
            out.append(flag(sa.and_(analysed, gone)).label(f"missing_{m}"))
    out += [p[k].label(k) for k in AMOUNTS if k in p]
    return r.source.dialect.fenced(sa.select(*out)).subquery("judged")


def is_indicator(r: Reading, measure: str) -> bool:
    """Whether a measure is 0 or 1 in every analysed unit, so that x = x squared = x cubed."""
    binary = r.predicted.kind == "binary" and not r.has("denominator")
    return BY_KEY[measure].is_flag or (measure == "outcome" and binary)


def _clipped(propensity: Expression) -> Expression:
    return sa.case((propensity < CLIP, CLIP), (propensity > 1, 1.0), else_=propensity)


def _measure(r: Reading, p: Any, name: str) -> Expression:
    outcome = p.y if r.cap is None else sa.case((p.y > r.cap, r.cap), else_=p.y)
    if name == "outcome":
        return outcome
    if BY_KEY[name].is_flag:
        return steps.measure(r, p, name)
    if BY_KEY[name].kind == "weight":
        clipped = _clipped(p.propensity)
        return 1.0 / clipped if name == "weight" else outcome / clipped
    column: Expression = p[name]
    return column
