"""Tests of what was written down for somebody else, until that person confirms it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from people import entry

from spot_mlflow.errors import NotFound, Refused
from spot_mlflow.taken_down import TAKEN_DOWN, check_confirmation, unconfirmed, waiting_for

OWN = entry("pulse", {}, "Fay", "frontline", 3)
TAKEN = replace(
    entry("pulse", {TAKEN_DOWN: True}, "Fay", "frontline", 2), id="abcdef12" * 4, recorded_by="dan"
)


def said(by: str, of: str = TAKEN.id):
    """A confirmation."""
    return replace(entry("confirmation", {"entry": of}, by, "frontline", 1), id="9" * 32)


def test_it_waits_until_its_person_confirms_and_nobody_else() -> None:
    """A confirmation by another, or of another entry, changes nothing."""
    assert unconfirmed([OWN, TAKEN]) == (TAKEN,)
    assert unconfirmed([OWN, TAKEN, said("dan"), said("Fay", OWN.id)]) == (TAKEN,)
    assert unconfirmed([OWN, TAKEN, said(" FAY ")]) == ()
    assert (waiting_for([TAKEN], "fay"), waiting_for([TAKEN], "dan")) == ((TAKEN,), ())
    erased = replace(TAKEN, person=None)
    assert unconfirmed([erased]) == (erased,)
    assert waiting_for([erased], None) == ()


def test_what_can_be_confirmed() -> None:
    """What waits, by its id or the first digits of it; by its person only; nothing twice."""
    assert check_confirmation([OWN, TAKEN], TAKEN.id[:8], "fay") == {"entry": TAKEN.id}
    for entries, typed in (
        ([OWN, TAKEN], OWN.id),
        ([TAKEN], TAKEN.id[:3]),
        ([TAKEN], ""),
        ([TAKEN, said("Fay")], TAKEN.id),
        ([TAKEN, replace(TAKEN, id="abcdef13" * 4)], "abcdef1"),
    ):
        with pytest.raises(NotFound):
            check_confirmation(entries, typed, "Fay")
    with pytest.raises(Refused, match="only Fay"):
        check_confirmation([TAKEN], TAKEN.id, "dan")
