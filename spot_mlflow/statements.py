"""What an entry of each kind says: read here from a client's JSON and from the public functions alike.

A gated server's route and the library make a payload of the same documents, so that the route takes
what the library could have written and nothing else. Keys that mean nothing are left out. A document
checks the form; the function of its field checks the meaning.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from pydantic import ConfigDict, Field

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import digest_of
from spot_mlflow.gate.break_glass import check_break_glass
from spot_mlflow.gate.policy import Policy, check_target, default_policy
from spot_mlflow.gate.promotion import (
    check_approval,
    check_asked,
    check_rejection,
    check_withdrawal,
    manifest_of,
    request_id,
    requests_of,
)
from spot_mlflow.gate.targets import normalize_target
from spot_mlflow.gate.waivers import check_waiver
from spot_mlflow.involvement.appeal import check_pulse
from spot_mlflow.involvement.concerns import check_follow_up, check_raise, free_concern_id
from spot_mlflow.involvement.log import check_entry
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.person import check_text
from spot_mlflow.readiness.assessment import parse_answers, parse_discussion
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.readiness.invitation import check_invitation
from spot_mlflow.resolution import check_resolution
from spot_mlflow.taken_down import check_confirmation
from spot_mlflow.validation import Document, parse_document, utc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption

MOMENTS: Final = "moments.json"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a statement is judged by.

    Attributes:
        person: who speaks, or None.
        role: in which role, or None.
        adoption: what is known of the model, for statements that follow others.
        policy: the one in force, for those that name a target; None takes any stage or alias.
        entry_id: id of the entry to be written.
        artifacts: files that come with it.
    """

    person: str | None = None
    role: str | None = None
    adoption: Adoption | None = None
    policy: Policy | None = None
    entry_id: str = ""
    artifacts: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def model(self) -> Adoption:
        """What is known of the model, where the statement cannot do without."""
        if self.adoption is None:
            raise TypeError("this statement follows others; give Known an adoption")
        return self.adoption

    def target(self, said: str) -> str:
        """Returns a target in the policy's spelling; in the usual one where there is no policy.

        Raises:
            InvalidInput: it is neither a stage nor an alias, or the policy does not name it.
        """
        if self.policy is None:
            return normalize_target(said)
        return check_target(self.policy, said)


class Statement(Document):
    """What a client says in an entry of one kind."""

    model_config = ConfigDict(extra="ignore")

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns what is recorded.

        Raises:
            SpotError: saying what cannot be recorded, and why.
        """
        raise NotImplementedError


S = TypeVar("S", bound=Statement)


class Promise(Statement):
    """The lift contract of a version; whoever records it reads the model's signature."""

    contract: dict[str, Any]

    def payload(self, known: Known) -> dict[str, Any]:  # noqa: ARG002 - it follows no other
        """Returns the contract as read, with its digest."""
        found = PredictedLift.load(self.contract)
        return {"contract": found.to_dict(), "contract_digest": found.digest, "signature": None}


class Assessment(Statement):
    """Answers to the questions, with the stamp of the worksheet where there was one."""

    answers: Any
    instrument: dict[str, Any] | None = None

    def payload(self, known: Known) -> dict[str, Any]:  # noqa: ARG002 - it follows no other
        """Returns the answers in their long form."""
        instrument = default_instrument()
        return parse_answers(self.answers, instrument, where="answers", stamp=self.instrument)


class Discussion(Statement):
    """A note on a contested question."""

    question: str
    note: str

    def payload(self, known: Known) -> dict[str, Any]:  # noqa: ARG002 - it follows no other
        """Returns the note."""
        return parse_discussion(self.question, self.note, default_instrument())


class Involvement(Statement):
    """That somebody took part."""

    kind: str
    phase: str | None = None
    what: str | None = None
    evidence: str | None = None
    when: str | None = None
    batch: dict[str, Any] | None = None

    def payload(self, known: Known) -> dict[str, Any]:  # noqa: ARG002 - it follows no other
        """Returns the entry of the involvement log."""
        return check_entry(
            phase=self.phase,
            kind=self.kind,
            what=self.what or "",
            evidence=self.evidence,
            when=self.when,
            batch=self.batch,
        )


class Concern(Statement):
    """A concern raised, or what was done about one."""

    act: str
    concern: Any = None
    what: str = ""
    severity: str = ""

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns the act; the id of a new concern is its entry's: nobody chooses another's."""
        if self.act == "raised":
            others = () if known.adoption is None else known.adoption.involvement.concerns
            own = free_concern_id(known.entry_id, [c.id for c in others])
            return check_raise(what=self.what, severity=self.severity, concern=own)
        return check_follow_up(
            known.model.involvement.concerns,
            concern=str(self.concern or ""),
            act=self.act,
            person=known.person,
            role=known.role,
            what=self.what,
        )


class Pulse(Statement):
    """Two answers from 1 to 5; a builder's are guesses."""

    useful: Any
    would_use: Any

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns the answers."""
        return check_pulse(self.useful, self.would_use, role=known.role or "")


class Confirmation(Statement):
    """That what somebody else wrote down for the speaker is right."""

    entry: str

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns the entry confirmed."""
        return check_confirmation(known.model.entries, self.entry, known.person)


class Invitation(Statement):
    """That the person named is asked to answer by a mailed link."""

    until: str | None = None

    def payload(self, known: Known) -> dict[str, Any]:  # noqa: ARG002 - it follows no other
        """Returns the last day on which the link takes answers."""
        return check_invitation(self.until, now=utc(None))


class Outcomes(Statement):
    """An outcome check; the figures themselves are computed anew from its moments."""

    model_config = ConfigDict(extra="allow")

    contract_digest: Any = None
    moments_digest: Any = None
    verdict: Any
    viable: Any
    evidence: Any
    predicted: Any
    realized: Any
    gap: Any

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns the check, where it is of this version's promise and made of these moments."""
        promised = known.model.predicted
        if promised is None or self.contract_digest != promised.digest:
            raise InvalidInput(
                "the outcomes were checked against a contract that is not the promised one"
            )
        if not self._made_of(known.artifacts.get(MOMENTS)):
            raise InvalidInput(f"{MOMENTS} is missing, or is not what the check was computed from")
        return {key: value for key, value in self if key in self.model_fields_set}

    def _made_of(self, moments: bytes | None) -> bool:
        try:
            return moments is not None and digest_of(json.loads(moments)) == self.moments_digest
        except ValueError:
            return False


class SignOff(Statement):
    """That a version may have a target; what is signed for is what the record says of it.

    With ``request`` it approves what somebody else asked for.
    """

    target: str
    note: str | None = None
    request: str | None = None

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns the sign-off, bound to the promise and to the model's signature.

        An approval is bound to the version's files and to the policy as well.
        """
        adoption = known.model
        target = known.target(self.target)
        signed = {
            "target": target,
            "contract_digest": adoption.predicted.digest if adoption.predicted else None,
            "signature": _signature_of(adoption),
            "note": check_text("note", self.note, required=False),
        }
        if self.request is None:
            return signed
        policy = known.policy or default_policy()
        request = check_approval(
            adoption,
            self.request,
            target=target,
            person=known.person,
            role=known.role,
            policy=policy,
            now=utc(None),
        )
        bound = {"manifest": manifest_of(adoption), "policy_digest": policy.digest}
        return {**signed, "request": request.id, **bound}


class Request(Statement):
    """A request for a target, its rejection, or its withdrawal; its approval is a sign-off."""

    act: Literal["asked", "rejected", "withdrawn"]
    target: str = ""
    why: str | None = None
    expires: str | None = None
    request: str | None = None
    reason: str | None = None

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns the act; a request is bound to the promise and the files that it is asked for."""
        if self.act == "asked":
            return self._asked(known)
        named, now = str(self.request or ""), utc(None)
        if self.act == "withdrawn":
            found = check_withdrawal(known.model, named, person=known.person, now=now)
        else:
            found = check_rejection(
                known.model,
                named,
                person=known.person,
                role=known.role,
                policy=known.policy or default_policy(),
                now=now,
            )
        reason = check_text("reason", self.reason, required=self.act == "rejected")
        return {"act": self.act, "request": found.id, "reason": reason}

    def _asked(self, known: Known) -> dict[str, Any]:
        adoption, now = known.model, utc(None)
        target, why = known.target(self.target), check_text("why", self.why)
        end = check_asked(adoption, target=target, expires=self.expires, now=now)
        others = [r.id for r in requests_of(adoption.entries, now=now)]
        return {
            "act": "asked",
            "request": request_id(known.entry_id, others),
            "target": target,
            "why": why,
            "expires": end.isoformat(),
            "contract_digest": adoption.predicted.digest if adoption.predicted else None,
            "manifest": adoption.files.manifest if adoption.files is not None else "",
        }


class Waiver(Statement):
    """One requirement left out for a while; the approver is who speaks."""

    target: str
    requirement: str
    reason: str
    expires: str | None = None

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns the waiver with its last day."""
        return dict(
            check_waiver(
                target=self.target,
                requirement=self.requirement,
                reason=self.reason,
                approver=known.person or "",
                expires=self.expires,
                now=utc(None),
                policy=known.policy,
            )
        )


class BreakGlass(Statement):
    """That a version goes to a target although requirements are not met; an administrator's word."""

    target: str
    reason: str
    until: str | None = None

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns what is let through, until when, bound to the files."""
        return check_break_glass(
            target=known.target(self.target),
            reason=check_text("reason", self.reason),
            until=self.until,
            now=utc(None),
            manifest=manifest_of(known.model),
        )


class Decided(Statement):
    """That a version is kept, fixed or stopped after its outcome check."""

    choice: str
    why: str | None = None
    by: str | None = None

    def payload(self, known: Known) -> dict[str, Any]:
        """Returns the decision, bound to the check that it answers."""
        return check_resolution(
            known.model, choice=self.choice, why=self.why, by=self.by, role=known.role
        )


class PolicyInForce(Statement):
    """A policy of the registry as a whole, or, with a reason, the end of one."""

    policy: Any = Field(default_factory=dict)
    retired: str | None = None

    def payload(self, known: Known) -> dict[str, Any]:  # noqa: ARG002 - it follows no other
        """Returns the policy as read, with its digest."""
        policy = Policy.load(self.policy)
        said = {"policy": policy.to_dict(), "digest": policy.digest}
        if "retired" not in self.model_fields_set:
            return said
        return {**said, "retired": check_text("reason", self.retired)}


# What may be sent of a model; a policy is of none.
STATEMENTS: Final[Mapping[str, type[Statement]]] = {
    "prediction": Promise,
    "assessment": Assessment,
    "involvement": Involvement,
    "concern": Concern,
    "discussion": Discussion,
    "pulse": Pulse,
    "confirmation": Confirmation,
    "invitation": Invitation,
    "outcomes": Outcomes,
    "sign-off": SignOff,
    "waiver": Waiver,
    "request": Request,
    "break-glass": BreakGlass,
    "resolution": Decided,
}


def read_statement(statement: type[S], said: Mapping[str, Any], *, where: str = "") -> S:
    """Returns what was said as a document of its kind.

    Raises:
        InvalidInput: naming every key at fault.
    """
    return parse_document(statement, dict(said), where=where)


def _signature_of(adoption: Adoption) -> str | None:
    """Returns the digest of the model signature recorded with the version's promise, or None."""
    found = [
        e.payload.get("signature")
        for e in adoption.entries
        if e.kind == "prediction" and e.version == adoption.version
    ]
    return found[-1] if found else None
