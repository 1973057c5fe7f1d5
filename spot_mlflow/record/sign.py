"""One thing that ``spot doctor`` looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        state: ok, warning or failed.
        said: what was found, in a sentence.
        fix: what to do, or "".
    """

    name: str
    state: State
    said: str
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        """Returns JSON values."""
        return {k: getattr(self, k) for k in self.__slots__}
