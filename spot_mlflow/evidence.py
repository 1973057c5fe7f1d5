"""One entry of the record, as everything but the record itself sees it.

An entry is append-only: what was said, by whom, in which role, when, about which version, and the
digests that tie it to what it followed (DESIGN of the record: ``docs/record.md``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Kind = Literal[
    "prediction",
    "assessment",
    "involvement",
    "concern",
    "discussion",
    "pulse",
    "invitation",
    "outcomes",
    "sign-off",
    "waiver",
    "request",
    "break-glass",
    "decision",
    "resolution",
    "confirmation",
    "policy",
    "restore",
    "erasure",
    "rebind",
    "snapshot",
]

# What an entry must name beside its payload. Where it names more, that is checked as well.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        (
            "assessment",
            "involvement",
            "concern",
            "discussion",
            "pulse",
            "confirmation",
            "invitation",
        ),
        ("person", "role"),
    ),
    "sign-off": ("person", "role", "version"),
    "waiver": ("person",),
    "request": ("person", "version"),
    "break-glass": ("person", "version"),
    "prediction": ("version",),
    "outcomes": ("version",),
    "resolution": ("person", "role", "version"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Evidence(Shown):
    """One complete entry of a model's record.

    Attributes:
        id: UUID of the entry.
        kind: what sort of entry it is.
        model: registered model name at the time of reading.
        version: model version it is about, or None for the model as a whole.
        at: when it was recorded, UTC.
        person: who said it, or None where no person did or the name was erased.
        role: the role in which it was said, or None.
        payload: what was said; JSON values only.
        digest: SHA-256 of the canonical payload, hex.
        parents: digests of the entries that were newest when this one was written.
        run_id: MLflow run that holds it.
        recorded_by: the client's or server's word on who wrote the entry.
        erased: whether the name was erased.
        withheld: whether what was said is kept from this reader, who has not answered yet; the
            payload then lacks it, and the digest is still that of the whole entry.
    """

    id: str
    kind: str
    model: str
    version: str | None
    at: datetime
    person: str | None
    role: str | None
    payload: Mapping[str, Any]
    digest: str
    parents: tuple[str, ...] = ()
    run_id: str = ""
    recorded_by: str = ""
    erased: bool = field(default=False)
    withheld: bool = field(default=False)

    def __repr__(self) -> str:
        """Returns what it is, of what, by whom and when."""
        of = self.model if self.version is None else f"{self.model}/{self.version}"
        by = f" by {self.person}" if self.person else ""
        return f"<Evidence {self.kind} of {of}{by}, {self.at:%Y-%m-%d %H:%M}>"

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values: its attributes, the time as ISO text."""
        values = {k: getattr(self, k) for k in self.__dataclass_fields__}
        return values | {
            "at": self.at.isoformat(),
            "payload": dict(self.payload),
            "parents": list(self.parents),
        }


def canonical(payload: Any) -> str:
    """Writes JSON in one way only: sorted keys, no spaces, no NaN; what digests are taken of."""
    return json.dumps(
        payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(payload: Any) -> str:
    """Returns the SHA-256 of the canonical payload, as 64 hex digits."""
    return hashlib.sha256(canonical(payload).encode()).hexdigest()


def jsonable(value: Any) -> Any:
    """Turns value objects into JSON values; infinity and NaN become None (JSON knows neither)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | float) else str(value)
