"""Answers that are pages: their headers, and errors as pages that say what is wrong and what to do."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput, SpotError
from spot_mlflow_plugins.server.pages.pages import error_page
from spot_mlflow_plugins.server.routes import walls

if TYPE_CHECKING:
    from collections.abc import Callable

_logger = logging.getLogger("mlflow.spot")


def shows_html(view: Callable[[], Any]) -> Callable[[], Any]:
    """Turns a view's page into a response; an error becomes a page that says what and what to do."""

    @functools.wraps(view)
    def wrapper() -> Any:
        from flask import Response

        status = 200
        try:
            page = view()
        except SpotError as e:
            page, status = error_page(e), e.http_status
        except Exception:  # a page for people: whatever it is, it is said in words and logged
            _logger.exception("A page could not be made")
            said = SpotError("the server could not make this page", fix="Its log says why.")
            page, status = error_page(said), 500
        text = isinstance(page, str)
        response = Response(page, status=status, mimetype="text/html") if text else page
        response.headers["Content-Security-Policy"] = walls.PAGE_POLICY
        response.headers["Cache-Control"] = "no-store"
        return response

    return wrapper


def asked_model() -> str:
    """Returns the model that a page is about.

    Raises:
        InvalidInput: the address names none.
    """
    from flask import request

    name = request.args.get("name", "")
    if not name:
        raise InvalidInput("no model is named", fix="Add ?name=MODEL to the address.")
    return str(name)
