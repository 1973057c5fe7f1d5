"""The verdicts of an outcome check, each with everything that differs by it.

What a surface says, draws, sorts, returns or lets through by a verdict it looks up here; a new verdict
is a line here and the rule that gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = Literal["exceeded", "met", "shortfall", "inconclusive"]
Viability = Literal["viable", "not viable", "undecided"]
Harm = Literal["harmless", "harmful", "undecided"]
Grade = Literal["A", "B", "C", "D"]
Severity = Literal["critical", "warning", "info"]
# What a verdict lacks where it is inconclusive: more units, a sound log, a design that can tell, or
# units of both arms side by side.
Doubt = Literal["units", "data", "design", "overlap"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How one verdict is shown, and what follows from it.

    Attributes:
        words: in words of the business.
        sign: a shape beside the word, so that nothing is told by colour alone.
        good: whether it is as wanted; None where it is not decided.
        fail_on: the name under which ``--fail-on`` makes it an exit status, or "".
    """

    words: str
    sign: str
    good: bool | None
    fail_on: str = ""


@dataclass(frozen=True, slots=True)
class PromiseMark(Mark):
    """A verdict against the promise.

    Attributes:
        rank: place in a portfolio; what asks for attention comes first.
        harm: what it says of a guardrail, whose promise is that nothing changes.
    """

    rank: int = 0
    harm: Harm = "undecided"


@dataclass(frozen=True, slots=True)
class ReasonedMark(Mark):
    """A verdict with a sentence of its own.

    Attributes:
        said: with the names of the guardrails in place of {names}, or the minimum of {least}.
    """

    said: str = ""


DATA_FAULT: Final = "The log must be corrected first"
UNDECIDABLE: Final = "No verdict"
NO_MINIMUM: Final = "No minimum worthwhile lift was set"
VERDICTS: Final[Mapping[Verdict, PromiseMark]] = {
    "met": PromiseMark("Promise kept", "✓", good=True, rank=4, harm="harmless"),
    "exceeded": PromiseMark("More than promised", "▲", good=True, rank=5, harm="harmless"),
    "shortfall": PromiseMark("Less than promised", "▼", good=False, fail_on="shortfall", rank=0, harm="harmful"),
    "inconclusive": PromiseMark("Too early to tell", "…", good=None, fail_on="inconclusive", rank=3),
}  # fmt: skip
WITHHELD_VERDICT: Final = "inconclusive: data"  # in tags, which hold no reason beside the verdict
UNDECIDABLE_VERDICT: Final = "inconclusive: undecidable"
TAGGED: Final[Mapping[str, PromiseMark]] = {
    **{str(k): mark for k, mark in VERDICTS.items()},
    WITHHELD_VERDICT: PromiseMark(DATA_FAULT, "…", good=None, rank=1),
    UNDECIDABLE_VERDICT: PromiseMark(UNDECIDABLE, "…", good=None, rank=2),
}
VIABILITY: Final[Mapping[Viability, ReasonedMark]] = {
    "viable": ReasonedMark("Worth having", "✓", good=True, said="It is worth having: the whole interval lies above the minimum worthwhile lift of {least}."),
    "not viable": ReasonedMark("Not worth its cost", "✕", good=False, fail_on="not-viable", said="It is not worth its cost: the whole interval lies below the minimum worthwhile lift of {least}."),
    "undecided": ReasonedMark("Worth not decided yet", "…", good=None, said="Whether it is worth having is not decided: the interval reaches across the minimum worthwhile lift of {least}."),
}  # fmt: skip
# The worst first: it decides where there are several.
HARMS: Final[Mapping[Harm, ReasonedMark]] = {
    "harmful": ReasonedMark("harmed", "✕", good=False, said="Harm to {names}"),
    "undecided": ReasonedMark("not decided yet", "…", good=None, said="Harm to {names} not excluded yet"),
    "harmless": ReasonedMark("not harmed", "✓", good=True, said="No harm to {names}"),
}  # fmt: skip
GRADES: Final[Mapping[str, str]] = {
    "A": "Evidence A: randomized holdout",
    "B": "Evidence B: known chances of treatment",
    "C": "Evidence C: estimated chances of treatment",
    "D": "Evidence D: before and after only",
}
# Of a check that failed, the gravest first.
SEVERITIES: Final[Mapping[str, str]] = {
    "critical": "stops the verdict",
    "warning": "weakens the result",
    "info": "for information only",
}
