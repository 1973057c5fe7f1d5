"""Mailed links: made by the entry of who asks, opened without a login, for one person, role and model.

Opening one writes nothing. What may be sent by one is a list of three kinds of entry, or, for the link of
one's own concern, two acts on it; none of them lets a version through.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from spot_mlflow.adoption import build_adoption
from spot_mlflow.errors import InvalidInput, NotFound, Refused, SpotError
from spot_mlflow.readiness.invitation import KIND, ends, replaced
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.references import ModelRef
from spot_mlflow.spoken import BY_LINK, RECORDED_BY_LINK
from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.pages.fields import every
from spot_mlflow_plugins.server.pages.forms import RECORDED, form_of
from spot_mlflow_plugins.server.pages.link_pages import (
    concern_page,
    follow_ups,
    invitation_page,
    said_before,
)
from spot_mlflow_plugins.server.pages.pages import render_link
from spot_mlflow_plugins.server.record.signed import link_lock, model_lock, server_record
from spot_mlflow_plugins.server.routes.entries import write_entry
from spot_mlflow_plugins.server.routes.entry_request import Bearer
from spot_mlflow_plugins.server.routes.origin import public_origin
from spot_mlflow_plugins.server.trust.kept import signer
from spot_mlflow_plugins.server.trust.links import (
    VARIABLE,
    Link,
    Links,
    entry_id,
    expired,
    switched_off,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.involvement.concerns import Concern
    from spot_mlflow_plugins.server.pages.form import Form

USES: Final = 3  # of each form of an invitation: first answers and two corrections
_KEYS: Final = ("id", "model", "version", "person", "role", "until", "recorded_by")
# Form -> kind and act of the entry that it makes.
_INVITED: Final[Mapping[str, tuple[str, str]]] = {
    "assess": ("assessment", ""),
    "pulse": ("pulse", ""),
    "raise": ("concern", "raised"),
}
_OWN: Final[Mapping[str, tuple[str, str]]] = {
    "confirm": ("concern", "confirmed"),
    "reopen": ("concern", "reopened"),
}
_AGAIN: Final = "Ask the person who sent it for a new one."


def make_link(body: Any) -> dict[str, Any]:
    """Records that a person is asked, and returns the link to be mailed.

    Args:
        body: the request's JSON: model, person and role; where wanted version, until and id.

    Raises:
        InvalidInput: the request is malformed; nothing is written.
        Refused: links are switched off, or this user may not ask by one.
    """
    check_on()
    said = body if isinstance(body, dict) else {}
    unknown = sorted(set(said) - set(_KEYS))
    if unknown:
        raise InvalidInput(f"unknown key {unknown[0]!r}", fix=f"Known keys: {', '.join(_KEYS)}.")
    model, until = str(said.get("model") or ""), said.get("until")
    more = {k: said.get(k) for k in ("id", "version", "person", "role", "recorded_by")}
    entry = write_entry({"model": model, "kind": KIND, "payload": {"until": until}, **more})
    with model_lock(model):
        record = server_record()
        evidence = next(
            e for e in record.entries(record.named(model), recent=True) if e.id == entry["id"]
        )
        created = record.facts(model).created
    link = _link(KIND, model, created, evidence.id, int(ends(evidence).timestamp()))
    return {
        "page": f"spot/link?{urlencode({'t': token_of(link)})}",
        "origin": public_origin(),
        "until": evidence.payload["until"],
        "invitation": evidence.id,
    }


def concern_token(adoption: Adoption, entry: str) -> str:
    """Returns the token of the link of one's own concern; "" where links are switched off.

    Args:
        adoption: what is known of the model.
        entry: id of the entry that raised it.
    """
    if switched_off():
        return ""
    facts = adoption.facts
    return token_of(_link("concern", facts.name, facts.created, entry, 0))


def token_of(link: Link) -> str:
    """Returns the token of a link, signed by this server."""
    return Links(signer().keys).make(link)


def show_or_write_link() -> Any:
    """Answers both methods of the route: what the link opens, or what became of what was sent."""
    from flask import request

    check_on()
    token = request.args.get("t", "")
    link = Links(signer().keys).read(token)
    if link is None:
        raise Refused(
            "this link is not valid",
            fix=f"A mail program may have cut it off: copy all of it. Otherwise: {_AGAIN}",
        )
    with private.in_workspace(link.workspace or None):
        visit = Visit(link, token)
        if request.method == "POST":
            return _sent(visit)
        return _shown(visit)


class Visit:
    """Somebody who came by a link: what it belongs to, as the record has it now."""

    def __init__(self, link: Link, token: str) -> None:
        from flask import request

        self.link, self.token = link, token
        gone = Refused("this link is no longer valid", fix=_AGAIN)
        with model_lock(link.model), mlflow_errors(f"model {link.model!r}"):
            record = server_record()
            try:
                facts, self.entries = record.state(record.named(link.model), recent=True)
            except NotFound:
                raise gone from None
        entry = next((e for e in self.entries if e.id == link.entry), None)
        known = entry is not None and entry.kind == link.kind and bool(entry.person)
        if entry is None or not known or entry.erased or facts.created != link.created:
            raise gone
        self.entry: Evidence = entry
        self.adoption = build_adoption(facts, self.entries, version=entry.version, now=utc(None))
        self.said = {k: v.replace("\r\n", "\n") for k, v in request.form.items()}
        self.asked = request.args.get("do", "")
        self.done = request.args.get("done", "")

    @property
    def concern(self) -> Concern | None:
        """The concern that the link belongs to; None for an invitation."""
        known = self.adoption.involvement.concerns
        return next((c for c in known if c.entry == self.link.entry), None)

    @cached_property
    def closed(self) -> str:
        """Why an invitation takes no answers any more, or ""."""
        if self.link.kind != KIND:
            return ""
        if expired(self.link):
            return f"This link has expired. {_AGAIN}"
        if replaced(self.entry, self.entries):
            return "You were sent a newer link, which replaces this one: please use that."
        return ""

    @cached_property
    def used(self) -> dict[str, int]:
        """Form -> how often it was sent by this link."""
        mine = [e for e in self.entries if e.payload.get(BY_LINK) == self.link.entry]
        return {
            key: sum((e.kind, str(e.payload.get("act") or "")) == may for e in mine)
            for key, may in self.may.items()
        }

    @property
    def may(self) -> Mapping[str, tuple[str, str]]:
        """Form -> kind and act of the entry that it makes, of all that a link like this one allows."""
        return _INVITED if self.link.kind == KIND else _OWN

    @cached_property
    def key(self) -> str:
        """The form that is asked for; the questions first, as long as they have no answer; else ""."""
        if self.asked:
            return self.asked
        first = self.link.kind == KIND and not (self.closed or self.done or self.used["assess"])
        return "assess" if first else ""

    @cached_property
    def form(self) -> Form | None:
        """The form that is asked for, or None where the page has none.

        Raises:
            Refused: a link like this one does not allow it.
        """
        if not self.key or (self.closed and not self.said):
            return None
        if self.key not in self.may:
            raise Refused("this link does not allow that", fix="Log in.")
        concern = self.concern
        return form_of(
            self.key,
            self.adoption,
            targets=(),
            role=self.entry.role or "",
            concern=concern.id if concern else "",
        )

    @property
    def bearer(self) -> Bearer:
        """Who speaks, and what they may say."""
        may = frozenset(self.may.values())
        return Bearer(str(self.entry.person), str(self.entry.role), self.link.entry, may)

    def address(self, **more: str) -> str:
        """Returns a relative address of this link; right under any prefix, behind any proxy."""
        return _address(self.token, **more)

    def newest(self, kind: str) -> Evidence | None:
        """Returns the newest entry of a kind that was sent by this link."""
        mine = (e for e in self.entries if e.payload.get(BY_LINK) == self.link.entry)
        return max((e for e in mine if e.kind == kind), key=lambda e: (e.at, e.id), default=None)


def _sent(visit: Visit) -> Any:
    """Writes what was sent, and leads to the page that says so; or shows it again with what is wrong."""
    form = visit.form
    if form is None:
        raise InvalidInput("nothing was sent", fix="Open the link again.")
    if visit.closed:
        return _shown(visit, wrong=visit.closed, status=403)
    faults = form.faults(visit.said)
    if faults:
        return _shown(visit, faults=faults, status=422)
    try:
        entry = _write(visit, form)
    except SpotError as e:
        return _shown(visit, wrong=str(e), status=e.http_status)
    from flask import redirect

    if visit.key == "raise":
        own = concern_token(visit.adoption, entry["id"])
        return redirect(_address(own, done="raise"), 303)
    return redirect(visit.address(done=visit.key), 303)


def _write(visit: Visit, form: Form) -> dict[str, Any]:
    payload, link = form.payload(visit.said), visit.link
    # The turn tells apart: first answers, a correction, and the correction taken back.
    own = entry_id(link, [visit.key, visit.said.get("turn", ""), payload])
    with link_lock(link.entry):
        fresh = Visit(link, visit.token)  # counted under the lock: of all workers
        sent_before = any(e.id == own for e in fresh.entries)
        if not sent_before:
            _check_uses(fresh, visit.key)
        entry = write_entry(
            {
                "id": own,
                "model": link.model,
                "version": visit.entry.version,
                "kind": form.kind,
                "payload": payload,
                "person": visit.entry.person,
                "role": visit.entry.role,
                "recorded_by": RECORDED_BY_LINK,
            },
            visit.bearer,
        )
    with model_lock(link.model):
        record = server_record()
        record.refresh(ModelRef(link.model, entry["version"], link.created))
    return entry


def _check_uses(visit: Visit, key: str) -> None:
    if visit.link.kind == KIND and visit.used[key] >= USES:
        raise Refused(f"this was sent {USES} times through this link", fix=_AGAIN)
    concern = visit.concern
    if concern is not None and visit.link.kind != KIND and key not in follow_ups(concern):
        raise Refused(
            "this cannot be done with your concern now",
            fix="Open the link again to see its current state.",
        )


def _shown(
    visit: Visit, *, wrong: str = "", faults: Mapping[str, str] | None = None, status: int = 200
) -> Any:
    from flask import Response

    form, concern = visit.form, visit.concern
    if visit.link.kind == KIND or concern is None:
        values = invitation_page(visit.adoption, visit.entry, closed=visit.closed, used=visit.used)
        worries: Sequence[Any] = values.pop("worries")
        values["worries"] = [
            (what, stands, _address(concern_token(visit.adoption, c.entry)))
            for what, stands, c in worries
        ]
    else:
        values = concern_page(visit.adoption, concern)
    values["acts"] = [
        (words, visit.address(do=key)) for words, key in values["acts"] if key != visit.key
    ]
    fields = form.fields if form else ()
    before = said_before(visit.newest("assessment")) if visit.key == "assess" else {}
    said = {f.name: visit.said.get(f.name, before.get(f.name, "")) for f in every(fields)}
    page = render_link(
        **values,
        form=form,
        fields=fields,
        listed=tuple(every(fields)),
        said=said,
        filled=[name for name, value in said.items() if value],
        faults=faults or {},
        wrong=wrong,
        action=visit.address(do=visit.key),
        turn=visit.said.get("turn") or _turn(visit),
        draft=f"{visit.link.entry}:{visit.key}",
        done=RECORDED.get(visit.done, ""),
    )
    return Response(page, status=status, mimetype="text/html")


def _turn(visit: Visit) -> str:
    concern = visit.concern
    return str(len(concern.thread) if concern else visit.used.get(visit.key, 0))


def check_on() -> None:
    """Checks that the operator allows links.

    Raises:
        Refused: they are switched off.
    """
    if switched_off():
        raise Refused(
            "links are switched off on this server",
            fix=f"Log in, or have the operator change {VARIABLE}.",
        )


def _link(kind: str, model: str, created: int, entry: str, until: int) -> Link:
    return Link(kind, private.current_workspace() or "", model, created, entry, until)


def _address(token: str, **more: str) -> str:
    return f"link?{urlencode({'t': token, **{k: v for k, v in more.items() if v}})}"
