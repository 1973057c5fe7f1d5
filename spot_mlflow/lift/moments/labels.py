"""The labels of arms and segments, and the measures that a reduction may carry."""

from __future__ import annotations

from typing import Final

HOLDOUT: Final = "holdout"
TREATMENT: Final = "treatment"  # the only treatment arm; several keep their own labels
MISSING_SEGMENT: Final = "(missing)"
OTHER_SEGMENT: Final = "(other)"
SMALL_CELLS: Final = "(small cells)"  # of several segments, too few units to be stored alone
NO_COUNTERPART: Final = "(no counterpart)"  # small cells that are compared with nothing
# Measures a reduction may carry, in this order where present. All but `outcome` need a column.
MEASURES: Final = (
    "outcome",  # winsorized where the contract says so
    "denominator",  # of a ratio metric
    "covariate",  # measured before the decision
    "value",  # money of the unit's outcome
    "cost",  # money spent on the unit
    "handling",  # the part of it that handling took
    "offered",  # 0/1
    "delivered",  # 0/1
    "on_time",  # 0/1: delivered_at <= due_at
    "acted",  # 0/1
    "system_failure",  # 0/1: undelivered for a reason of the system
    "weight",  # 1 / clipped propensity of the arm received
    "weighted_outcome",  # weight * outcome
    # 0/1, only where answers are unknown (``unknown_steps``): asked of this step, with a known answer.
    "offered_known",
    "delivered_known",
    "system_failure_known",
    "on_time_known",
    "acted_known",
)
