"""Why units are not in the arm that the assignment gives them, as far as the log shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

ARM_FAULT: Final = "arm_not_as_assigned"

# The id was written otherwise, another salt or share was used, another step, or nobody knows.
CauseKind = Literal["form", "salt", "schedule", "unknown"]


@dataclass(frozen=True, slots=True)
class ArmCause:
    """Units that differ for one reason.

    Attributes:
        kind: what sort of reason.
        what: the form of the id ("without leading zeros"), the salt, or the first day of the step
            ("2027-01-10", "" for one without a day); "" where the kind is "unknown".
        units: that differ, and have the arm that this reason would give them.
    """

    kind: CauseKind
    what: str
    units: int


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Which assignment the arms were recomputed by.

    Attributes:
        assignment: in force at this check, as the contract declares it.
        earlier: those of earlier checks, the latest first, each as its contract declared it.
        causes: why units differ, the largest first; empty where too few do.
    """

    assignment: Mapping[str, Any]
    earlier: tuple[Mapping[str, Any], ...] = ()
    causes: tuple[ArmCause, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {
            "assignment": dict(self.assignment),
            "earlier": [dict(a) for a in self.earlier],
            "causes": [{"kind": c.kind, "what": c.what, "units": c.units} for c in self.causes],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recomputed:
        """Reads what ``to_dict`` wrote."""
        causes = tuple(ArmCause(c["kind"], c["what"], c["units"]) for c in data["causes"])
        return cls(data["assignment"], tuple(data["earlier"]), causes)
