"""Where the guard gets its answers: evidence and policy of the record behind a store.

The guard knows a ``Decider`` only. ``RecordDecider`` is the one for a store that is its own
tracking server's database, or a client's view of a server.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from spot_mlflow.errors import NotFound, RecordDamaged, SpotError, Unavailable
from spot_mlflow.gate.decision import decide, removal, undecided

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record

_logger: Final = logging.getLogger("mlflow.spot")
_KEPT: Final = 1000  # decisions waiting for a record that cannot be written


@dataclass(frozen=True)
class Ruling:
    """A decision with what is needed to record it.

    Attributes:
        decision: the answer.
        created: creation timestamp of the registered model, milliseconds.
        known: decisions recorded so far, oldest first.
    """

    decision: GateDecision
    created: int
    known: Sequence[Evidence] = field(default=())


class Decider(Protocol):
    """Answers the guard and keeps its decisions."""

    def policy(self) -> Policy:
        """Returns the policy in force."""
        ...

    def decide(
        self, model: str, version: str, target: str, *, renamed: str | None = None
    ) -> Ruling:
        """Decides whether a version may have a target that the policy gates."""
        ...

    def release(self, model: str, version: str, target: str, *, created: int) -> Ruling:
        """Returns the ruling that a version gives up a target."""
        ...

    def record(
        self, ruling: Ruling, *, applied: bool, replaced: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Records a ruling; never raises, since what was done is done."""
        ...


class RecordDecider:
    """Decides on the record of one MLflow; one object for all threads of a process.

    Args:
        open_record: makes the record, at the first question; a ``Record`` that is not gated itself.
        requester: returns who asks at this moment, or None.
    """

    def __init__(
        self, open_record: Callable[[], Record], requester: Callable[[], str | None]
    ) -> None:
        self._open = open_record
        self._requester = requester
        self._opened: Record | None = None
        # A Record is not shared between threads; a decision is some milliseconds long.
        self._lock = threading.RLock()
        self._unwritten: deque[tuple[Ruling, bool, Mapping[str, Sequence[str]] | None]] = deque(
            maxlen=_KEPT
        )

    @property
    def _record(self) -> Record:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def policy(self) -> Policy:
        """Returns the policy in force.

        Raises:
            RecordDamaged: it cannot be read; the gate then stays shut.
            Unavailable: the record did not answer.
        """
        from spot_mlflow.record.policies import current_policy

        with self._lock:
            return current_policy(self._record, recent=True)

    def decide(
        self, model: str, version: str, target: str, *, renamed: str | None = None
    ) -> Ruling:
        """Decides on all evidence recorded until now.

        Raises:
            InvalidInput: the policy says nothing of the target.
            RecordDamaged: the evidence cannot be read, in mode block.
            Unavailable: the record did not answer.
        """
        from spot_mlflow.record.decisions import adoption_for_decision

        with self._lock:
            policy = self.policy()
            try:
                adoption = adoption_for_decision(self._record, model, version)
            except (RecordDamaged, Unavailable) as e:
                if policy.mode_for(renamed or model) == "block":
                    raise
                # Outside mode block nobody is stopped, not even by a record that cannot be read.
                unread = undecided(
                    model, version, target, policy=policy, requester=self._requester(), why=str(e)
                )
                return Ruling(unread, self._record.facts(model).created)
        decision = decide(
            adoption, target, policy=policy, requester=self._requester(), renamed=renamed
        )
        return Ruling(decision, adoption.facts.created, adoption.decisions)

    def release(self, model: str, version: str, target: str, *, created: int) -> Ruling:
        """Returns the ruling that a version gives up a target: always allowed."""
        decision = removal(
            model, version, target, policy=self.policy(), requester=self._requester()
        )
        return Ruling(decision, created)

    def record(
        self, ruling: Ruling, *, applied: bool, replaced: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Records a ruling; what cannot be written now is tried again with the next one."""
        with self._lock:
            waiting = [*self._unwritten, (ruling, applied, replaced)]
            self._unwritten.clear()
            for item in waiting:
                if not self._written(*item):
                    self._unwritten.append(item)

    def _written(
        self,
        ruling: Ruling,
        applied: bool,  # noqa: FBT001 - taken from the queue as it was put there
        replaced: Mapping[str, Sequence[str]] | None,
    ) -> bool:
        try:
            self._write(ruling, applied, replaced)
        except (SpotError, OSError) as e:
            said = ruling.decision.verdict
            _logger.error("not recorded yet: %s (%s)", said, e)  # noqa: TRY400 - the cause is in it
            return False
        return True

    def _write(
        self,
        ruling: Ruling,
        applied: bool,  # noqa: FBT001 - taken from the queue as it was put there
        replaced: Mapping[str, Sequence[str]] | None,
    ) -> None:
        from spot_mlflow.record.decisions import record_decision

        try:
            record_decision(
                self._record,
                ruling.decision,
                created=ruling.created,
                known=ruling.known,
                applied=applied,
                replaced=replaced,
            )
        except NotFound:  # the model itself was deleted: its record went with it
            _logger.info("not recorded, the model is gone: %s", ruling.decision.verdict)
