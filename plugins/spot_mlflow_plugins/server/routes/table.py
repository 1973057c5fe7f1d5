"""The routes that spot adds to MLflow's server, and how their errors become HTTP."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlencode

from spot_mlflow.errors import InvalidInput, NotFound, Refused
from spot_mlflow.record import ModelRef
from spot_mlflow.record.erasure import erase_person
from spot_mlflow.version import __version__
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.guards.answers_owed import explain, read_entries, read_moments
from spot_mlflow_plugins.server.guards.gating import check_gated
from spot_mlflow_plugins.server.pages.history import history_csv, history_page
from spot_mlflow_plugins.server.pages.injection import inject_into
from spot_mlflow_plugins.server.pages.me import me_page, reader_of
from spot_mlflow_plugins.server.pages.model import Shown, model_page
from spot_mlflow_plugins.server.pages.pages import panel as said
from spot_mlflow_plugins.server.pages.pages import style as sheet
from spot_mlflow_plugins.server.pages.week import week_page
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import model_lock, open_record, server_record
from spot_mlflow_plugins.server.record.verification import verify_all, verify_model
from spot_mlflow_plugins.server.routes import limits, walls
from spot_mlflow_plugins.server.routes.answers import answers_json
from spot_mlflow_plugins.server.routes.audit import read_stream
from spot_mlflow_plugins.server.routes.decisions import decide_and_record
from spot_mlflow_plugins.server.routes.entries import write_entry
from spot_mlflow_plugins.server.routes.exports import export
from spot_mlflow_plugins.server.routes.forms import NAME_COOKIE, show_or_write
from spot_mlflow_plugins.server.routes.html_answers import asked_model, shows_html
from spot_mlflow_plugins.server.routes.links import make_link, show_or_write_link
from spot_mlflow_plugins.server.routes.lists import (
    benchmark,
    benchmark_summary,
    compare,
    models,
    models_file,
)
from spot_mlflow_plugins.server.routes.operations import is_ready, metrics
from spot_mlflow_plugins.server.routes.requests import read_requests
from spot_mlflow_plugins.server.routes.walls import API
from spot_mlflow_plugins.server.trust import request_ids
from spot_mlflow_plugins.server.trust.identity import asker, requires_login

UI_VARIABLE = "SPOT_MLFLOW_UI"  # "pages" leaves MLflow's own pages as they are


def register_routes(flask_app: Any) -> None:
    """Adds the routes of spot to MLflow's Flask application, once; after basic auth, where it is on.

    Uploads are then looked at when it is known who asks; how much is read is bounded before that.
    """
    if "spot_health" in flask_app.view_functions:
        return
    before = flask_app.before_request_funcs.setdefault(None, [])
    limits.limits()  # a setting that cannot be read stops the server here
    before[:0] = [request_ids.begin, walls.check_origin, limits.limit_body]
    flask_app.register_error_handler(413, limits.too_large)
    request_ids.log_ids()
    flask_app.before_request(limits.limit_rate)
    flask_app.before_request(walls.check_token)
    flask_app.before_request(walls.check_uploads)
    flask_app.after_request(explain)
    flask_app.after_request(request_ids.answered)
    if os.environ.get(UI_VARIABLE, "inject") != "pages":
        inject_into(flask_app)
    for path, method, view in ROUTES:
        flask_app.add_url_rule(
            private.with_static_prefix(path), f"spot_{view.__name__}", view, methods=[method]
        )


@answers_json
def health() -> dict[str, Any]:
    """Says that the gate stands; fails where it does not."""
    check_gated()
    return {"spot": __version__, "gate": "on"}


@answers_json
def ready() -> dict[str, Any]:
    """Says that this server can decide and write now; fails, naming what cannot be reached."""
    return is_ready()


@answers_json
def server() -> dict[str, Any]:
    """Tells a client that entries go through the route here, and who it is to this server."""
    who = asker()
    return {
        "spot": __version__,
        "entries": "route",
        "reads": "route" if requires_login() else "runs",
        "login": requires_login(),
        "user": who.login,
        "person": who.name,
        "roles": list(who.roles),
    }


@answers_json
def policy() -> dict[str, Any]:
    """Tells which policy is in force here, whatever the database still holds of it."""
    with model_lock(""):
        found = policy_in_force(server_record())
    return {"policy": found.to_dict(), "digest": found.digest}


@answers_json
def entries() -> dict[str, Any]:
    """Writes one entry."""
    return write_entry(_body())


@answers_json
def record() -> dict[str, Any]:
    """Returns the entries of a model as this reader may see them."""
    return read_entries(_named_model())


@answers_json
def moments() -> dict[str, Any]:
    """Returns the moments of an outcome check."""
    from flask import request

    return read_moments(_named_model(), request.args.get("entry", ""))


@answers_json
def decisions() -> dict[str, Any]:
    """Answers whether a version may have a target, as ``spot gate`` asks, and records the answer."""
    return decide_and_record(_body())


@answers_json
def requests() -> dict[str, Any]:
    """Returns the requests for targets of a model, with what is missing and who may decide."""
    return read_requests(_named_model())


@answers_json
def refresh() -> dict[str, Any]:
    """Derives a model's summary anew; harmless at any time."""
    name = _model_name()
    with model_lock(name):
        record = server_record()
        facts = record.facts(name)
        record.refresh(_ref(facts, _body().get("version")))
    return {"model": name}


@answers_json
def erase() -> dict[str, Any]:
    """Erases a person's name in all records: an administrator's right, so logins are needed."""
    if not requires_login():
        raise Refused(
            "a server without logins cannot erase a name",
            fix="The operator can, on the database: spot --tracking-uri DATABASE erase NAME",
        )
    if not private.sender_is_admin():
        raise Refused("only an administrator may erase a name", fix="Ask one of them.")
    body = _body()
    person = body.get("person") if isinstance(body, dict) else None
    if not isinstance(person, str) or not person.strip():
        raise InvalidInput("'person' is empty", fix="Give the name as it was recorded.")
    dry_run = bool(body.get("dry_run"))
    return erase_person(open_record(), person, dry_run=dry_run, by=asker().login).to_dict()


@answers_json
def audit() -> dict[str, Any]:
    """Returns what was recorded after a cursor, of all models; with logins an administrator's right."""
    return read_stream(_body())


@answers_json
def files() -> dict[str, Any]:
    """Tells where the files of a version are."""
    from dataclasses import asdict

    from flask import request

    name, version = request.args.get("model", ""), request.args.get("version", "")
    deployed = private.tracking_store()._spot_deployed  # noqa: SLF001 - ours, set at start
    found = deployed.files_of(name, version)
    if found is None:
        raise NotFound(f"model {name!r} has no version {version!r}")
    return asdict(found)


@answers_json
def verify() -> dict[str, Any]:
    """Checks a model's record, signatures and anchors included; all records where none is named."""
    from flask import request

    name, files = request.args.get("model"), "files" in request.args
    if files:
        _may_hash(name)
    found = [verify_model(name, files=files)] if name is not None else verify_all(files=files)
    return {"models": [v.to_dict() for v in found], "sound": all(v.sound for v in found)}


def _may_hash(name: str | None) -> None:
    """Reading all files of a model costs much, so that a reader's right is not enough."""
    if not requires_login() or private.sender_is_admin():
        return
    if not name or not private.may_update_model(name):
        raise Refused(
            "hashing the files again requires the right to update the model",
            fix="Ask its owner or an administrator.",
        )


def _ref(facts: Any, version: Any) -> Any:

    known = version if facts.version(str(version)) else None
    return ModelRef(facts.name, known, facts.created)


def _body() -> Any:
    """Returns the request's JSON.

    Raises:
        InvalidInput: it is not valid JSON.
    """
    from flask import request
    from werkzeug.exceptions import BadRequest

    try:
        return request.get_json(force=True)
    except (BadRequest, RecursionError):
        raise InvalidInput("the request body is not valid JSON") from None


def _model_name() -> str:
    body = _body()
    name = body.get("model") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name:
        raise InvalidInput("'model' is empty", fix="Name the registered model.")
    return name


def _named_model() -> str:
    from flask import request

    name = request.args.get("model", "")
    if not name:
        raise InvalidInput("no model is named", fix="Add ?model=MODEL to the address.")
    return str(name)


def token() -> Any:
    """Gives a page of ours the token that it sends with what it writes."""
    from flask import jsonify, request

    purpose = request.args.get("for", "")
    if purpose not in {view.__name__ for _, method, view in ROUTES if method == "POST"}:
        return jsonify(error_code="INVALID_PARAMETER_VALUE", message="[spot] no such purpose"), 400
    return walls.give_token(purpose)


@shows_html
def week() -> Any:
    """What arrived, what changed, and which decisions wait; the list where a model is searched for, as once here."""
    from flask import redirect, request

    if "q" in request.args:
        return redirect(f"models?{urlencode(list(request.args.items(multi=True)))}")
    return week_page(request.args)


@shows_html
def model() -> str:
    """Everything known of one model version."""
    from flask import request

    asked = request.args
    shown = Shown(
        asked_model(),
        asked.get("version") or None,
        tab=asked.get("tab", "result"),
        page=asked.get("page", 1, type=int),
        done=asked.get("done", ""),
        own=asked.get("own", ""),
    )
    return model_page(shown)


@shows_html
def form() -> Any:
    """A form to act by, and what is sent with it."""
    return show_or_write()


@shows_html
def me() -> str:
    """What waits for the reader, over all models."""
    from flask import request

    asked = request.args
    typed = asked.get("person") or unquote(request.cookies.get(NAME_COOKIE, ""))
    reader = reader_of(typed, asked.get("role", ""))
    return me_page(reader, done=asked.get("done", ""), everything=asked.get("all", "") == "1")


@shows_html
def history() -> Any:
    """Which version held a target when."""
    from flask import Response, request

    asked = request.args
    name, target = asked_model(), asked.get("to", "")
    if asked.get("format") == "csv":
        answer = Response(history_csv(name, target), mimetype="text/csv")
        answer.headers["Content-Disposition"] = "attachment; filename=history.csv"
        return answer
    return history_page(name, target, asked.get("at", ""))


@shows_html
def link() -> Any:
    """What a mailed link opens, and what is sent by it; no login."""
    return show_or_write_link()


@answers_json
def links() -> dict[str, Any]:
    """Records that a person is asked, and returns the link to be mailed."""
    return make_link(_body())


@answers_json
def panel() -> dict[str, Any]:
    """What the line in MLflow's own model page says."""
    from flask import request

    return said(asked_model(), request.args.get("version") or None)


def style() -> Any:
    """The style sheet of the pages."""
    from flask import Response

    return _cached(Response(sheet(), mimetype="text/css"))


def theme() -> Any:
    """Follows the theme chosen in MLflow."""
    return _script("theme.js")


def draft() -> Any:
    """Keeps what is typed into a form until it is sent."""
    return _script("draft.js")


def steps() -> Any:
    """Shows a question a screen on a phone."""
    return _script("steps.js")


def copy() -> Any:
    """Copies the address of a page."""
    return _script("copy.js")


def inject() -> Any:
    """Adds the line and the link to MLflow's own pages."""
    return _script("inject.js")


def _script(name: str) -> Any:
    from importlib.resources import files

    from flask import Response

    text = (files("spot_mlflow_plugins.server") / "static" / name).read_text(encoding="utf-8")
    return _cached(Response(text, mimetype="text/javascript"))


def _cached(response: Any) -> Any:
    response.headers["Cache-Control"] = "max-age=300"
    return response


ROUTES = (
    ("/spot/", "GET", week),
    ("/spot/models", "GET", models),
    ("/spot/models.csv", "GET", models_file),
    ("/spot/model", "GET", model),
    ("/spot/me", "GET", me),
    ("/spot/history", "GET", history),
    ("/spot/compare", "GET", compare),
    ("/spot/benchmark", "GET", benchmark),
    ("/spot/benchmark", "POST", benchmark),
    ("/spot/benchmark.json", "GET", benchmark_summary),
    ("/spot/form", "GET", form),
    ("/spot/form", "POST", form),
    ("/spot/link", "GET", link),
    ("/spot/link", "POST", link),
    ("/spot/panel", "GET", panel),
    ("/spot/style.css", "GET", style),
    ("/spot/theme.js", "GET", theme),
    ("/spot/draft.js", "GET", draft),
    ("/spot/steps.js", "GET", steps),
    ("/spot/copy.js", "GET", copy),
    ("/spot/inject.js", "GET", inject),
    ("/spot/health", "GET", health),
    ("/spot/ready", "GET", ready),
    ("/spot/metrics", "GET", metrics),
    (f"{API}/server", "GET", server),
    (f"{API}/token", "GET", token),
    (f"{API}/policy", "GET", policy),
    (f"{API}/entries", "POST", entries),
    (f"{API}/entries", "GET", record),
    (f"{API}/moments", "GET", moments),
    (f"{API}/decisions", "POST", decisions),
    (f"{API}/requests", "GET", requests),
    (f"{API}/links", "POST", links),
    (f"{API}/refresh", "POST", refresh),
    (f"{API}/verify", "GET", verify),
    (f"{API}/files", "GET", files),
    (f"{API}/export", "GET", export),
    (f"{API}/erase", "POST", erase),
    (f"{API}/audit", "POST", audit),
)
