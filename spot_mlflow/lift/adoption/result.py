"""Adoption after deployment: value objects that hold what is told and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spot_mlflow.lift.interval import Interval

DESCRIPTION: Final = "describes who acted, not the effect of acting"


@dataclass(frozen=True, slots=True)
class WeekAdoption:
    """One week, of a team or of all.

    Attributes:
        week: ISO date of its Monday; "" where not logged.
        share: of recommendations acted on, with its interval.
        recommended: given, with a known answer. acted: acted on.
        people: who were given some, None where not logged. active: who acted on one at least.
    """

    week: str
    share: Interval
    recommended: int
    acted: int
    people: int | None
    active: int | None


@dataclass(frozen=True, slots=True)
class OverrideReason:
    """Why recommendations were not followed; ``share`` is of those not acted on."""

    reason: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class TimeToAct:
    """Time from recommendation to act, hours.

    Attributes:
        mean: average. median: read off the classes. within_day: share within 24 hours.
        classes: (upper end in words, count).
        timed: acts with a known time.
    """

    mean: float
    median: float
    within_day: float
    classes: tuple[tuple[str, int], ...]
    timed: int


@dataclass(frozen=True, slots=True)
class TeamAdoption:
    """One team.

    Attributes:
        team: label.
        share: of recommendations acted on, over all weeks.
        recommended: given, with a known answer. acted: acted on.
        people: who were given some, None where not logged. active: who acted on one at least.
        differs: "below" or "above" the other teams, shown at a false-discovery rate of 5 %; else "".
        trend: change of the share per week, or None with too few weeks.
        reasons: why not, most frequent first.
        time_to_act: None where not logged.
        weeks: by time.
    """

    team: str
    share: Interval
    recommended: int
    acted: int
    people: int | None
    active: int | None
    differs: str
    trend: Interval | None
    reasons: tuple[OverrideReason, ...]
    time_to_act: TimeToAct | None
    weeks: tuple[WeekAdoption, ...]


@dataclass(frozen=True, slots=True)
class ActedLift:
    """Outcomes of acted-on against not acted-on units of the treatment arms.

    Attributes:
        difference: in improvement units, with its interval.
        acted: mean outcome where acted on. not_acted: mean outcome where not.
        label: what this is, and is not.
    """

    difference: Interval
    acted: float
    not_acted: float
    label: str = DESCRIPTION


@dataclass(frozen=True)
class AdoptionResult:
    """Adoption after deployment.

    Attributes:
        share: of all recommendations acted on, with its interval.
        recommended: given, with a known answer. acted: acted on.
        unknown: given, without a known answer.
        people: who were given some, None where not logged. active: who acted on one at least.
        weeks: the adoption curve since deployment, by time.
        trend: change of the share per week, or None with too few weeks.
        teams: the lowest share first.
        reasons: why not, most frequent first.
        time_to_act: None where not logged.
        acted_lift: acted-on against not, as a description; None where it cannot be told.
        words: one sentence.
    """

    share: Interval
    recommended: int
    acted: int
    unknown: int
    people: int | None
    active: int | None
    weeks: tuple[WeekAdoption, ...]
    trend: Interval | None
    teams: tuple[TeamAdoption, ...]
    reasons: tuple[OverrideReason, ...]
    time_to_act: TimeToAct | None
    acted_lift: ActedLift | None
    words: str
