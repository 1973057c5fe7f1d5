"""What a mailed link's token holds, without a server."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import replace

import pytest

from spot_mlflow_plugins.server.routes.form_tokens import Tokens
from spot_mlflow_plugins.server.trust.links import Link, Links, entry_id, expired, switched_off

KEY, OTHER = secrets.token_bytes(32), secrets.token_bytes(32)
LINK = Link(
    "invitation", "", "Absprünge & Co/1", 1732793000000, "a" * 32, int(time.time()) + 86_400
)
TOKEN = Links([KEY]).make(LINK)


def test_a_link_is_read_as_it_was_made() -> None:
    """By every key of the server, and short enough for a mail."""
    assert Links([KEY]).read(TOKEN) == LINK
    assert Links([OTHER, KEY]).read(TOKEN) == LINK
    assert Links([KEY]).read(f" {TOKEN}\n") == LINK
    assert len(TOKEN) < 200


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "x.y", "é.y", TOKEN[:-1], TOKEN[1:], f"A{TOKEN}", TOKEN.replace(".", ""), f"{TOKEN}.{TOKEN}",
        TOKEN.split(".")[0], f"{TOKEN.split('.')[0]}.", Links([OTHER]).make(LINK), "A" * 100_000,
        Tokens([KEY]).make(user=None, browser="b", purpose="link"),
    ],
    ids=range(14),  # the tokens are others in each process
)  # fmt: skip
def test_what_was_altered_or_made_elsewhere_is_no_link(token: str) -> None:
    """Cut off by a mail program, put together anew, signed by another key or for another use."""
    assert Links([KEY]).read(token) is None


@pytest.mark.parametrize("change", ["kind", "workspace", "model", "created", "entry", "until"])
def test_nothing_of_a_link_can_be_changed(change: str) -> None:
    """The signature of one does not hold for another kind, workspace, model, entry or time."""
    value = getattr(LINK, change)
    other = replace(LINK, **{change: value + 1 if isinstance(value, int) else f"{value}x"})
    body = Links([OTHER]).make(other).split(".")[0]
    assert Links([KEY]).read(f"{body}.{TOKEN.split('.')[1]}") is None


def test_all_spellings_of_a_token_make_one_entry() -> None:
    """Base64 has several spellings of the same bytes: none of them gets a use of its own."""
    letters = string.ascii_letters + string.digits + "-_"
    spelled = [t for c in letters if (t := TOKEN[:-1] + c) and Links([KEY]).read(t)]
    assert len(spelled) > 1
    links = [Links([KEY]).read(t) for t in spelled]
    assert len({entry_id(link, ["pulse", 1]) for link in links if link}) == 1
    assert entry_id(LINK, ["pulse", 1]) != entry_id(LINK, ["pulse", 2])
    assert entry_id(LINK, []) != entry_id(replace(LINK, model="other"), [])


def test_an_invitation_ends_and_an_answer_does_not() -> None:
    """``until`` 0 is for ever."""
    assert not expired(LINK)
    assert expired(LINK, now=LINK.until)
    assert not expired(replace(LINK, until=0))


def test_the_operator_switches_links_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By one setting."""
    for said, off in (("", False), ("on", False), ("off", True), ("OFF ", True)):
        monkeypatch.setenv("SPOT_MLFLOW_LINKS", said)
        assert switched_off() is off
