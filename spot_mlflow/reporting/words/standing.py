"""Where a version is and what it lacks there: the one answer that page, panel, tag and terminal give.

A version that holds a target is not asked whether it may go there; whether its requirements are met
is another question, and the answer never hides behind the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow.gate.targets import same_target
from spot_mlflow.reporting import figures

if TYPE_CHECKING:
    from datetime import datetime

    from spot_mlflow.adoption import Adoption, ModelFacts
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy


PRODUCTION: Final = "Production"


@dataclass(frozen=True, slots=True)
class Standing:
    """A version and a target.

    Attributes:
        target: stage or "@alias".
        held: whether the version holds it now.
        since: when it got it, as the record has it; None where it does not.
        returning: whether it held the target before and may therefore come back.
        required: how many requirements the target has.
        missing: how many of them are neither met nor waived.
    """

    target: str
    held: bool
    since: datetime | None
    returning: bool
    required: int
    missing: int

    @property
    def met(self) -> bool:
        """Whether the evidence asks for nothing more."""
        return self.missing == 0

    @property
    def settled(self) -> bool:
        """Whether nothing stands in the way: all is met, or it may come back whatever is not."""
        return self.met or self.returning

    @property
    def question(self) -> str:
        """What a reader asks here: "Can it go to Production?"; a statement where it is there."""
        if self.held:
            return f"In {self.target}{f' since {figures.day(self.since)}' if self.since else ''}"
        return f"Can it go {'back ' if self.returning else ''}to {self.target}?"

    @property
    def answer(self) -> str:
        """The answer in full sentences: "No: 2 requirements are not met.", "Yes."."""
        if self.held:
            return self._requirements
        if self.returning:
            return f"Yes, it was there before. {self._requirements}"
        return "Yes." if self.met else f"No: {self._requirements}"

    @property
    def line(self) -> str:
        """The first line of a page: "In Production since 3 May 2027. 13 requirements are not met."."""
        if self.held:
            return f"{self.question}. {self.answer}"
        return f"{self.question} {self.answer if self.returning else self.answer.rstrip('.')}"

    @property
    def tag(self) -> str:
        """The same for a tag: "Production: no, 2 requirements not met", "in Production"."""
        unmet = f"{figures.things(self.missing, 'requirement')} not met"
        if self.held or self.returning:
            where = "in" if self.held else "may go back to"
            return f"{where} {self.target}{'' if self.met else f', {unmet}'}"
        return f"{self.target}: {'yes' if self.met else f'no, {unmet}'}"

    @property
    def _requirements(self) -> str:
        if not self.required:
            return "Nothing is required for it."
        if self.met:
            return "All requirements are met."
        return f"{figures.things(self.missing, 'requirement')} {'is' if self.missing == 1 else 'are'} not met."


def targets_asked(policy: Policy, facts: ModelFacts) -> tuple[str, ...]:
    """Returns the targets of a policy that a page asks about: aliases first, stages where they are in use.

    A stage is in use where some version of the model is in it; all are where the policy has no alias.
    """
    known = [t for t in policy.targets if "*" not in t]
    aliases = [t for t in known if t.startswith("@")]
    stages = [t for t in known if t not in aliases and (not aliases or facts.holders(t))]
    return (*aliases, *stages)


def first_target(policy: Policy, facts: ModelFacts) -> str | None:
    """Returns the target that the first line of a page is about; None where the policy has none.

    It is Production, which the summary tags speak of, but for a model that goes by an alias alone.
    """
    asked = targets_asked(policy, facts)
    held = next((t for t in asked if t.startswith("@") and facts.holders(t)), None)
    production = policy.key_of(PRODUCTION)
    if production is not None and (held is None or facts.holders(production)):
        return production
    return held or next(iter(asked), None)


def standing_of(adoption: Adoption, decision: GateDecision) -> Standing:
    """Returns where the version of a decision is with the decision's target.

    Args:
        adoption: what is known of the model.
        decision: the gate's answer for one of its versions.
    """
    target, version = decision.target, decision.version
    return Standing(
        target=target,
        held=decision.held,
        since=_since(adoption, version, target) if decision.held else None,
        returning=not decision.held and decision.basis == "rollback",
        required=len(decision.requirements),
        missing=len(decision.missing),
    )


def _since(adoption: Adoption, version: str, target: str) -> datetime | None:
    """Returns when the target was last given to the version by a decision that was carried out."""
    given = [
        d.at
        for d in adoption.decisions
        if d.payload.get("applied")
        and str(d.payload.get("version")) == version
        and same_target(str(d.payload.get("target", "")), target)
        and d.payload.get("basis") != "removal"
    ]
    return given[-1] if given else None
