"""What a requirement is measured on: the adoption, the version, the target and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.policy import Policy


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a change of targets.

    Attributes:
        name: under which the record knows them, or None.
        login: the account they use, where that is known.
        roles: that the operator of a server gives them.
        anybody: whether nobody in particular asks, as for a page; what depends on who asks then counts
            as met, and says so.
    """

    name: str | None = None
    login: str | None = None
    roles: tuple[str, ...] = ()
    anybody: bool = False


ANYBODY: Final = Asker(anybody=True)


def asker_of(requester: str | Asker | None) -> Asker:
    """Returns who asks, of whom maybe no more than the name is known."""
    return requester if isinstance(requester, Asker) else Asker(requester)


@dataclass(frozen=True)
class Case:
    """What a requirement is measured on.

    Attributes:
        adoption: everything known about the version.
        version: the version asked about.
        target: the policy's word for the target.
        policy: the policy.
        asker: who asks.
        asked: requirement -> setting, all that this target asks.
    """

    adoption: Adoption
    version: str
    target: str
    policy: Policy
    asker: Asker
    asked: Mapping[str, Any]

    @property
    def requester(self) -> str | None:
        """Name of who asks, or None where unknown."""
        return self.asker.name

    @property
    def now(self) -> datetime:
        """The moment to judge ages at."""
        return self.adoption.now

    def age(self, at: datetime) -> timedelta:
        """Returns how long ago ``at`` was."""
        return self.now - at

    def of(self, *kinds: str) -> tuple[Evidence, ...]:
        """Returns the entries of some kinds, oldest first."""
        return tuple(e for e in self.adoption.entries if e.kind in kinds)

    def forebears(self) -> tuple[str, ...]:
        """Returns the version and the earlier ones from which it inherits review and sign-off.

        A retrain inherits from versions with the same lift contract and the same model signature;
        a version without contract or without signature inherits nothing.
        """
        own = self.adoption.facts.version(self.version)
        contract = self.adoption.predictions.get(self.version)
        signature = self.signature(self.version)
        if self.policy.retrain == "fresh" or own is None or contract is None or not signature:
            return (self.version,)
        alike = [
            number
            for number, promise in self.adoption.predictions.items()
            if number != self.version
            and promise.digest == contract.digest
            and self.signature(number) == signature
        ]
        there = [v for n in alike if (v := self.adoption.facts.version(n)) is not None]
        same = [v.version for v in there if v.created <= own.created]
        return (self.version, *sorted(same, key=int, reverse=True))

    def signature(self, version: str) -> str:
        """Returns the digest of a version's model signature, recorded with its promise, or ""."""
        facts = self.adoption.facts.version(version)
        if facts is not None and facts.signature:
            return facts.signature
        return self._promised_signatures.get(version, "")

    @cached_property
    def _promised_signatures(self) -> dict[str, str]:
        promised = self.of("prediction")
        return {e.version: str(e.payload.get("signature") or "") for e in promised if e.version}


def days(span: timedelta) -> str:
    """Writes a span in whole days ("12 days")."""
    whole = max(0, span.days)
    return f"{whole} day" if whole == 1 else f"{whole} days"


def joined(words: Sequence[str]) -> str:
    """Writes words as a list ("S1, P2"), "none" where there are none."""
    return ", ".join(words) if words else "none"
