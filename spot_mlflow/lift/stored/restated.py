"""Outcomes that were corrected after an earlier check: shown as corrected, never silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow import figures
from spot_mlflow.days import day

if TYPE_CHECKING:
    from datetime import timedelta

    from spot_mlflow.lift.moments.cells import Moments


@dataclass(frozen=True, slots=True)
class Restated:
    """A cohort that had matured before and now says something else.

    Attributes:
        period: first day of the period of decision, ISO; "" where not logged.
        arm: label of the arm.
        n_before: units analysed at the earlier check.
        n_now: units analysed now.
        sum_before: sum of the outcome then.
        sum_now: sum of the outcome now.
    """

    period: str
    arm: str
    n_before: int
    n_now: int
    sum_before: float
    sum_now: float

    @property
    def words(self) -> str:
        """One sentence for a reader."""
        when = f"of {day(self.period)} " if self.period else ""
        return (
            f"Cohort {when}({self.arm}) was corrected: {figures.plain(self.sum_before, 6)} over "
            f"{self.n_before:,} units before, {figures.plain(self.sum_now, 6)} over {self.n_now:,} now."
        )


def restated_cohorts(
    now: Moments, before: Moments, length: timedelta | None = None
) -> tuple[Restated, ...]:
    """Compares cohorts, by period and arm, that were complete at an earlier check.

    A cohort is complete when all its assigned units had matured; one that was still filling then may
    grow without being a correction.

    Args:
        now: cells of this check.
        before: cells of an earlier one, over the same contract.
        length: of a cohort; a day where None. Early checks stored whole periods.

    Returns:
        Cohorts whose units or outcomes changed, by time.
    """
    old, new = (_cohorts(x.by_period(length)) for x in (before, now))
    out = []
    for key, (assigned, matured, n, total) in sorted(old.items()):
        if matured < assigned or n == 0:
            continue
        _, _, n_now, total_now = new.get(key, (0, 0, 0, 0.0))
        same = n_now == n and np.isclose(total, total_now, rtol=1e-9, atol=1e-9)
        if not same:
            period, arm = key
            shown = "" if period == "NaT" else period
            out.append(Restated(shown, arm, n, n_now, total, total_now))
    return tuple(out)


def _cohorts(cells: Moments) -> dict[tuple[str, str], tuple[int, int, int, float]]:
    """Returns (period, arm) -> assigned, matured, analysed, sum of the outcome."""
    table = cells.collapse("period", "arm")
    i = table.measures.index("outcome")
    sums = table.s1[:, i] + table.n * table.center[i]
    keys = zip(table.period.astype(str), (str(a) for a in table.arm), strict=True)
    columns = (table.assigned.tolist(), table.matured.tolist(), table.n.tolist(), sums.tolist())
    return {(str(p), a): row for (p, a), row in zip(keys, zip(*columns, strict=True), strict=True)}
