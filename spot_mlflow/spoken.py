"""How sure it is who speaks in an entry: a login, a name that was typed into a form, or a mailed link; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Key of what was sent by a mailed link: id of the entry that the link was made for. The server sets it.
BY_LINK: Final = "by_link"
RECORDED_BY_LINK: Final = "mailed link"
# Who wrote down what was typed into a form where nobody is logged in. No name: names can be erased.
UNVERIFIED: Final = "form without login"


def how_known(payload: Mapping[str, Any], recorded_by: str) -> str:
    """Returns "by link" or "unverified" where no login stands behind a name, else "".

    Args:
        payload: of the entry.
        recorded_by: who wrote it down.
    """
    if payload.get(BY_LINK):
        return "by link"
    return "unverified" if recorded_by == UNVERIFIED else ""


def named(person: str | None, known: str) -> str:
    """Returns a name with how it is known: "Fay (by link)"; "somebody" where it was erased."""
    name = person or "somebody"
    return f"{name} ({known})" if known else name
