"""What became of the recommendations: counts per team and week, without the names of persons.

One pass over the log gives this table (``spot_mlflow_checks.action_pass``); of the people who were
to act only their number is kept, and how their shares scatter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow.lift.moments.labels import HOLDOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments

# Upper ends, in hours, of the classes of time from recommendation to act; the last is open.
HOURS: Final = (1.0, 4.0, 24.0, 72.0, 168.0)
CLASSES: Final = ("1 hour", "4 hours", "1 day", "3 days", "1 week", "longer")


@dataclass(frozen=True, slots=True)
class Crew:
    """The people behind a group of recommendations; n given to a person, a of them acted on.

    Attributes:
        people: who were given recommendations. active: who acted on one at least.
        aa: sum of a^2 over people. an: sum of a n. nn: sum of n^2.
    """

    people: int
    active: int
    aa: float = 0.0
    an: float = 0.0
    nn: float = 0.0


@dataclass(frozen=True, eq=False)
class ActionTable:
    """Recommendations by team and week, treated units only.

    Attributes:
        team: (cells,) str, "" where not logged.
        week: (cells,) datetime64[D], the Monday; NaT where not logged.
        recommended: (cells,) recommendations given.
        known: (cells,) of which the log says whether they were acted on.
        acted: (cells,) acted on.
        timed: (cells,) acted on with a time from recommendation to act.
        hours: (cells,) sum of these times, hours.
        classes: (cells, 6) of these times, how many lie in each class of ``CLASSES``.
        crews: (team, week) -> people; "" stands for all teams, or all weeks.
        overrides: (team, week, reason) -> recommendations not followed for that reason.
    """

    team: NDArray[np.object_]
    week: NDArray[np.datetime64]
    recommended: NDArray[np.int64]
    known: NDArray[np.int64]
    acted: NDArray[np.int64]
    timed: NDArray[np.int64]
    hours: NDArray[np.float64]
    classes: NDArray[np.int64]
    crews: Mapping[tuple[str, str], Crew] = field(default_factory=dict)
    overrides: Mapping[tuple[str, str, str], int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; ``from_dict`` gives back an equal table."""
        counts = {k: getattr(self, k).tolist() for k in _ARRAYS}
        return {
            **counts,
            "team": [str(t) for t in self.team],
            "week": [None if np.isnat(w) else str(w) for w in self.week],
            "crews": [[*k, c.people, c.active, c.aa, c.an, c.nn] for k, c in self.crews.items()],
            "overrides": [[*k, n] for k, n in self.overrides.items()],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ActionTable:
        """Reads what ``to_dict`` wrote."""
        cells = len(data["team"])
        shape = {"classes": (cells, len(CLASSES))}
        return cls(
            team=np.array(data["team"], dtype=object),
            week=np.array([w or "NaT" for w in data["week"]], dtype="datetime64[D]"),
            crews={(t, w): Crew(*rest) for t, w, *rest in data["crews"]},
            overrides={(t, w, r): n for t, w, r, n in data["overrides"]},
            **{
                k: np.array(data[k], dtype=kind).reshape(shape.get(k, (cells,)))
                for k, kind in _ARRAYS.items()
            },
        )


_ARRAYS: Final[Mapping[str, type]] = {
    "recommended": np.int64,
    "known": np.int64,
    "acted": np.int64,
    "timed": np.int64,
    "hours": np.float64,
    "classes": np.int64,
}


def acted_by_week(table: Moments, *, teams: bool) -> ActionTable:
    """Counts what was acted on from moments, without times and reasons, which they do not have.

    Args:
        table: moments by team or segment and day, ``acted`` among the measures.
        teams: whether its segments are teams.
    """
    treated = table.select(table.arm.astype(str) != HOLDOUT)
    kept = treated.collapse(*(("segment",) if teams else ()), "period")
    at = kept.measures.index("acted")
    acted = np.rint(kept.s1[:, at] + kept.n * kept.center[at]).astype(np.int64)
    none = np.zeros(len(kept), dtype=np.int64)
    return ActionTable(
        team=kept.segment if teams else np.full(len(kept), "", dtype=object),
        week=_mondays(kept.period),
        recommended=kept.n,
        known=kept.n - kept.missing[:, at],
        acted=acted,
        timed=none,
        hours=none.astype(np.float64),
        classes=np.zeros((len(kept), len(CLASSES)), dtype=np.int64),
    )


def _mondays(day: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    number = day.astype("datetime64[D]").astype(np.int64)
    monday = (number + 3) // 7 * 7 - 3  # 1970-01-01 was a Thursday
    out: NDArray[np.datetime64] = np.where(
        np.isnat(day), np.datetime64("NaT", "D"), monday.astype("datetime64[D]")
    )
    return out
