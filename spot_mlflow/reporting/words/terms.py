"""Statistical terms in words of the business, the same on every surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FACTORS: Final[Mapping[str, str]] = {
    "coverage": "customers without an offer",
    "system": "offers that failed in the system",
    "delivery": "offers not delivered",
    "timeliness": "offers delivered late",
    "coverage+delivery": "customers not reached",
    "coverage+system+delivery": "customers not reached",
    "delivery+timeliness": "offers not delivered in time",
    "coverage+delivery+timeliness": "customers not reached in time",
    "response": "response of those reached",
    "lift": "lift",
}
