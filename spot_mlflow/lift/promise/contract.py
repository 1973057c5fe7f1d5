"""The lift contract: what was promised at training time, and how it will be measured.

``lift.yaml`` and ``PredictedLift`` are the same thing. Units: a lift is in units of the metric for
``effect: absolute`` (0.023 = 2.3 points of a rate) and a fraction of the holdout mean for
``effect: relative``; it is always in improvement units, positive = good.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationInfo, model_validator

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import digest_of
from spot_mlflow.lift.promise.assignment import ShareStep, arm_rule, treated_share
from spot_mlflow.lift.promise.open_points import refuse_open_points
from spot_mlflow.lift.promise.slips import is_rate, percent_hint, slip_of
from spot_mlflow.lift.promise.sources_slip import sources_slip
from spot_mlflow.lift.promise.terms import Z95, Terms
from spot_mlflow.validation import load_yaml, parse_document

if TYPE_CHECKING:
    from typing_extensions import Self

    from spot_mlflow.lift.promise.arm_hash import ArmRule
    from spot_mlflow.lift.promise.backtest import Backtest

Z80 = 0.8416212335729143  # the 80 % point of the normal distribution


class PredictedLift(Terms):
    """The lift contract.

    Attributes are the keys of ``lift.yaml``; see ``docs/lift-contract.md`` for each with an example.
    """

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
        """The largest standard error with which a true promise is found met in 8 of 10 cases.

        With unlimited units the gap varies with the promise's own standard error s alone; its 95 % interval
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
            InvalidInput: naming file, key and the nearest known key, or a value that cannot be meant.
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
        """Reads a contract from a record; rules that are newer than it do not refuse it.

        Raises:
            InvalidInput: where it is not a valid contract.
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
