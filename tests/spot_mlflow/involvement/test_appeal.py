from __future__ import annotations

import pytest
from people import entry, pulse

from spot_mlflow.errors import InvalidInput
from spot_mlflow.involvement.appeal import appeal_of, check_pulse
from spot_mlflow.involvement.log import involvement_of


def test_users_and_builders_stand_side_by_side():
    """Means, numbers and the difference: positive where builders think too well of it."""
    found = appeal_of(
        [
            pulse("Fay", "frontline", 2, 1),
            pulse("Kim", "business", 3, 2),
            pulse("Dana", "data_scientist", 4, 5),
        ]
    )
    assert (found.useful.users, found.useful.n_users) == (2.5, 2)
    assert (found.useful.builders, found.useful.n_builders) == (4.0, 1)
    assert found.useful.gap == 1.5
    assert found.would_use.gap == 3.5
    assert found.gap == 2.5
    assert found.words == "builders rate it 2.5 levels (of 5) higher than users do"


def test_of_one_person_the_newest_pulse_counts():
    """Asked again, answered anew."""
    found = appeal_of([pulse("Fay", "frontline", 1, 1, 9), pulse("fay", "frontline", 5, 5, 1)])
    assert (found.useful.users, found.useful.n_users) == (5.0, 1)


def test_a_builder_guesses_whatever_the_entry_is_marked_as():
    """Builders' own opinion is not users' opinion."""
    marked = entry("pulse", {"useful": 5, "would_use": 5, "guess": False}, "Dana", "engineer")
    found = appeal_of([marked])
    assert (found.useful.n_users, found.useful.n_builders) == (0, 1)
    assert found.words == "no user has been asked yet"


def test_no_gap_until_both_have_answered():
    """Not known is said, not zero."""
    found = appeal_of([pulse("Fay", "frontline", 2, 1)])
    assert found.gap is None
    assert "not guessed yet" in found.words
    assert (
        "judge the appeal as users do"
        in appeal_of([pulse("Fay", "frontline", 2, 2), pulse("Dana", "engineer", 2, 2)]).words
    )


@pytest.mark.parametrize("bad", [0, 6, 2.5, True, "3", None])
def test_a_pulse_is_a_whole_number_from_one_to_five(bad):
    """Anything else is refused, whichever item it is."""
    with pytest.raises(InvalidInput, match="useful"):
        check_pulse(bad, 3, role="frontline")
    with pytest.raises(InvalidInput, match="would_use"):
        check_pulse(3, bad, role="frontline")


def test_the_pulse_is_never_part_of_the_score():
    """Participation is what people did, not what they think."""
    from people import NOW

    assert involvement_of([pulse("Fay", "frontline", 5, 5)], version=None, now=NOW).score == 0
