"""One change of targets: decided before, recorded together with it; and how a refusal looks to MLflow.

Refusals are ``MlflowException`` with PERMISSION_DENIED: HTTP 403, which clients show and do not
retry.
"""

from __future__ import annotations

import functools
import logging
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import RecordDamaged, SpotError
from spot_mlflow.gate.policy import lost_policy
from spot_mlflow.gate.targets import fold
from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from spot_mlflow_plugins.ruling import Decider, Ruling

_NEVER_GATED: Final = ("none", "archived")
_logger: Final = logging.getLogger("mlflow.spot")


def deny(message: str) -> Exception:
    """Returns the refusal: HTTP 403 with PERMISSION_DENIED."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    return MlflowException(f"[spot] {message}", error_code=PERMISSION_DENIED)


@contextmanager
def as_mlflow_errors() -> Iterator[None]:
    """Turns our errors into MLflow's: what cannot be decided is refused, never let through."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, TEMPORARILY_UNAVAILABLE

    try:
        yield
    except SpotError as e:
        code = TEMPORARILY_UNAVAILABLE if e.http_status == 503 else PERMISSION_DENIED  # noqa: PLR2004 - HTTP
        raise MlflowException(f"[spot] could not be decided: {e}", error_code=code) from e


def stale(what: str) -> Exception:
    """Returns the answer to a change that rests on what is so no longer: HTTP 409."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_CONFLICT

    found = MlflowException(
        f"[spot] {what} was changed by somebody else at the same moment; nothing was done. Try again.",
        error_code=RESOURCE_CONFLICT,
    )
    found.spot_stale = True  # type: ignore[attr-defined] # tells it from MLflow's own conflicts
    return found


def judged_again(method: Callable[..., Any]) -> Callable[..., Any]:
    """Judges a change anew where what it rested on was changed meanwhile; then it is HTTP 409."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for last in (False, False, True):
            try:
                return method(*args, **kwargs)
            except Exception as e:  # noqa: PERF203 - three times at most
                if last or not getattr(e, "spot_stale", False):
                    raise
        raise AssertionError  # the last one returned or raised

    return wrapper


class Passage:
    """One change of targets: decided before, recorded together with it."""

    def __init__(self, store: Any, version: Any) -> None:
        self._store = store
        self._decider: Decider = store._spot_asked()  # noqa: SLF001 - ours
        self._name, self._version = str(version.name), str(version.version)
        self._ruling: Ruling | None = None
        self._replaced: dict[str, list[str]] = {}
        self._left: str | None = None
        self._lost: RecordDamaged | None = None
        with as_mlflow_errors():
            try:
                self._policy = self._decider.policy()
            except RecordDamaged as e:  # archiving, giving up and going back pass all the same
                self._policy, self._lost = lost_policy(), e

    def leaving(self, target: str) -> None:
        """Notes that the version gives up a target by this."""
        self._left = target if self._policy.key_of(target) is not None else None

    def entering(self, target: str, *, alone: bool) -> None:
        """Decides whether the version may have a target; refuses where it may not.

        Args:
            target: stage or "@alias".
            alone: whether those that hold it now give it up for this.
        """
        if fold(target) in _NEVER_GATED:
            return
        if self._policy.key_of(target) is None:
            if self._lost is not None:  # it may have been gated by the policy that is lost
                with as_mlflow_errors():
                    raise self._lost
            return
        with as_mlflow_errors():
            ruling = self._decider.decide(self._name, self._version, target, policy=self._policy)
        decision = ruling.decision
        if not decision.allowed:
            self._decider.record(ruling, applied=False)
            raise deny(ruling.words)
        if (not decision.satisfied and decision.mode == "warn") or decision.basis == "break-glass":
            _logger.warning("%s", decision.explain())
        self._ruling = ruling
        if alone:
            holders = [v.version for v in ruling.facts.holders(target)]
            self._replaced[decision.target] = [v for v in holders if v != self._version]

    @contextmanager
    def carried_out(self) -> Iterator[None]:
        """The context to make the change in: looks again, under lock, and records the decision with it."""
        if self._ruling is None and self._left is not None:
            with as_mlflow_errors():
                self._ruling = self._decider.release(
                    self._name, self._version, self._left, policy=self._policy
                )
        if self._left is not None:
            self._replaced.setdefault(self._left, []).append(self._version)
        if self._ruling is None:
            yield
            return
        done = [(self._ruling, self._replaced)]
        with (
            self._decider.changing(),
            private.looked_at(self._store, self._name, self._look),
            carried_out(self._decider, self._store, done),
        ):
            yield
        versions = [v for gone in self._replaced.values() for v in gone]
        self._decider.tell(self._name, tuple(dict.fromkeys((*versions, self._version))))

    def _look(self, now: private.HeldRows | None) -> None:
        """Raises where the model is another than was decided on."""
        ruling = self._ruling
        if ruling is None or ruling.decision.basis == "removal":
            return
        target = ruling.decision.target
        facts = ruling.facts
        if (
            now is None
            or now.created != facts.created
            or holding(now, target) != {v.version for v in facts.holders(target)}
            or not self._decider.still(ruling)
        ):
            raise stale(f"model {self._name!r}")


def holding(rows: private.HeldRows, target: str) -> set[str]:
    """Returns the versions that hold a target: a stage, or an alias written "@name"."""
    wanted = target.casefold()
    if wanted.startswith("@"):
        return {v for a, v in rows.aliases if a.casefold() == wanted[1:]}
    return {v for s, v in rows.stages if s.casefold() == wanted}


@contextmanager
def carried_out(
    decider: Decider, store: Any, rulings: Sequence[tuple[Ruling, Mapping[str, Sequence[str]]]]
) -> Iterator[None]:
    """``Decider.carried_out``, with MLflow's errors where it could not begin."""
    with ExitStack() as stack:
        with as_mlflow_errors():
            stack.enter_context(decider.carried_out(store, rulings))
        yield
