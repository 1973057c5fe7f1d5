"""Decides on request and records the answer: ``POST /ajax-api/2.0/spot/decisions``.

What a client says it decided would be hearsay. The server decides itself, on its own record and by
the policy in force, and takes down who asked: the authenticated user where there are logins.
"""

from __future__ import annotations

from typing import Any, Final

from spot_mlflow.adoption import build_adoption
from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.decision import decide
from spot_mlflow.person import check_person
from spot_mlflow.record.decisions import record_decision
from spot_mlflow.reporting.words.respondent_view import (
    decision_without_levels,
    owes_answers,
    without_answers,
)
from spot_mlflow.validation import utc
from spot_mlflow_plugins.server.record.decider import count_decision
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import evidence_json, model_lock, server_record
from spot_mlflow_plugins.server.trust.identity import asker
from spot_mlflow_plugins.server.trust.identity import requester as logged_in

_KEYS: Final = ("model", "version", "target", "policy_digest", "requester")


def decide_and_record(body: Any) -> dict[str, Any]:
    """Returns the decision, and its entry or None where the record has an equal one.

    Args:
        body: the request's JSON: model, version and target; where wanted requester, and the
            policy_digest that the client decided by.

    Raises:
        InvalidInput: the request is malformed, or by another policy than is in force.
        NotFound: no such model or version.
    """
    model, version, target, digest, requester = _asked(body)
    with model_lock(model):
        record = server_record()
        policy = policy_in_force(record)
        if digest is not None and digest != policy.digest:
            raise InvalidInput(
                f"decided by another policy than is in force here, {policy.label}",
                fix="Leave out --policy and --mode to have the decision recorded.",
            )
        facts, entries = record.state(record.named(model), recent=True)
        adoption = record.with_files(build_adoption(facts, entries, version=version, now=utc(None)))
        decision = decide(
            adoption,
            str(target),
            policy=policy,
            requester=asker() if logged_in() else requester,
            version=version,
        )
        count_decision(decision, on="question")
        written = record_decision(record, decision, created=facts.created, known=entries)
    reader = logged_in()
    if reader is not None and owes_answers(adoption, reader):
        decision = decision_without_levels(decision)
        written = None if written is None else without_answers([written])[0]
    recorded = None if written is None else evidence_json(written)
    return {"decision": decision.to_dict(), "recorded": recorded}


def _asked(body: Any) -> tuple[str, str, str, str | None, str | None]:

    said = body if isinstance(body, dict) else {}
    for key, value in said.items():
        if key not in _KEYS or (value is not None and not isinstance(value, str)):
            raise InvalidInput(f"{key!r} must be text under one of {', '.join(_KEYS)}")
    for key in ("model", "version", "target"):
        if not said.get(key):
            raise InvalidInput(f"'{key}' is empty")
    requester = said.get("requester")
    if requester:
        requester = check_person(requester, where="requester")
    return said["model"], said["version"], said["target"], said.get("policy_digest"), requester
