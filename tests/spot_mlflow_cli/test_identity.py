from __future__ import annotations

import stat

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow_cli.identity import pseudonym_key, state_folder


def test_the_key_is_made_once_and_only_its_owner_reads_it():
    """The same person has the same pseudonym tomorrow."""
    first = pseudonym_key()
    assert len(first) == 64
    assert pseudonym_key() == first
    assert stat.S_IMODE((state_folder() / "pseudonym.key").stat().st_mode) == 0o600


def test_a_team_may_share_a_key(monkeypatch):
    """Then its people are told apart in the same way everywhere, and no file is made."""
    monkeypatch.setenv("SPOT_PSEUDONYM_KEY", "a secret of the team")
    assert pseudonym_key() == b"a secret of the team"
    assert not state_folder().exists()


def test_a_key_that_cannot_be_kept_is_said(monkeypatch, tmp_path):
    """With the way out."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPOT_HOME", str(tmp_path / "file"))
    with pytest.raises(InvalidInput, match="SPOT_PSEUDONYM_KEY"):
        pseudonym_key()
