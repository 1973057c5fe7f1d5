"""Whose word an entry is, and whether it counts: who may speak on a server with logins.

A user speaks as himself: assesses, logs his own part, raises a concern, confirms or reopens his own,
answers a pulse. Who has a role of the operator's list, or may also change the model (EDIT), may answer
and note a discussion; EDIT is needed to take down what others said. Signing off and waiving need a role that the
operator's list gives, or, where there is no list, the right to manage the model; so does deciding to keep, fix
or stop it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import NotFound, Refused
from spot_mlflow.gate.break_glass import KIND as BREAK_GLASS
from spot_mlflow.gate.promotion import KIND as REQUEST
from spot_mlflow.involvement.concerns import find_concern
from spot_mlflow.readiness.invitation import KIND as INVITATION
from spot_mlflow.spoken import RECORDED_BY_LINK
from spot_mlflow.taken_down import KIND as CONFIRMATION
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.trust.identity import (
    ROLES_VARIABLE,
    authenticated_user,
    check_breaks_glass,
    has_roles_file,
    is_self,
    listed,
    person_of,
    requires_login,
    role_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.involvement.concerns import Concern
    from spot_mlflow_plugins.server.routes.entry_request import Bearer, Request

APPROVALS: Final = frozenset({"sign-off", "waiver", "resolution"})
_COUNTED_BY_ROLE: Final = frozenset({"assessment", "involvement"})


@dataclass(frozen=True, slots=True)
class Word:
    """Whose word an entry is.

    Attributes:
        person: who says it.
        role: in which role.
        recorder: who writes it down.
        unlisted: whether the role is not one that the operator's list gives: on record, not counted.
        taken_down: whether the recorder is another person, and a login says so.
        link: id of the entry that a mailed link was made for, where they speak by one.
    """

    person: str | None
    role: str | None
    recorder: str
    unlisted: bool = False
    taken_down: bool = False
    link: str = ""


def word_of(request: Request, adoption: Adoption) -> Word:
    """Returns whose word a request is, as the record will say.

    Args:
        request: as claimed.
        adoption: what is known of the model.

    Raises:
        Refused: nobody is logged in where one must be, or this user may not say this.
    """
    user = authenticated_user()
    if request.kind == BREAK_GLASS:
        return _administrators(request, user)
    if user is None:
        if requires_login():
            raise Refused("nobody is logged in")
        return Word(request.person, request.role, request.recorded_by)
    if request.kind in _WORDS:
        return _WORDS[request.kind](request, user)
    if request.kind == "concern" and request.payload.get("act") in ("confirmed", "reopened"):
        closer = _closer(request, user, adoption)
        return Word(closer, request.role, user, taken_down=not is_self(user, closer))
    if request.kind == CONFIRMATION and not is_self(user, request.person):
        raise Refused(
            f"{user} cannot confirm for {request.person}",
            fix="Each person confirms for themselves.",
        )
    if _needs_edit(request) and not (_has_role(user) or _may_edit(request)):
        raise Refused(
            f"{user} may read model {request.model!r} and speak only for themselves, not {_doing(request)}",
            fix="Ask somebody who may edit the model.",
        )
    if is_self(user, request.person):
        person = person_of(user) if request.person is not None else None
        return Word(person, request.role, user, unlisted=_unlisted(request, user))
    return _taken_down(request, user)


def word_by_link(request: Request, bearer: Bearer) -> Word:
    """Returns whose word it is that came by a mailed link: of the person asked, in their role; no login counts.

    Raises:
        Refused: the link does not allow it.
    """
    said = (request.kind, str(request.payload.get("act") or ""))
    if said not in bearer.may:
        raise Refused(f"a mailed link does not let you {_doing(request)}", fix="Log in.")
    found = listed(bearer.person)
    unlisted = found is not None and bearer.role not in found.roles
    counted = unlisted and request.kind in _COUNTED_BY_ROLE
    return Word(bearer.person, bearer.role, RECORDED_BY_LINK, unlisted=counted, link=bearer.entry)


def _asks(request: Request, user: str) -> Word:
    """Who gives out a link could answer by it in that person's name, as who takes down what others say."""
    if not _may_edit(request):
        raise Refused(
            f"{user} may read model {request.model!r}, not ask others by a link",
            fix="Ask somebody who may edit the model.",
        )
    return Word(request.person, request.role, user)


def _approval(request: Request, user: str) -> Word:
    """Signing off and waiving are the user's own word, in a role that may sign."""
    person = person_of(user)
    if not has_roles_file():
        if not (private.sender_is_admin() or private.may_manage_model(request.model)):
            raise Refused(
                f"{user} may not {_doing(request)} of model {request.model!r}: this needs MANAGE on it",
                fix=f"Or have the server's operator list roles in a {ROLES_VARIABLE} file.",
            )
        return Word(person, request.role, user)
    found = listed(user)
    role = request.role
    if role is None and request.kind == "waiver" and found is not None and found.roles:
        role = found.roles[0]
    return Word(person, role_of(user, role), user)


def _administrators(request: Request, user: str | None) -> Word:
    """Break-glass is the word of an administrator with a name."""
    check_breaks_glass()
    return _own(request, str(user))


def _request(request: Request, user: str) -> Word:
    """A request is the asker's own word, its rejection that of who decides."""
    decides = request.payload.get("act") == "rejected"
    return _approval(request, user) if decides else _own(request, user)


def _own(request: Request, user: str) -> Word:
    """Asking and withdrawing are the user's own word: nobody asks in another's name and approves it."""
    if not is_self(user, request.person):
        raise Refused(
            f"{user} cannot speak for {request.person} here",
            fix="Each person asks for themselves.",
        )
    return Word(person_of(user), request.role, user)


def _closer(request: Request, user: str, adoption: Adoption) -> str:
    """Returns whose word it is that a concern is settled, or is not.

    The user's own; or that of the person for whom this very user took the concern down.
    """
    concern = _concern(request, adoption)
    raised = next((e for e in adoption.entries if concern and e.id == concern.entry), None)
    mine = raised is not None and raised.recorded_by == user and not is_self(user, raised.person)
    if mine and raised is not None and raised.person and _may_edit(request):
        return raised.person
    return person_of(user)


def _concern(request: Request, adoption: Adoption) -> Concern | None:

    try:
        said = str(request.payload.get("concern"))
        return find_concern(adoption.involvement.concerns, said)
    except NotFound:
        return None


def _needs_edit(request: Request) -> bool:
    act = request.payload.get("act")
    return request.kind == "discussion" or (request.kind == "concern" and act == "answered")


def _may_edit(request: Request) -> bool:
    return private.sender_is_admin() or private.may_update_model(request.model)


def _has_role(user: str) -> bool:
    found = listed(user)
    return found is not None and bool(found.roles)


def _taken_down(request: Request, user: str) -> Word:
    """What somebody else said, taken down by a user who may edit the model."""
    if not _may_edit(request):
        raise Refused(
            f"{user} may read model {request.model!r} and speak only for themselves",
            fix="Ask somebody who may edit the model to take it down, or let them log in.",
        )
    found = listed(request.person)
    unlisted = found is not None and request.role is not None and request.role not in found.roles
    counted = unlisted and request.kind in _COUNTED_BY_ROLE
    person = request.person if found is None else found.name
    return Word(person, request.role, user, unlisted=counted, taken_down=True)


def _unlisted(request: Request, user: str) -> bool:
    """Whether a user speaks in a role that the operator's list does not give."""
    if request.kind not in _COUNTED_BY_ROLE or not has_roles_file():
        return False
    found = listed(user)
    return found is None or request.role not in found.roles


def _doing(request: Request) -> str:
    if request.kind == "concern":
        return "answer concerns"
    verbs = {
        "sign-off": "sign off",
        "waiver": "waive requirements",
        "resolution": "decide to keep, fix or stop",
        "request": "decide on requests",
        "discussion": "note discussions",
    }
    return verbs.get(request.kind, f"record a {request.kind}")


_WORDS: Final[dict[str, Callable[[Request, str], Word]]] = {
    **dict.fromkeys(APPROVALS, _approval),
    REQUEST: _request,
    INVITATION: _asks,
}
