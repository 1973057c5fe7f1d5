from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.errors import InvalidInput
from spot_mlflow.person import check_person, check_role, check_text, person_key, pseudonym

KEY = b"0123456789abcdef"


@pytest.mark.parametrize("name", ["", "  ", None, "a\x1b[31mb", "x" * 201])
def test_a_name_must_be_one_printable_line(name):
    """Empty, endless and control-character names are refused."""
    with pytest.raises(InvalidInput, match="person"):
        check_person(name)


def test_a_name_is_kept_as_given():
    """Names, mail addresses and pseudonyms pass unchanged but for blanks."""
    assert check_person("  Zoë   d'Arc ") == "Zoë d'Arc"
    assert check_person("kim@example.org") == "kim@example.org"


def test_a_misspelt_role_names_the_nearest():
    """The message tells which role was meant."""
    with pytest.raises(InvalidInput, match="did you mean 'frontline'"):
        check_role("front_line")


def test_text_may_be_long_but_not_endless():
    """4,000 characters are accepted, one more is refused with what to do."""
    assert check_text("what", "x" * 4000)
    with pytest.raises(InvalidInput, match=r"4,001 characters.*link"):
        check_text("what", "x" * 4001)


@pytest.mark.parametrize("text", [" ", "\u200b", "\u3164", "\u2800\u00ad", "\u0301"])
def test_a_text_that_nobody_sees_is_empty(text):
    """Blanks, fillers and marks are not a reason; a letter with a mark is something."""
    with pytest.raises(InvalidInput, match="reason must not be empty"):
        check_text("reason", text)
    assert check_text("reason", "a\u0301")


@given(
    st.text(min_size=1, max_size=40).filter(
        lambda t: t.strip() and " ".join(t.split()).isprintable()
    )
)
def test_a_pseudonym_is_stable_and_tells_no_name(name):
    """The same person has the same pseudonym however it is written; another key gives another."""
    given_name = pseudonym(name, KEY)
    assert given_name == pseudonym(f"  {name} ", KEY)
    assert person_key(given_name) == given_name
    assert given_name != pseudonym(name, KEY[::-1])
    assert len(given_name) == 12


def test_a_short_key_is_refused():
    """A key that could be guessed would make the pseudonym worthless."""
    with pytest.raises(InvalidInput, match="16 or more"):
        pseudonym("Kim", b"short")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jos\u00e9", "Jose\u0301"),
        ("STRASSE", "stra\u00dfe"),
        ("\u1e9b\u0323", "\u1e9b\u0323".upper()),
    ],
)
def test_a_name_is_one_however_it_was_typed(one, other):
    """Two keyboards write one accented letter differently; both are one person's entries."""
    assert person_key(one) == person_key(other)
    assert person_key("Jos\u00e9") != person_key("Jose")
