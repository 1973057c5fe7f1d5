"""Sign-offs: who said yes to which version, and whether that still counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.gate.case import days
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
    values = {"role": rule.roles[0], "roles": " or ".join(rule.roles)}
    family = set(case.policy.chain_of(case.target))
    contract = case.adoption.predictions.get(case.version)
    faults: list[str] = []
    for entry in reversed(case.adoption.sign_offs):
        if entry.version not in case.forebears():
            continue
        fault = _sign_off_fault(case, entry, rule, family, contract.digest if contract else None)
        if fault is None:
            inherited = (
                "" if entry.version == case.version else f", inherited from version {entry.version}"
            )
            who = entry.person or "a person whose name was erased"
            said = f"signed by {who} ({entry.role}) {days(case.age(entry.at))} ago{inherited}"
            return Measure(True, said, required, values)
        faults.append(fault)
    return Measure(False, faults[0] if faults else "not signed off", required, values)


def _sign_off_fault(
    case: Case, entry: Evidence, rule: SignOffRule, family: set[str], contract: str | None
) -> str | None:
    """Returns why a sign-off does not count, or None where it does."""
    target = str(entry.payload.get("target", ""))
    faults = {
        f"signed off for {target} only": not family & set(case.policy.chain_of(target)),
        f"signed by {entry.person} as {entry.role}, who may not": entry.role not in rule.roles,
        "signed by nobody": entry.person is None and not entry.erased,
        f"signed by {entry.person}, who is the requester": same_person(
            entry.person, case.requester
        ),
        f"signed {days(case.age(entry.at))} ago, which has expired": case.age(entry.at)
        > rule.valid,
        "signed before the lift contract was changed": entry.payload.get("contract_digest")
        != contract,
    }
    return next((said for said, holds in faults.items() if holds), None)
