"""Where the guard gets its answers: evidence and policy of the record behind a store.

The guard knows a ``Decider`` only. ``RecordDecider`` is the one for a store that is its own
tracking server's database, or a client's view of a server.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import NotFound, RecordDamaged, SpotError, Unavailable
from spot_mlflow.gate.case import asker_of
from spot_mlflow.gate.decision import decide, removal, tampering, undecided
from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.record.decisions import decision_draft, record_decision
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.references import ModelRef
from spot_mlflow.reporting.words.respondent_view import decision_without_levels, owes_answers
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.attempts import Attempt, Attempts
from spot_mlflow_plugins.evidence_view import EvidenceView
from spot_mlflow_plugins.quick_writer import QuickWriter
from spot_mlflow_plugins.ruling import Ruling

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.case import Asker
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import Policies
    from spot_mlflow_plugins.quick_writer import Prepared

_logger: Final = logging.getLogger("mlflow.spot")
_KEPT: Final = 1000  # decisions waiting for a record that cannot be written


class RecordDecider:
    """Decides on the record of one MLflow; one object for all threads of a process.

    Args:
        open_record: makes the record, at the first question; a ``Record`` that is not gated itself.
        requester: returns who asks at this moment, or None.
    """

    page = ""  # address of the page that tells all of a refusal, where a server shows one

    def __init__(
        self, open_record: Callable[[], Record], requester: Callable[[], str | Asker | None]
    ) -> None:
        self._open = open_record
        self._asker = requester
        self._opened: EvidenceView | None = None
        self._known: Policies | None = None  # as last asked for
        # A view is not shared between threads; a decision is some milliseconds long.
        self._lock = threading.RLock()
        self._attempts = Attempts(self._write_attempt)
        self._unwritten: deque[tuple[Ruling, bool, Mapping[str, Sequence[str]] | None]] = deque(
            maxlen=_KEPT
        )

    def _requester(self) -> str | None:
        return asker_of(self._asker()).name

    @property
    def _view(self) -> EvidenceView:
        if self._opened is None:
            self._opened = EvidenceView(self._open())
        return self._opened

    def policy(self) -> Policy:
        """Returns the policy in force.

        Raises:
            RecordDamaged: it cannot be read; the gate then stays shut.
            Unavailable: the record did not answer.
        """
        with self._lock:
            self._known = None
            self._known = self.policies()
            return self._known.in_force

    def policies(self) -> Policies:
        """Returns what the record says of policies; hold the lock."""
        return self._view.policies()

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
                adoption = self._view.record.with_files(adoption)
            except (RecordDamaged, Unavailable) as e:
                if policy.mode_for(renamed or model) == "block":
                    raise
                # Outside mode block nobody is stopped, not even by a record that cannot be read.
                unread = undecided(
                    model, version, target, policy=policy, requester=self._requester(), why=str(e)
                )
                return Ruling(unread, facts)
            basis = self._view.basis(facts)
        decision = decide(
            adoption,
            target,
            policy=policy,
            requester=self._asker(),
            renamed=renamed,
            state=state,
        )
        if decision.basis != "rollback":  # to go back is never blocked, whatever the policy was
            with self._lock:
                (self._known or self.policies()).check(facts, adoption.decisions)
        # A refusal measures levels: others' answers, which a respondent sees once his own are in.
        owes = not decision.satisfied and owes_answers(adoption, decision.requester)
        told = decision_without_levels(decision) if owes else None
        return Ruling(decision, facts, adoption.entries, basis, adoption.files, told, self.page)

    def still(self, ruling: Ruling) -> bool:
        """Says whether nothing was recorded since that could change a ruling; takes no lock."""
        return self._view.still(ruling.basis)

    def registered(self, name: str, version: str) -> None:
        """Nothing is to be done of a new version here."""

    def tell(self, name: str, versions: Sequence[str]) -> None:
        """Updates the summaries, so that lists say where a version is now; an error here does not undo the change."""
        try:
            record = self._open()
            record.refresh(replace(record.resolve(name), version=None), *versions)
        except NotFound:  # the model went with the change
            _logger.debug("no summary to bring up to date: %s is gone", name)
        except Exception:  # whatever it is: the change is made
            _logger.exception("the summary of %s is not up to date", name)

    def changing(self) -> AbstractContextManager[None]:
        """Nothing else is to be kept apart from a change here."""
        return nullcontext()

    def release(
        self,
        model: str,
        version: str,
        target: str,
        *,
        policy: Policy,
        deleting: bool = False,
        renamed: str | None = None,
    ) -> Ruling:
        """Returns the ruling on a version that gives up a target, or is deleted or renamed with it."""
        decision = removal(
            model,
            version,
            target,
            policy=policy,
            requester=self._requester(),
            deleting=deleting,
            renamed=renamed,
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

    @contextmanager
    def carried_out(
        self, store: Any, rulings: Sequence[tuple[Ruling, Mapping[str, Sequence[str]]]]
    ) -> Iterator[None]:
        """Records rulings in the transaction of the change that is made inside: both or neither.

        Where registry and record are two databases this cannot be. The decision is then recorded
        before the change, as not carried out yet, and after it as carried out: whoever is stopped
        in between leaves the decision with its requester. Of a registry that is no database here
        (``spot+http``) it is recorded afterwards.

        Args:
            store: the registry's store.
            rulings: (ruling, target -> versions that give it up by this).

        Raises:
            SpotError: in mode "block", where the entry of a decision cannot be prepared.
        """
        ready = self._ready(store, rulings)
        if ready is None:
            yield
            self._record_all(rulings)
            return
        rows = [r.rows for r in ready]
        must = any(_must(r) for r, _ in rulings)
        with private.runs_with_change(store, rows, must=must) as joined:
            yield
        if not joined.written:
            self._record_all(rulings)
            return
        with self._lock:
            for (ruling, _), prepared in zip(rulings, ready, strict=True):
                self._done(ruling, prepared)

    def attempt(
        self,
        kind: str,
        what: str,
        *,
        place: Hashable,
        model: Callable[[], str],
        version: str | None = None,
    ) -> None:
        """Takes note of an attempt that is refused in any mode, as ``Attempt`` says; never raises."""
        workspace = private.current_workspace()
        self._attempts.note(
            Attempt(kind, what, self._requester(), place, model, version, workspace)
        )

    def _write_attempt(self, attempt: Attempt, count: int) -> None:

        with self._lock:
            view, name, version = self._view, attempt.model(), attempt.version
            ref = REGISTRY
            known: Sequence[Evidence] = ()
            if name:
                try:
                    facts = view.facts(name)
                    ref, known = ModelRef(facts.name, None, facts.created), view.decisions(facts)
                    version = version if facts.version(str(version)) else None
                except NotFound:  # of a model that there is not
                    version = None
            decision = tampering(ref.name, version, attempt.what, requester=attempt.requester)
            draft = decision_draft(decision, created=ref.created, known=known)
            draft = replace(draft, payload={**draft.payload, "attempts": count})
            with mlflow_errors(f"the record of {ref.name!r}"):
                view.add(ref, view.record.writer.write(draft))

    def _record_all(self, rulings: Sequence[tuple[Ruling, Mapping[str, Sequence[str]]]]) -> None:
        for ruling, replaced in rulings:
            self.record(ruling, applied=True, replaced=replaced)

    def _done(self, ruling: Ruling, prepared: Prepared) -> None:
        """Takes note of an entry that was written; the change stands, so nothing is raised."""
        try:
            self._view.record.writer.done(prepared)  # type: ignore[attr-defined] # a QuickWriter
            self._view.add(_ref(ruling), prepared.evidence)
        except Exception:  # whatever it is: the change is made
            _logger.exception("recorded, and not remembered: %s", ruling.decision.verdict)

    def _ready(
        self, store: Any, rulings: Sequence[tuple[Ruling, Mapping[str, Sequence[str]]]]
    ) -> list[Prepared] | None:
        """Returns the rulings as entries to be inserted; None where they are written otherwise."""
        if not rulings or not private.is_database(store):
            return None
        try:
            with self._lock:
                writer = self._view.record.writer
                if not isinstance(writer, QuickWriter) or not private.same_database(
                    store, writer.store
                ):
                    for ruling, _ in rulings:
                        self.record(ruling, applied=False)
                    return None
                return [
                    _prepared(writer, r, replaced, in_force=self._in_force(r.decision))
                    for r, replaced in rulings
                ]
        except (SpotError, OSError):
            if any(_must(r) for r, _ in rulings):
                raise
            return None

    def _in_force(self, decision: GateDecision) -> bool:
        """Whether a decision was made by a policy that was set, and not by the default."""
        known = self._known
        set_here = known is not None and (known.sure or known.at is not None)
        return set_here and known is not None and known.in_force.digest == decision.policy_digest

    def _written(
        self,
        ruling: Ruling,
        applied: bool,  # noqa: FBT001 - taken from the queue as it was put there
        replaced: Mapping[str, Sequence[str]] | None,
    ) -> bool:
        try:
            self._write(ruling, applied, replaced)
        except Exception as e:  # noqa: BLE001 - what was decided stands, and is said to who asked
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

        view, decision = self._view, ruling.decision
        try:
            written = record_decision(
                view.record,
                decision,
                created=ruling.facts.created,
                known=ruling.known,
                applied=applied,
                replaced=replaced,
                in_force=self._in_force(decision),
            )
        except NotFound:  # the model itself was deleted: its record went with it
            _logger.info("not recorded, the model is gone: %s", decision.verdict)
            return
        if written is not None:
            view.add(_ref(ruling), written)


def _prepared(
    writer: QuickWriter,
    ruling: Ruling,
    replaced: Mapping[str, Sequence[str]],
    *,
    in_force: bool,
) -> Prepared:

    decision = ruling.decision
    draft = decision_draft(
        decision,
        created=ruling.facts.created,
        known=ruling.known,
        applied=True,
        replaced=replaced,
        in_force=in_force,
    )
    with mlflow_errors(f"model {decision.model!r}"):
        return writer.prepared(draft)


def _ref(ruling: Ruling) -> ModelRef:

    return ModelRef(ruling.facts.name, None, ruling.facts.created)


def _must(ruling: Ruling) -> bool:
    """Whether a change must not be without its entry; what is never blocked is not blocked by that."""
    return ruling.decision.mode == "block" and ruling.decision.basis in (
        "requirements",
        "break-glass",
    )
