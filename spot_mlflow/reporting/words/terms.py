"""Statistical terms in words of the business, the same on every surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA_FAULT: Final = "The log must be put right first"
WITHHELD_VERDICT: Final = "inconclusive: data"  # in tags, which hold no reason beside the verdict
VERDICTS: Final[Mapping[str, str]] = {
    "exceeded": "More than promised",
    "met": "Promise kept",
    "shortfall": "Less than promised",
    "inconclusive": "Too early to tell",
    WITHHELD_VERDICT: DATA_FAULT,
}
# Shape beside the word, so that nothing is told by colour alone.
SIGNS: Final[Mapping[str, str]] = {
    "exceeded": "▲",
    "met": "✓",
    "shortfall": "▼",
    "inconclusive": "…",
    WITHHELD_VERDICT: "…",
    "viable": "✓",
    "not viable": "✕",
    "undecided": "…",
}
VIABILITY: Final[Mapping[str, str]] = {
    "viable": "Worth having",
    "not viable": "Not worth its cost",
    "undecided": "Worth not decided yet",
}
NO_MINIMUM: Final = "No least worthwhile lift was set"
UNDECIDABLE: Final = "Cannot be told"
GRADES: Final[Mapping[str, str]] = {
    "A": "Evidence A: randomized holdout",
    "B": "Evidence B: known chances of treatment",
    "C": "Evidence C: estimated chances of treatment",
    "D": "Evidence D: before and after only",
}
SEVERITIES: Final[Mapping[str, str]] = {
    "critical": "stops the verdict",
    "warning": "weakens the result",
    "info": "is told, no more",
}
LETTERS: Final[Mapping[str, str]] = {
    "S": "Strategy",
    "P": "Product",
    "O": "Operation",
    "T": "Technology",
}
FACTORS: Final[Mapping[str, str]] = {
    "coverage": "customers without an offer",
    "system": "offers that failed in the system",
    "delivery": "offers not delivered",
    "timeliness": "offers delivered late",
    "coverage+delivery": "customers not reached",
    "coverage+system+delivery": "customers not reached",
    "delivery+timeliness": "offers not delivered in time",
    "coverage+delivery+timeliness": "customers not reached in time",
    "response": "response of those reached",
    "lift": "lift",
}
