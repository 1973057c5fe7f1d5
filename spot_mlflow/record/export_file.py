"""The file that a record travels in: JSON lines, each bound to all before it, the last one signed.

A line is ``{"chain": HEX, "line": {...}}``. The chain of a line is the SHA-256 of the chain before it
and the canonical line, so that a line which was changed, left out, moved or put in shows where it is.
The last line says how many entries there are and signs the chain (Ed25519, RFC 8032), where a gated
server wrote the file; then a file whose chain was made anew shows as well.

Lines, in this order: ``export`` (whose record, from where), then for each entry ``entry`` (tags,
envelope, metrics), its files as ``artifact`` and as many ``part`` lines of base64 as they need, then
``end``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

FORMAT: Final = 1
PART_BYTES: Final = 1 << 20
_LONGEST: Final = 16 << 20  # bytes of a line
_PATH: Final = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_KINDS: Final = ("export", "entry", "artifact", "part", "end")


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was read.

    Attributes:
        number: 1 for the first.
        kind: export, entry, artifact, part or end.
        said: what it says.
        chain: hex, of all up to and with it.
        before: hex, of all before it.
    """

    number: int
    kind: str
    said: Any
    chain: str
    before: str


@dataclass(frozen=True, slots=True)
class Seal:
    """What signs a file.

    Attributes:
        key: public key, 64 hex digits.
        sign: returns the signature of a text, hex.
    """

    key: str
    sign: Callable[[str], str]


class Chained:
    """Writes lines, each bound to those before it."""

    def __init__(self) -> None:
        self._chain = ""

    def line(self, kind: str, said: Any) -> bytes:
        """Returns the next line, with its end."""
        text = canonical({kind: said})
        self._chain = _next(self._chain, text)
        return f'{{"chain":"{self._chain}","line":{text}}}\n'.encode()

    def end(self, entries: int, seal: Seal | None) -> bytes:
        """Returns the last line."""
        said: dict[str, Any] = {"entries": entries}
        if seal is not None:
            said |= {"key": seal.key, "signature": seal.sign(self._chain)}
        return self.line("end", said)


def fingerprint(key: str) -> str:
    """Returns the short form in which people compare a public key: 16 hex digits."""
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]


def read_lines(path: Path) -> Iterator[Line]:
    """Yields the lines of a file, the last one included; each was compared with its chain.

    Raises:
        InvalidInput: naming the line that was changed, or where the file was cut off.
    """
    chain, number, ended = "", 0, False
    try:
        with path.open("rb") as f:
            while raw := f.readline(_LONGEST + 1):
                number += 1
                if ended:
                    raise fault(path, number, "follows the end of the file")
                line = _line(path, number, raw, chain)
                chain, ended = line.chain, line.kind == "end"
                yield line
    except OSError as e:
        raise InvalidInput(f"cannot be read: {e.strerror}", where=str(path)) from None
    if not ended:
        raise InvalidInput(
            f"ends after line {number} before its end",
            where=str(path),
            fix="It was cut off; export it again.",
        )


def _line(path: Path, number: int, raw: bytes, before: str) -> Line:
    if len(raw) > _LONGEST:
        raise fault(path, number, f"has more than {_LONGEST:,} bytes")
    if not raw.endswith(b"\n"):
        raise fault(path, number, "is cut off")
    try:
        said = json.loads(raw)
        chain: Any = said["chain"]
        ((kind, content),) = dict(said["line"]).items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise fault(path, number, "is not a line of an export") from None
    if kind not in _KINDS or (kind == "export") != (number == 1):
        raise fault(path, number, f"has {str(kind)[:40]!r} where it is not allowed")
    if chain != _next(before, canonical(said["line"])) or len(said) != 2:  # noqa: PLR2004 - its two keys
        raise fault(path, number, "was changed after it was written")
    return Line(number, kind, content, chain, before)


def _next(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\0{text}".encode()).hexdigest()


def fault(path: Path, number: int, what: str) -> InvalidInput:
    """Returns the error of a line that cannot be taken in."""
    return InvalidInput(
        f"line {number} {what}",
        where=str(path),
        fix="Nothing was imported; export the record again.",
    )


def check_path(path: Path, number: int, artifact: object) -> str:
    """Returns the path of a file within an entry.

    Raises:
        InvalidInput: it is none, or leads elsewhere.
    """
    if not isinstance(artifact, str) or not _PATH.fullmatch(artifact) or len(artifact) > 200:  # noqa: PLR2004 - more than any of ours
        raise fault(
            path, number, f"names the file {str(artifact)[:80]!r}, which may not be written"
        )
    return artifact


def decoded(path: Path, line: Line) -> bytes:
    """Returns the bytes of a part.

    Raises:
        InvalidInput: it is not base64 text.
    """
    try:
        return base64.b64decode(line.said, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise fault(path, line.number, "is not base64 text") from None


def check_seal(path: Path, end: Line) -> str:
    """Returns the fingerprint of the key that signed a file; "" where it is not signed.

    Raises:
        InvalidInput: the signature is not of this file.
    """
    said: Mapping[str, Any] = end.said if isinstance(end.said, dict) else {}
    key, signature = said.get("key"), said.get("signature")
    if key is None and signature is None:
        return ""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise InvalidInput(
            "the signature cannot be checked here", where=str(path), fix="pip install cryptography"
        ) from None
    if not isinstance(key, str) or not _HEX.fullmatch(key) or not isinstance(signature, str):
        raise fault(path, end.number, "has an invalid signature")
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), end.before.encode())
    except (InvalidSignature, ValueError):
        raise fault(path, end.number, "has the signature of another file") from None
    return fingerprint(key)
