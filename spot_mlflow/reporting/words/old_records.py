"""Reads from the sentences of old records what newer ones have a key for.

The one place where a sentence is read. A check that has the key is never asked here: new wording
cannot change what a surface decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.reporting.words.standing import Standing
from spot_mlflow.verdicts import UNDECIDABLE, UNDECIDABLE_VERDICT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.results import Never


def is_withheld(check: Mapping[str, Any]) -> bool:
    """Tells whether a fault of the log took the verdict back, of a check without ``withheld``."""
    return _reason(check).startswith("data: ")


def never_because(check: Mapping[str, Any]) -> Never | None:
    """Returns why no number of units would decide, of a check without ``never_because``."""
    reason = _reason(check)
    if ": never to be decided while" in reason:
        return "border"
    return "promise" if ": never to be decided" in reason else None


def has_raw_figures(check: Mapping[str, Any]) -> bool:
    """Tells whether the reason gives raw decimals ("realized 0.01 of 0.02 promised"), as at first."""
    return "never_because" not in check and _reason(check).startswith("realized ")


def without_too_early(check: Mapping[str, Any]) -> str:
    """Returns the reason without full stop, and without the opening that too few units once had."""
    reason = _reason(check).rstrip(".")
    return reason if "blocked_by" in check else reason.removeprefix("too early: ")


def verdict_told(headline: str, verdict: str) -> str:
    """Returns the key of a verdict in ``verdicts.TAGGED``, of a headline tag without values beside it."""
    told = verdict == "inconclusive" and headline.casefold().startswith(UNDECIDABLE.casefold())
    return UNDECIDABLE_VERDICT if told else verdict


# ``Standing.tag`` at the end of a headline tag.
_STANDING: Final = re.compile(
    r"(?:^| · )(?:(?P<asked>\S+): (?:yes|no)|(?P<verb>in|may go back to) (?P<held>[^\s,]+))"
    r"(?:, (?P<missing>[\d,]+) (?:thing|requirement)s?(?: not met)?)?$"
)


def standing_told(headline: str) -> Standing | None:
    """Reads a standing from a headline tag without values beside it; None where it tells none."""
    found = _STANDING.search(headline)
    if found is None:
        return None
    missing = int((found["missing"] or "0").replace(",", ""))
    return Standing(
        target=found["asked"] or found["held"],
        held=found["verb"] == "in",
        since=None,
        returning=found["verb"] == "may go back to",
        required=missing,
        missing=missing,
    )


def _reason(check: Mapping[str, Any]) -> str:
    return str(check.get("reason") or "")
