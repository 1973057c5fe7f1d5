"""The Expectations, for our own check and for anyone's Great Expectations context.

Each takes the lift contract as a dict and depends on the one metric ``outcome_log.moments``: any
number of them costs one reduction, on pandas, SQL and Spark alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final

from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.render import LegacyDiagnosticRendererType, LegacyRendererType
from great_expectations.render.components import RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer
from great_expectations.render.renderer_configuration import (
    RendererConfiguration,  # noqa: TC002 - Great Expectations reads annotations
)
from typing_extensions import override

from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments  # noqa: TC001 - the same
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.report import LiftAnalysis  # noqa: TC001 - the same
from spot_mlflow.lift.soundness.sample_ratio import asks_sample_ratio
from spot_mlflow_checks import blind_spots, handover, judgements
from spot_mlflow_checks.analyses import analysis_of
from spot_mlflow_checks.control import judge_control
from spot_mlflow_checks.fault_checks import BY_NAME, Judgement
from spot_mlflow_checks.metric import METRIC, VALUE_KEYS
from spot_mlflow_checks.money_check import judge_money


class OutcomeLogExpectation(BatchExpectation, ABC):
    """What all Expectations on an outcome log share; abstract, not to be used itself.

    Args:
        contract: the lift contract, as ``PredictedLift.to_dict()`` gives it.
        as_of: ISO time at which maturity is judged; now where None.
        model_version: rows of other versions do not count; None takes all.
        segment_limit: segments kept apart.
        previous_looks: checks of this contract that came before.
        model: the model version whose latest check on record tells what was closed then; without
            it, late data is not asked for.
    """

    contract: dict[str, Any]
    as_of: str | None = None
    model_version: str | None = None
    segment_limit: int | None = None
    previous_looks: int = 0
    model: str | None = None

    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "table")
    success_keys: ClassVar[tuple[str, ...]] = (*VALUE_KEYS, "previous_looks")

    @abstractmethod
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        """Returns what this check says of the moments; None where it cannot be asked."""

    def _analysis(self, moments: OutcomeMoments, predicted: PredictedLift) -> LiftAnalysis:
        return analysis_of(moments, predicted, self.previous_looks)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - GX's signature
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        predicted = PredictedLift.load(dict(self.contract))
        moments = metrics[METRIC]
        found = self.judge(moments, predicted)
        asked = found is not None
        if found is None:
            found = Judgement(True, "info", None, "Not asked: the log has no columns for it")
        details = {
            "message": found.message,
            "brief": found.brief,
            "severity": found.severity,
            "asked": asked,
            "moments": handover.leave(moments),
        }
        return {
            "success": bool(found.success),
            "result": {"observed_value": jsonable(found.observed), "details": details},
        }

    # Great Expectations makes the whole configuration, contract included, anew for each key that it reads.
    # Here it is made once for all keys.
    def _get_domain_kwargs(self) -> dict[str, Any]:
        return self._said(self.domain_keys)

    def _get_success_kwargs(self) -> dict[str, Any]:
        return self._said((*self.success_keys, *self.domain_keys))

    def _said(self, keys: tuple[str, ...]) -> dict[str, Any]:
        kwargs = self.configuration.kwargs
        return {k: kwargs[k] if k in kwargs else self._get_default_value(k) for k in keys}

    @classmethod
    def sentence(cls) -> str:
        """The first line of the docstring: what is expected."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def _prescriptive_template(cls, renderer_configuration: RendererConfiguration) -> Any:
        renderer_configuration.template_str = cls.sentence()
        return renderer_configuration

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(cls, **_: Any) -> list[RenderedStringTemplateContent]:
        template = {"template": cls.sentence(), "params": {}}
        content = {"content_block_type": "string_template", "string_template": template}
        return [RenderedStringTemplateContent(**content)]

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)
    def _diagnostic_observed_value_renderer(cls, result: Any = None, **_: Any) -> str:
        details = (result.result or {}).get("details") if result else None
        return str(details["message"]) if details else "--"


class FaultExpectation(OutcomeLogExpectation, ABC):
    """An Expectation that counts faults of the log; abstract.

    Args:
        tolerated: share of faults up to which it passes; the check's own where None.
    """

    check: ClassVar[str] = ""
    tolerated: float | None = None

    success_keys: ClassVar[tuple[str, ...]] = (*OutcomeLogExpectation.success_keys, "tolerated")

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        rule = BY_NAME[self.check]
        return rule.judge(moments, tolerated=self.tolerated) if rule.applies(moments) else None

    @classmethod
    def is_abstract(cls) -> bool:
        """A class without a check of its own is not registered."""
        return not cls.check


class ExpectArmsToBeAssigned(FaultExpectation):
    """Expect every row to have an arm."""

    check: ClassVar[str] = "arms_assigned"


class ExpectArmsToBeKnown(FaultExpectation):
    """Expect every arm to be one that the contract names."""

    check: ClassVar[str] = "arms_known"


class ExpectOutcomeLogToBeComplete(FaultExpectation):
    """Expect every mature unit to have an outcome."""

    check: ClassVar[str] = "outcomes_complete"


class ExpectOutcomesToBeReadable(FaultExpectation):
    """Expect every outcome to be a number."""

    check: ClassVar[str] = "outcomes_readable"


class ExpectOutcomesToBePlausible(FaultExpectation):
    """Expect outcomes and what they are measured with to be finite, and of their kind."""

    check: ClassVar[str] = "outcomes_plausible"


class ExpectMoneyToBePlausible(FaultExpectation):
    """Expect values and costs to be numbers, finite and not negative."""

    check: ClassVar[str] = "money_plausible"


class ExpectUnitsToBeUnique(FaultExpectation):
    """Expect every unit to appear once."""

    check: ClassVar[str] = "units_unique"


class ExpectUnitsToStayInOneArm(FaultExpectation):
    """Expect no unit to be in two arms."""

    check: ClassVar[str] = "units_in_one_arm"


class ExpectArmsToBeAsAssigned(FaultExpectation):
    """Expect every unit to be in the arm that the contract's assignment gives it."""

    check: ClassVar[str] = "arms_as_assigned"


class ExpectClustersToBeNamed(FaultExpectation):
    """Expect every unit to have its cluster."""

    check: ClassVar[str] = "clusters_named"


class ExpectTimesToBePlausible(FaultExpectation):
    """Expect every decision to have a plausible time."""

    check: ClassVar[str] = "times_plausible"


class ExpectOutcomesToFollowDecisions(FaultExpectation):
    """Expect no outcome to be older than its decision."""

    check: ClassVar[str] = "outcomes_after_decisions"


class ExpectOutcomesToComeInTime(FaultExpectation):
    """Expect every outcome to come within its window."""

    check: ClassVar[str] = "outcomes_in_window"


class ExpectOutcomesToBeMature(FaultExpectation):
    """Expect every unit to be mature."""

    check: ClassVar[str] = "outcomes_mature"


class ExpectDeliveriesToFollowOffers(FaultExpectation):
    """Expect every delivery to follow an offer and its decision."""

    check: ClassVar[str] = "delivery_after_offer"


class ExpectStepsToBeReadable(FaultExpectation):
    """Expect every answer to whether a step was passed to be yes, no or a time."""

    check: ClassVar[str] = "steps_readable"


class ExpectHoldoutToBeUntouched(FaultExpectation):
    """Expect nobody in the holdout to be offered anything."""

    check: ClassVar[str] = "holdout_untouched"


class ExpectOneModelVersion(FaultExpectation):
    """Expect every row to belong to the model version checked."""

    check: ClassVar[str] = "one_model_version"


class ExpectPropensitiesToBeValid(FaultExpectation):
    """Expect every propensity to be in (0, 1]."""

    check: ClassVar[str] = "propensities_valid"


class ExpectPredictionsToBeCovered(FaultExpectation):
    """Expect scored units to have an outcome."""

    check: ClassVar[str] = "predictions_covered"


class ExpectArmsToBeMatched(FaultExpectation):
    """Expect the ids of a list of arms to be written as those of the decisions."""

    check: ClassVar[str] = "arms_matched"


class ExpectEventsToBeReadable(FaultExpectation):
    """Expect every event of raw tables to have a time, and an amount where amounts are added up."""

    check: ClassVar[str] = "events_readable"


class ExpectEventsToOccurOnce(FaultExpectation):
    """Expect few events of raw tables to repeat the id of another."""

    check: ClassVar[str] = "events_once"


class ExpectEventsToBeIdentified(FaultExpectation):
    """Expect nearly every event of raw tables to have an id, where a column of ids is named."""

    check: ClassVar[str] = "events_identified"


class ExpectEventsToBeAttributed(FaultExpectation):
    """Expect hardly any event of raw tables to be of nobody."""

    check: ClassVar[str] = "events_attributed"


class ExpectClosedCohortsToStayClosed(FaultExpectation):
    """Expect closed cohorts not to change after they were checked."""

    check: ClassVar[str] = "cohorts_closed"


class ExpectSampleRatioToMatchDesign(OutcomeLogExpectation):
    """Expect the arms to have the sizes that the design gave them."""

    check: ClassVar[str] = "sample_ratio"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        if not asks_sample_ratio(predicted):
            return None
        return judgements.judge_sample_ratio(self._analysis(moments, predicted))


class ExpectOutcomesToBeMissingAlike(OutcomeLogExpectation):
    """Expect outcomes to be missing in the same share in every arm."""

    check: ClassVar[str] = "outcomes_missing_alike"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return judgements.judge_attrition(self._analysis(moments, predicted))


class ExpectAssignmentToBeBalanced(OutcomeLogExpectation):
    """Expect the same share of treatment on all days and in all segments, unless declared otherwise."""

    check: ClassVar[str] = "assignment_balanced"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return judgements.judge_balance(self._analysis(moments, predicted))


class ExpectSegmentMixToMatchBacktest(OutcomeLogExpectation):
    """Expect the segments to come in the shares that the backtest promised."""

    check: ClassVar[str] = "segment_mix"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return judgements.judge_mix(moments, predicted)


class ExpectTotalsToMatchLedger(OutcomeLogExpectation):
    """Expect the log's totals to agree with those that the contract declares of a ledger."""

    check: ClassVar[str] = "control_totals"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return judge_control(moments, predicted)


class ExpectGuardrailToBeUnharmed(OutcomeLogExpectation):
    """Expect a further metric of the contract not to get worse by more than its margin.

    Args:
        guardrail: its name in the contract.
    """

    check: ClassVar[str] = "guardrail"
    guardrail: str = ""

    success_keys: ClassVar[tuple[str, ...]] = (*OutcomeLogExpectation.success_keys, "guardrail")

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return judgements.judge_guardrail(self._analysis(moments, predicted), self.guardrail)


class ExpectMoneyToMatchContract(OutcomeLogExpectation):
    """Expect values and costs of the log to be in the contract's unit of money."""

    check: ClassVar[str] = "value_as_promised"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return judge_money(moments, predicted)


class ExpectStepsToBeKnown(OutcomeLogExpectation):
    """Expect the log to say which steps on the way to the customer a unit passed."""

    check: ClassVar[str] = "steps_known"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return blind_spots.judge_steps(moments)


class ExpectOutcomesToBeDated(OutcomeLogExpectation):
    """Expect the log to say when outcomes came."""

    check: ClassVar[str] = "outcomes_dated"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return blind_spots.judge_dates(moments, predicted, self._analysis(moments, predicted))


class ExpectRealizedLiftToMeetPrediction(OutcomeLogExpectation):
    """Expect the realized lift to meet the predicted one, within the tolerance."""

    check: ClassVar[str] = "lift_met"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return judgements.judge_lift(self._analysis(moments, predicted))


class ExpectRealizedLiftToBeViable(OutcomeLogExpectation):
    """Expect the realized lift to be above the smallest lift worth having."""

    check: ClassVar[str] = "lift_viable"

    @override
    def judge(self, moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
        return judgements.judge_viability(self._analysis(moments, predicted), predicted)


EXPECTATIONS: Final[tuple[type[Any], ...]] = (
    ExpectArmsToBeAssigned,
    ExpectArmsToBeKnown,
    ExpectOutcomeLogToBeComplete,
    ExpectOutcomesToBeReadable,
    ExpectOutcomesToBePlausible,
    ExpectMoneyToBePlausible,
    ExpectUnitsToBeUnique,
    ExpectUnitsToStayInOneArm,
    ExpectArmsToBeAsAssigned,
    ExpectClustersToBeNamed,
    ExpectTimesToBePlausible,
    ExpectOutcomesToFollowDecisions,
    ExpectOutcomesToComeInTime,
    ExpectOutcomesToBeMature,
    ExpectDeliveriesToFollowOffers,
    ExpectStepsToBeReadable,
    ExpectHoldoutToBeUntouched,
    ExpectOneModelVersion,
    ExpectPropensitiesToBeValid,
    ExpectPredictionsToBeCovered,
    ExpectArmsToBeMatched,
    ExpectEventsToBeReadable,
    ExpectEventsToOccurOnce,
    ExpectEventsToBeIdentified,
    ExpectEventsToBeAttributed,
    ExpectClosedCohortsToStayClosed,
    ExpectSampleRatioToMatchDesign,
    ExpectOutcomesToBeMissingAlike,
    ExpectAssignmentToBeBalanced,
    ExpectSegmentMixToMatchBacktest,
    ExpectTotalsToMatchLedger,
    ExpectGuardrailToBeUnharmed,
    ExpectMoneyToMatchContract,
    ExpectStepsToBeKnown,
    ExpectOutcomesToBeDated,
    ExpectRealizedLiftToMeetPrediction,
    ExpectRealizedLiftToBeViable,
)
