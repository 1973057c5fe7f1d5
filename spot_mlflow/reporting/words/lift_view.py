"""One outcome check as the surfaces see it, read from its documented JSON.

A ``LiftReport`` that was just made and the entry that the record holds of it have one form in
common, ``LiftReport.to_dict()``. Everything shown is read from that form, so that a report written
today and one written from the record next year carry the same figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spot_mlflow.figures import LiftScale, scale_of
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.lift.report import LiftReport
from spot_mlflow.reporting.words import old_records
from spot_mlflow.verdicts import TAGGED, UNDECIDABLE_VERDICT, VERDICTS, WITHHELD_VERDICT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import Never
    from spot_mlflow.verdicts import Verdict, Viability


@dataclass(frozen=True, slots=True)
class LiftRow:
    """One segment, arm or period.

    Attributes:
        label: its name, or the first day of the period.
        estimate: realized lift with its interval.
        n_treatment: treated units analysed.
        n_holdout: holdout units analysed.
        share: share of the units.
        predicted: what was promised of it, or None.
        p_value: against no lift, or None.
    """

    label: str
    estimate: Interval
    n_treatment: int
    n_holdout: int
    share: float
    predicted: float | None
    p_value: float | None


@dataclass(frozen=True)
class LiftView:
    """One outcome check.

    Attributes:
        data: the check under its documented keys (``docs/json.md``).
        predicted: the promise with its interval.
        realized: what arrived with its interval.
        gap: realized minus predicted with its interval.
        segments: one row per segment, largest first.
        arms: one row per treatment arm, where there are several.
        periods: one row per period, by time.
        course: lift of all units up to each period, with the band valid at any look.
    """

    data: Mapping[str, Any]
    predicted: Interval
    realized: Interval
    gap: Interval
    segments: tuple[LiftRow, ...] = ()
    arms: tuple[LiftRow, ...] = ()
    periods: tuple[LiftRow, ...] = ()
    course: tuple[LiftRow, ...] = ()
    contract: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """What is measured, in words of the business."""
        return str(self.data["metric"])

    @property
    def verdict(self) -> Verdict:
        """Against the promise: exceeded, met, shortfall or inconclusive."""
        found: Verdict = self.data["verdict"]
        return found

    @property
    def viable(self) -> Viability:
        """Against the minimum worthwhile lift: viable, not viable or undecided."""
        found: Viability = self.data["viable"]
        return found

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; None where that is not decided."""
        return VERDICTS[self.verdict].good

    @property
    def grade(self) -> str:
        """Evidence grade, A to D."""
        return str(self.data["evidence"])

    @property
    def minimum(self) -> float | None:
        """The minimum worthwhile lift, or None."""
        return _number(self.data.get("minimum_viable"))

    @property
    def tolerance(self) -> float:
        """The tolerance of the verdict, in units of the lift."""
        return _number(self.data.get("tolerance")) or 0.0

    @property
    def unit(self) -> str:
        """Label of the currency, or an empty string."""
        return str((self.contract.get("economics") or {}).get("unit") or "")

    @property
    def effect(self) -> str:
        """Whether lifts are absolute or relative."""
        return str(self.contract.get("effect", "absolute"))

    @property
    def confidence(self) -> float:
        """Confidence of the intervals."""
        return float(self.contract.get("confidence", 0.95))

    @property
    def data_fault(self) -> bool:
        """Whether a fault of the log left no verdict: the report says so, or a check that failed."""
        failed = [c for c in self.data.get("checks") or () if not c["success"]]
        withheld = self.verdict == "inconclusive" and self.viable == "undecided"
        return is_withheld(self.data) or (
            withheld and any(c["severity"] == "critical" for c in failed)
        )

    @property
    def undecidable(self) -> bool:
        """Whether no number of units would decide: a vague promise, a log without a holdout, lost units."""
        if self.data.get("inconclusive") in {"data", "design", "overlap"}:
            return self.verdict == "inconclusive"
        never = self.never_because is not None or self.grade == "D"
        return self.verdict == "inconclusive" and never

    @property
    def never_because(self) -> Never | None:
        """Why no number of units would decide; None where some would, or it is decided."""
        if "never_because" in self.data:
            found: Never | None = self.data["never_because"]
            return found
        return old_records.never_because(self.data)

    @property
    def is_so_far(self) -> bool:
        """Whether the lift is that of the units so far: undecided, and outcomes are still to come."""
        mature = self.data.get("matured"), self.data.get("assigned")
        closed = self.contract.get("window") is not None and mature[0] == mature[1] is not None
        return self.kept is None and not closed

    @property
    def always_valid(self) -> Interval | None:
        """The interval that holds under daily looking, where there is one."""
        found = (self.data.get("realized") or {}).get("always_valid")
        return None if found is None else _interval(found)

    @cached_property
    def scale(self) -> LiftScale:
        """How the lifts of this check are written."""
        half = (self.realized.high - self.realized.low) / 2
        exact = [self.predicted.lift]
        exact += [] if self.minimum is None else [self.minimum]
        if self.contract.get("minimum_viable") is None:
            exact = exact[:1]  # a derived minimum has no written form to keep
        return scale_of(
            kind=str(self.contract.get("kind", "binary")),
            effect=self.effect,
            unit=self.unit,
            half_width=half,
            exact=tuple(exact),
        )


def lift_view(check: LiftReport | Mapping[str, Any]) -> LiftView:
    """Reads a check, fresh or from the record."""
    data = check.to_dict() if isinstance(check, LiftReport) else check
    return LiftView(
        data=data,
        predicted=_interval(data["predicted"]),
        realized=_interval(data["realized"]),
        gap=_interval(data["gap"]),
        segments=_rows(data, "segments"),
        arms=_rows(data, "arms"),
        periods=_rows(data, "periods"),
        course=_rows(data, "course"),
        contract=data.get("contract") or {},
    )


def is_withheld(check: Mapping[str, Any]) -> bool:
    """Tells whether a fault of the log took the verdict of a recorded check back."""
    found = check.get("withheld")
    return old_records.is_withheld(check) if found is None else bool(found)


def verdict_words(view: LiftView) -> str:
    """Returns the verdict in words of the business."""
    return TAGGED[tagged_verdict(view)].words


def tagged_verdict(view: LiftView) -> str:
    """Returns the key of the verdict in ``verdicts.TAGGED``, which parts what "inconclusive" covers."""
    if view.data_fault:
        return WITHHELD_VERDICT
    return UNDECIDABLE_VERDICT if view.undecidable else view.verdict


def promise_scale(contract: PredictedLift) -> LiftScale:
    """Returns how lifts are written where there is a promise and no outcome yet."""
    return contract_scale(contract, contract.predicted.standard_error * 2 or None)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _interval(data: Mapping[str, Any]) -> Interval:
    """Reads an interval; JSON knows no infinity, so a missing bound is an unbounded one."""
    low, high = data.get("low"), data.get("high")
    return Interval(
        lift=math.nan if data.get("lift") is None else float(data["lift"]),
        low=-math.inf if low is None else float(low),
        high=math.inf if high is None else float(high),
        se=_number(data.get("se")),
    )


def _rows(data: Mapping[str, Any], key: str) -> tuple[LiftRow, ...]:
    return tuple(
        LiftRow(
            label=str(r["label"]),
            estimate=_interval(r["estimate"]),
            n_treatment=int(r["n_treatment"]),
            n_holdout=int(r["n_holdout"]),
            share=float(r["share"]),
            predicted=_number(r.get("predicted")),
            p_value=_number(r.get("p_value")),
        )
        for r in data.get(key) or ()
    )
