"""Signs entries with a key that never enters the database, so that a forged entry shows.

HMAC-SHA256 (RFC 2104) over the entry's digest; the digest binds everything the entry says. A key
file may hold several keys, one a line: the first signs, all of them verify, so that a key can be
changed without invalidating what was signed before.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEY_VARIABLE: Final = "SPOT_MLFLOW_KEY_FILE"
HOME_VARIABLE: Final = "SPOT_MLFLOW_HOME"
_DOMAIN: Final = b"spot-mlflow entry 1\0"
_SHORTEST: Final = 32  # hex digits: 128 bits


def home() -> Path:
    """Returns the server's own folder, outside the database: the key and the anchors."""
    return Path(os.environ.get(HOME_VARIABLE, "~/.spot-mlflow")).expanduser()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and checks digests.

    Attributes:
        keys: secret keys; the first signs, all verify.
    """

    keys: tuple[bytes, ...]

    def sign(self, digest: str) -> str:
        """Returns "1:<key id>:<hex>", the signature of an entry's digest."""
        key = self.keys[0]
        return f"1:{_key_id(key)}:{_mac(key, digest)}"

    def valid(self, digest: str, signature: str) -> bool:
        """Says whether one of the keys made this signature of this digest."""
        version, _, rest = signature.partition(":")
        key_id, _, mac = rest.partition(":")
        return version == "1" and any(
            _key_id(key) == key_id and hmac.compare_digest(_mac(key, digest), mac)
            for key in self.keys
        )


def load_signer() -> Signer:
    """Reads the key file, made on first use and readable by its owner only.

    Several workers may start at once: whoever creates the file first wins, the others read it.

    Raises:
        OSError: the file can neither be read nor made.
        ValueError: it holds no key, or one that is too short.
    """
    path = Path(os.environ.get(KEY_VARIABLE) or home() / "signing.key")
    if not path.exists():
        _create(path)
    keys = tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
    if not keys or any(len(k) < _SHORTEST for k in keys):
        raise ValueError(
            f"{path} must hold at least one key of {_SHORTEST} characters or more, one a line; "
            "make one with: openssl rand -hex 32"
        )
    return Signer(tuple(k.encode() for k in keys))


def _create(path: Path) -> None:
    """Writes the key under another name and links it into place: never seen half written."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as f:
        f.write(secrets.token_hex(32) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another worker was first
    finally:
        draft.unlink()


def _mac(key: bytes, digest: str) -> str:
    return hmac.new(key, _DOMAIN + digest.encode(), hashlib.sha256).hexdigest()


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"spot-mlflow key id\0" + key).hexdigest()[:8]
