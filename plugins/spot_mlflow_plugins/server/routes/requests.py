"""The requests of a model, each with the gate's answer: ``GET /ajax-api/2.0/spot/requests``.

Asking, rejecting and withdrawing are entries of kind ``request``, approving is one of kind ``sign-off``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.adoption import build_adoption
from spot_mlflow.gate.case import Asker
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.promotion import requests_of, waits_for
from spot_mlflow.reporting.words.respondent_view import decision_without_levels, owes_answers
from spot_mlflow.validation import utc
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import model_lock, server_record
from spot_mlflow_plugins.server.trust.identity import requester

if TYPE_CHECKING:
    from spot_mlflow.gate.promotion import PromotionRequest


def read_requests(name: str) -> dict[str, Any]:
    """Returns the requests of a model as JSON values, oldest first.

    One that waits to be decided or to be carried out has ``decision``, the gate's answer as it is now,
    and ``decides``, who may decide.

    Args:
        name: registered name.

    Raises:
        NotFound: no such model.
    """
    with model_lock(name):
        record = server_record()
        policy = policy_in_force(record)
        facts, entries = record.state(record.named(name), recent=True)
        now, reader = utc(None), requester()

        def waiting(request: PromotionRequest) -> dict[str, Any]:
            if request.status not in ("open", "approved") or policy.key_of(request.target) is None:
                return {}
            if facts.version(request.version) is None:
                return {}
            adoption = build_adoption(facts, entries, version=request.version, now=now)
            adoption = record.with_files(adoption)
            decision = decide(
                adoption,
                request.target,
                policy=policy,
                requester=Asker(request.asker, anybody=True),
            )
            if reader is not None and owes_answers(adoption, reader):
                decision = decision_without_levels(decision)
            return {"decision": decision.to_dict(), "decides": waits_for(request, policy)}

        found = requests_of(entries, now=now)
        return {"model": name, "requests": [{**r.to_dict(), **waiting(r)} for r in found]}
