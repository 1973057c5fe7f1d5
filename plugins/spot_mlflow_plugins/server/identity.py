"""Who is asking, as the server knows it; what a client claims is another matter.

Under basic auth it is the authenticated user. Without authentication nobody is known, and the
record says so.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from spot_mlflow.errors import Refused
from spot_mlflow.evidence import ROLES
from spot_mlflow.person import person_key

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


def role_of(user: str, claimed: str | None) -> str | None:
    """Returns the role in which a user may sign, from the server's list where there is one.

    Args:
        user: the authenticated user.
        claimed: the role the client says.

    Raises:
        Refused: there is a list and it does not give the user that role.
    """
    listed = _listed_roles()
    if listed is None:
        return claimed
    mine = listed.get(person_key(user), ())
    if claimed in mine:
        return claimed
    known = ", ".join(mine) or "none"
    raise Refused(
        f"{user} may not sign in the role {claimed!r}; roles given by this server: {known}",
        fix=f"Roles are listed in the server's {ROLES_VARIABLE} file.",
    )


def _listed_roles() -> dict[str, tuple[str, ...]] | None:
    """Returns user -> roles from the file that ``SPOT_MLFLOW_ROLES_FILE`` names, or None."""
    path = os.environ.get(ROLES_VARIABLE)
    if not path:
        return None
    return _read_roles(path, Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_roles(path: str, changed: int) -> dict[str, tuple[str, ...]]:  # noqa: ARG001 - changed makes an edited file be read anew
    from spot_mlflow.validation import check_choice, load_yaml

    said = load_yaml(Path(path)) or {}
    listed: dict[str, tuple[str, ...]] = {}
    for user, roles in dict(said).items():
        given = [roles] if isinstance(roles, str) else list(roles or ())
        listed[person_key(str(user))] = tuple(
            check_choice("role", str(role), ROLES, where=f"{path}: {user}") for role in given
        )
    return listed
