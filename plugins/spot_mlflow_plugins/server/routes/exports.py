"""``GET spot/export``: the record of a model, signed, as a stream of lines."""

from __future__ import annotations

from typing import Any

from spot_mlflow.errors import InvalidInput, Refused, SpotError
from spot_mlflow.record.exporting import export_lines
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.record.moved import fetch, seal
from spot_mlflow_plugins.server.record.signed import open_record
from spot_mlflow_plugins.server.record.verification import verify_model
from spot_mlflow_plugins.server.routes.walls import refused
from spot_mlflow_plugins.server.trust.identity import requester, requires_login


def export() -> Any:
    """Streams a model's record; with logins an administrator's right, since it holds everybody's word."""
    from flask import Response, request

    try:
        if requires_login() and not private.sender_is_admin():
            raise Refused("only an administrator may export a record", fix="Ask one of them.")
        name = request.args.get("model", "")
        if not name:
            raise InvalidInput("no model is named", fix="Add ?model=MODEL to the address.")
        found = verify_model(name)
        forged = {f.run_id for f in found.findings if f.trouble == "forged"}
        record = open_record()
        lines = export_lines(
            record,
            record.named(name),
            by=requester() or "",
            server=request.host_url.rstrip("/"),
            seal=seal(),
            fetch=fetch,
            without=frozenset(forged),
        )
    except SpotError as e:
        return refused(e)
    answer = Response(lines, mimetype="application/jsonl")
    answer.headers["Cache-Control"] = "no-store"
    return answer
