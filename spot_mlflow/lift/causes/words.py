"""Causes in plain words: what each factor means, and what a loss at it means.

Light on purpose: whoever only writes tags from a record needs no numerical library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spot_mlflow import figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.causes.bridge import Contribution

WORDS: Final[Mapping[str, str]] = {
    "mix": "other customers than planned",
    "coverage": "customers without an offer",
    "system": "system failures",
    "delivery": "offers not delivered",
    "timeliness": "offers delivered late",
    "response": "response to the offer",
    "value": "value of a good outcome",
    "cost": "cost and incentive",
    "handling": "handling cost",
}
SHORT: Final[Mapping[str, str]] = {
    "mix": "mix",
    "coverage": "coverage",
    "system": "system failures",
    "delivery": "delivery",
    "timeliness": "timeliness",
    "response": "response",
    "value": "value",
    "cost": "cost",
    "handling": "handling",
}
# What a loss at one step means; {missed} is the share that fell out there.
MISSED: Final[Mapping[str, str]] = {
    "coverage": "{missed} of the customers flagged were offered nothing",
    "system": "{missed} of offers failed in the system",
    "delivery": "{missed} of offers were never delivered",
    "timeliness": "{missed} of offers came late",
    "coverage+delivery": "{missed} of the customers flagged were never reached",
    "coverage+system+delivery": "{missed} of the customers flagged were never reached",
    "delivery+timeliness": "{missed} of offers were not delivered in time",
    "coverage+delivery+timeliness": "{missed} of the customers flagged were not reached in time",
}
PLAIN: Final[Mapping[str, str]] = {
    "mix": "other customers than planned were treated",
    "response": "those who got the offer answered to it less than promised",
    "value": "a good outcome was worth less than promised",
    "cost": "a contact cost more than promised",
    "handling": "handling cost more than promised",
}
_NOTICED: Final = 0.005  # a share below it rounds to nothing


def cause_words(factors: Sequence[str]) -> str:
    """Returns the plain words of a cause, of a fold the short names joined."""
    if len(factors) == 1:
        return WORDS[factors[0]]
    return joined([SHORT[f] for f in factors])


def joined(words: Sequence[str]) -> str:
    """Returns "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def happened(c: Contribution) -> str:
    """Returns what a loss means: "41 % of offers were never delivered (5 % planned)"."""
    if c.cause in MISSED and c.realized is not None:
        said = MISSED[c.cause].format(missed=figures.share(1 - c.realized))
        planned = 0.0 if c.promised is None else 1 - c.promised
        return said if planned < _NOTICED else f"{said} ({figures.share(planned)} planned)"
    if c.cause in PLAIN:
        return PLAIN[c.cause]
    return f"{c.words}, which this log cannot separate"
