"""A policy that the server's operator gives in a file: no client can change it.

Without logins nobody is known, so anybody may set the policy through the record; a server that is
meant to hold names its policy in ``SPOT_MLFLOW_POLICY_FILE``.
"""

from __future__ import annotations

import os
from typing import Final

from spot_mlflow.errors import Refused

POLICY_VARIABLE: Final = "SPOT_MLFLOW_POLICY_FILE"


def record_pinned_policy() -> bool:
    """Puts the file's policy in force where it is not yet; returns whether it was recorded.

    Raises:
        InvalidInput: the file holds no policy; the server does not start then.
    """
    from pathlib import Path

    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import REGISTRY
    from spot_mlflow.record.policies import current_policy
    from spot_mlflow_plugins.server.record import open_record

    path = os.environ.get(POLICY_VARIABLE)
    if not path:
        return False
    policy = Policy.load(Path(path))
    record = open_record()
    if current_policy(record).digest == policy.digest:
        return False
    payload = {"policy": policy.to_dict(), "digest": policy.digest}
    record.append(REGISTRY, "policy", payload, recorded_by="server")
    return True


def refuse_where_pinned() -> None:
    """Refuses a policy from a client where the server's own file gives it.

    Raises:
        Refused: it does.
    """
    if os.environ.get(POLICY_VARIABLE):
        raise Refused(
            "the policy of this server stands in a file of its operator",
            fix="Ask the operator to change it and to start the server again.",
        )
