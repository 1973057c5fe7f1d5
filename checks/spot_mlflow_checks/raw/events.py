"""The events of the decisions that count, each once: of all that there are, or of the time that matters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.moments.joined import Rule
from spot_mlflow_checks.raw import happened, reach
from spot_mlflow_checks.raw.counting import Census, census, refuse_currencies, refuse_hopeless
from spot_mlflow_checks.raw.filters import unmatched
from spot_mlflow_checks.raw.given import sql_name
from spot_mlflow_checks.raw.prepared import id_kind
from spot_mlflow_checks.raw.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow_checks.raw.chosen import Choice
    from spot_mlflow_checks.raw.happened import Windows
    from spot_mlflow_checks.raw.homes import Home, Kind
    from spot_mlflow_checks.raw.places import Place


EVENTS: Final = "events"


@dataclass(frozen=True)
class Events:
    """The events of the decisions that count.

    Attributes:
        once: each event once, to select from.
        rows: the prepared rows that are counted.
        census: counts of those.
        twice: rows left out, since their id occurs again.
        refunds: refunds whose event is known, and those whose is not.
        span: the time that was read; None for all of it.
        known: rows of that time whose unit was decided; None where all time was read.
        role: of their table.
        unmatched: "table.column" -> values of its filter that no row has.
    """

    once: sa.FromClause
    rows: sa.FromClause
    census: Census
    twice: int = 0
    refunds: tuple[int, int] = (0, 0)
    span: Reach | None = None
    known: int | None = None
    role: str = EVENTS
    unmatched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def counted(
    home: Home,
    place: Place,
    rows: sa.FromClause,
    as_of: int,
    role: str = EVENTS,
    *,
    part: bool = False,
) -> Census:
    """Counts the rules of rows of the events in one scan.

    Args:
        home: where they lie.
        place: where all tables are.
        rows: as prepared.
        as_of: microseconds since 1970 UTC.
        role: of their table.
        part: whether they are only a part of it, whose repeated ids say nothing of the whole.

    Raises:
        InvalidInput: where none can be used, or amounts are of several currencies.
    """
    r, doc = rows.c, place.roles[role].doc
    extra: dict[Rule, Any] = {}
    if "amount" in r:
        extra[Rule.UNREADABLE_AMOUNT] = r.amount.is_(None)
        extra[Rule.REFUND] = r.amount < 0
    if "id" in r:
        extra[Rule.NO_EVENT_ID] = r.id.is_(None)
    key = "id" if "id" in r and home.sorts and not part else None
    found = census(home, role, rows, as_of, extra, key)
    refuse_hopeless(found, place.names[role], doc.columns)
    if "currency" in doc.columns:
        refuse_currencies(home, rows, place.names[role], role, doc.columns["currency"])
    return found


def events_of(  # noqa: PLR0917 - what is joined, and how
    c: Choice,
    place: Place,
    picked: sa.TableClause,
    w: Windows,
    known: Census | None,
    role: str = EVENTS,
) -> Events:
    """Returns the events of the decisions that count.

    Args:
        c: what decides which decisions count.
        place: where all tables are.
        picked: the decisions that count.
        w: how far before and after a decision events count.
        known: counts of all events, where they were made already.
        role: of their table.

    Raises:
        InvalidInput: where no event can be used.
    """
    span = _span(c, place, picked, w, role)
    if span is not None:
        missing = unmatched(replace(place.roles[role], reach=span), place.names[role])
        near = _near(c, place, picked, span, role)
        if near is not None:
            return replace(near, unmatched=missing)
    missing = unmatched(place.roles[role], place.names[role])
    return replace(_all(c, place, known, role), unmatched=missing)


def _kept(role: str, name: str) -> str:
    """The name under which a step of a table is kept, so that no other table's takes its place."""
    return name if role == EVENTS else f"{sql_name(role)}_{name}"


def _span(c: Choice, place: Place, picked: sa.TableClause, w: Windows, role: str) -> Reach | None:
    """The time that is read; None for all of it: a refund may come long after what it refunds."""
    if c.sources.events.refund_of is not None:
        return None
    found = reach.reach_of(c.home, picked, w)
    return found if found is not None and place.count(role) >= reach.MANY else None


def _kinds(c: Choice, place: Place) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {"unit": c.unit, "moment": "whole", "amount": "double"}
    if c.sources.events.id is not None:
        kinds["id"] = id_kind(place.whole, "id")
    return kinds


def _near(c: Choice, place: Place, picked: sa.TableClause, span: Reach, role: str) -> Events | None:
    """Reads only the time that decisions need; None where their units have no event in it.

    An event whose id comes again later, of whatever unit, is the later one: those rows are looked for
    by their ids from the beginning of the span up to ``as_of``.
    """
    home, kinds = c.home, _kinds(c, place)
    first, last = span.first, min(span.last, c.as_of)
    # The widest first: it may have to be kept.
    place.rows(role, Reach(first, max(span.last, c.as_of)))
    rows = place.rows(role, span)
    within = place.rows(role, Reach(first, last), undated=False)
    in_units = _in_units(happened.read_events(c, within, timely=True), picked)
    near = home.keep(_kept(role, "near"), in_units, kinds)
    known = _count(home, near)
    if not known:
        return None
    once = near
    if "id" in kinds:
        after = place.rows(role, Reach(first, c.as_of), undated=False)
        read = happened.read_events(c, after, timely=True).subquery("later")
        ids = sa.select(near.c.id).where(near.c.id.is_not(None))
        again = home.keep(_kept(role, "again"), sa.select(*[read.c[k] for k in kinds]).where(read.c.id.in_(ids)), kinds)  # fmt: skip
        latest = happened.latest(c, again).subquery("latest")
        left = _in_units(sa.select(*latest.c).where(latest.c.moment <= span.last), picked)
        bare = sa.select(*[near.c[k] for k in kinds]).where(near.c.id.is_(None))
        once = home.keep(_kept(role, "once"), sa.union_all(left, bare), kinds)
    return Events(
        once=once,
        rows=rows,
        census=counted(home, place, rows, c.as_of, role, part=True),
        twice=known - _count(home, once),
        span=span,
        known=known,
        role=role,
    )


def _in_units(rows: sa.Select[Any], picked: sa.TableClause) -> sa.Select[Any]:
    """Those rows whose unit was decided."""
    return rows.where(rows.selected_columns["unit"].in_(sa.select(picked.c.unit)))


def _count(home: Home, rows: sa.FromClause) -> int:
    return int(home.fetch(sa.select(sa.func.count()).select_from(rows))[0][0])


def _all(c: Choice, place: Place, known: Census | None, role: str) -> Events:
    """Reads all events."""
    home, doc, prepared = c.home, c.sources.events, place.rows(role)
    # Counts that were made up to the last event say nothing where another feed ends before it.
    if known is None or (known.last or 0) > c.as_of:
        known = counted(home, place, prepared, c.as_of, role)
    rows: Any = happened.read_events(c, prepared, clean=known.clean)
    twice = known.repeats or 0
    if twice:
        rows = happened.in_order(c, rows, bare=bool(known.counts[Rule.NO_EVENT_ID]))
    elif doc.id is not None and not home.sorts:
        kinds: dict[str, Kind] = {"id": id_kind(place.whole, "id"), "times": "whole"}
        repeated = home.keep(_kept(role, "twice"), happened.twice(rows), kinds)
        total = home.fetch(sa.select(sa.func.sum(repeated.c.times - 1)).select_from(repeated))
        twice = int(total[0][0] or 0)
        if twice:
            rows = happened.once(c, rows, repeated)
    refunds = (0, 0)
    if doc.refund_of is not None:
        rows = happened.linked(rows)
        r = rows.subquery("links").c
        both = sa.select(sa.func.sum(r.is_linked), sa.func.sum(r.is_orphan))
        a, b = home.fetch(both)[0]
        refunds = (int(a or 0), int(b or 0))
    return Events(rows.subquery("e"), prepared, known, twice, refunds, role=role)
