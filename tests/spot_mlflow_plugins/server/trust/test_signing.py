"""Tests of the signing key and of signatures."""

from __future__ import annotations

import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from spot_mlflow_plugins.server.trust import signing
from spot_mlflow_plugins.server.trust.signing import Signer, load_signer

DIGEST = "ab" * 32


def test_signature_is_hmac_of_the_digest() -> None:
    """It is what the standard library computes, so that anybody with the key can check it."""
    key = b"k" * 32
    mac = hmac.new(key, b"spot-mlflow entry 1\0" + DIGEST.encode(), hashlib.sha256).hexdigest()
    assert Signer((key,)).sign(DIGEST).split(":")[2] == mac


@pytest.mark.parametrize("forged", ["", "1", "1::", "2:00:00", "1:00000000:00", ":::"])
def test_forged_signature_is_not_valid(forged: str) -> None:
    """Whatever is not a signature by the key is not valid, and breaks nothing."""
    assert not Signer((b"k" * 32,)).valid(DIGEST, forged)


def test_other_digest_or_key_is_not_valid() -> None:
    """A signature holds for its digest and its key only."""
    signed = Signer((b"k" * 32,)).sign(DIGEST)
    assert not Signer((b"k" * 32,)).valid("cd" * 32, signed)
    assert not Signer((b"x" * 32,)).valid(DIGEST, signed)


def test_old_key_still_verifies() -> None:
    """After a new key was put in front, what the old one signed stays valid."""
    old, new = b"o" * 32, b"n" * 32
    signed = Signer((old,)).sign(DIGEST)
    assert Signer((new, old)).valid(DIGEST, signed)
    assert Signer((new, old)).sign(DIGEST) != signed


def test_key_is_made_once_for_all_workers(tmp_path, monkeypatch) -> None:
    """Workers that start at once read the same key, which only its owner may read."""
    monkeypatch.setenv(signing.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.delenv(signing.KEY_VARIABLE, raising=False)
    with ThreadPoolExecutor(8) as pool:
        keys = {pool.submit(load_signer).result().keys for _ in range(16)}
    assert len(keys) == 1
    path = tmp_path / "home" / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["signing.key"]


@pytest.mark.parametrize("text", ["", "\n", "short\n"])
def test_unusable_key_file_says_how_to_make_one(tmp_path, monkeypatch, text: str) -> None:
    """A key file without a good key stops the start, with the command that makes one."""
    path = tmp_path / "key"
    path.write_text(text)
    monkeypatch.setenv(signing.KEY_VARIABLE, str(path))
    with pytest.raises(ValueError, match="openssl rand -hex 32"):
        load_signer()
