"""What ends when another promise is recorded for a version: sign-offs and requests that name the old one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.gate.promotion import requests_of

if TYPE_CHECKING:
    from datetime import datetime

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.promotion import PromotionRequest


@dataclass(frozen=True, slots=True)
class Ended:
    """What counts until another promise is recorded.

    Attributes:
        sign_offs: entries of sign-offs, approvals included, oldest first.
        requests: requests that are open.
    """

    sign_offs: tuple[Evidence, ...]
    requests: tuple[PromotionRequest, ...]

    def __bool__(self) -> bool:
        return bool(self.sign_offs or self.requests)


def ended_by(adoption: Adoption, digest: str, *, now: datetime) -> Ended:
    """Returns what another promise ends; nothing where it is the one on record.

    Args:
        adoption: what is known of the version.
        digest: of the promise to be recorded.
        now: the moment, UTC.
    """
    recorded = adoption.predicted
    old = None if recorded is None else recorded.digest
    if old == digest:
        return Ended((), ())
    return Ended(
        tuple(
            e
            for e in adoption.sign_offs
            if e.version == adoption.version and e.payload.get("contract_digest") == old
        ),
        tuple(
            r
            for r in requests_of(adoption.entries, now=now)
            if r.status == "open" and r.version == adoption.version and r.contract_digest == old
        ),
    )
