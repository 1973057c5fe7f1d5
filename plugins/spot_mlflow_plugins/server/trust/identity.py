"""Who is asking, as the server knows it; what a client claims is another matter.

Under basic auth it is the authenticated user. Without authentication nobody is known, and the
record says so.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from spot_mlflow.errors import InvalidInput, Refused, Unavailable
from spot_mlflow.gate.case import Asker
from spot_mlflow.person import person_key
from spot_mlflow.roles import ROLES
from spot_mlflow.validation import check_choice, load_yaml
from spot_mlflow_plugins import mlflow_private as private

_logger: Final = logging.getLogger("mlflow.spot")
ROLES_VARIABLE: Final = "SPOT_MLFLOW_ROLES_FILE"


def authenticated_user() -> str | None:
    """Returns the user that MLflow's basic auth has let in, or None where there is none."""
    from flask import g, has_request_context

    if not has_request_context():
        return None
    user = getattr(g, "mlflow_authenticated_user", None)
    return None if user is None else str(user)


def requires_login() -> bool:
    """Says whether this server authenticates its users."""
    return _login["required"]


def require_login() -> None:
    """Notes at start that this server authenticates its users."""
    _login["required"] = True


_login = {"required": False}


def is_administrator() -> bool:
    """Returns whether the user is an administrator of this server; without logins, nobody is."""
    return authenticated_user() is not None and private.sender_is_admin()


def check_breaks_glass() -> None:
    """Checks that the user is an administrator, who alone may break the glass.

    Raises:
        Refused: the server has no logins, or the user is not an administrator.
    """
    user = authenticated_user()
    if user is None:
        raise Refused(
            "only an administrator can break the glass, and a server without logins has none",
            fix="Ask the operator to start the server with --auth, or to set a policy.",
        )
    if not is_administrator():
        raise Refused(
            f"only an administrator of this server may break the glass, not {user}",
            fix="Ask one of them, or for a waiver.",
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """One person of the roles file.

    Attributes:
        name: under which the record knows them, whatever account they use.
        roles: in which they may speak.
        accounts: logins that are theirs.
    """

    name: str
    roles: tuple[str, ...]
    accounts: tuple[str, ...]


def has_roles_file() -> bool:
    """Says whether the operator lists who may speak in which role."""
    return bool(os.environ.get(ROLES_VARIABLE))


def listed(person: str | None) -> Listed | None:
    """Returns a person of the roles file, by name or by an account of theirs; None where not listed."""
    known = _listed_people()
    return None if known is None or person is None else known.get(person_key(person))


def person_of(user: str) -> str:
    """Returns the name under which the record knows a login: one person, however many accounts."""
    found = listed(user)
    return user if found is None else found.name


def requester() -> str | None:
    """Returns who asks at this moment, under the name that the record knows; None where unknown."""
    user = authenticated_user()
    return None if user is None else person_of(user)


def asker() -> Asker:
    """Returns who asks at this moment, with their login and the roles of the operator's list."""
    user = authenticated_user()
    found = listed(user)
    return Asker(requester(), user, () if found is None else found.roles)


def is_self(user: str, person: str | None) -> bool:
    """Says whether a name that was given means the one who is logged in."""
    return person is None or person_key(person_of(person)) == person_key(person_of(user))


def role_of(user: str, claimed: str | None) -> str | None:
    """Returns the role in which a user may sign, from the server's list where there is one.

    Args:
        user: the authenticated user.
        claimed: the role the client says.

    Raises:
        Refused: there is a list and it does not give the user that role.
    """
    if not has_roles_file():
        return claimed
    found = listed(user)
    mine = () if found is None else found.roles
    if claimed in mine:
        return claimed
    known = ", ".join(mine) or "none"
    raise Refused(
        f"{user} may not sign in the role {claimed!r}; roles given by this server: {known}",
        fix=f"Roles are listed in the server's {ROLES_VARIABLE} file.",
    )


def _listed_people() -> dict[str, Listed] | None:
    """Returns name or account -> person, from the file that ``SPOT_MLFLOW_ROLES_FILE`` names.

    Raises:
        Unavailable: the file cannot be read, so nobody knows who may do what.
    """
    path = os.environ.get(ROLES_VARIABLE)
    if not path:
        return None
    try:
        return _read_roles(path, Path(path).stat().st_mtime_ns)
    except (OSError, InvalidInput) as e:
        _logger.error("%s: %s", ROLES_VARIABLE, e)  # noqa: TRY400 - the cause is all there is to it
        raise Unavailable(
            "the server cannot read who has which role, so it decides nothing that depends on it",
            fix=f"The operator mends the {ROLES_VARIABLE} file; the server's log says what is wrong.",
        ) from e


@lru_cache(maxsize=4)
def _read_roles(path: str, changed: int) -> dict[str, Listed]:  # noqa: ARG001 - changed makes an edited file be read anew

    found: dict[str, Listed] = {}
    for name, said in dict(load_yaml(Path(path)) or {}).items():
        person = _listed(str(name), said, f"{path}: {name}")
        for key in {person_key(a) for a in (person.name, *person.accounts)}:
            other = found.setdefault(str(key), person)
            if other is not person:
                raise InvalidInput(
                    f"{key!r} is listed for {other.name!r} too", where=f"{path}: {name}"
                )
    return found


def _listed(name: str, said: Any, where: str) -> Listed:
    """Reads one person: roles alone, or ``roles`` and ``accounts``."""
    more = said if isinstance(said, dict) else {"roles": said}
    unknown = sorted(set(map(str, more)) - {"roles", "accounts"})
    if unknown:
        raise InvalidInput(f"unknown key {unknown[0]!r}, must be roles or accounts", where=where)
    roles = tuple(
        check_choice("role", str(r), ROLES, where=where) for r in _list(more.get("roles"))
    )
    return Listed(name, roles, tuple(map(str, _list(more.get("accounts")))))


def _list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value or ())
