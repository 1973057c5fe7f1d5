"""Checks an entry that a client sends, by the documents that the library itself writes from.

Whoever calls the route without the library must not be able to put in what the library would
refuse, nor an entry that would make the model's record unreadable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput, Refused
from spot_mlflow.evidence import NEEDS
from spot_mlflow.person import check_speaker
from spot_mlflow.statements import STATEMENTS, read_statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.statements import Known


def check_payload(
    kind: str, said: Mapping[str, Any], known: Known, *, version: str | None
) -> dict[str, Any]:
    """Returns the payload as it may be recorded.

    Args:
        kind: what sort of entry.
        said: as the client sent it.
        known: who speaks, and what is known of the model.
        version: the version in question, where one is named.

    Raises:
        InvalidInput: naming what is wrong.
        Refused: a rule of the record says no.
    """
    statement = STATEMENTS.get(kind)
    if statement is None:
        raise Refused(
            f"entries of kind {kind!r} are written by the server itself",
            fix=f"Known kinds: {', '.join(STATEMENTS)}.",
        )
    check_speaker(kind, known.person, known.role)
    if version is None and "version" in NEEDS[kind]:
        raise InvalidInput(f"a {kind} must name a version", fix="Name the version.")
    return read_statement(statement, said, where="payload").payload(known)
