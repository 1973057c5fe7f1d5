"""Sign-offs: who said yes to which version, and whether that still counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.gate.case import days
from spot_mlflow.gate.promotion import approval_fault, open_request
from spot_mlflow.gate.requirements import Measure
from spot_mlflow.gate.targets import same_person
from spot_mlflow.validation import format_span

if TYPE_CHECKING:
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.case import Case
    from spot_mlflow.gate.policy import SignOffRule


def sign_off(case: Case, rule: SignOffRule) -> Measure:
    """A valid sign-off of this version for this target by one who may, and who does not ask."""
    required = f"signed off by {' or '.join(rule.roles)} within {format_span(rule.valid)}, not by the requester"
    required += ", on a request" if rule.request else ""
    values = {"role": rule.roles[0], "roles": " or ".join(rule.roles)}
    contract = case.adoption.predictions.get(case.version)
    faults: list[str] = []
    for entry in reversed(case.adoption.sign_offs):
        if entry.version not in case.forebears():
            continue
        fault = _sign_off_fault(case, entry, rule, contract.digest if contract else None)
        if fault is None:
            inherited = (
                "" if entry.version == case.version else f", inherited from version {entry.version}"
            )
            who = entry.person or "a person whose name was erased"
            said = f"signed by {who} ({entry.role}) {days(case.age(entry.at))} ago{inherited}"
            return Measure(True, said + _on_request(entry), required, values)
        faults.append(fault)
    waiting = open_request(case)
    said = faults[0] if faults else "not signed off"
    said += f"; request {waiting.id} is open" if waiting is not None else ""
    return Measure(False, said, required, values)


def _on_request(entry: Evidence) -> str:
    return f", on request {entry.payload['request']}" if entry.payload.get("request") else ""


def _sign_off_fault(
    case: Case, entry: Evidence, rule: SignOffRule, contract: str | None
) -> str | None:
    """Returns why a sign-off does not count, or None where it does."""
    target = str(entry.payload.get("target", ""))
    # Of an approval it is the one who asked that must be another; it may be carried out by anyone.
    requested = bool(entry.payload.get("request"))
    faults = {
        f"signed off for {target} only": not case.policy.covers(target, case.target),
        f"signed by {entry.person} as {entry.role}, who may not": entry.role not in rule.roles,
        "signed without a name": entry.person is None and not entry.erased,
        "signed off without a request": rule.request and not requested,
        f"signed by {entry.person}, who is the requester": not requested
        and same_person(entry.person, case.requester),
        f"signed {days(case.age(entry.at))} ago, which has expired": case.age(entry.at)
        > rule.valid,
        "signed before the lift contract was changed": entry.payload.get("contract_digest")
        != contract,
    }
    fault = next((said for said, holds in faults.items() if holds), None)
    return approval_fault(case, entry) if fault is None and requested else fault
