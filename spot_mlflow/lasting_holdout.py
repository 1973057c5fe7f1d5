"""One model over years: what its versions' lifts are, where all of them leave the same customers alone; pure.

Versions that share the salt of their assignment share a holdout. Its customers had no version, the treated
had all of them. So the lift of a later version is that of the whole policy since then: it holds what earlier
versions left behind (carry-over, Kohavi, Tang and Xu 2020, chapter 23). A version with a draw of its own
has earlier effects in both arms alike, and its lift is its own, given what came before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.interval import Interval, quantile, two_sided_p
from spot_mlflow.lift.soundness.novelty import FEWEST_PERIODS, Trend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.promise.contract import PredictedLift

_COMPARABLE: Final = ("metric", "kind", "effect", "direction", "window")
_CLEAR: Final = 0.05  # of one difference, whose 95 % interval is shown


@dataclass(frozen=True, slots=True)
class VersionLift:
    """The latest check of one version.

    Attributes:
        version: its number.
        salt: of its assignment, or None.
        first: first day of its decisions that were checked, or None.
        last: first day of the last period of them, or None.
        realized: lift with its interval, improvement units.
        se: its standard error, on the scale of the lift.
        comparable: whether metric, effect and window are those of the version in question.
    """

    version: str
    salt: str | None
    first: date | None
    last: date | None
    realized: Interval
    se: float
    comparable: bool


@dataclass(frozen=True, slots=True)
class Change:
    """How the lift differs from the version before.

    Attributes:
        before: version before.
        lift: lift of the version in question less that of the one before. The two are taken as independent:
            where the same customers' outcomes go together, the interval is too wide, not too narrow.
        p_value: two-sided, against no difference.
    """

    before: str
    lift: Interval
    p_value: float

    @property
    def clear(self) -> bool:
        """Whether they differ beyond chance."""
        return self.p_value < _CLEAR


@dataclass(frozen=True, slots=True)
class LastingHoldout:
    """How the holdout of a version goes together with those of earlier ones.

    Attributes:
        version: its number.
        salt: of its assignment.
        earlier: versions before it with the same salt, oldest first.
        since: first day of a decision under that salt that is on record; None where there is none.
        released: share of its holdout that an earlier version treated, as the holdout grew; None where the
            shares depend on segment.
        versions: the versions with a check, oldest first, this one included.
        change: against the newest earlier version that can be compared, or None.
        trend: of the lift by period while a version is in use, over all comparable versions with
            the same salt; None with fewer than three periods.
    """

    version: str
    salt: str
    earlier: tuple[str, ...]
    since: date | None
    released: float | None
    versions: tuple[VersionLift, ...]
    change: Change | None
    trend: Trend | None

    @property
    def shared(self) -> bool:
        """Whether earlier versions left the same customers alone."""
        return bool(self.earlier)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""

        def dated(v: VersionLift) -> dict[str, Any]:
            days = {k: (d := getattr(v, k)) and d.isoformat() for k in ("first", "last")}
            return {**jsonable(v), **days}

        return {
            "version": self.version,
            "salt": self.salt,
            "earlier": list(self.earlier),
            "since": self.since and self.since.isoformat(),
            "released": self.released,
            "versions": [dated(v) for v in self.versions],
            "change": jsonable(self.change),
            "trend": jsonable(self.trend),
        }


def lasting_holdout(adoption: Adoption) -> LastingHoldout | None:
    """Returns how a version's holdout goes together with earlier ones.

    Args:
        adoption: everything known of the model, for one version.

    Returns:
        None where the contract declares no assignment, or there is no earlier version with a contract:
        whether arms that come with the log are those of before, nobody can say.
    """
    mine = adoption.predicted
    if mine is None or mine.assignment is None or adoption.version is None:
        return None
    before = {
        v: c for v, c in adoption.predictions.items() if _number(v) < _number(adoption.version)
    }
    if not before:
        return None
    salt = mine.assignment.salt
    ordered = sorted(before, key=_number)
    earlier = tuple(v for v in ordered if _salt(before[v]) == salt)
    lifts = _lifts(adoption, [*ordered, adoption.version])
    same = [v for v in lifts if v.salt == salt]
    return LastingHoldout(
        version=adoption.version,
        salt=salt,
        earlier=earlier,
        since=min((v.first for v in same if v.first is not None), default=None),
        released=_released(mine, [before[v] for v in earlier]),
        versions=tuple(lifts),
        change=_change(lifts, adoption.version),
        trend=_trend(adoption, [v for v in same if v.comparable]),
    )


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0


def _salt(contract: PredictedLift) -> str | None:
    return None if contract.assignment is None else contract.assignment.salt


def _lifts(adoption: Adoption, versions: Sequence[str]) -> list[VersionLift]:
    """Returns what the latest check of each version found; those without a lift are left out."""
    mine = adoption.predictions[str(adoption.version)]
    found = []
    for version in versions:
        checks = adoption.checks.get(version)
        if not checks:
            continue
        check, contract = checks[-1], adoption.predictions.get(version)
        realized = _interval(check["realized"])
        if realized is None or contract is None or check.get("withheld"):
            continue
        days = [d for p in check.get("periods") or () if (d := _day(p["label"])) is not None]
        found.append(
            VersionLift(
                version,
                _salt(contract),
                min(days, default=None),
                max(days, default=None),
                realized,
                _se(check["realized"], realized, contract.confidence),
                all(getattr(contract, k) == getattr(mine, k) for k in _COMPARABLE),
            )
        )
    return found


def _interval(said: Mapping[str, Any]) -> Interval | None:
    """Returns a lift with bounds, or None where it has none."""
    values = [said.get(k) for k in ("lift", "low", "high")]
    if any(not isinstance(v, int | float) or not math.isfinite(v) for v in values):
        return None
    return Interval(*map(float, values))  # type: ignore[arg-type] # numbers, as just seen


def _se(said: Mapping[str, Any], realized: Interval, confidence: float) -> float:
    """Returns the standard error; of an interval that has none, what its width amounts to."""
    found = said.get("se")
    if isinstance(found, int | float) and found > 0:
        return float(found)
    return (realized.high - realized.low) / (2 * quantile(confidence))


def _day(label: Any) -> date | None:
    try:
        return date.fromisoformat(str(label)[:10])
    except ValueError:
        return None


def _released(mine: PredictedLift, earlier: Iterable[PredictedLift]) -> float | None:
    """Returns the share of the holdout that an earlier version treated; holdouts of one salt are nested."""
    held = _held(mine, newest=True)
    before = [_held(c, newest=False) for c in earlier]
    if held is None or any(h is None for h in before):
        return None
    smallest = min((h for h in before if h is not None), default=held)
    return max(0.0, 1 - smallest / held)


def _held(contract: PredictedLift, *, newest: bool) -> float | None:
    """Returns the share held out: the last one of a schedule, or the smallest; None by segment."""
    steps = contract.assignment.steps if contract.assignment else []
    shares = [s.holdout for s in sorted(steps, key=lambda s: str(s.starts or ""))]
    if not shares or any(s.segment for s in steps) or any(h is None for h in shares):
        return None
    known = [h for h in shares if h is not None]
    return known[-1] if newest else min(known)


def _change(lifts: Sequence[VersionLift], version: str) -> Change | None:
    """Returns the difference from the newest earlier version that can be compared."""
    mine = [v for v in lifts if v.version == version]
    before = [v for v in lifts if v.version != version and v.comparable]
    if not mine or not before:
        return None
    now, then = mine[0], before[-1]
    se = math.hypot(now.se, then.se)
    if not se > 0:
        return None
    lift, half = now.realized.lift - then.realized.lift, quantile(0.95) * se
    return Change(then.version, Interval(lift, lift - half, lift + half), two_sided_p(lift / se))


def _trend(adoption: Adoption, lifts: Sequence[VersionLift]) -> Trend | None:
    """Weighted least squares of the lift by period on time, each version with a level of its own."""
    count, spread, slope = 0, 0.0, 0.0
    for v in lifts:
        rows = _periods(adoption, v.version)
        total = sum(w for _, _, w in rows)
        if not total:
            continue
        middle = sum(w * t for t, _, w in rows) / total
        level = sum(w * y for _, y, w in rows) / total
        spread += sum(w * (t - middle) ** 2 for t, _, w in rows)
        slope += sum(w * (t - middle) * (y - level) for t, y, w in rows)
        count += len(rows) - 1
    if count < FEWEST_PERIODS - 1 or not spread > 0:
        return None
    per_day, se = slope / spread, 1 / math.sqrt(spread)
    newest = next(v for v in reversed(lifts) if v.first is not None and v.last is not None)
    days = float((newest.last - newest.first).days)  # type: ignore[operator] # both are there
    half = per_day * days / 2
    lift = newest.realized.lift
    return Trend(per_day, se, two_sided_p(per_day / se), lift - half, lift + half, days)


def _periods(adoption: Adoption, version: str) -> list[tuple[float, float, float]]:
    """Returns day, lift and weight (1/variance) of each period of a version's latest check.

    The variance of a unit is one over all periods: weights from a period's own spread would favour
    periods without events.
    """
    check = adoption.checks[version][-1]
    confidence = adoption.predictions[version].confidence
    found = []
    for p in check.get("periods") or ():
        day, lift, part = _day(p["label"]), _interval(p["estimate"]), _per_unit(p)
        if day is not None and lift is not None and part:
            units = p["n_treatment"] + p["n_holdout"]
            own = _se(p["estimate"], lift, confidence) ** 2 / part
            found.append((float(day.toordinal()), lift.lift, part, units, own))
    units = sum(n for *_, n, _ in found)
    variance = sum(n * own for *_, n, own in found) / units if units else 0.0
    return [(t, y, 1 / (variance * part)) for t, y, part, *_ in found] if variance > 0 else []


def _per_unit(row: Mapping[str, Any]) -> float:
    """Returns 1/n_t + 1/n_c; 0 where an arm is empty."""
    n_t, n_c = row.get("n_treatment") or 0, row.get("n_holdout") or 0
    return 1 / n_t + 1 / n_c if n_t > 0 and n_c > 0 else 0.0
