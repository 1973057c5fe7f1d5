"""What happened to each decision that counts: events and steps, joined and added up once.

A window holds both its ends: an event at the moment of the decision is in it, and one at its very end, as in a
ready log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow_checks.raw.chosen import as_kind, ordering
from spot_mlflow_checks.rows import count_where, flag

if TYPE_CHECKING:
    from sqlalchemy.sql.selectable import NamedFromClause

    from spot_mlflow_checks.raw.chosen import Choice
    from spot_mlflow_checks.raw.homes import Kind

    Expression = sa.ColumnElement[Any]

# Of the events of a unit: before the covariate's window, in it, in the window, later.
PLACES: Final = ("too_early", "prior", "inside", "late")
COUNTED: Final = (*PLACES, "at_end")  # and of those in the window, at its very end


@dataclass(frozen=True)
class Windows:
    """Microseconds after and before a decision in which events count."""

    after: int
    before: int


def read_events(
    c: Choice, events: sa.FromClause, *, timely: bool = False, clean: bool = False
) -> sa.Select[Any]:
    """Returns the events that can count: of a unit, with a time, by ``as_of``.

    Args:
        c: the contract's choice.
        events: prepared rows.
        timely: whether all of them have a time by ``as_of``.
        clean: whether all of them can count: no engine then guesses how few will.
    """
    e = events.c
    amount = e.amount if "amount" in e else sa.cast(sa.null(), sa.Double())
    keys = [e[k] for k in ("id", "refund_of") if k in e]
    rows = sa.select(e.unit, e.moment, amount.label("amount"), *keys).select_from(events)
    if clean:
        return rows
    rows = rows.where(e.kept == 1, e.unit.is_not(None))
    return rows if timely else rows.where(e.moment >= 0, e.moment <= c.as_of)


def twice(rows: sa.Select[Any]) -> sa.Select[Any]:
    """Returns the ids of events that occur more than once, and how often."""
    r = rows.subquery("identified").c
    n = sa.cast(sa.func.count(), sa.BigInteger())
    return (
        sa.select(r.id, n.label("times"))
        .where(r.id.is_not(None))
        .group_by(r.id)
        .having(sa.func.count() > 1)
    )


def once(c: Choice, rows: sa.Select[Any], repeated: NamedFromClause) -> sa.CompoundSelect[Any]:
    """Returns each event once: of an id that occurs more than once its latest row.

    Only rows of those ids are put in order; an event without an id cannot be told from another.
    """
    plain, again = rows.subquery("plain"), rows.subquery("again")
    single = (
        sa.select(*plain.c)
        .select_from(plain.outerjoin(repeated, repeated.c.id == plain.c.id))
        .where(repeated.c.id.is_(None))
    )
    other = repeated.alias(f"{repeated.name}_ids")
    return sa.union_all(single, latest(c, again, again.join(other, other.c.id == again.c.id)))


def in_order(
    c: Choice, rows: sa.Select[Any], *, bare: bool
) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Returns each event once, with all of them put in order by their ids.

    Args:
        c: what says how ids are compared.
        rows: events.
        bare: whether some have no id; those are all kept.
    """
    r = rows.subquery("identified")
    if not bare:
        return latest(c, r)
    own = rows.where(rows.selected_columns["id"].is_not(None)).subquery("identified")
    return sa.union_all(latest(c, own), sa.select(*r.c).where(r.c.id.is_(None)))


def latest(c: Choice, rows: Any, joined: Any = None) -> sa.Select[Any]:
    """Returns of each id its latest row.

    Args:
        c: what says how ids are compared.
        rows: events, all with an id.
        joined: these, joined with what leaves some of them out.
    """
    order = [
        rows.c.moment.desc(),
        *ordering(c.home, rows.c.unit, number=c.unit == "whole"),
        *ordering(c.home, rows.c.amount, number=True),
    ]
    if "refund_of" in rows.c:
        order += ordering(c.home, c.home.dialect.text(rows.c.refund_of))
    found = sa.select(*rows.c).select_from(rows if joined is None else joined)
    if c.home.dialect.distinct_on:
        first: Expression = sa.literal_column("DISTINCT ON").op("")(sa.tuple_(rows.c.id))
        return found.prefix_with(first).order_by(rows.c.id, *order)
    n = sa.func.row_number().over(partition_by=[rows.c.id], order_by=order)
    placed = found.add_columns(n.label("place"))
    ranked = placed.subquery("ranked")
    return sa.select(*[ranked.c[x.name] for x in rows.c]).where(ranked.c.place == 1)


def linked(rows: Any) -> sa.Select[Any]:
    """Returns the events, a refund at the time of the event that it refunds where that is known."""
    e, of = rows.subquery("own"), rows.subquery("refunded")
    return sa.select(
        e.c.unit,
        sa.func.coalesce(of.c.moment, e.c.moment).label("moment"),
        e.c.amount,
        flag(sa.and_(e.c.refund_of.is_not(None), of.c.id.is_not(None))).label("is_linked"),
        flag(sa.and_(e.c.refund_of.is_not(None), of.c.id.is_(None))).label("is_orphan"),
    ).select_from(e.outerjoin(of, of.c.id == e.c.refund_of))


def summed_kinds(c: Choice) -> dict[str, Kind]:
    """Name -> kind of the columns of ``summed``."""
    whole: dict[str, Kind] = dict.fromkeys(COUNTED, "whole")
    return {
        **c.keys, "outcome": outcome_kind(c), "observed_at": "whole",
        "covariate": outcome_kind(c), **whole,
    }  # fmt: skip


def outcome_kind(c: Choice) -> Kind:
    """Sums of amounts are doubles; what is counted is whole."""
    return "double" if c.sources.outcome == "sum" else "whole"


def summed(c: Choice, events: Any, picked: sa.FromClause, w: Windows) -> sa.Select[Any]:
    """Returns one row per decision that has events: its outcome, covariate, and where events fell."""
    e, p = events.c, picked.c
    at, start, end = e.moment, p.decided_at, p.decided_at + w.after
    low = p.decided_at - w.before
    inside, prior = sa.and_(at >= start, at <= end), sa.and_(at >= low, at < start)
    where = {
        "too_early": at < low,
        "prior": prior,
        "inside": inside,
        "late": at > end,
        "at_end": at == end,
    }
    # Added up, not counted: over tens of millions of units DuckDB keeps counts beyond its limit on memory.
    counted = [as_kind(sa.func.sum(flag(x)), "whole").label(k) for k, x in where.items()]
    on, keys = [e.unit == p.unit], [p[k] for k in c.keys]
    if c.each:  # of many decisions: only events near each are joined with it
        on += [at >= low, at <= end]
    return (
        sa.select(
            *keys,
            _made(c, e, inside).label("outcome"),
            sa.func.max(sa.case((sa.and_(inside, _counts(c, e)), at))).label("observed_at"),
            _made(c, e, prior).label("covariate"),
            *counted,
        )
        .select_from(events.join(picked, sa.and_(*on)))
        .group_by(*keys)
    )


def _counts(c: Choice, e: Any) -> Expression:
    """Whether an event is one: of a positive amount, where there are amounts and none is added up."""
    if c.sources.outcome == "sum" or c.sources.events.amount is None:
        return sa.literal(1) == 1
    positive: Expression = e.amount > 0
    return positive


def _made(c: Choice, e: Any, span: Expression) -> Expression:
    """What is made of the events of a span."""
    if c.sources.outcome == "sum":
        amount = sa.func.coalesce(e.amount, 0.0)
        return c.home.dialect.double(sa.func.sum(sa.case((span, amount), else_=0.0)))
    n = sa.func.sum(flag(sa.and_(span, _counts(c, e))))
    if c.sources.outcome == "count":
        return as_kind(n, "whole")
    some = n > 0 if c.sources.outcome == "any" else n == 0
    return as_kind(flag(some), "whole")


def without_events(c: Choice) -> Expression:
    """The outcome of a unit that has no events."""
    if c.sources.outcome == "sum":
        return sa.literal_column("0.0", sa.Double())
    return sa.literal_column("1" if c.sources.outcome == "none" else "0", sa.BigInteger())


def step_kinds(c: Choice) -> dict[str, Kind]:
    """Name -> kind of the columns of ``acted``."""
    assert c.sources.steps is not None  # noqa: S101 - asked where there are steps
    named = c.sources.steps.columns
    out: dict[str, Kind] = {**c.keys, "offered": "whole"}
    for key in ("delivered", "acted"):
        if key in named:
            out |= {key: "whole", f"{key}_at": "whole"}
    out |= {k: "text" for k in ("team", "actor", "undelivered_reason") if k in named}
    out |= {k: "double" for k in ("cost", "handling") if k in named}
    return out | {"contacts": "whole", "offers": "whole"}


def stepped(c: Choice, steps: sa.FromClause, picked: sa.FromClause, w: Windows) -> sa.Select[Any]:
    """Returns one row per decision with steps in its window, those added up."""
    s, p, d = steps.c, picked.c, c.home.dialect
    kinds = step_kinds(c)
    made: dict[str, Expression] = {
        "offered": sa.func.max(s.offered) if "offered" in s else sa.literal_column("1")
    }
    for key in ("delivered", "acted"):
        if key in kinds:
            at = s[f"{key}_at"]
            done = sa.case((at > c.as_of, 0), else_=s[key])  # what comes later is not known yet
            made[key] = sa.func.max(done)
            own = sa.func.coalesce(at, s.moment)
            made[f"{key}_at"] = sa.func.min(sa.case((done == 1, own)))
    for key in ("team", "actor", "undelivered_reason"):
        if key in kinds:
            by = d.ordered(s[key], "text")
            made[key] = sa.func.min(s[key] if by is None else by)
    for key in ("cost", "handling"):
        if key in kinds:
            made[key] = sa.func.sum(s[key])
    made["contacts"] = sa.func.count()
    offered = sa.or_(s.offered.is_(None), s.offered != 0) if "offered" in s else sa.true()
    made["offers"] = count_where(offered)
    on = sa.and_(s.unit == p.unit, s.moment >= p.decided_at, s.moment <= p.decided_at + w.after)
    keys = [p[k] for k in c.keys]
    return (
        sa.select(*keys, *[as_kind(x, kinds[k]).label(k) for k, x in made.items()])
        .select_from(steps.join(picked, on))
        .where(s.kept == 1, s.unit.is_not(None), s.moment <= c.as_of)
        .group_by(*keys)
    )
