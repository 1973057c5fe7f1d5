"""Each request has an id: in its answer, and in what this server logs while it works on it."""

from __future__ import annotations

import logging
import re
import uuid
from typing import Any, Final

HEADER: Final = "X-Request-ID"
_TAKEN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")  # what a proxy or client may bring along


def begin() -> None:
    """Gives the request of the moment its id: that of the proxy or client, else a new one."""
    from flask import g, request

    said = request.headers.get(HEADER, "")
    g.spot_request_id = said if _TAKEN.fullmatch(said) else uuid.uuid4().hex[:16]


def answered(response: Any) -> Any:
    """Adds the id to an answer."""
    from flask import g

    if hasattr(g, "spot_request_id"):
        response.headers[HEADER] = g.spot_request_id
    return response


class _WithId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Adds the id to a line that is logged during a request."""
        from flask import g, has_request_context

        if has_request_context() and hasattr(g, "spot_request_id"):
            record.msg = f"{record.msg} [request {g.spot_request_id}]"
        return True


def log_ids() -> None:
    """Has our log lines tell the request that they are about; safe to call twice."""
    logger = logging.getLogger("mlflow.spot")
    if not any(isinstance(f, _WithId) for f in logger.filters):
        logger.addFilter(_WithId())
