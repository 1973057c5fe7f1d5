"""Which decision of a unit counts, and in which arm it is.

What comes after ``as_of`` and other versions is left out before the choice, or a decision that does
not count would decide which one does. Two decisions of one moment are put in order by all that is
carried, so that the answer does not depend on the order in which an engine reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.promise.sources import CARRIED, ArmsFrom, Each
from spot_mlflow_checks.engines.dialect import spellings
from spot_mlflow_checks.holdout.arm_sql import arm_of
from spot_mlflow_checks.rows import flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.lift.promise.arm_hash import ArmRule
    from spot_mlflow.lift.promise.sources import Sources
    from spot_mlflow.lift.promise.terms import Label
    from spot_mlflow_checks.raw.homes import Home, Kind

    Expression = sa.ColumnElement[Any]

CLUSTER: Final = "cluster"  # what a rule hashes instead of the unit
_DOUBLES: Final = ("score", "propensity", "value")


@dataclass(frozen=True)
class Choice:
    """What decides which decisions count.

    Attributes:
        home: where they are read.
        sources: the contract's.
        as_of: microseconds since 1970 UTC.
        version: the model version checked, or None for any.
        treated: the first label of treatment.
        holdout: the label of the holdout.
        rule: how a hash decides the arm, where one does.
        unit: whether ids of units are text or whole numbers.
    """

    home: Home
    sources: Sources
    as_of: int
    version: str | None
    treated: Label
    holdout: Label
    rule: ArmRule | None = None
    unit: Kind = "text"

    @property
    def carried(self) -> tuple[str, ...]:
        """Keys that go from the decision into the log."""
        named = tuple(k for k in CARRIED if getattr(self.sources.decisions, k) is not None)
        return (*named, "version") if self.sources.decisions.version is not None else named

    @property
    def each(self) -> bool:
        """Whether every decision of a unit counts."""
        return isinstance(self.sources.repeats, Each)

    @property
    def keys(self) -> dict[str, Kind]:
        """Name -> kind of what tells one decision that counts from another."""
        return {"unit": self.unit, **({"decided_at": "whole"} if self.each else {})}


def armed_kinds(c: Choice) -> dict[str, Kind]:
    """Name -> kind of the columns of ``with_arms``."""
    out: dict[str, Kind] = {"unit": c.unit, "decided_at": "whole", "arm": "text"}
    for key in c.carried:
        out[key] = "double" if key in _DOUBLES else "whole" if key == "due_at" else "text"
    return out


def chosen_kinds(c: Choice) -> dict[str, Kind]:
    """Name -> kind of the columns of ``chosen``."""
    return armed_kinds(c) | {"two_arms": "whole", "tied": "whole"}


def countable(c: Choice, decisions: sa.FromClause) -> list[Expression]:
    """The conditions under which a decision can count at all."""
    d = decisions.c
    asked: list[Expression] = [
        d.kept == 1, d.unit.is_not(None), d.moment >= 0, d.moment <= c.as_of,
    ]  # fmt: skip
    if c.version is not None and "version" in d:
        asked.append(same_version(c, decisions))
    return asked


def same_version(c: Choice, decisions: sa.FromClause) -> Expression:
    """Whether a decision is of the version that is checked."""
    return decisions.c.version.in_(spellings(c.version))


def only(c: Choice, rows: sa.Select[Any]) -> sa.Select[Any]:
    """Returns the decisions that count where no unit has two, nor two arms."""
    r = rows.subquery("armed").c
    no: Expression = sa.literal_column("0")
    made = {k: no if k in {"two_arms", "tied"} else r[k] for k in chosen_kinds(c)}
    return sa.select(*[as_kind(made[k], kind).label(k) for k, kind in chosen_kinds(c).items()])


def chosen(c: Choice, rows: sa.Select[Any]) -> sa.Select[Any]:
    """Returns the decisions that count, one per unit, or per unit and moment where each does."""
    r = rows.subquery("armed").c
    by = [r.unit, r.decided_at] if c.each else [r.unit]
    order = [r.decided_at.desc() if c.sources.repeats == "last" else r.decided_at]
    ties = [x for k in ("arm", *c.carried) for x in ordering(c.home, r[k], number=_is_number(k))]
    # One way of sorting for all that is asked: every other would be one more sort of the decisions.
    sort = sa.func.row_number().over(partition_by=by, order_by=[*order, *ties])
    following = sa.func.lead(r.decided_at).over(partition_by=by, order_by=[*order, *ties])
    two = _whole(sa.func.min(r.arm), c, r, order, ties) != _whole(sa.func.max(r.arm), c, r, order, ties)  # fmt: skip
    placed = sa.select(
        *r,
        flag(two).label("two_arms"),
        flag(following == r.decided_at).label("tied"),
        sort.label("place"),
    ).subquery("placed")
    kinds = chosen_kinds(c)
    return sa.select(*[as_kind(placed.c[k], kinds[k]).label(k) for k in kinds]).where(
        placed.c.place == 1
    )


def _whole(x: Any, c: Choice, r: Any, order: list[Any], ties: list[Any]) -> Expression:
    """An aggregate over all decisions of a unit, in the order in which they are sorted anyway."""
    if c.each:
        found: Expression = x.over(partition_by=[r.unit])
    else:
        found = x.over(partition_by=[r.unit], order_by=[*order, *ties], rows=(None, None))
    return found


def as_kind(x: Expression, kind: Kind) -> Expression:
    """A whole number as one of 64 bits: sums are wider in some engines."""
    return sa.cast(x, sa.BigInteger()) if kind == "whole" else x


def ordering(home: Home, x: Expression, *, number: bool = False) -> Sequence[Expression]:
    """What puts rows in the same order on every engine: blanks last, text by code points."""
    by = x if number else home.dialect.ordered(x, "text")
    return home.dialect.blanks_last(x if by is None else by)


def _is_number(key: str) -> bool:
    return key in _DOUBLES or key == "due_at"


def with_arms(
    c: Choice, decisions: sa.FromClause, arms: sa.FromClause | None, *, clean: bool = False
) -> sa.Select[Any]:
    """Returns the decisions that can count with their arms; a unit with two arms stays twice.

    Args:
        c: the contract's choice.
        decisions: prepared rows.
        arms: the list or table of arms, where there is one.
        clean: whether all decisions can count.
    """
    d = decisions.c
    arm, rows = _arm(c, decisions, arms)
    carried = [d[k] for k in c.carried]
    armed = sa.select(d.unit, d.moment.label("decided_at"), arm.label("arm"), *carried)
    armed = armed.select_from(rows)
    return armed if clean else armed.where(*countable(c, decisions))


def _arm(
    c: Choice, decisions: sa.FromClause, arms: sa.FromClause | None
) -> tuple[Expression, sa.FromClause]:
    """The arm of a decision, and what it is selected from."""
    way = c.sources.arms.way
    if way is ArmsFrom.COLUMN:
        return decisions.c.arm, decisions
    if c.rule is not None:
        return _drawn(c, c.rule, decisions), decisions
    assert arms is not None  # noqa: S101 - a list or a table, both are given
    a = arms.c
    listed = [a.kept == 1, a.unit.is_not(None)]
    if way is ArmsFrom.HELD_OUT:
        held = sa.select(a.unit).where(*listed).distinct().subquery("held")
        arm = sa.case(
            (held.c.unit.is_not(None), sa.literal(str(c.holdout))), else_=sa.literal(str(c.treated))
        )
        return arm, decisions.outerjoin(held, held.c.unit == decisions.c.unit)
    # A unit with two arms in the table stays twice: it is counted before one of them is taken.
    pairs = sa.select(a.unit, a.arm).where(*listed).distinct().subquery("pairs")
    return pairs.c.arm, decisions.outerjoin(pairs, pairs.c.unit == decisions.c.unit)


def _drawn(c: Choice, rule: ArmRule, decisions: sa.FromClause) -> Expression:
    """The arm by the hash of the unit, or of its cluster where those are assigned as a whole."""
    d, dialect = decisions.c, c.home.dialect
    hashed = d.cluster if rule.column == CLUSTER else dialect.text(d.unit)
    return arm_of(
        dialect,
        hashed,
        rule,
        decided_at=dialect.double(d.moment) / 1e6,
        segment=d.segment if "segment" in d else None,
        labels=[str(x) for x in (rule.holdout, *rule.treated)],
    )
