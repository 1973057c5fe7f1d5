"""What the guard asks, and what it is answered: a decision with all that it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from spot_mlflow.adoption import FileFacts, ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow_plugins.evidence_view import Basis


@dataclass(frozen=True)
class Ruling:
    """A decision with what is needed to record it.

    Attributes:
        decision: the answer.
        facts: what the registry said of the model.
        known: the evidence it rests on, earlier decisions included, oldest first.
        basis: what shows whether anything was recorded since.
        files: where the version's files were, where a server knows.
        told: the same answer as who asks may read it; None where that is all of it.
        page: address of the page that has all of it; "" where no server shows one.
    """

    decision: GateDecision
    facts: ModelFacts
    known: Sequence[Evidence] = field(default=())
    basis: Sequence[Basis] = field(default=())
    files: FileFacts | None = None
    told: GateDecision | None = None
    page: str = ""

    @property
    def words(self) -> str:
        """The answer for who asks: in a line where a page has the reasons, else with all of them."""
        said = self.told or self.decision
        if not self.page:
            return said.explain()
        of = urlencode({"name": said.model, "version": said.version})
        return said.brief(f"{self.page}?{of}")


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
        ...

    def record(
        self, ruling: Ruling, *, applied: bool, replaced: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Records a ruling; never raises, since what was done is done."""
        ...

    def carried_out(
        self, store: Any, rulings: Sequence[tuple[Ruling, Mapping[str, Sequence[str]]]]
    ) -> AbstractContextManager[None]:
        """Records rulings together with the change that is made inside."""
        ...

    def still(self, ruling: Ruling) -> bool:
        """Says whether nothing was recorded since that could change a ruling."""
        ...

    def registered(self, name: str, version: str) -> None:
        """Takes note of a new version of a model; never raises, never waits."""
        ...

    def tell(self, name: str, versions: Sequence[str]) -> None:
        """Brings the summaries of a model and of versions of it up to date after a change; never raises."""
        ...

    def changing(self) -> AbstractContextManager[None]:
        """Returns the context to look again and to make a change of targets in."""
        ...

    def attempt(
        self,
        kind: str,
        what: str,
        *,
        place: Hashable,
        model: Callable[[], str],
        version: str | None = None,
    ) -> None:
        """Takes note of something that was refused; never raises."""
        ...
