"""What weakens a result, in a line: the checks that failed without taking the verdict back.

The report's own section on the log has each in full, with its examples and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.reporting import figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# These say what the verdict is, or of another metric; both are told elsewhere.
VERDICTS: Final = frozenset({"lift_met", "lift_viable"})
GUARDRAIL: Final = "guardrail:"


def is_verdict(name: str) -> bool:
    """Tells the checks that are verdicts themselves from those that ask whether the log can be trusted."""
    return name in VERDICTS or name.startswith(GUARDRAIL)


def weaknesses(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns a sentence for each check that failed and weakens the result, in the order of the checks."""
    failed = [
        c
        for c in checks
        if not c["success"] and c["severity"] == "warning" and not is_verdict(str(c["name"]))
    ]
    said = (str(c.get("brief") or c["message"]) for c in failed)
    return list(dict.fromkeys(figures.sentence(words) for words in said if words))
