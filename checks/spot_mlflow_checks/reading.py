"""One way of reading one log: what every pass over it agrees on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import sqlalchemy as sa

    from spot_mlflow.lift.moments.recomputed import Recomputed
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow_checks.columns import LogColumns
    from spot_mlflow_checks.engines.source import Source

    Expression = sa.ColumnElement[Any]


DAY: Final = 86_400
WEEK: Final = 7 * DAY
MONDAY: Final = 4 * DAY  # 1970-01-01 was a Thursday; whole weeks begin on Mondays


@dataclass(frozen=True, slots=True)
class Folded:
    """Labels of a column that stay apart; the others count as one.

    Attributes:
        kept: as the engine writes them as text.
        labels: how many there are in all.
    """

    kept: tuple[str, ...]
    labels: int


SEGMENT_LIMIT: Final = 200  # labels kept apart where there are more


@dataclass(frozen=True)
class Reading:
    """One way of reading one log: what every pass over it agrees on.

    Attributes:
        source: where the log lies.
        predicted: the contract.
        columns: the contract's columns in this log.
        as_of: seconds since 1970 UTC at which maturity is judged.
        model_version: the version checked, or None for any.
        now: the end of this hour, seconds since 1970 UTC; what was decided later is absurd, not only
            later than ``as_of``.
        center: measure -> constant subtracted before squaring.
        cap: outcomes above it count as it (winsorizing), or None.
        since: units decided earlier are not read (seconds), or None.
        folded: contract key -> labels that stay apart, where there are too many.
        grain: length of the periods that rows are grouped by, seconds; whole days. Periods of the
            contract are added up from days afterwards.
        blanks: step -> what its blanks mean where they do not mean unknown (``blanks``).
        segment_limit: segments that stay apart; the rest is folded together.
        tell: called with the name of each pass as it begins.
        earlier: what arms were recomputed by at the last check, where there was one.
    """

    source: Source
    predicted: PredictedLift
    columns: LogColumns
    as_of: float
    model_version: str | None = None
    now: float = 0.0
    center: Mapping[str, float] = field(default_factory=dict)
    cap: float | None = None
    since: float | None = None
    folded: Mapping[str, Folded] = field(default_factory=dict)
    grain: int = DAY
    blanks: Mapping[str, str] = field(default_factory=dict)
    segment_limit: int = SEGMENT_LIMIT
    tell: Callable[[str], None] = lambda _name: None
    earlier: tuple[Recomputed, ...] = ()

    @property
    def grain_start(self) -> int:
        """Where periods begin to be counted, seconds since 1970."""
        return MONDAY if self.grain % WEEK == 0 else 0

    @property
    def window_seconds(self) -> float | None:
        """The outcome window, where the log says when a unit was decided."""
        if self.predicted.window is None or not self.has("decided_at"):
            return None
        return self.predicted.window.total_seconds()

    @property
    def cohort_seconds(self) -> int:
        """Length of what closes together: whole weeks where acts of teams are added up by week."""
        return math.lcm(self.grain, WEEK) if self.has("team") else self.grain

    @property
    def cohort_start(self) -> int:
        """Where cohorts begin to be counted, seconds since 1970."""
        return MONDAY if self.has("team") else self.grain_start

    @property
    def closed_until(self) -> float | None:
        """Units decided before this moment are in closed cohorts; None where none can be told."""
        if self.window_seconds is None:
            return None
        last = self.as_of - self.window_seconds - self.cohort_start
        return self.cohort_start + math.floor(last / self.cohort_seconds) * float(
            self.cohort_seconds
        )

    @property
    def arms(self) -> list[Any]:
        """Labels by arm code: the holdout is 0."""
        return [self.predicted.columns.holdout, *self.predicted.columns.treated_labels]

    def has(self, *keys: str) -> bool:
        """Whether the log has the columns of these contract keys."""
        return all(k in self.columns.names for k in keys)
