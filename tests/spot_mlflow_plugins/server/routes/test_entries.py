"""Tests of the form that the entry route accepts, and of the roles that the operator lists."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from spot_mlflow.errors import InvalidInput, Refused, Unavailable
from spot_mlflow.validation import utc
from spot_mlflow_plugins.server.routes.entries import parse_request
from spot_mlflow_plugins.server.trust import identity

if TYPE_CHECKING:
    from spot_mlflow_plugins.server.routes import entries as entry_route

GOOD = {"model": "churn", "kind": "pulse", "payload": {"useful": 3}}


def request(**said: Any) -> entry_route.Request:
    """A request that is right but for what is said."""
    return parse_request({**GOOD, **said})


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"payload": [1]}, "payload"),
        ({"payload": None}, "payload"),
        ({"payload": {"x": "x" * 2_000_001}}, "2,000,0"),
        ({"payload": {"x": float("nan")}}, "payload"),
        ({"model": 3}, "model"),
        ({"version": 3}, "version"),
        ({"kind": ["pulse"]}, "kind"),
        ({"id": "x"}, "id"),
        ({"id": "A" * 32}, "id"),
        ({"at": "yesterday"}, "yesterday"),
        ({"at": 3}, "at"),
        ({"person": "a\x00b"}, "person"),
        ({"person": "x" * 201}, "person"),
        ({"metrics": [["a", "b", 0]]}, "metrics"),
        ({"metrics": [["a", 1.0]]}, "metrics"),
        ({"artifacts": {"/etc/passwd": ""}}, "/etc/passwd"),
        ({"artifacts": {"a/../b": ""}}, "a/../b"),
        ({"artifacts": {".ssh/key": ""}}, ".ssh/key"),
        ({"artifacts": {"a\\b": ""}}, "artifact path"),
        ({"artifacts": {"a.txt": "*"}}, "a.txt"),
        ({"artifacts": ["a"]}, "artifacts"),
        ({"dataset": ["a", "b"]}, "dataset"),
        ({"refresh": True}, "refresh"),
    ],
)
def test_wrong_request_names_what_is_wrong(said: dict[str, Any], named: str) -> None:
    """Each fault is told by its key or value, and nothing is written."""
    with pytest.raises(InvalidInput) as refused:
        request(**said)
    assert named in str(refused.value)


def test_request_is_read_as_it_was_sent() -> None:
    """What is right arrives whole."""
    found = request(
        id="a" * 32,
        version="3",
        person="  Ann  Lee ",
        role="business",
        at="2026-01-01T00:00:00Z",
        metrics=[["lift", 0.2, 7]],
        artifacts={"a/b.txt": base64.b64encode(b"hello").decode()},
        dataset=["log", "d", "s3://x"],
        recorded_by="dan",
    )
    assert (found.id, found.version, found.person, found.role) == (
        "a" * 32,
        "3",
        "Ann Lee",
        "business",
    )
    assert found.at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert found.metrics == (("lift", 0.2, 7),)
    assert found.artifacts == {"a/b.txt": b"hello"}
    assert found.dataset == ("log", "d", "s3://x")


def test_entry_from_the_future_is_refused() -> None:
    """A clock may be some minutes off; a month ahead is no clock. What is kept is never ahead."""
    soon = utc(None) + timedelta(minutes=3)
    assert request(at=soon.isoformat()).at <= utc(None)
    with pytest.raises(InvalidInput, match="future"):
        request(at=(utc(None) + timedelta(days=30)).isoformat())


def test_roles_are_read_anew_when_the_file_changes(tmp_path, monkeypatch) -> None:
    """An operator gives a role without starting the server again; what is wrong with a file is its cause."""
    import os

    path = tmp_path / "roles.yaml"
    path.write_text("Bea: business\n")
    monkeypatch.setenv(identity.ROLES_VARIABLE, str(path))
    assert identity.role_of("bea", "business") == "business"
    with pytest.raises(Refused, match="executive"):
        identity.role_of("bea", "executive")
    path.write_text("bea: [business, executive]\n")
    os.utime(path, ns=(1, 1))
    assert identity.role_of("bea", "executive") == "executive"
    path.write_text("bea: [busines]\n")
    os.utime(path, ns=(2, 2))
    with pytest.raises(Unavailable, match="who has which role") as e:
        identity.role_of("bea", "business")
    assert "did you mean 'business'" in str(e.value.__cause__)


def test_several_accounts_are_one_person(tmp_path, monkeypatch) -> None:
    """Whatever account is used, the record knows one name; an account belongs to one person only."""
    path = tmp_path / "roles.yaml"
    path.write_text("Bea: {roles: [business], accounts: [bea.b, bea-admin]}\nmax: [executive]\n")
    monkeypatch.setenv(identity.ROLES_VARIABLE, str(path))
    assert {identity.person_of(a) for a in ("bea", "bea.b", "BEA-admin")} == {"Bea"}
    assert identity.role_of("bea-admin", "business") == "business"
    assert identity.is_self("bea-admin", "bea.b")
    assert not identity.is_self("bea-admin", "max")
    assert identity.person_of("nobody") == "nobody"
    for wrong, said in (
        ("bea: {roles: [business], account: [x]}", "account"),
        ("bea: {accounts: [max]}\nmax: executive", "listed for"),
    ):
        other = tmp_path / f"{len(said)}.yaml"
        other.write_text(wrong)
        monkeypatch.setenv(identity.ROLES_VARIABLE, str(other))
        with pytest.raises(Unavailable) as e:
            identity.role_of("bea", "business")
        assert said in str(e.value.__cause__)
