"""Waivers: one requirement, one target, a reason, an approver who does not ask, and an end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from spot_mlflow.errors import InvalidInput, SpotError
from spot_mlflow.gate.policy import check_target, default_policy
from spot_mlflow.gate.targets import same_person
from spot_mlflow.validation import check_choice, format_span, is_drawn, utc

if TYPE_CHECKING:
    from datetime import date, datetime

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.case import Case
    from spot_mlflow.gate.policy import Policy


def waiver_for(case: Case, requirement: str) -> str | None:
    """Returns the newest waiver that holds, in words, or None.

    A waiver names the version it was given for, or none and then holds for the whole model; it ends
    on its date, and at the latest when the policy's longest waiver would.
    """
    for entry in reversed(case.adoption.waivers):
        given = entry.payload
        if given.get("requirement") != requirement or entry.version not in (None, case.version):
            continue
        if not case.policy.covers(str(given.get("target", "")), case.target):
            continue
        if waiver_fault(entry, case.policy, requester=case.requester, now=case.now) is None:
            left = (waiver_end(entry, case.policy) - case.now).days
            return f"{given['reason']} (approved by {given['approver']}, {left} days left)"
    return None


def waiver_end(entry: Evidence, policy: Policy) -> datetime:
    """When a waiver stops to hold, UTC: after its last day, or when the policy's longest would."""
    day = timedelta(days=1)
    return (
        min(utc(utc(str(entry.payload["expires"])).date()), (entry.at + policy.waivers.longest))
        + day
    )


def waiver_fault(
    entry: Evidence, policy: Policy, *, requester: str | None, now: datetime
) -> str | None:
    """Returns why a waiver does not hold, or None where it does."""
    given = entry.payload
    approver = given.get("approver")
    if not approver or not str(given.get("reason", "")).strip():
        return "has no approver or no reason"
    if same_person(str(approver), requester):
        return f"was approved by {approver}, who is the requester"
    try:
        end = waiver_end(entry, policy)
    except (KeyError, SpotError):
        return "has no date of expiry"
    return f"expired on {end.date().isoformat()}" if end <= now else None


def check_waiver(
    *,
    target: str,
    requirement: str,
    reason: str,
    approver: str,
    expires: date | str | None,
    now: datetime,
    policy: Policy | None = None,
    requester: str | None = None,
) -> dict[str, str]:
    """Checks a waiver before it is recorded and returns its payload.

    Args:
        target: stage or "@alias".
        requirement: a requirement that the target asks for.
        reason: why, in words.
        approver: who answers for it; not the requester.
        expires: its last day; the policy's default span where None.
        now: the moment it is given, UTC.
        policy: the policy in force; the default one where None.
        requester: who asks for the waiver, where it is another than the approver.

    Raises:
        InvalidInput: naming what does not hold together.
    """
    policy = policy or default_policy()
    key = check_target(policy, target)
    name = requirement.strip().replace("-", "_")
    check_choice("requirement", name, policy.requires(key), where=f"target {key}")
    _check_words(reason, approver, requester)
    end = (now + policy.waivers.default if expires is None else utc(expires)).date()
    last = (now + policy.waivers.longest).date()
    if not now.date() <= end <= last:
        raise InvalidInput(
            f"expires == {end.isoformat()}, must be between today and {last.isoformat()} "
            f"(the policy's longest waiver is {format_span(policy.waivers.longest)})"
        )
    return {
        "target": key,
        "requirement": name,
        "reason": reason.strip(),
        "approver": approver.strip(),
        "expires": end.isoformat(),
    }


def _check_words(reason: str, approver: str, requester: str | None) -> None:
    if not any(map(is_drawn, reason)):
        raise InvalidInput("a waiver needs a reason", fix="Give one with --reason.")
    if not approver.strip():
        raise InvalidInput("a waiver needs an approver", fix="Name one with --approver.")
    if same_person(approver, requester):
        raise InvalidInput(
            f"the approver {approver!r} is also the requester",
            fix="Somebody else must answer for a waiver.",
        )
