"""``Record``: the evidence of all models on one MLflow, with the policy and the summaries that rest on it."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import SpotError
from spot_mlflow.record import remote
from spot_mlflow.record.checking import verified
from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.record.entry_store import EntryStore
from spot_mlflow.record.policies import COPY_TAG, policies_in
from spot_mlflow.record.summary import refresh, refresh_after

if TYPE_CHECKING:
    from spot_mlflow.adoption import ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record.policies import Policies
    from spot_mlflow.record.references import ModelRef
    from spot_mlflow.record.subject import Subject
    from spot_mlflow.record.verification import Verification

_LOG = logging.getLogger(__name__)
_TOLD_FOR: Final = 30.0  # seconds


class Record(EntryStore):
    """The evidence of all models on one MLflow; its arguments are those of ``EntryStore``.

    One object may be kept as long as a process lives; ``entries(..., recent=True)`` then reads only
    what is new. It is not shared between threads.
    """

    _policies: tuple[Policies, float] | None = None  # until when, monotonic

    def policy_told(self, facts: ModelFacts) -> tuple[Policy, str | None]:
        """Returns the policy whose answer the summaries of a model tell, and its mark, or None.

        A record that knows the policy which the model's tag names does not read it again, for half a
        minute. Nothing is decided on a summary.

        Args:
            facts: of the model.

        Raises:
            RecordDamaged: as ``current_policy``.
        """
        known, until = self._policies or (None, 0.0)
        if known is None or known.mark != facts.tags.get(COPY_TAG) or time.monotonic() > until:
            known = policies_in(self, recent=True)
            self._policies = known, time.monotonic() + _TOLD_FOR
        return known.in_force, known.mark

    def verify(self, model: Any, *, files: bool = False) -> Verification:
        """Checks that no evidence of a model was edited, deleted or half written.

        A gated server is asked: it has the key and remembers which entries there were.

        Args:
            model: which model, or ``REGISTRY``.
            files: whether to have the files of its versions hashed again, too.

        Raises:
            InvalidInput: files are asked for, and no gated server is there to hash them.
        """
        ref = REGISTRY if model == REGISTRY else self.resolve(model)
        return verified(self, ref, files=files)

    def refresh(self, ref: ModelRef, *others: str) -> None:
        """Derives summary tags and description of a model anew from the record.

        Args:
            ref: the model; its version gets tags of its own.
            others: further versions that do.
        """
        with self._errors(f"model {ref.name!r}"):
            if isinstance(self.writer, remote.RouteWriter):
                for version in dict.fromkeys((ref.version, *others)):
                    self.writer.refresh(replace(ref, version=version))
            else:
                refresh(self, ref, self.policy_told, others=others)

    def _refresh_after(self, subject: Subject, evidence: Evidence) -> None:
        """The entry stands: a summary that lags must not look as if nothing had been recorded."""
        try:
            with self._errors(f"model {subject.ref.name!r}"):
                if isinstance(self.writer, remote.RouteWriter):
                    self.writer.refresh(subject.ref)
                else:
                    refresh_after(self, subject, evidence, self.policy_told)
        except SpotError as e:
            _LOG.warning(
                "The %s is recorded, but the summary tags are not up to date: %s", evidence.kind, e
            )
