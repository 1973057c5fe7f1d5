"""Whether a model is to be kept, fixed or stopped: what asks for it, whom, and what waiting costs; pure."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.days import date_of
from spot_mlflow.reporting.message.request import TOO_LONG
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.resolution import resolutions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.reporting.words.lift_view import LiftView

State = Literal["losing", "not viable", "shortfall", "unknowable", "early"]
A_MONTH: Final = 30  # days


@dataclass(frozen=True, slots=True)
class OpenDecision:
    """What there is to decide on the version that a model's summary is about.

    Attributes:
        version: version number.
        state: "losing" money beyond doubt, "not viable", "shortfall" of the promise, "unknowable" where
            no number of units would decide, or "early": nothing to decide before ``known``.
        since: day of the first check in this state without another in between.
        owner: who measures, as the promise names them, or "".
        monthly: money that a month of waiting costs, or None where it is not known.
        unit: label of the currency.
        known: when an early one will be known, or None.
        choice: what was decided in this state, or "".
        by: until when a fix is to show, or None.
    """

    version: str
    state: State
    since: date
    owner: str
    monthly: float | None
    unit: str
    known: date | None = None
    choice: str = ""
    by: date | None = None

    def waits(self, today: date) -> bool:
        """Whether somebody must decide: nobody has in this state, or a fix should have shown."""
        if self.state == "early":
            return False
        return not self.choice or (self.by is not None and self.by < today)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values, without what is not known."""
        return {
            k: v.isoformat() if isinstance(v, date) else v
            for k, v in asdict(self).items()
            if v not in (None, "")
        }

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> OpenDecision:
        """Reads what ``to_dict`` wrote."""
        monthly = said.get("monthly")
        return cls(
            version=str(said["version"]),
            state=said["state"],
            since=date.fromisoformat(said["since"]),
            owner=str(said.get("owner", "")),
            monthly=None if monthly is None else float(monthly),
            unit=str(said.get("unit", "")),
            known=date_of(said.get("known")),
            choice=str(said.get("choice", "")),
            by=date_of(said.get("by")),
        )


def open_decision(adoption: Adoption) -> OpenDecision | None:
    """Returns what there is to decide; None where the promise is kept, nothing was checked, or it is archived."""
    version = adoption.version
    checks = adoption.checks.get(version or "", ())
    held = adoption.facts.version(version) if checks else None
    if version is None or held is None or held.stage == "Archived":
        return None
    view = lift_view(checks[-1])
    state = _state(view)
    if state is None:
        return None
    same = [checks[-1]]
    for check in reversed(checks[:-1]):
        if _state(lift_view(check)) != state:
            break
        same.append(check)
    answered = {str(c["entry"]) for c in same}
    made = [r for r in resolutions(adoption.entries, version) if r.check in answered]
    plan = adoption.predicted.measurement if adoption.predicted is not None else None
    money = money_of(view)
    return OpenDecision(
        version=version,
        state=state,
        since=date.fromisoformat(str(same[-1]["at"])[:10]),
        owner="" if plan is None else plan.owner,
        monthly=_monthly(view, state),
        unit="" if money is None else money.unit,
        known=_known(view) if state == "early" else None,
        choice=made[-1].choice if made else "",
        by=made[-1].by if made else None,
    )


def _state(view: LiftView) -> State | None:
    if view.data_fault:
        return None  # the log is to be put right first
    money = money_of(view)
    if money is not None and money.realized.high < 0:
        return "losing"
    if view.viable == "not viable":
        return "not viable"
    if view.verdict == "shortfall":
        return "shortfall"
    if view.verdict != "inconclusive":
        return None
    return "unknowable" if view.undecidable else "early"


def _monthly(view: LiftView, state: State) -> float | None:
    """Returns what a month costs: what is lost, or what of the promise does not arrive."""
    money, days = money_of(view), view.data.get("days_since_deployment")
    if money is None or not days or state in ("unknowable", "early"):
        return None
    arrived = money.realized.lift
    missing = -arrived if state == "losing" else money.promised - arrived
    found = missing * A_MONTH / float(days)
    return round(found, 2) if math.isfinite(found) and found > 0 else None


def _known(view: LiftView) -> date | None:
    """Returns when the verdict is to be expected at the present rate; None beyond ten years."""
    days, since = view.data.get("more_days"), date_of(str(view.data.get("as_of") or "")[:10])
    if days is None or since is None or not 0 <= days <= TOO_LONG:
        return None
    return since + timedelta(days=math.ceil(days))
