"""Where entries were recorded first that a model's record took in from elsewhere; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from spot_mlflow.evidence import Evidence

KIND: Final = "rebind"  # of the entry that takes others in
MOST: Final = 10_000  # digests in one entry; further ones go into another


@dataclass(frozen=True, slots=True)
class Origin:
    """Where entries of a record were recorded first.

    Attributes:
        model: name of the model there.
        created: its creation timestamp there, milliseconds.
        server: address of the MLflow, without password.
        exported: when its file was written (ISO 8601), or "" where the record was taken over in place.
        key: fingerprint of the key that signed the file, or "" where it is not signed.
        file: digest of the file, or "".
    """

    model: str
    created: int
    server: str
    exported: str = ""
    key: str = ""
    file: str = ""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Origin:
        """Reads it from JSON values."""
        text = {k: str(said.get(k) or "") for k in cls.__slots__ if k != "created"}
        return cls(created=int(said.get("created") or 0), **text)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {k: getattr(self, k) for k in self.__slots__}

    @property
    def words(self) -> str:
        """In words: "churn at http://there:5000, exported 2027-05-03, signed by key 0a1b"."""
        said = f"{self.model} at {self.server}"
        said += f", exported {self.exported[:10]}" if self.exported else ""
        return said + (f", signed by key {self.key}" if self.key else "")


def payloads(origin: Origin, digests: Iterable[str], how: str) -> Iterator[dict[str, Any]]:
    """Yields what the rebind entries say that take in some entries.

    Args:
        origin: where they come from.
        digests: of the entries.
        how: "import" or "rebind".
    """
    listed = sorted(digests)
    for first in range(0, len(listed), MOST):
        yield {"how": how, "origin": origin.to_dict(), "digests": listed[first : first + MOST]}


def origins_of(entries: Iterable[Evidence]) -> tuple[tuple[Origin, int], ...]:
    """Returns where entries come from and how many they are, oldest import first."""
    present = {e.digest: e for e in entries}
    found: dict[Origin, set[str]] = {}
    known: set[str] = set()
    for e in sorted(present.values(), key=lambda e: (e.at, e.id)):
        if e.kind == KIND:
            mine = {d for d in e.payload.get("digests", ()) if d in present and d not in known}
            found.setdefault(Origin.of(e.payload.get("origin", {})), set()).update(mine)
            known |= mine
    return tuple((origin, len(digests)) for origin, digests in found.items() if digests)
