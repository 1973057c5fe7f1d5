"""The forms of the pages: shown by GET, written by POST as plain HTML, with or without a script.

What is typed is never lost: whatever is wrong, the form comes back with it. A hidden id makes a form
that is sent twice one entry. The entry goes the way of every other (``entries.write_entry``).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlencode

from spot_mlflow.errors import InvalidInput, Refused, SpotError
from spot_mlflow.evidence import digest_of
from spot_mlflow.record.references import ModelRef
from spot_mlflow.reporting import figures
from spot_mlflow.roles import called
from spot_mlflow.spoken import UNVERIFIED
from spot_mlflow_plugins.server.pages.fields import every, faults_of
from spot_mlflow_plugins.server.pages.forms import RECORDED, form_of, person_field, role_field
from spot_mlflow_plugins.server.pages.pages import render_form, render_page, state_of
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import model_lock, server_record
from spot_mlflow_plugins.server.routes import walls
from spot_mlflow_plugins.server.routes.entries import write_entry
from spot_mlflow_plugins.server.routes.links import check_on, concern_token, make_link
from spot_mlflow_plugins.server.trust.identity import authenticated_user, check_breaks_glass

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow_plugins.server.pages.fields import Field
    from spot_mlflow_plugins.server.pages.form import Form

NAME_COOKIE: Final = "spot_name"
_NAME_KEPT: Final = 365 * 86400  # seconds
STALE: Final = "This page was open for too long, or in another browser. What you typed is still here: please send it again."


class Filled:
    """A form as it stands in a request: whose model it is about, and what was typed into it."""

    def __init__(self) -> None:
        from flask import request

        asked = request.args
        self.model = asked.get("name", "")
        if not self.model:
            raise InvalidInput("no model is named", fix="Open the form from a model's page.")
        self.version = asked.get("version") or None
        self.key, self.concern = asked.get("do", ""), asked.get("concern", "")
        self.about, self.back = asked.get("about", ""), asked.get("back", "")
        self.said = {k: v.replace("\r\n", "\n") for k, v in request.form.items()}
        self.role = self.said.get("role") or asked.get("role", "")
        self.user = authenticated_user()
        self.adoption: Adoption = state_of(self.model, self.version)[0]
        with model_lock(""):
            targets = tuple(t for t in policy_in_force(server_record()).targets if "*" not in t)
        role = self.role
        self.form: Form = form_of(
            self.key,
            self.adoption,
            targets=targets,
            role=role,
            concern=self.concern,
            about=self.about,
        )
        if self.form.asks_others:
            check_on()

    @property
    def asks_role(self) -> bool:
        """Whether the role is asked first, since the questions depend on it."""
        return self.key == "assess" and not self.form.fields

    @property
    def fields(self) -> tuple[Field, ...]:
        """Who speaks, then what the form asks."""
        if self.asks_role:
            return (role_field(),)
        if self.form.asks_others:
            return self.form.fields
        fixed = self.role if self.key == "assess" else ""
        name = () if self.user else (person_field(),)
        role = (role_field(fixed),) if self.form.asks_role else ()
        return (*name, *role, *self.form.fields)

    @property
    def faults(self) -> dict[str, str]:
        """Field -> what is wrong with what was typed."""
        return {**self.form.faults(self.said), **faults_of(self.fields, self.said)}

    @property
    def person(self) -> str | None:
        """Who speaks: the login, else the name that was typed; or who is asked."""
        typed = self.said.get("person", "").strip() or None
        return typed if self.form.asks_others else self.user or typed

    @property
    def purpose(self) -> str:
        """What the token is for: this form of this model."""
        return f"form\0{self.key}\0{self.model}"

    def address(self, page: str, **more: str) -> str:
        """Returns a relative address of this model; right under any prefix, behind any proxy."""
        said = {"name": self.model, "version": self.version or "", **more}
        return f"{page}?{urlencode({k: v for k, v in said.items() if v})}"

    def entry(self) -> dict[str, Any]:
        """Returns the request for the entry, as the route for programs takes it."""
        payload = self.form.payload(self.said)
        return {
            "id": _entry_id(self.said.get("id", ""), [payload, self.person, self.role]),
            "model": self.model,
            "version": self.version or self.adoption.version,
            "kind": self.form.kind,
            "payload": payload,
            "person": self.person,
            "role": self.role or None,
            "recorded_by": self.user or UNVERIFIED,
        }


def _entry_id(form: str, said: object) -> str | None:
    """Returns the id of the entry that a form makes: sent again as it was, it is the same entry.

    Changed and sent again, as after the browser's "back", it is another one: nothing that was said is lost.
    """
    if not form:
        return None
    return digest_of([form, said])[:32]


def show_or_write() -> Any:
    """Answers both methods of the route: the form, or what became of it."""
    from flask import request

    filled = Filled()
    if request.method != "POST":
        return _shown(filled)
    try:
        walls.check_form_token(filled.said.get("token", ""), filled.purpose)
    except Refused as e:
        return _shown(filled, wrong=STALE, status=e.http_status)
    faults = filled.faults
    if faults:
        return _shown(filled, faults=faults, status=422)
    try:
        if filled.form.asks_others:
            return _asked(filled)
        entry = _write(filled)
    except SpotError as e:
        return _shown(filled, wrong=str(e), status=e.http_status)
    return _sent(filled, entry)


def _asked(filled: Filled) -> str:
    """Asks by a link, and shows it in this answer alone: it stands in no address, so that no log has it."""
    said = filled.entry()
    kept = ("id", "model", "version", "person", "role", "recorded_by")
    made = make_link({k: said[k] for k in kept} | {"until": said["payload"]["until"]})
    return render_page(
        "asked.html.j2",
        title=f"{filled.form.title} · {filled.adoption.name}",
        of=filled.adoption.name,
        back=filled.address("model", tab="people"),
        done=RECORDED[filled.key],
        person=filled.person,
        called=called(filled.role),
        until=figures.day(made["until"]),
        link=made["page"].removeprefix("spot/"),
    )


def _write(filled: Filled) -> str:
    """Writes the entry, and what the model's tags say of it; returns its id."""
    entry = write_entry(filled.entry())
    with model_lock(filled.model):
        record = server_record()
        facts = record.facts(filled.model)
        record.refresh(ModelRef(facts.name, entry.get("version"), facts.created))
    return str(entry["id"])


def _sent(filled: Filled, entry: str) -> Any:
    """Leads back to the model's page, by GET: loading it again sends nothing again."""
    from flask import redirect

    own = concern_token(filled.adoption, entry) if filled.key == "raise" else ""
    page = f"me?{urlencode({'done': filled.key})}" if filled.back == "me" else ""
    answer: Any = redirect(page or filled.address("model", done=filled.key, own=own), 303)
    if not filled.user and filled.person:
        kept = f"{NAME_COOKIE}={quote(filled.person)}; HttpOnly; SameSite=Lax; Max-Age={_NAME_KEPT}"
        answer.headers.add("Set-Cookie", kept)
    return answer


def _shown(
    filled: Filled, *, wrong: str = "", faults: dict[str, str] | None = None, status: int = 200
) -> Any:
    """Returns the form with all that was typed, and with what is wrong beside it.

    Raises:
        Refused: only an administrator sees this form.
    """
    from flask import Response, request

    if filled.form.administrators:
        check_breaks_glass()
    fields = filled.fields
    token, browser = walls.make_form_token(filled.purpose)
    said = {f.name: filled.said.get(f.name, "") for f in every(fields)}
    said.setdefault("person", "")
    if not filled.form.asks_others:
        said["person"] = said["person"] or unquote(request.cookies.get(NAME_COOKIE, ""))
    hidden = {"token": token, "id": filled.said.get("id") or uuid.uuid4().hex}
    # What is sent is about the version that is shown, even where the address named none.
    place = {
        "version": filled.version or filled.adoption.version or "",
        "do": filled.key,
        "concern": filled.concern,
        "about": filled.about,
        "back": filled.back,
    }
    if filled.asks_role:
        hidden = {k: v for k, v in {"name": filled.model, **place}.items() if v}
    page = render_form(
        title=f"{filled.form.title} · {filled.adoption.name}",
        of=filled.adoption.name,
        back=filled.address("model"),
        action=filled.address("form", **place, role=filled.role if filled.key == "assess" else ""),
        form=filled.form,
        fields=fields,
        listed=tuple(every(fields)),
        said=said,
        filled=[name for name, value in said.items() if value],
        faults=faults or {},
        wrong=wrong,
        hidden=hidden,
        user=filled.user,
        asks_role=filled.asks_role,
        draft=""
        if filled.asks_role
        else f"{filled.model}:{filled.key}:{filled.role}:{filled.user or ''}",
    )
    answer = Response(page, status=status, mimetype="text/html")
    walls.know_browser(answer, browser)
    return answer
