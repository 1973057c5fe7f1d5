"""The terms of a promise: each key of lift.yaml, checked by itself."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from spot_mlflow.lift.promise.assignment import Assignment, ShareStep  # noqa: TC001 - pydantic reads annotations
from spot_mlflow.lift.promise.control import Control  # noqa: TC001 - as above
from spot_mlflow.lift.promise.sources import OutcomeLog, Sources, with_columns
from spot_mlflow.validation import Document, Span

if TYPE_CHECKING:
    from typing_extensions import Self


Share = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
Label = str | int | float | bool

Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution


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

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % bounds, as given or from the standard error."""
        half = Z95 * self.standard_error
        return (
            self.lift - half if self.low is None else self.low,
            self.lift + half if self.high is None else self.high,
        )


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


class Terms(Document):
    """All keys of a contract; ``PredictedLift`` checks whether they agree."""

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
