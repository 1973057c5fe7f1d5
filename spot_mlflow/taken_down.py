"""What was written down for somebody else, until that person confirms it; pure.

On a server with logins a user who may edit the model can take down what another person said. It
counts, and every surface shows who wrote it, until the person says that it is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import NotFound, Refused
from spot_mlflow.person import person_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spot_mlflow.evidence import Evidence

# Key of what a server's user wrote down for another person; the server sets it, no client can.
TAKEN_DOWN: Final = "taken_down"
KIND: Final = "confirmation"
_SHORTEST: Final = 6  # digits of an entry's id that a person types


def unconfirmed(entries: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Returns what was written down for somebody who has not confirmed it, oldest first."""
    known = sorted(entries, key=lambda e: (e.at, e.id))
    confirmed = {
        (str(e.payload.get("entry")), person_key(e.person)) for e in known if e.kind == KIND
    }
    return tuple(
        e
        for e in known
        if e.payload.get(TAKEN_DOWN) and (e.id, person_key(e.person)) not in confirmed
    )


def waiting_for(entries: Iterable[Evidence], person: str | None) -> tuple[Evidence, ...]:
    """Returns what was written down for one person and waits for their word."""
    key = person_key(person)
    return tuple(e for e in unconfirmed(entries) if key and person_key(e.person) == key)


def check_confirmation(
    entries: Sequence[Evidence], entry: str, person: str | None
) -> dict[str, Any]:
    """Returns the payload by which a person confirms what was written down for them.

    Args:
        entries: of the model.
        entry: id of the entry, or its first digits.
        person: who confirms.

    Raises:
        NotFound: no entry that waits has this id, or several have.
        Refused: it was written down for somebody else.
    """
    found = [e for e in unconfirmed(entries) if len(entry) >= _SHORTEST and e.id.startswith(entry)]
    if len(found) != 1:
        mine = ", ".join(e.id[:8] for e in waiting_for(entries, person)) or "nothing"
        raise NotFound(
            f"entry {entry!r} does not wait for a confirmation", fix=f"For {person}: {mine}."
        )
    if person_key(found[0].person) != person_key(person):
        raise Refused(
            f"only {found[0].person}, for whom it was written down, can confirm it",
            fix="Log in as that person.",
        )
    return {"entry": found[0].id}
