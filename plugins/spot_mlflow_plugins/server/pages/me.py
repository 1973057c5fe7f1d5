"""The page ``spot/me``: what waits for its reader over all models, each point with the buttons that do it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

from spot_mlflow.adoption import build_adoption
from spot_mlflow.errors import SpotError
from spot_mlflow.gate.promotion import requests_of
from spot_mlflow.person import person_key
from spot_mlflow.record import side_by_side
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.summary import version_spoken_of
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.listed import UPDATED
from spot_mlflow.reporting.message.todo import ordered, todo_of
from spot_mlflow.roles import BUILDERS, ROLE_TABLE
from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.pages.forms import RECORDED
from spot_mlflow_plugins.server.pages.pages import render_page
from spot_mlflow_plugins.server.pages.visible import visible_models
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import model_lock, server_client, server_record
from spot_mlflow_plugins.server.trust.identity import asker, authenticated_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from spot_mlflow.adoption import ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.gate.promotion import PromotionRequest
    from spot_mlflow.involvement.concerns import Concern
    from spot_mlflow.reporting.message.todo import Todo

T = TypeVar("T")
FIRST: Final = 50  # points of each list, unless all are asked for: 25 kB
_MOST_KEPT: Final = 10_000  # models, over all workspaces
MANY: Final = 8  # models from which reading them together costs less than one by one
_TOGETHER: Final = Lock()
_ASK: Final = {"assess": "Assess", "answer": "Answer", "agree": "Read and confirm"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of one model waits for anybody.

    Attributes:
        name: registered name; title: as its users call it.
        todos: open points.
        requests: all requests for targets.
        concerns: all concerns.
    """

    name: str
    title: str
    todos: tuple[Todo, ...]
    requests: tuple[PromotionRequest, ...]
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and in which roles.

    Attributes:
        person: the name under which the record knows the login, or that was typed; "" where none was.
        login: whether a login says so.
        roles: in which they read.
    """

    person: str
    login: bool
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the page: of which model, what, until when, and (words, address) of its buttons."""

    model: str
    title: str
    what: str
    due: str
    overdue: bool
    buttons: tuple[tuple[str, str], ...]
    command: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model of which the page asks what waits.

    Attributes:
        place: workspace, and name of the model.
        state: its tags, the day, and the digest of the policy; where one is another, other points may wait.
    """

    place: tuple[str | None, str]
    state: tuple[Mapping[str, str], date, str]


def reader_of(person: str, role: str) -> Reader:
    """Returns who reads: the login with the roles of the operator's list, else the name typed.

    Args:
        person: the name that was typed, or "".
        role: the role that was chosen, or "".
    """
    who = asker() if authenticated_user() else None
    chosen = (role,) if role in ROLE_TABLE else ()
    if who is None:
        return Reader(" ".join(person.split())[:200], login=False, roles=chosen)
    return Reader(who.name or "", login=True, roles=tuple(dict.fromkeys((*who.roles, *chosen))))


@dataclass(frozen=True, slots=True)
class Listed:
    """One list of the page: the points that are shown, and of how many."""

    points: tuple[Point, ...]
    of: int


def me_page(reader: Reader, *, done: str = "", everything: bool = False) -> str:
    """Returns the page of what waits for a reader.

    Args:
        reader: who reads.
        done: the form by which they have just acted, or "".
        everything: whether to show all points, not the first ``FIRST`` of each list.
    """
    most = None if everything else FIRST
    known, unread = _known(visible_models())
    mine = bool(reader.person or reader.roles)
    role = reader.roles[-1] if reader.roles else ""
    return render_page(
        "me.html.j2",
        title="For me · S.P.O.T.",
        reader=reader,
        roles=[(key, facts.title) for key, facts in ROLE_TABLE.items()],
        role=role,
        points=_listed(_point, ordered(_waits(known, reader)) if mine else (), most),
        requests=_listed(_request_point, [*_own_requests(known, reader)], most),
        concerns=_listed(_concern_point, [*_own_concerns(known, reader)], most),
        in_full=f"me?{urlencode({'person': reader.person, 'role': role, 'all': '1'})}",
        models=len(known),
        unread=unread,
        done=RECORDED.get(done, ""),
    )


def _waits(known: Iterable[Waiting], reader: Reader) -> Iterator[Todo]:
    return (t for w in known for t in w.todos if waits_for(t, reader))


def waits_for(todo: Todo, reader: Reader) -> bool:
    """Whether an open point waits for this reader: by name, or by a role in which they read."""
    key = person_key(reader.person)
    if key and person_key(todo.who) == key:
        return True
    if todo.asker and person_key(todo.asker) == key:
        return False
    if todo.form == "answer":
        return any(r in BUILDERS for r in reader.roles)
    if todo.form == "assess" and todo.role is not None:
        return todo.who == ROLE_TABLE[todo.role].called and todo.role in reader.roles
    return any(r in todo.roles for r in reader.roles)


def _point(todo: Todo) -> Point:
    due = figures.day(todo.due) if todo.due else ""
    buttons = tuple(_buttons(todo))
    command = "" if buttons else todo.command
    return Point(todo.model, todo.title, todo.what, due, todo.overdue, buttons, command)


def _buttons(todo: Todo) -> Iterator[tuple[str, str]]:
    if todo.request:
        more = {"about": todo.request, "version": todo.version}
        yield "Approve", form_address(todo.model, "approve", **more)
        yield "Reject", form_address(todo.model, "reject", **more)
    elif todo.form == "confirm":
        yield "It is settled", form_address(todo.model, "confirm", concern=todo.concern)
        yield "Reopen", form_address(todo.model, "reopen", concern=todo.concern)
    elif todo.form:
        more = {"role": todo.role or ""} if todo.form == "assess" else {}
        about = {"concern": todo.concern, "about": todo.entry}
        yield _ASK[todo.form], form_address(todo.model, todo.form, **about, **more)


def form_address(model: str, do: str, **more: str) -> str:
    """Returns the address of a form that leads back to this page."""
    said = {"name": model, "do": do, **{k: v for k, v in more.items() if v}, "back": "me"}
    return f"form?{urlencode(said)}"


def _listed(make: Callable[[T], Point], found: Sequence[T], most: int | None) -> Listed:
    """Returns the first points of a list; the others are counted, not made."""
    return Listed(tuple(map(make, found[:most])), len(found))


def _own_requests(
    known: Iterable[Waiting], reader: Reader
) -> Iterator[tuple[Waiting, PromotionRequest]]:
    """Yields the requests that the reader has made and that are not carried out or over."""
    key = person_key(reader.person)
    for w in known:
        for r in w.requests:
            if key and person_key(r.asker) == key and r.status in ("open", "approved"):
                yield w, r


def _request_point(own: tuple[Waiting, PromotionRequest]) -> Point:
    w, r = own
    what = f"{r.target} for version {r.version}, {r.status}: “{r.why}”"
    address = form_address(w.name, "withdraw", about=r.id, version=r.version)
    until = figures.day(r.expires)
    return Point(w.name, w.title, what, until, False, (("Withdraw", address),))


def _own_concerns(known: Iterable[Waiting], reader: Reader) -> Iterator[tuple[Waiting, Concern]]:
    """Yields the concerns that the reader has raised and that are not asked about already."""
    key = person_key(reader.person)
    for w in known:
        for c in w.concerns:
            if key and person_key(c.raised_by) == key and c.status != "answered":
                yield w, c


def _concern_point(own: tuple[Waiting, Concern]) -> Point:
    w, c = own
    what = f"“{c.what}”: {'settled' if c.status == 'confirmed' else 'waits for an answer'}"
    reopen = form_address(w.name, "reopen", concern=c.id)
    buttons = (("Reopen", reopen),) if c.closed else ()
    return Point(w.name, w.title, what, "", False, buttons)


def _known(models: Iterable[tuple[str, Mapping[str, str]]]) -> tuple[list[Waiting], int]:
    """Returns what waits in each model that has a record, and how many could not be read."""
    with model_lock(""):
        policy = policy_in_force(server_record())
    today, workspace = utc(None).date(), private.current_workspace()
    asked = [
        Asked((workspace, name), (tags, today, policy.digest))
        for name, tags in models
        if UPDATED in tags
    ]
    gone: set[str] = set()
    if sum(_kept(a) is None for a in asked) >= MANY:
        with _TOGETHER:  # a second reader waits for what the first one reads
            gone = _read_together([a for a in asked if _kept(a) is None], policy)
    there = (a for a in asked if a.place[1] not in gone)
    found = [w for a in there if (w := _kept(a) or _read(a, policy)) is not None]
    return found, len(asked) - len(found)


def _kept(asked: Asked) -> Waiting | None:
    """Returns what is known to wait in a model; None where its summary, the day or the policy is another."""
    state, waiting = _memory().get(asked.place, (None, None))
    return waiting if state == asked.state else None


def _keep(asked: Asked, waiting: Waiting) -> Waiting:
    kept = _memory()
    if asked.place not in kept and len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[asked.place] = (asked.state, waiting)
    return waiting


def _read_together(models: Sequence[Asked], policy: Policy) -> set[str]:
    """Keeps what waits in many models, read with few statements; returns those whose record is gone.

    What is unusual is read one by one later.
    """
    by_name = {asked.place[1]: asked for asked in models}
    told = [(name, asked.state[0]) for name, asked in by_name.items()]
    gone = set()
    for name, state in side_by_side.states(server_client(), told):
        if state is None:
            gone.add(name)
            continue
        with suppress(SpotError):
            _keep(by_name[name], _waiting(*state, policy))
    return gone


def _read(asked: Asked, policy: Policy) -> Waiting | None:
    """Returns what waits in a model, read by itself; None where it cannot be read."""
    name = asked.place[1]
    with suppress(SpotError), model_lock(name), mlflow_errors(f"model {name!r}"):
        record = server_record()
        facts, entries = record.state(record.named(name), recent=True)
        return _keep(asked, _waiting(facts, entries, policy))
    return None


def _waiting(facts: ModelFacts, entries: Sequence[Evidence], policy: Policy) -> Waiting:
    now = utc(None)
    spoken = version_spoken_of(facts, entries)
    adoption = build_adoption(facts, entries, version=spoken, now=now)
    todos, concerns = todo_of(adoption, policy), adoption.involvement.concerns
    return Waiting(facts.name, adoption.name, todos, requests_of(entries, now=now), concerns)


@cache
def _memory() -> dict[tuple[str | None, str], tuple[Any, Waiting]]:
    return {}
