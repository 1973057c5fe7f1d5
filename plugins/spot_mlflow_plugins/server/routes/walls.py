"""What is asked of every request before it reaches one of our routes: whose page, which token."""

from __future__ import annotations

from typing import Any, Final

from spot_mlflow.errors import SpotError
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.guards.artifacts import check_direct_upload
from spot_mlflow_plugins.server.routes.form_tokens import (
    COOKIE,
    HEADER,
    LIFETIME,
    Tokens,
    is_browsers,
    new_browser,
    set_browser,
)
from spot_mlflow_plugins.server.routes.origin import HEADERS, check_request, own_origins
from spot_mlflow_plugins.server.trust.identity import authenticated_user
from spot_mlflow_plugins.server.trust.kept import signer

API: Final = "/ajax-api/2.0/spot"
ENDPOINT: Final = "spot_"  # how the names of our endpoints begin
FORMS: Final = frozenset({"spot_form", "spot_link", "spot_benchmark"})
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def check_origin() -> Any:
    """Refuses, before anything is read, what a page of another origin sends to our routes."""
    from flask import request

    if not is_ours():
        return None
    try:
        said = {k: v for k in HEADERS if (v := request.headers.get(k)) is not None}
        form = request.endpoint in FORMS
        check_request(request.method, said, request.mimetype, own_origins(), form=form)
    except SpotError as e:
        return refused(e)
    return None


def check_token() -> Any:
    """Refuses what a browser sends to a route of ours that writes without this server's token."""
    from flask import request

    if request.method in READS or not is_ours() or not is_browsers(dict(request.headers)):
        return None
    if (
        request.endpoint in FORMS
    ):  # its token is in the form, and the form comes back where it is wrong
        return None
    try:
        _tokens().check(
            request.headers.get(HEADER, ""),
            user=authenticated_user(),
            browser=request.cookies.get(COOKIE, ""),
            purpose=str(request.endpoint).removeprefix(ENDPOINT),
        )
    except SpotError as e:
        return refused(e)
    return None


def make_form_token(purpose: str) -> tuple[str, str]:
    """Returns a token for a form of this server, and the browser that it is for."""
    from flask import request

    browser = request.cookies.get(COOKIE) or new_browser()
    return _tokens().make(user=authenticated_user(), browser=browser, purpose=purpose), browser


def check_form_token(token: str, purpose: str) -> None:
    """Checks what a form has sent; nobody writes by a form without a token, whatever sent it.

    Raises:
        Refused: it is not of this server, or not of this form, user and browser, or too old.
    """
    from flask import request

    browser = request.cookies.get(COOKIE, "")
    _tokens().check(token, user=authenticated_user(), browser=browser, purpose=purpose)


def know_browser(answer: Any, browser: str) -> None:
    """Gives the browser of a form the cookie by which it is known again, where it has none."""
    from flask import request

    if COOKIE not in request.cookies:
        said = request.headers.get("X-Forwarded-Proto") or request.scheme
        set_browser(answer, browser, secure=said == "https")


def give_token(purpose: str) -> Any:
    """Returns a token for a page of this server, and knows its browser again by a cookie.

    Args:
        purpose: name of the route that it is for.
    """
    from flask import jsonify

    made, browser = make_form_token(purpose)
    answer = jsonify(token=made, seconds=LIFETIME)
    answer.headers["Cache-Control"] = "no-store"
    know_browser(answer, browser)
    return answer


def _tokens() -> Tokens:

    return Tokens(signer().keys)


def is_ours() -> bool:
    """Says whether this request is for a route of ours."""
    from flask import request

    return str(request.endpoint).startswith(ENDPOINT)


def refused(error: SpotError) -> Any:
    """Returns the answer that says why a request is refused."""
    from flask import jsonify

    answer = jsonify(error_code=error_code(error), message=f"[spot] {error}")
    answer.status_code = error.http_status
    return answer


def error_code(error: SpotError) -> str:
    """Returns MLflow's word for the error, so that its clients raise the right exception."""
    return {
        400: "INVALID_PARAMETER_VALUE",
        403: "PERMISSION_DENIED",
        404: "RESOURCE_DOES_NOT_EXIST",
        413: "INVALID_PARAMETER_VALUE",
        429: "REQUEST_LIMIT_EXCEEDED",
        503: "TEMPORARILY_UNAVAILABLE",
    }.get(error.http_status, "RESOURCE_CONFLICT")


def check_uploads() -> Any:
    """Looks at the two upload routes that reach an artifact location directly."""
    from flask import request

    if not request.path.endswith(("/mlflow/upload-artifact", "/presigned-upload-url")):
        return None
    from mlflow.exceptions import MlflowException

    store = private.tracking_store()
    companions, deployed = store._spot_companions, store._spot_deployed  # noqa: SLF001 - ours, set at start
    said = private.sent_json()
    try:
        check_direct_upload(companions, deployed, request.path, request.args, said)
    except MlflowException as e:
        return e.serialize_as_json(), e.get_http_status_code(), {"Content-Type": "application/json"}
    return None
