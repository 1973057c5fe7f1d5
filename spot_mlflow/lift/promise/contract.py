"""The lift contract: what was promised at training time, and how it will be measured.

``lift.yaml`` and ``PredictedLift`` are the same thing. Units: a lift is in units of the metric for
``effect: absolute`` (0.023 = 2.3 points of a rate) and a fraction of the holdout mean for
``effect: relative``; it is always in improvement units, positive = good.
"""

from __future__ import annotations

import math
from datetime import date  # noqa: TC003 - pydantic reads it at run time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import digest_of
from spot_mlflow.lift.promise.assignment import Assignment, ShareStep, arm_rule, treated_share
from spot_mlflow.lift.promise.control import Control  # noqa: TC001 - pydantic reads annotations
from spot_mlflow.lift.promise.open_points import refuse_open_points
from spot_mlflow.lift.promise.slips import is_rate, percent_hint, slip_of
from spot_mlflow.lift.promise.sources import OutcomeLog, Sources, sources_slip, with_columns
from spot_mlflow.validation import Document, Span, load_yaml, parse_document

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self

    from spot_mlflow.lift.promise.arm_hash import ArmRule
    from spot_mlflow.lift.promise.backtest import Backtest

    Mask = NDArray[np.bool_]


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Label = str | int | float | bool

Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution
Z80 = 0.8416212335729143  # and its 80 % point


class Prediction(Document):
    """The promise itself; with neither ``se`` nor bounds it is a commitment, taken as exact."""

    lift: float
    se: NonNegative | None = None
    low: float | None = None
    high: float | None = None
    source: str = ""
    baseline: float | None = None  # expected mean of the holdout, where the promise knows it

    @model_validator(mode="after")
    def _bounds_agree(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("give both low and high, or neither")
        if self.se is not None and self.low is not None:
            raise ValueError("give se, or low and high, not both")
        if (
            self.low is not None
            and self.high is not None
            and not self.low <= self.lift <= self.high
        ):
            raise ValueError(
                f"low <= lift <= high must hold, got {self.low}, {self.lift}, {self.high}"
            )
        return self

    @property
    def standard_error(self) -> float:
        """The standard error; from 95 % bounds as (high - low) / (2 * 1.96); 0 for a commitment."""
        if self.se is not None:
            return self.se
        if self.low is not None and self.high is not None:
            return (self.high - self.low) / (2 * Z95)
        return 0.0


class Economics(Document):
    """Money per unit: of one more good outcome, of an offer, of handling it, of the incentive."""

    unit: str = ""
    value: float | None = None
    offer_cost: NonNegative = 0.0
    handling_cost: NonNegative = 0.0
    incentive: NonNegative = 0.0
    population: NonNegative | None = None  # units a year at full rollout
    cost_to_serve: NonNegative = 0.0
    capacity: NonNegative | None = None  # contacts that can be made
    budget: NonNegative | None = None


class Measurement(Document):
    """Who will measure the outcome, and when; the gate asks for it."""

    owner: str = Field(min_length=1)
    starts: date | None = None
    first_check: date | None = None


class Funnel(Document):
    """What the prediction assumed of the way from a recommendation to the customer."""

    offered: Share = 1.0
    delivered: Share = 1.0
    on_time: Share = 1.0


class SegmentPromise(Document):
    """What was promised of one segment; without segments, mix is not split off."""

    share: Share
    response: float | None = None
    value: float | None = None
    cost: float | None = None
    offered: Share | None = None
    delivered: Share | None = None
    on_time: Share | None = None


class Outliers(Document):
    """Declared before the outcomes are seen, never chosen afterwards."""

    winsorize: Annotated[float, Field(gt=0.5, lt=1)]


class Bounds(Document):
    """Between what an outcome of money or a count lies; needed where outcomes are missing by arm."""

    low: float | None = None  # 0 unless the log has negative outcomes
    high: float | None = None

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        low = 0.0 if self.low is None else self.low
        if self.high is not None and not low < self.high:
            raise ValueError(f"high == {self.high:g} must be greater than low == {low:g}")
        return self


class Guardrail(Document):
    """A further metric that must not be harmed, and by how much it may get worse before it counts."""

    name: str = Field(min_length=1)
    column: str = Field(min_length=1)
    kind: Literal["binary", "count", "money"] = "binary"
    direction: Literal["increase", "decrease"]  # which way is better
    margin: NonNegative  # in units of the metric
    missing: Literal["unknown", "zero"] = "unknown"
    bounds: Bounds | None = None

    @model_validator(mode="after")
    def _bounds_are_for_amounts(self) -> Self:
        if self.bounds is not None and self.kind == "binary":
            raise ValueError("bounds are for kind: count or money; a binary value is 0 or 1")
        return self


class Columns(Document):
    """Where each thing stands in the outcome log; only arm and outcome are required."""

    arm: str
    outcome: str
    unit: str | None = None
    treated: Label | list[Label] = 1
    holdout: Label = 0
    decided_at: str | None = None
    observed_at: str | None = None
    score: str | None = None
    segment: str | None = None
    offer: str | None = None
    offered: str | None = None
    delivered: str | None = None
    undelivered_reason: str | None = None
    delivered_at: str | None = None
    due_at: str | None = None
    acted: str | None = None
    acted_at: str | None = None
    override_reason: str | None = None
    team: str | None = None
    actor: str | None = None
    value: str | None = None
    cost: str | None = None
    handling: str | None = None  # the part of the cost that handling took, where it is logged apart
    covariate: str | None = None
    cluster: str | None = None
    propensity: str | None = None
    denominator: str | None = None
    model_version: str | None = None

    @property
    def treated_labels(self) -> list[Label]:
        """The labels of the treatment arms, in the order given."""
        return self.treated if isinstance(self.treated, list) else [self.treated]

    @model_validator(mode="after")
    def _arms_differ(self) -> Self:
        labels = [str(x) for x in [*self.treated_labels, self.holdout]]
        if len(set(labels)) < len(labels):
            raise ValueError(f"treated and holdout must differ, got {labels}")
        return self

    @model_validator(mode="after")
    def _arm_is_no_outcome(self) -> Self:
        if self.arm == self.outcome:
            raise ValueError(f"arm and outcome must be two columns, both are {self.arm!r}")
        return self


class PredictedLift(Document):
    """The lift contract.

    Attributes are the keys of ``lift.yaml``; see ``docs/lift-contract.md`` for each with an example.
    """

    metric: str = Field(min_length=1)
    predicted: Prediction
    columns: Columns
    sources: Sources | None = None  # the tables that the log is made of
    outcome_log: OutcomeLog | None = None  # where a ready log lies
    kind: Literal["binary", "count", "money"] = "binary"
    effect: Literal["absolute", "relative"] = "absolute"
    direction: Literal["increase", "decrease"] = "increase"
    design: Literal["randomized", "logged_propensity", "before_after"] = "randomized"
    population: str = ""
    minimum_viable: float | None = None
    tolerance: NonNegative | None = None
    looks: Literal["once", "monitored"] | None = None
    planned_units: Annotated[int, Field(ge=2)] | None = None
    window: Span | None = None
    period: Span | None = None  # length of one period of the log; a day unless given
    treatment_share: (
        Annotated[float, Field(gt=0, lt=1)] | dict[str, Share] | list[ShareStep] | None
    ) = None
    assignment: Assignment | None = None  # who is held out, by a hash of the id
    # Of strata: their size, or what both arms have (another estimand, where assignment varied much).
    weights: Literal["population", "overlap"] = "population"
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    outliers: Outliers | None = None
    # What no outcome in the log means: nobody knows, or nothing happened (0).
    missing: Literal["unknown", "zero"] = "unknown"
    bounds: Bounds | None = None
    guardrails: list[Guardrail] = Field(default_factory=list)
    economics: Economics | None = None
    measurement: Measurement | None = None
    funnel: Funnel = Funnel()
    segments: dict[str, SegmentPromise] = Field(default_factory=dict)
    control: list[Control] = Field(default_factory=list)  # totals of a ledger; one may stand alone
    # Inner cut points of the score bins, ascending: k of them make k + 1 bins.
    score_edges: list[float] = Field(default_factory=list)
    # Predicted lift per score bin, lowest scores first.
    decile_predictions: list[float] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _columns_of_the_joined_log(cls, value: Any) -> Any:
        return with_columns(value)

    @field_validator("predicted", mode="before")
    @classmethod
    def _bare_number(cls, value: Any) -> Any:
        """``predicted: 0.35`` is a commitment without uncertainty."""
        return {"lift": value} if isinstance(value, int | float) else value

    @field_validator("control", mode="before")
    @classmethod
    def _one_total(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _promise_holds_together(self) -> Self:
        minimum = self.minimum
        if minimum is not None and minimum > self.predicted.lift:
            raise ValueError(
                f"minimum_viable == {minimum:g} is above the predicted lift {self.predicted.lift:g}: "
                f"the promise itself would not be worth having{self._in_percent(minimum)}"
            )
        if self.looks == "monitored" and self.planned_units is None:
            raise ValueError(
                "looks: monitored needs planned_units (matured units, or clusters, planned)"
            )
        names = [g.name for g in self.guardrails]
        if len(set(names)) < len(names):
            raise ValueError(f"guardrails need different names, got {', '.join(names)}")
        taken = {self.columns.arm, self.columns.outcome} & {g.column for g in self.guardrails}
        if taken:
            raise ValueError(f"a guardrail needs its own column, not {min(taken)!r}")
        if self.bounds is not None and self.kind == "binary":
            raise ValueError("bounds are for kind: count or money; a binary outcome is 0 or 1")
        total = sum(s.share for s in self.segments.values())
        if self.segments and abs(total - 1) > 1e-6:  # noqa: PLR2004 - rounding of written shares
            raise ValueError(f"the shares of the segments sum to {total:g}, must sum to 1")
        return self

    @model_validator(mode="after")
    def _assignment_fits(self) -> Self:
        rule, cluster = self.arm_rule, self.assignment.cluster if self.assignment else None
        if rule is None:
            return self
        if self.treatment_share is not None:
            raise ValueError("treatment_share follows from assignment, leave it out")
        if cluster is not None and self.columns.cluster != cluster:
            raise ValueError(
                f"assignment.cluster == {cluster!r}: name it in columns.cluster too, since units that "
                "are assigned together are compared as clusters"
            )
        if rule.by_segment and self.columns.segment is None:
            raise ValueError("a step of assignment names a segment, but columns.segment is missing")
        return self

    @model_validator(mode="after")
    def _makes_sense(self, info: ValidationInfo) -> Self:
        found = "" if (info.context or {}).get("stored") else slip_of(self) or sources_slip(self)
        if found:
            raise ValueError(found)
        return self

    def _in_percent(self, minimum: float) -> str:
        """The hint where a minimum above the promise would fit as percent."""
        fits = is_rate(self) and self.effect == "absolute" and minimum / 100 <= self.predicted.lift
        return f"; {percent_hint(minimum)}" if fits else ""

    @property
    def minimum(self) -> float | None:
        """The minimum worthwhile lift m: as given, or derived as m = (k + i p0) / (V - i).

        V is the value of one more good outcome, k the cost of an offer with its handling, i the
        incentive paid to every acceptor, p0 the holdout's rate (0 where not given). None where it
        cannot be derived.
        """
        if self.minimum_viable is not None:
            return self.minimum_viable
        e = self.economics
        if e is None or e.value is None or e.value <= e.incentive or self.effect == "relative":
            return None
        spend = e.offer_cost + e.handling_cost + e.incentive * (self.predicted.baseline or 0.0)
        return spend / (e.value - e.incentive) if spend else None

    @property
    def arm_rule(self) -> ArmRule | None:
        """How the arm of a unit is computed; None without ``assignment``."""
        if self.assignment is None:
            return None
        c = self.columns
        return arm_rule(self.assignment, treated=c.treated_labels, holdout=c.holdout, unit=c.unit)

    @property
    def declared_share(self) -> float | dict[str, float] | list[ShareStep] | None:
        """The share of treatment by design: that of ``assignment``, else ``treatment_share``."""
        rule = self.arm_rule
        return self.treatment_share if rule is None else treated_share(rule)

    @property
    def tolerance_used(self) -> float:
        """The tolerance d: as given, else (P - m) / 2 where 0 < m < P, else 0.2 |P|."""
        if self.tolerance is not None:
            return self.tolerance
        p, m = self.predicted.lift, self.minimum
        return (p - m) / 2 if m is not None and 0 < m < p else 0.2 * abs(p)

    @property
    def largest_standard_error(self) -> float:
        """Standard error of the promise up to which a promise that came true is found met in 8 of 10 cases.

        With units without end the gap varies with the promise's own standard error s alone; its 95 % interval
        stays above -d with probability .8 where d >= (z(.975) + z(.8)) s.
        """
        return self.tolerance_used / (Z95 + Z80)

    @property
    def looks_used(self) -> Literal["once", "monitored"]:
        """``looks``, or monitored where planned_units is given, else once."""
        return self.looks or ("monitored" if self.planned_units is not None else "once")

    @property
    def digest(self) -> str:
        """SHA-256 of the contract: two contracts with the same digest promise the same."""
        return digest_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values, without what was left at its default."""
        return self.model_dump(mode="json", exclude_defaults=True, by_alias=True)

    def to_yaml(self) -> str:
        """Writes the contract as ``lift.yaml``."""
        import yaml

        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    @classmethod
    def load(cls, source: PredictedLift | dict[str, Any] | str | Path) -> PredictedLift:
        """Reads a contract from a dict or the path of a YAML file.

        Raises:
            InvalidInput: naming file, key and the nearest known key, or what cannot have been meant.
        """
        if isinstance(source, str | Path):
            refuse_open_points(Path(source))
            return parse_document(cls, load_yaml(Path(source)), where=str(source))
        found = parse_document(cls, source, where="lift contract")
        slip = slip_of(found)  # of one that was read as stored
        if slip:
            raise InvalidInput(slip, where="lift contract")
        return found

    @classmethod
    def stored(cls, source: dict[str, Any]) -> PredictedLift:
        """Reads a contract that a record holds: rules made after it was written do not refuse it.

        Raises:
            InvalidInput: where it is no contract.
        """
        return parse_document(cls, source, where="lift contract", context={"stored": True})

    @classmethod
    def from_backtest(
        cls, score: Any, treated: Any, outcome: Any, *, uplift_scores: bool = False, **contract: Any
    ) -> PredictedLift:
        """Computes the promise from historical randomized data and the model's scores.

        Args:
            score: (units,) scores, higher is treated first; or several by name, the best is picked.
            treated: (units,) 1 where the unit was treated, by chance; else 0.
            outcome: (units,) the metric, unit by unit.
            uplift_scores: whether the score is itself a predicted lift in units of the metric.
            **contract: the other keys of the contract, ``metric`` and ``columns`` among them; and
                ``top`` (share treated first, .3 unless given, or several) and ``bins`` (10).

        Returns:
            The contract, with the lift at the top share, its standard error, the baseline and the
            score edges. Where the best of several was picked, the honest figure is promised.

        Raises:
            InvalidInput: naming what is wrong with the data or the contract.
        """
        from spot_mlflow.lift.promise.backtest import backtest

        own = {k: contract.pop(k) for k in ("top", "bins") if k in contract}
        shared = {k: contract[k] for k in ("effect", "direction", "confidence") if k in contract}
        result = backtest(score, treated, outcome, uplift_scores=uplift_scores, **own, **shared)
        return predicted_from_backtest(result, **contract)


def predicted_from_backtest(result: Backtest, **contract: Any) -> PredictedLift:
    """Writes the contract that a backtest supports.

    Args:
        result: of ``backtest``.
        **contract: the other keys of the contract; ``metric`` and ``columns`` among them. A
            ``predicted``, ``score_edges`` or ``decile_predictions`` of the caller's own wins.

    Raises:
        InvalidInput: where the contract lacks a key or has one too many.
    """
    promise = result.promise
    said = [d.predicted if d.predicted is not None else d.actual.lift for d in result.deciles]
    complete = len(said) == len(result.edges) + 1 and all(math.isfinite(x) for x in said)
    own: dict[str, Any] = {
        "population": f"top {result.top:.0%} by score",
        "predicted": {
            "lift": promise.lift,
            "se": promise.se,
            "baseline": result.baseline,
            "source": result.source,
        },
        "score_edges": list(result.edges),
        "decile_predictions": said[::-1] if complete else [],
    }
    return PredictedLift.load({**own, **contract})
