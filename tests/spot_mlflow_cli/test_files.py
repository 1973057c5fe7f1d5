from __future__ import annotations

import os
from pathlib import Path

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow_cli.files import write_new


def test_a_file_is_written_whole_with_ordinary_rights(tmp_path):
    """Replaces what was there; as readable as any file of that person, or private."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    write_new(path, b"new")
    umask = os.umask(0)
    os.umask(umask)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    write_new(path, b"mine", private=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    """A full disk while writing: the old content stays, nothing half written lies about."""
    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InvalidInput, match="No space left"):
        write_new(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_new(tmp_path / "none" / "a.txt", b"x")
