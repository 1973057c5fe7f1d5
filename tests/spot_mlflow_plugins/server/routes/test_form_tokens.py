"""Tests of the token that a page of ours sends with what it writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.errors import Refused
from spot_mlflow_plugins.server.routes.form_tokens import LIFETIME, Tokens, is_browsers, new_browser

KEYS = (b"a" * 32, b"b" * 32)
WHO = {"user": "bea", "browser": "b1", "purpose": "entries"}
TOKENS = Tokens(KEYS)


def test_a_token_is_good_for_its_user_browser_and_purpose_only() -> None:
    """Any worker of the same key takes it; nobody else's browser, and no other route."""
    made = TOKENS.make(**WHO)
    Tokens(KEYS).check(made, **WHO)
    others = ({"user": "dan"}, {"user": None}, {"browser": "b2"}, {"purpose": "erase"})
    for other in others:
        with pytest.raises(Refused, match="not for this user"):
            TOKENS.check(made, **(WHO | other))
    with pytest.raises(Refused, match="not for this user"):
        Tokens((b"c" * 32,)).check(made, **WHO)


def test_a_token_expires_and_cannot_be_made_to_last() -> None:
    """After twelve hours it is refused, whatever expiry is written before it."""
    made = TOKENS.make(**WHO, now=0)
    TOKENS.check(made, **WHO, now=LIFETIME)
    with pytest.raises(Refused, match="expired"):
        TOKENS.check(made, **WHO, now=LIFETIME + 1)
    later = f"{10 * LIFETIME}.{made.partition('.')[2]}"
    with pytest.raises(Refused, match="not for this user"):
        TOKENS.check(later, **WHO, now=LIFETIME + 1)


def test_a_key_that_was_replaced_goes_on_checking() -> None:
    """A page that was open while the key was changed can still send."""
    made = Tokens(KEYS[1:]).make(**WHO)
    TOKENS.check(made, **WHO)


@given(st.text(max_size=80), st.text(max_size=5))
def test_no_text_passes_for_a_token(text: str, browser: str) -> None:
    """Whatever is sent in its place is refused, never an error of another kind."""
    with pytest.raises(Refused):
        TOKENS.check(text, user=None, browser=browser, purpose="entries")


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_parts_do_not_run_into_one_another(a: str, b: str, c: str, d: str) -> None:
    """A token of one user and purpose is none of another whose letters add up to the same."""
    made = TOKENS.make(user=a, browser="b" + b, purpose="p", now=0)
    if (c, d) != (a, b):
        with pytest.raises(Refused):
            TOKENS.check(made, user=c, browser="b" + d, purpose="p", now=0)


def test_programs_need_none() -> None:
    """A request is a browser's where the browser says so; each has a name of its own."""
    assert is_browsers({"Sec-Fetch-Site": "same-origin"})
    assert is_browsers({"Origin": "null"})
    assert not is_browsers({"User-Agent": "mlflow-python-client"})
    assert new_browser() != new_browser()
