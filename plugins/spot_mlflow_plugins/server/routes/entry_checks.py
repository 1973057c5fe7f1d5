"""Checks an entry that a client sends, with the same rules the client library has.

Whoever calls the route without the library must not be able to put in what the library would
refuse, nor an entry that would make the model's record unreadable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.api import signature_of
from spot_mlflow.errors import InvalidInput, Refused
from spot_mlflow.evidence import digest_of
from spot_mlflow.gate.policy import Policy, check_target
from spot_mlflow.gate.waivers import check_waiver
from spot_mlflow.involvement.appeal import check_pulse
from spot_mlflow.involvement.concerns import check_follow_up, check_raise, free_concern_id
from spot_mlflow.involvement.log import check_entry
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.person import check_text
from spot_mlflow.readiness.assessment import parse_answers, parse_discussion
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.roles import ROLES
from spot_mlflow.taken_down import check_confirmation
from spot_mlflow.validation import check_choice, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spot_mlflow.adoption import Adoption

_SPEAKERS_NEEDED: Final = frozenset(
    {
        "assessment",
        "involvement",
        "concern",
        "pulse",
        "sign-off",
        "waiver",
        "discussion",
        "confirmation",
    }
)
_VERSION_NEEDED: Final = frozenset({"prediction", "outcomes", "sign-off"})


def check_payload(
    kind: str,
    payload: Mapping[str, Any],
    *,
    adoption: Adoption,
    policy: Policy,
    person: str | None,
    role: str | None,
    artifacts: Mapping[str, bytes],
    entry_id: str,
) -> dict[str, Any]:
    """Returns the payload as it may be recorded.

    Args:
        kind: what sort of entry.
        payload: as the client sent it.
        adoption: what is known of the version spoken of.
        policy: in force.
        person: who speaks.
        role: in which role.
        artifacts: what comes with it.
        entry_id: id of the entry.

    Raises:
        InvalidInput: naming what is wrong.
        Refused: a rule of the record says no.
    """
    check = _CHECKS.get(kind)
    if check is None:
        raise Refused(
            f"entries of kind {kind!r} are written by the server itself",
            fix=f"Known kinds: {', '.join(_CHECKS)}.",
        )
    _check_speaker(kind, adoption, person, role)
    try:
        return check(
            dict(payload),
            {
                "adoption": adoption,
                "policy": policy,
                "person": person,
                "role": role,
                "artifacts": artifacts,
                "entry_id": entry_id,
            },
        )
    except (KeyError, TypeError, AttributeError, ValueError) as e:
        if isinstance(e, InvalidInput):
            raise
        raise InvalidInput(f"not a {kind}: {type(e).__name__} {e}", where="payload") from e


def _check_speaker(kind: str, adoption: Adoption, person: str | None, role: str | None) -> None:
    """Checks that the entry has the person, role and version that its kind needs."""
    if role is not None:
        check_choice("role", role, ROLES)
    if kind in _SPEAKERS_NEEDED and not (person and person.strip()):
        raise InvalidInput("person is empty", fix="Say who speaks.")
    if kind in _SPEAKERS_NEEDED - {"waiver"} and role is None:
        raise InvalidInput("role is empty", fix=f"Say one of {', '.join(ROLES)}.")
    if kind in _VERSION_NEEDED and adoption.version is None:
        raise InvalidInput(f"a {kind} speaks of a version", fix="Name the version.")


def check_policy_payload(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a policy's payload, its digest computed here."""
    policy = Policy.load(dict(payload).get("policy", {}))
    said = {"policy": policy.to_dict(), "digest": policy.digest}
    if "retired" not in payload:
        return said
    return {**said, "retired": check_text("reason", str(payload["retired"] or ""))}


def _prediction(payload: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:

    contract = PredictedLift.load(dict(payload["contract"]))
    # The model's signature is read by the server, see model_signature.
    return {"contract": contract.to_dict(), "contract_digest": contract.digest, "signature": None}


def _assessment(payload: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:

    return parse_answers(
        payload["answers"],
        default_instrument(),
        where="answers",
        stamp=payload.get("instrument"),
    )


def _involvement(payload: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:

    keys = ("phase", "kind", "what", "evidence", "when", "batch")
    return check_entry(**{k: payload.get(k) for k in keys})  # type: ignore[arg-type] # checked there


def _concern(payload: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """A concern's id is made here, of its entry's: no client chooses one that another has."""
    known = said["adoption"].involvement.concerns
    if payload.get("act") == "raised":
        own = free_concern_id(said["entry_id"], [c.id for c in known])
        return check_raise(what=payload["what"], severity=payload["severity"], concern=own)
    return check_follow_up(
        known,
        concern=payload["concern"],
        act=payload["act"],
        person=said["person"],
        role=said["role"],
        what=payload.get("what", ""),
    )


def _discussion(payload: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:

    return parse_discussion(payload["question"], payload["note"], default_instrument())


def _confirmation(payload: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:

    return check_confirmation(said["adoption"].entries, str(payload["entry"]), said["person"])


def _pulse(payload: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:

    return check_pulse(payload["useful"], payload["would_use"], role=said["role"])


def _outcomes(payload: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome check is of this version's promise, and its moments are those it was made of."""
    import json

    promised = said["adoption"].predicted
    if promised is None or payload.get("contract_digest") != promised.digest:
        raise InvalidInput("the outcomes were checked against another contract than was promised")
    moments = said["artifacts"].get("moments.json")
    if moments is None or digest_of(json.loads(moments)) != payload.get("moments_digest"):
        raise InvalidInput("moments.json is missing, or not what the check was made of")
    for key in ("verdict", "viable", "evidence", "predicted", "realized", "gap"):
        if key not in payload:
            raise InvalidInput(f"'{key}' is missing", where="payload")
    return payload  # the figures themselves are computed anew, see recomputed


def _sign_off(payload: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The contract and signature signed for are what the record says, whatever the client says."""
    adoption = said["adoption"]
    return {
        "target": check_target(said["policy"], str(payload["target"])),
        "contract_digest": adoption.predicted.digest if adoption.predicted else None,
        "signature": signature_of(adoption),
        "note": check_text("note", payload.get("note"), required=False),
    }


def _waiver(payload: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:

    return dict(
        check_waiver(
            target=payload["target"],
            requirement=payload["requirement"],
            reason=payload["reason"],
            approver=said["person"],
            expires=payload.get("expires"),
            now=utc(None),
            policy=said["policy"],
        )
    )


_CHECKS: Final[dict[str, Callable[[dict[str, Any], Mapping[str, Any]], dict[str, Any]]]] = {
    "prediction": _prediction,
    "assessment": _assessment,
    "involvement": _involvement,
    "concern": _concern,
    "discussion": _discussion,
    "pulse": _pulse,
    "confirmation": _confirmation,
    "outcomes": _outcomes,
    "sign-off": _sign_off,
    "waiver": _waiver,
}
