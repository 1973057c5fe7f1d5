"""Requests for a target: who asks, who decides, and whether an approval still counts; pure.

A request is an entry of its own. It is approved by a sign-off that names it, and rejected or withdrawn
by a further entry. An approval binds the version, its files, its lift contract and the policy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.errors import InvalidInput, NotFound, Refused
from spot_mlflow.gate.policy import SignOffRule
from spot_mlflow.gate.targets import same_person, same_target
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.case import Case
    from spot_mlflow.gate.policy import Policy

KIND: Final = "request"
APPROVAL: Final = "sign-off"
OPEN_FOR: Final = timedelta(days=30)  # unless its request says otherwise
LONGEST: Final = timedelta(days=90)
Status = Literal["open", "approved", "rejected", "withdrawn", "expired"]
_ANSWERS: Final[dict[str, Status]] = {"rejected": "rejected", "withdrawn": "withdrawn"}


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """A request that a version may have a target, and what became of it.

    Attributes:
        id: "r" and the first digits of its entry's id.
        version: version number.
        target: stage or "@alias".
        why: the reason given.
        asker: who asks, or None where the name was erased.
        at: when it was asked, UTC.
        expires: its last day; it can be decided until then.
        contract_digest: of the lift contract when it was asked, or None.
        manifest: digest of the list of the version's files when it was asked, or "".
        entry: id of its entry.
        status: open, approved, rejected, withdrawn or expired.
        decided_by: who approved, rejected or withdrew it, or None.
        decided_role: in which role.
        decided_at: when, or None.
        reason: what was said with it.
        approval: id of the sign-off that approved it, or "".
        erased: whether the name of the one who asks was erased.
    """

    id: str
    version: str
    target: str
    why: str
    asker: str | None
    at: datetime
    expires: date
    contract_digest: str | None
    manifest: str
    entry: str
    status: Status = "open"
    decided_by: str | None = None
    decided_role: str | None = None
    decided_at: datetime | None = None
    reason: str = ""
    approval: str = ""
    erased: bool = False

    @property
    def ends(self) -> datetime:
        """The moment from which it can no longer be decided, UTC: after its last day."""
        return utc(self.expires) + timedelta(days=1)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        decided = None if self.decided_at is None else self.decided_at.isoformat()
        return {
            "request": self.id,
            "version": self.version,
            "target": self.target,
            "why": self.why,
            "person": self.asker,
            "at": self.at.isoformat(),
            "expires": self.expires.isoformat(),
            "status": self.status,
            "decided_by": self.decided_by,
            "decided_role": self.decided_role,
            "decided_at": decided,
            "reason": self.reason,
            "entry": self.entry,
        }


def request_id(entry_id: str, taken: Iterable[str] = ()) -> str:
    """Returns the shortest id of a request that no other one has: that of its own entry.

    >>> request_id("3f2a9b10000040008000000000000000")
    'r3f2a9'
    """
    others = set(taken)
    digits = entry_id.replace("-", "").lower()
    return next((i for n in (5, 8, 12) if (i := f"r{digits[:n]}") not in others), f"r{digits}")


def requests_of(entries: Iterable[Evidence], *, now: datetime) -> tuple[PromotionRequest, ...]:
    """Returns the requests of a model, oldest first, each with what became of it until ``now``."""
    found: dict[str, PromotionRequest] = {}
    ordered = sorted((e for e in entries if e.at <= now), key=lambda e: (e.at, e.id))
    for e in ordered:
        if e.kind == KIND and e.payload.get("act") == "asked" and e.version is not None:
            one = _asked(e, found)
            found[one.id] = one
        elif e.kind in (KIND, APPROVAL) and str(e.payload.get("request") or "") in found:
            key = str(e.payload["request"])
            found[key] = _after(found[key], e)
    return tuple(
        replace(r, status="expired") if r.status == "open" and r.ends <= now else r
        for r in found.values()
    )


def _asked(e: Evidence, known: Iterable[str]) -> PromotionRequest:
    said = str(e.payload.get("request") or "")
    own = said.startswith("r") and e.id.startswith(said[1:]) and said not in known
    return PromotionRequest(
        id=said if own else request_id(e.id, known),
        version=str(e.version),
        target=str(e.payload["target"]),
        why=str(e.payload.get("why", "")),
        asker=e.person,
        at=e.at,
        expires=utc(str(e.payload["expires"])).date(),
        contract_digest=e.payload.get("contract_digest"),
        manifest=str(e.payload.get("manifest") or ""),
        entry=e.id,
        erased=e.erased,
    )


def _after(request: PromotionRequest, e: Evidence) -> PromotionRequest:
    """Returns the request after an approval, a rejection or a withdrawal; what comes too late changes nothing."""
    if e.kind == APPROVAL:
        counts = (
            request.status == "open"
            and e.at < request.ends
            and e.version == request.version
            and same_target(str(e.payload.get("target", "")), request.target)
            and not same_person(e.person, request.asker)
        )
        status: Status | None = "approved" if counts else None
    else:
        status = _ANSWERS.get(str(e.payload.get("act")))
        if request.status not in ("open", "approved"):
            status = None
    if status is None:
        return request
    return replace(
        request,
        status=status,
        decided_by=e.person,
        decided_role=e.role,
        decided_at=e.at,
        reason=str(e.payload.get("reason") or e.payload.get("note") or ""),
        approval=e.id if status == "approved" else "",
    )


def find_request(requests: Sequence[PromotionRequest], id_: str) -> PromotionRequest:
    """Returns the request of an id.

    Raises:
        NotFound: there is none; the open ones are named.
    """
    for r in requests:
        if r.id == id_.strip().lower():
            return r
    known = ", ".join(r.id for r in requests if r.status == "open") or "none"
    raise NotFound(f"no request has the id {id_!r}; open requests: {known}")


def deciding_roles(policy: Policy, target: str) -> tuple[str, ...]:
    """Returns the roles that decide on requests for a target: those that sign off for it."""
    rule: SignOffRule = policy.requires(target).get("sign_off") or SignOffRule()
    return tuple(rule.roles)


def manifest_of(adoption: Adoption) -> str:
    """Returns the digest of the list of the version's files, or "" where no server keeps one.

    Raises:
        InvalidInput: they were changed since they were hashed, or may still arrive.
    """
    files = adoption.files
    if files is None:
        return ""
    if files.changed:
        said = ", ".join(files.changed)
        raise InvalidInput(
            f"the files were changed since they were hashed: {said}", fix="Register them again."
        )
    if files.arriving:
        raise InvalidInput(f"files may still be uploaded until {files.arriving}")
    return files.manifest


def check_asked(
    adoption: Adoption, *, target: str, expires: date | str | None, now: datetime
) -> date:
    """Checks a new request and returns its last day.

    Args:
        adoption: what is known of the version asked for.
        target: in the policy's spelling.
        expires: its last day; in 30 days where None.
        now: the moment it is asked, UTC.

    Raises:
        NotFound: the model has no version.
        InvalidInput: the version holds the target already, the same is asked already, or the day
            is not within 90 days from now.
    """
    version = adoption.version
    if version is None:
        raise NotFound(f"model {adoption.facts.name!r} has no version yet")
    if any(v.version == version for v in adoption.facts.holders(target)):
        raise InvalidInput(f"version {version} holds {target} already")
    for r in requests_of(adoption.entries, now=now):
        if r.status == "open" and r.version == version and same_target(r.target, target):
            raise InvalidInput(
                f"request {r.id} asks for the same and is open until {r.expires.isoformat()}"
            )
    end = (now + OPEN_FOR if expires is None else utc(expires)).date()
    last = (now + LONGEST).date()
    if not now.date() <= end <= last:
        raise InvalidInput(
            f"expires == {end.isoformat()}, must be between today and {last.isoformat()}"
        )
    return end


def check_approval(
    adoption: Adoption,
    id_: str,
    *,
    target: str,
    person: str | None,
    role: str | None,
    policy: Policy,
    now: datetime,
) -> PromotionRequest:
    """Returns the request that a sign-off approves.

    Raises:
        NotFound: no such request.
        InvalidInput: it is decided or expired, for another version or target, or what was asked for
            was changed since.
        Refused: by the one who asks, which nobody can tell once that name was erased, or in a role that
            does not decide.
    """
    request = find_request(requests_of(adoption.entries, now=now), id_)
    where = f"request {request.id}"
    if request.status != "open":
        raise InvalidInput(f"is {request.status}, must be open", where=where)
    if request.version != adoption.version or not same_target(request.target, target):
        raise InvalidInput(f"asks for {request.target} of version {request.version}", where=where)
    if request.erased:
        raise Refused(
            f"{where} cannot be approved: the name of the person who asked was erased, and it may be yours",
            fix="Reject it, and have it asked again.",
        )
    _check_decider(request, person=person, role=role, policy=policy)
    contract = adoption.predicted.digest if adoption.predicted else None
    manifest = manifest_of(adoption)
    changed = ["the lift contract"] if contract != request.contract_digest else []
    changed += ["the files"] if request.manifest not in ("", manifest) else []
    if changed:
        raise InvalidInput(
            f"{' and '.join(changed)} changed since it was asked",
            where=where,
            fix="Have it withdrawn, and ask again.",
        )
    return request


def check_rejection(
    adoption: Adoption,
    id_: str,
    *,
    person: str | None,
    role: str | None,
    policy: Policy,
    now: datetime,
) -> PromotionRequest:
    """Returns the request that is rejected; an approval can be taken back so.

    Raises:
        NotFound: no such request.
        InvalidInput: it is decided or expired.
        Refused: by the one who asks, who withdraws it, or in a role that does not decide.
    """
    request = _undecided(adoption, id_, now)
    _check_decider(request, person=person, role=role, policy=policy)
    return request


def check_withdrawal(
    adoption: Adoption, id_: str, *, person: str | None, now: datetime
) -> PromotionRequest:
    """Returns the request that is withdrawn.

    Raises:
        NotFound: no such request.
        InvalidInput: it is decided or expired.
        Refused: somebody else asked.
    """
    request = _undecided(adoption, id_, now)
    if not same_person(person, request.asker):
        raise Refused(
            f"request {request.id} can be withdrawn only by the person who asked",
            fix="The person who decides can reject it: spot reject.",
        )
    return request


def _undecided(adoption: Adoption, id_: str, now: datetime) -> PromotionRequest:
    request = find_request(requests_of(adoption.entries, now=now), id_)
    if request.status not in ("open", "approved"):
        raise InvalidInput(
            f"is {request.status}, must be open or approved", where=f"request {request.id}"
        )
    return request


def _check_decider(
    request: PromotionRequest, *, person: str | None, role: str | None, policy: Policy
) -> None:
    if same_person(person, request.asker):
        raise Refused(
            f"request {request.id} cannot be decided by the person who asked",
            fix="Somebody else must decide; the person who asked can withdraw it: spot withdraw.",
        )
    roles = deciding_roles(policy, request.target)
    if role not in roles:
        raise Refused(
            f"request {request.id} is decided by {' or '.join(roles)}, not in the role {role!r}",
            fix="Ask someone in one of these roles.",
        )


def approval_fault(case: Case, entry: Evidence) -> str | None:
    """Returns why a sign-off that approves a request does not count, or None where it does.

    Judged on what is so now: the version, its files, its lift contract (as for every sign-off) and the
    policy must be those that were approved.
    """
    named = str(entry.payload.get("request"))
    requests = requests_of(case.adoption.entries, now=case.now)
    request = next((r for r in requests if r.id == named), None)
    if request is None:
        return f"approves request {named}, which is not in the record"
    files = case.adoption.files
    bound = str(entry.payload.get("manifest") or "")
    faults = {
        f"approved for version {entry.version} only": entry.version != case.version,
        f"approved by {entry.person}, who asked for it": same_person(entry.person, request.asker),
        f"request {named} is {request.status}": request.status != "approved",
        f"request {named} was approved by another entry": request.approval != entry.id,
        "approved under another policy": entry.payload.get("policy_digest") != case.policy.digest,
        "approved with other files": bound != (files.manifest if files is not None else ""),
        "the files were changed since": files is not None and bool(files.changed),
    }
    return next((said for said, holds in faults.items() if holds), None)


def waits_for(request: PromotionRequest, policy: Policy) -> dict[str, Any]:
    """Returns who may decide on a request, as JSON values: roles, and who may not."""
    return {"roles": list(deciding_roles(policy, request.target)), "not": request.asker}


def open_request(case: Case) -> PromotionRequest | None:
    """Returns the open request that asks what is decided here, or None."""
    for r in requests_of(case.adoption.entries, now=case.now):
        if r.status == "open" and r.version == case.version and same_target(r.target, case.target):
            return r
    return None
