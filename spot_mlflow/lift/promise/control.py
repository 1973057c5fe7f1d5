"""Control totals: what a ledger says of the same units, held against the sums of the log."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date  # noqa: TC003 - pydantic reads annotations
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from spot_mlflow import figures
from spot_mlflow.days import day, days_between
from spot_mlflow.validation import Document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.lift.moments.cells import Moments

_HUNDRED: Final = 100.0  # cents for a currency, percent for a share
_LIKE: Final = 0.05  # so near a factor of a hundred it is one


class Control(Document):
    """A total of another system, which the log must agree with before a verdict is given.

    Attributes:
        total: the figure there.
        source: where it stands, in words ("orders.ledger").
        of: what is added up: the outcome, the value, or the units decided.
        within: share by which the log may differ.
        first: first day of decision that the figure counts; from the beginning where None.
        last: last day of decision that it counts; to the end where None.
    """

    total: float
    source: str = Field(min_length=1)
    of: Literal["outcome", "value", "units"] = "outcome"
    within: Annotated[float, Field(ge=0, lt=1)] = 0.01
    first: date | None = None
    last: date | None = None

    @model_validator(mode="after")
    def _can_be_compared(self) -> Self:
        if self.total == 0:
            raise ValueError("total == 0; a share of nothing cannot be compared")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ValueError(f"first == {self.first} is after last == {self.last}")
        return self


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """One control total and what the log has.

    Attributes:
        control: as declared.
        found: the log's total of the same, over units whose outcome counts; NaN where it has none.
        waiting: units decided in that time whose window has not passed; they are in no total.
    """

    control: Control
    found: float
    waiting: int

    @property
    def difference(self) -> float:
        """By what share the log differs: -.06 is 6 % less."""
        return self.found / self.control.total - 1

    @property
    def agrees(self) -> bool:
        """Whether the log is as near as was declared."""
        return abs(self.difference) <= self.control.within

    @property
    def words(self) -> str:
        """Both figures, and what is the matter where they differ."""
        c = self.control
        when = _span(c)
        there = f"{c.source} has {figures.money(c.total)}"
        if math.isnan(self.found):
            return f"The log has no {c.of} to compare with {c.source}"
        total = f"a total {c.of} of {figures.money(self.found)}"
        here = f"{figures.count(self.found)} units" if c.of == "units" else total
        here = f"The log has {here}{when}, {there}"
        if self.agrees:
            return f"{here}: within {figures.share(c.within)}"
        way = "more" if self.difference > 0 else "less"
        off = figures.share(abs(self.difference))
        return f"{here}: {off} {way}, and {figures.share(c.within)} is allowed. {self._why}"

    @property
    def _why(self) -> str:
        ratio = abs(self.found / self.control.total)
        for factor, said in ((_HUNDRED, "a hundred times"), (1 / _HUNDRED, "a hundredth of")):
            if abs(ratio / factor - 1) <= _LIKE:
                return f"It is about {said} the ledger's: one of them may be in cents"
        if self.waiting:
            return (
                f"{self.waiting:,} units of that time wait for their outcome: give the ledger's total "
                "of those decided up to a day whose window has passed (last)"
            )
        return "Rows are missing or doubled, or the two count different units"


def control_totals(cells: Moments, controls: Iterable[Control]) -> tuple[ControlTotal, ...]:
    """Adds up what each control counts.

    Args:
        cells: by arm and day of decision.
        controls: as the contract declares them.
    """
    return tuple(_total(cells, c) for c in controls)


def _total(cells: Moments, control: Control) -> ControlTotal:
    import numpy as np

    inside = np.ones(len(cells), dtype=bool)
    if control.first is not None:
        inside &= cells.period >= np.datetime64(control.first)
    if control.last is not None:
        inside &= cells.period <= np.datetime64(control.last)
    part = cells.select(inside)
    assigned = int(part.assigned.sum())
    if control.of == "units":
        return ControlTotal(control, float(assigned), 0)
    i = part.index(control.of)
    waiting = assigned - int(part.matured.sum())
    if i is None:
        return ControlTotal(control, math.nan, waiting)
    found = float(part.s1[:, i].sum() + part.n.sum() * part.center[i])
    return ControlTotal(control, found, waiting)


def _span(control: Control) -> str:
    of = " decided" if control.of == "units" else " of units decided"
    if control.first is not None and control.last is not None:
        return f"{of} {days_between(control.first, control.last)}"
    if control.last is not None:
        return f"{of} up to {day(control.last)}"
    return f"{of} from {day(control.first)} on" if control.first is not None else ""
