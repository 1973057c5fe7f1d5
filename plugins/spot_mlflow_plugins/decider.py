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

    from spot_mlflow.adoption import ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record
    from spot_mlflow_plugins.evidence_view import EvidenceView

_logger: Final = logging.getLogger("mlflow.spot")
_KEPT: Final = 1000  # decisions waiting for a record that cannot be written


@dataclass(frozen=True)
class Ruling:
    """A decision with what is needed to record it.

    Attributes:
        decision: the answer.
        facts: what the registry said of the model.
        known: the evidence it rests on, earlier decisions included, oldest first.
    """

    decision: GateDecision
    facts: ModelFacts
    known: Sequence[Evidence] = field(default=())


class Decider(Protocol):
    """Answers the guard and keeps its decisions."""

    def policy(self) -> Policy:
        """Returns the policy in force."""
        ...

    def decide(
        self, model: str, version: str, target: str, *, policy: Policy, renamed: str | None = None
    ) -> Ruling:
        """Decides whether a version may have a target that the policy gates."""
        ...

    def release(
        self, model: str, version: str, target: str, *, policy: Policy, deleting: bool = False
    ) -> Ruling:
        """Returns the ruling on a version that gives up a target, or is deleted while it has it."""
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
        self._opened: EvidenceView | None = None
        # A view is not shared between threads; a decision is some milliseconds long.
        self._lock = threading.RLock()
        self._unwritten: deque[tuple[Ruling, bool, Mapping[str, Sequence[str]] | None]] = deque(
            maxlen=_KEPT
        )

    @property
    def _view(self) -> EvidenceView:
        if self._opened is None:
            from spot_mlflow_plugins.evidence_view import EvidenceView

            self._opened = EvidenceView(self._open())
        return self._opened

    def policy(self) -> Policy:
        """Returns the policy in force.

        Raises:
            RecordDamaged: it cannot be read; the gate then stays shut.
            Unavailable: the record did not answer.
        """
        with self._lock:
            return self._view.policy()

    def decide(
        self, model: str, version: str, target: str, *, policy: Policy, renamed: str | None = None
    ) -> Ruling:
        """Decides on all evidence recorded until now.

        Raises:
            InvalidInput: the policy says nothing of the target.
            RecordDamaged: the evidence cannot be read, in mode block.
            Unavailable: the record did not answer.
        """
        with self._lock:
            facts = self._view.facts(model)
            try:
                adoption, state = self._view.adoption(facts, version)
            except (RecordDamaged, Unavailable) as e:
                if policy.mode_for(renamed or model) == "block":
                    raise
                # Outside mode block nobody is stopped, not even by a record that cannot be read.
                unread = undecided(
                    model, version, target, policy=policy, requester=self._requester(), why=str(e)
                )
                return Ruling(unread, facts)
        decision = decide(
            adoption,
            target,
            policy=policy,
            requester=self._requester(),
            renamed=renamed,
            state=state,
        )
        return Ruling(decision, facts, adoption.entries)

    def release(
        self, model: str, version: str, target: str, *, policy: Policy, deleting: bool = False
    ) -> Ruling:
        """Returns the ruling that a version gives up a target: allowed, but for a deletion."""
        decision = removal(
            model, version, target, policy=policy, requester=self._requester(), deleting=deleting
        )
        with self._lock:
            facts = self._view.facts(model)
            return Ruling(decision, facts, self._view.decisions(facts))

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
        from spot_mlflow.record.references import ModelRef

        view, decision = self._view, ruling.decision
        try:
            written = record_decision(
                view.record,
                decision,
                created=ruling.facts.created,
                known=ruling.known,
                applied=applied,
                replaced=replaced,
            )
        except NotFound:  # the model itself was deleted: its record went with it
            _logger.info("not recorded, the model is gone: %s", decision.verdict)
            return
        if written is not None:
            view.add(ModelRef(ruling.facts.name, None, ruling.facts.created), written)
