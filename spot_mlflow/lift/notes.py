"""The notes of an analysis, made last from what was found; nothing reads them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow import figures
from spot_mlflow.lift.promise.meaning import meaning_of
from spot_mlflow.lift.promise.scale import contract_scale

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.soundness.compliance import Compliance
    from spot_mlflow.lift.soundness.novelty import Trend
    from spot_mlflow.lift.soundness.sample_ratio import SampleRatio
    from spot_mlflow.lift.stored.restated import Restated

SHOWN: Final = 5  # corrected cohorts told one by one


def notes_of(  # noqa: PLR0917 - every part of the analysis may have something to say
    moments: OutcomeMoments,
    predicted: PredictedLift,
    ratio: SampleRatio | None,
    reached: Compliance | None,
    trend: Trend | None,
    corrected: tuple[Restated, ...],
) -> tuple[str, ...]:
    """Says what a reader must know beside the numbers, most serious first.

    Args:
        moments: the log, reduced.
        predicted: the contract.
        ratio: sizes of the arms against the design, or None.
        reached: who was reached, or None.
        trend: whether the lift wears off, or None.
        corrected: cohorts whose outcomes were corrected.
    """
    notes = []
    if moments.left_out is not None:
        notes.append(moments.left_out.words)
    if ratio is not None and ratio.alarm:
        notes.append(_out_of_proportion(ratio))
    if reached is not None:
        notes += reached.words(predicted)
    notes += [c.words for c in corrected[:SHOWN]]
    if len(corrected) > SHOWN:
        notes.append(f"{len(corrected) - SHOWN} more cohorts were corrected.")
    if predicted.design == "randomized" and np.isnat(moments.cells.period).all():
        notes.append(
            "The log has no decision times (columns.decided_at): if the share of treatment changed over time, "
            "this cannot be seen, and seasonal change would count as lift."
        )
    if trend is not None:
        scale = contract_scale(
            predicted.model_copy(update={"effect": "absolute"}), trend.half_width
        )
        notes += [x for x in [trend.words(scale)] if x]
    matured, assigned = int(moments.cells.matured.sum()), int(moments.cells.assigned.sum())
    if matured < assigned:
        notes.append(f"{matured:,} of {assigned:,} assigned units have matured.")
    notes += _as_declared(moments, predicted)
    if predicted.tolerance_used == 0:
        notes.append("With a tolerance of 0 the verdict can never be met.")
    if len(moments.cells.arms()) > 1:
        notes.append("The headline takes all treatment arms together; each has its own verdict.")
    return (*notes, *moments.notes)


def _as_declared(moments: OutcomeMoments, predicted: PredictedLift) -> list[str]:
    """Says which outcomes count as something else, because the contract says so."""
    notes = []
    counted = moments.faults.get("missing_as_zero")
    if counted is not None and counted.count:
        notes.append(
            f"{counted.count:,} of {counted.total:,} mature units have no outcome and count as 0, as "
            "declared (missing: zero)."
        )
    if predicted.outliers is not None:
        q = predicted.outliers.winsorize
        notes.append(
            f"Outcomes above the {figures.plain(q, 4)} quantile count as that quantile, as declared."
        )
    meaning = meaning_of(predicted)
    if meaning:
        notes.append(meaning)
    return notes


def _out_of_proportion(ratio: SampleRatio) -> str:
    total = sum(ratio.observed.values())
    seen = ", ".join(
        f"{arm} {figures.share(n / total, 2)} of {figures.share(ratio.designed[arm], 2)} designed"
        for arm, n in ratio.observed.items()
    )
    return (
        f"The arms are out of proportion: {seen}. Units were lost or moved; do not trust the lift."
    )
