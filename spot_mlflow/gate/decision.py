"""The gate's answer: allowed or not, each requirement as measured against required, with the fix.

A decision is a pure function of the adoption, the policy, the target and the requester. Archiving,
removing and going back to a version that held the target before are never blocked by readiness.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.errors import AccessDenied, NotFound
from spot_mlflow.evidence import digest_of
from spot_mlflow.gate.break_glass import glass_for
from spot_mlflow.gate.case import Case, asker_of
from spot_mlflow.gate.history import held_before
from spot_mlflow.gate.measures import MEASURES
from spot_mlflow.gate.notes import notes_on
from spot_mlflow.gate.policy import check_target
from spot_mlflow.gate.requirements import Requirement, word
from spot_mlflow.gate.waivers import waiver_for
from spot_mlflow.shown import Shown
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.break_glass import BrokenGlass
    from spot_mlflow.gate.case import Asker
    from spot_mlflow.gate.policy import Mode, Policy

Basis = Literal[
    "requirements",
    "rollback",
    "break-glass",
    "removal",
    "deletion",
    "renaming",
    "unread",
    "tampering",
]

# Entries that a decision does not rest on: its own kind would make every refusal a new state.
NO_GROUNDS: Final = frozenset({"decision", "snapshot", "confirmation", "resolution"})
REASONS_NAMED: Final = 3  # in a refusal that must fit a dialog
ALWAYS: Final = "always"  # stands for the policy where none is asked


@dataclass(frozen=True, repr=False)
class GateDecision(Shown):
    """May this version have this target?

    Attributes:
        model: registered name.
        version: the version asked about.
        target: stage or "@alias", in the policy's spelling.
        allowed: whether the target may be given; always so outside mode "block".
        mode: observe, warn or block, as the policy has it for this model.
        policy: ``name@version`` of the policy used.
        requirements: every requirement of the target, in the policy's order.
        requester: who asked, or None where unknown.
        at: when it was decided, UTC.
        basis: "rollback" where the version held the target before, "break-glass" where an administrator
            lets it through although requirements are not met, "removal" where it gives the
            target up, "deletion" where it would be deleted while it holds it, "renaming" where its
            model would get another name while it holds it, "unread" where the
            evidence could not be read (and mode is not block), "tampering" where something was tried
            that is always refused, else "requirements".
        notes: what a reader should see and what never decides (the incumbent's shortfall, ...).
        state: digest of the evidence it rests on; the same evidence gives the same decision.
        policy_digest: SHA-256 of the policy.
        manifest: digest of the list of the version's files, or "" where there is none yet.
        renamed: the name that the model is about to get, with a version that holds the target; or "".
        held: whether the version holds the target already.
    """

    model: str
    version: str
    target: str
    allowed: bool
    mode: Mode
    policy: str
    requirements: tuple[Requirement, ...]
    requester: str | None
    at: datetime
    basis: Basis = "requirements"
    notes: tuple[str, ...] = ()
    state: str = ""
    policy_digest: str = ""
    manifest: str = ""
    renamed: str = ""
    held: bool = False

    def __repr__(self) -> str:
        """Returns the answer on one line."""
        return f"<GateDecision: {self.verdict}>"

    @property
    def missing(self) -> tuple[Requirement, ...]:
        """The requirements that are neither met nor waived."""
        return tuple(r for r in self.requirements if not r.passes)

    @property
    def waived(self) -> tuple[Requirement, ...]:
        """The requirements that pass by a waiver only."""
        return tuple(r for r in self.requirements if not r.met and r.waived is not None)

    @property
    def satisfied(self) -> bool:
        """Whether mode "block" would allow it too."""
        if self.basis == "renaming":
            return self.allowed and self.mode == "block"
        return self.basis in ("rollback", "break-glass", "removal") or (
            self.basis == "requirements" and not self.missing
        )

    @property
    def outcome(self) -> str:
        """In one word: allowed, waived, break-glass, observed, warned or refused."""
        if self.basis == "break-glass":
            return self.basis
        if self.satisfied:
            return "waived" if self.waived and self.basis == "requirements" else "allowed"
        return {"observe": "observed", "warn": "warned", "block": "refused"}[self.mode]

    @property
    def verdict(self) -> str:
        """The first line a person reads."""
        ref = f"{self.model}/{self.version}"
        count = len(self.missing)
        unmet = f"{count} requirement{'' if count == 1 else 's'}"
        special = {
            "rollback": f"{ref} already holds {self.target}"
            if self.held
            else f"{ref} may go back to {self.target}, which it held before",
            "break-glass": f"{ref} may go to {self.target} by BREAK-GLASS, with {unmet} not met",
            "removal": f"{ref} may always give up {self.target}",
            "deletion": f"{ref} may {'' if self.allowed else 'not '}be deleted while it holds {self.target}",
            "renaming": f"{ref} may {'' if self.allowed else 'not '}be renamed while it holds {self.target}",
            "tampering": f"nobody may {self.target} (of {ref if self.version else self.model or 'no model'})",
            "unread": f"{ref} may go to {self.target} in mode {self.mode}; the evidence cannot be read",
        }
        if self.basis in special:
            return special[self.basis]
        if self.satisfied:
            waived = f", {len(self.waived)} of them waived" if self.waived else ""
            return f"{ref} may go to {self.target}: all {len(self.requirements)} requirements met{waived}"
        if self.allowed:
            return f"{ref} may go to {self.target} in mode {self.mode}, but {unmet} {'is' if count == 1 else 'are'} not met"
        return f"{ref} may not go to {self.target}: {unmet} not met"

    def brief(self, where: str) -> str:
        """Returns the answer in three lines that fit a dialog: the verdict, three reasons, where the rest is.

        Args:
            where: address of the full answer.
        """
        if self.basis != "requirements" or not self.missing:
            return self.explain()
        named = [r.title or r.name for r in self.missing[:REASONS_NAMED]]
        more = len(self.missing) - len(named)
        reasons = "; ".join([*named, *([f"and {more} more"] if more else [])])
        asked = f"spot gate {shlex.quote(f'{self.model}/{self.version}')} --to {self.target}"
        return f"{self.verdict}.\n{reasons}.\nAll of it: {asked}, or {where}"

    def explain(self) -> str:
        """Returns the verdict line, then only what fails and what is waived, each with its fix."""
        lines = [f"{self.verdict} (policy {self.policy})."]
        if self.basis in ("requirements", "break-glass"):
            for r in self.missing:
                lines.append(f"  - {r.title}: {r.measured}; required: {r.required}. {r.why}")
                lines.append(f"    Ask {r.who}: {r.fix}")
            lines += [f"  - {r.title}: {r.measured}; waived: {r.waived}" for r in self.waived]
        lines += [f"  Note: {note}" for note in self.notes]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values under the documented keys."""
        return {
            "model": self.model,
            "version": self.version,
            "target": self.target,
            "allowed": self.allowed,
            "outcome": self.outcome,
            "mode": self.mode,
            "policy": self.policy,
            "policy_digest": self.policy_digest,
            "basis": self.basis,
            "verdict": self.verdict,
            "requirements": [r.to_dict() for r in self.requirements],
            "notes": list(self.notes),
            "requester": self.requester,
            "at": self.at.isoformat(),
            "state": self.state,
            **{k: v for k in ("manifest", "renamed") if (v := getattr(self, k))},
        }


def decide(
    adoption: Adoption,
    target: str,
    *,
    policy: Policy,
    requester: str | Asker | None = None,
    now: datetime | None = None,
    version: str | None = None,
    renamed: str | None = None,
    state: str | None = None,
) -> GateDecision:
    """Decides whether a version may have a target.

    Args:
        adoption: everything known about the model.
        target: a stage, or an alias written "@name".
        policy: what each target requires.
        requester: who asks; nobody approves their own request. ``ANYBODY`` where nobody does.
        now: the moment to judge ages at; the adoption's where None.
        version: the version; the adoption's where None.
        renamed: the name that the model is about to get. The version is then judged by the mode of
            that name and by its requirements alone: what it held under a name that was watched
            less strictly is no merit.
        state: ``state_digest`` of the evidence, where it is known already.

    Raises:
        InvalidInput: the policy says nothing of the target.
        NotFound: no such version.
        AccessDenied: the server withholds answers from this reader, so that no levels are known here.
    """
    key = check_target(policy, target)
    number = version if version is not None else adoption.version
    name = adoption.facts.name
    if number is None or adoption.facts.version(number) is None:
        known = ", ".join(v.version for v in adoption.facts.versions) or "none"
        raise NotFound(f"model {name!r} has no version {number!r}; it has {known}")
    if now is not None and utc(now) != adoption.now:
        adoption = replace(adoption, now=utc(now))
    if adoption.readiness.hidden:
        raise AccessDenied(
            "you will see the others' answers after you have given your own; the gate cannot decide "
            "without them",
            where=f"model {name!r}",
            fix=f"spot assess {name}",
        )
    asked = _asked(adoption, policy.requires(key))
    asker = asker_of(requester)
    case = Case(adoption, number, key, policy, asker, asked)
    mode = policy.mode_for(renamed or name)
    back = renamed is None and held_before(adoption, number, key)
    decision = GateDecision(
        model=name,
        version=number,
        target=key,
        allowed=True,
        mode=mode,
        policy=policy.label,
        requirements=tuple(_judge(case, n, setting) for n, setting in asked.items()),
        requester=asker.name,
        at=adoption.now,
        basis="rollback" if back else "requirements",
        notes=notes_on(case),
        state=state if state is not None else state_digest(adoption.entries),
        policy_digest=policy.digest,
        manifest=adoption.files.manifest if adoption.files is not None else "",
        renamed=renamed or "",
        held=any(v.version == number for v in adoption.facts.holders(key)),
    )
    if decision.missing and not back and renamed is None and _glass(case) is not None:
        decision = replace(decision, basis="break-glass")
    return replace(decision, allowed=decision.satisfied or mode != "block")


def _glass(case: Case) -> BrokenGlass | None:
    """Returns the use of break-glass that lets the version through; none lets unknown files through."""
    return None if _unknown(case.adoption) else glass_for(case)


def _asked(adoption: Adoption, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Adds what every policy asks: nobody can approve files that are not to be found."""
    return {"files": "known", **asked} if _unknown(adoption) else asked


def _unknown(adoption: Adoption) -> bool:
    """Whether nobody can say which files the version has: they are lost, or may still arrive."""
    files = adoption.files
    return files is not None and (files.where == "unresolved" or bool(files.arriving))


def state_digest(entries: Iterable[Evidence]) -> str:
    """Returns the digest of the evidence that decisions rest on, in any order."""
    return digest_of(sorted(e.digest for e in entries if e.kind not in NO_GROUNDS))


def removal(
    model: str,
    version: str,
    target: str,
    *,
    policy: Policy,
    requester: str | None,
    deleting: bool = False,
    renamed: str | None = None,
) -> GateDecision:
    """Returns the decision that a version gives up a target: allowed, and worth recording.

    Args:
        model: registered name.
        version: the version that holds the target.
        target: stage or "@alias".
        policy: the policy in force.
        requester: who asks.
        deleting: whether the version is to be deleted while it holds the target; in mode "block"
            that is refused, since whatever loads the target would fail without a decision on it.
        renamed: the name that the model is to get while the version holds the target; out of mode
            "block" that is refused, since nobody would watch it there.
    """
    if renamed is None:
        basis: Basis = "deletion" if deleting else "removal"
        found = _without_requirements(model, version, target, basis, policy, requester)
        return replace(found, allowed=not deleting or found.mode != "block")
    found = _without_requirements(model, version, target, "renaming", policy, requester)
    mode = policy.mode_for(renamed)
    note = f"the new name {renamed!r} is watched in mode {mode}"
    return replace(found, allowed=found.mode != "block" or mode == "block", notes=(note,))


def undecided(
    model: str, version: str, target: str, *, policy: Policy, requester: str | None, why: str
) -> GateDecision:
    """Returns the decision for evidence that cannot be read, outside mode "block": allowed."""
    found = _without_requirements(model, version, target, "unread", policy, requester)
    return replace(found, notes=(f"the evidence could not be read: {why}",))


def tampering(model: str, version: str | None, what: str, *, requester: str | None) -> GateDecision:
    """Returns the refusal of what nobody may do in any mode: no policy is asked.

    Args:
        model: registered name, "" for the registry as a whole.
        version: version, or None for the model as a whole.
        what: in words that go on "nobody may": "set tag 'spot.readiness'". It stands where other
            decisions name the target.
        requester: who tried.
    """
    return GateDecision(
        model=model,
        version=version or "",
        target=what,
        allowed=False,
        mode="block",
        policy=ALWAYS,
        requirements=(),
        requester=requester,
        at=utc(None),
        basis="tampering",
    )


def _without_requirements(  # noqa: PLR0917 - private, and no two alike
    model: str, version: str, target: str, basis: Basis, policy: Policy, requester: str | None
) -> GateDecision:
    return GateDecision(
        model=model,
        version=version,
        target=policy.key_of(target) or target,
        allowed=True,
        mode=policy.mode_for(model),
        policy=policy.label,
        requirements=(),
        requester=requester,
        at=utc(None),
        basis=basis,
        policy_digest=policy.digest,
    )


def _judge(case: Case, name: str, setting: Any) -> Requirement:
    """Measures one requirement and looks for a waiver where it is not met."""
    measure = MEASURES[name](case, setting)
    model = case.adoption.facts.name
    found = word(name, measure, model=model, ref=f"{model}/{case.version}", target=case.target)
    if name == "files" and _unknown(case.adoption):
        return found  # there is nothing that a waiver could take responsibility for
    waiver = waiver_for(case, name)
    return found if waiver is None else replace(found, waived=waiver)
