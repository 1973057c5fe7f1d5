"""The audit stream of a gated server: ``POST /ajax-api/2.0/spot/audit``.

It reads the server's own record, so that no right on a single model leaves a gap in it.
"""

from __future__ import annotations

from typing import Any

from spot_mlflow.errors import InvalidInput, Refused
from spot_mlflow.record.audit import Cursor, read_audit
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.record.signed import server_client
from spot_mlflow_plugins.server.trust.identity import requires_login


def read_stream(body: Any) -> dict[str, Any]:
    """Returns lines, the cursor to go on from, and whether there is more.

    Args:
        body: the request's JSON: ``cursor``, and ``names`` where lines are to name people.

    Raises:
        Refused: with logins, to everybody but administrators.
        InvalidInput: the request is malformed.
    """
    if requires_login() and not private.sender_is_admin():
        raise Refused("only an administrator may read the audit stream", fix="Ask one of them.")
    said = body if isinstance(body, dict) else {}
    unknown = sorted(set(said) - {"cursor", "names"})
    if unknown:
        raise InvalidInput(f"unknown key {unknown[0]!r}, must be cursor or names")
    found = read_audit(
        server_client(), Cursor.read(said.get("cursor")), names=said.get("names") is True
    )
    return {
        "lines": [dict(line) for line in found.lines],
        "cursor": found.cursor.to_dict(),
        "more": found.more,
    }
