"""Who may call which of spot's routes on a server with logins.

Whoever may read a model may see its record and speak in it: business users hold no more than READ.
Promises and outcome checks are the builders' word and need the right to update the model. Policies
need an administrator, which the entry route checks itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.routes.table import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable

BUILDERS_KINDS = frozenset({"prediction", "outcomes"})


def validators() -> dict[tuple[str, str], Callable[[], bool]]:
    """Returns (path, method) -> whether the logged-in user may call it."""
    return {
        (private.with_static_prefix(path), method): RULES.get(view.__name__, anybody)
        for path, method, view in ROUTES
    }


def open_paths() -> tuple[str, ...]:
    """Returns the paths that need no login: the page of a mailed link, which asks for its token, and what it loads."""
    names = ("link", "style.css", "theme.js", "draft.js", "steps.js")
    return tuple(private.with_static_prefix(f"/spot/{name}") for name in names)


def anybody() -> bool:
    """Any logged-in user."""
    return True


def may_write_entry() -> bool:
    """The right that the kind of entry needs on the model it is about."""
    from flask import request

    body = request.get_json(force=True, silent=True)
    said: dict[str, Any] = body if isinstance(body, dict) else {}
    name = said.get("model")
    if not isinstance(name, str) or not name:
        return True  # the route refuses it, or it is a policy, and the route asks who sets it
    if said.get("kind") in BUILDERS_KINDS:
        return private.may_update_model(name)
    return private.may_read_model(name)


def may_read_named_model() -> bool:
    """The right to read the model that the request names, in its query or its body."""
    from flask import request

    if request.method == "GET":
        name = request.args.get("model")
        if name is None:
            return private.sender_is_admin()
        return not name or private.may_read_model(name)
    body = request.get_json(force=True, silent=True)
    name = body.get("model") if isinstance(body, dict) else None
    return not isinstance(name, str) or private.may_read_model(name)


def may_read_asked_model() -> bool:
    """The right to read the model that a page or panel is about."""
    from flask import request

    name = request.args.get("name")
    return not name or private.may_read_model(name)


RULES: dict[str, Callable[[], bool]] = {
    "model": may_read_asked_model,
    "compare": may_read_asked_model,
    "panel": may_read_asked_model,
    "form": may_read_asked_model,
    "history": may_read_asked_model,
    "entries": may_write_entry,
    "decisions": may_read_named_model,
    "requests": may_read_named_model,
    "links": may_read_named_model,
    "refresh": may_read_named_model,
    "record": may_read_named_model,
    "moments": may_read_named_model,
    "verify": may_read_named_model,
    "files": may_read_named_model,
}
