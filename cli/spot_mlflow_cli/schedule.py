"""Checks every watched model version in one process: several are read at once, recorded one by one.

Worker threads take a version in hand and read its outcomes, each with a record of its own; what they
find is recorded by the thread that called. To stop is to end after the pass that is read and the
entry that is written.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from spot_mlflow.due import due, watched
from spot_mlflow.errors import SpotError, Unavailable
from spot_mlflow.record import Record
from spot_mlflow.record.claims import Claims
from spot_mlflow.record.references import ModelRef
from spot_mlflow.reporting.message.listed import UPDATED
from spot_mlflow.validation import utc
from spot_mlflow_cli.checking import PASSES, Answer, Checked, failures, keep, read_outcomes
from spot_mlflow_cli.each import EachModel, say_where_looked, unexpected
from spot_mlflow_cli.terminal import progress, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spot_mlflow.due import Watched
    from spot_mlflow.record.claims import Claim
    from spot_mlflow_cli.each import Unread


class State(Enum):
    """What came of one version."""

    RECORDED = "recorded"
    ON_RECORD = "on_record"  # with the same figures; nothing was written
    NOT_RECORDED = "not_recorded"  # --dry-run
    NOT_DUE = "not_due"
    ELSEWHERE = "elsewhere"  # another process has it in hand
    FAILED = "failed"
    STOPPED = "stopped"  # before it was recorded


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a schedule.

    Attributes:
        only_due: leave out versions whose check is not due.
        as_of: moment at which maturity and due dates are judged; now where None.
        full: read everything, closed cohorts too.
        fail_on: answers that make the exit status 1.
        person: who checks, where known.
        dry_run: write nothing.
        jobs: versions that are read at once.
    """

    only_due: bool = False
    as_of: str | None = None
    full: bool = False
    fail_on: tuple[str, ...] = ()
    person: str | None = None
    dry_run: bool = False
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class Visit:
    """One version, and what came of it.

    Attributes:
        ref: the version.
        watched: why it is watched, and whether it was due.
        state: what came of it.
        checked: the answer, where it was checked.
        error: why it failed, where it did.
        claim: who has it in hand elsewhere.
    """

    ref: ModelRef
    watched: Watched
    state: State = State.STOPPED
    checked: Checked | None = None
    error: SpotError | None = None
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one call.

    Attributes:
        visits: by model and version.
        unread: models of which the record could not be read, and why.
        fail_on: answers that make the exit status 1.
        stopped: whether it was interrupted.
    """

    visits: tuple[Visit, ...]
    unread: Sequence[Unread] = ()
    fail_on: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def exit_status(self) -> int:
        """The gravest: 3 for what may work later, 2 for what needs a person, 1 for --fail-on, 0."""
        if self.stopped:
            return INTERRUPTED
        found = [Unavailable.exit_status] * bool(self.unread)
        return max((status_of(v, self.fail_on) for v in self.visits), default=0) if not found else 3


INTERRUPTED: Final = 130
_GLANCE: Final = 0.2  # seconds between looks at whether to stop


def status_of(visit: Visit, fail_on: Sequence[str] = ()) -> int:
    """Returns the exit status that ``spot outcomes`` has for one version."""
    if visit.error is not None:
        return visit.error.exit_status
    found = set() if visit.checked is None else failures(visit.checked.report)
    return int(bool(found.intersection(fail_on)))


class _Stopped(Exception):
    """A worker ends at the next pass."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A version that a worker shall read; patient where others have it in hand for now."""

    visit: Visit
    patient: bool = False
    answer: Answer | None = None


class Schedule:
    """One call of ``spot outcomes --all``.

    Args:
        wanted: what is asked.
        tell: called with what is being done, for people.
        stop: set to end early.
    """

    def __init__(self, wanted: Wanted, tell: Callable[[str], None], stop: threading.Event) -> None:
        self._wanted = wanted
        self._tell = tell
        self._record = Record()
        self._claims = Claims(self._record.client)
        self._todo: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._read: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._stop = stop

    def run(self) -> Round:
        """Goes through all watched versions; a fault of one stops no other."""
        found, unread = self._find()
        visits = {v.ref: v for v in found}
        waiting = [v for v in found if v.state is State.STOPPED]
        workers = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(self._wanted.jobs, len(waiting)))
        ]
        with self._claims:
            try:
                for visit in waiting:
                    self._todo.put(_Task(visit))
                for worker in workers:
                    worker.start()
                for visit in self._results(len(waiting)):
                    visits[visit.ref] = visit
            finally:
                for _ in workers:
                    self._todo.put(None)
            for worker in workers:  # a second Ctrl-C does not wait for them
                worker.join()
        return Round(tuple(visits.values()), unread, self._wanted.fail_on, self._stop.is_set())

    def _find(self) -> tuple[list[Visit], list[Unread]]:
        """Finds the watched versions; those that are not due are done with."""
        record, now = self._record, utc(self._wanted.as_of)
        known = sorted(record.portfolio())
        say_where_looked(record, known=len(known), shown=len(known), err=True)
        each = EachModel(name for name, tags in known if UPDATED in tags)
        found: list[Visit] = []
        for name in each:
            if self._stop.is_set():
                break
            with each.reading(name):
                adoption = record.adoption(name, now=now)
                for one in watched(adoption):
                    ref = ModelRef(name, one.version, adoption.facts.created)
                    found.append(self._unless_not_due(Visit(ref, one)))
        return found, each.unread

    def _unless_not_due(self, visit: Visit) -> Visit:
        if visit.watched.due.now or not self._wanted.only_due:
            return visit
        return replace(visit, state=State.NOT_DUE)

    def _results(self, count: int) -> Iterator[Visit]:
        """Yields the visits as they end; those in hand elsewhere are asked for again at the end."""
        patient: list[_Task] = []
        left = count
        while left or patient:
            if not left:
                for task in patient:
                    self._todo.put(task)
                left, patient = len(patient), []
            try:
                task = self._read.get(timeout=_GLANCE)
            except queue.Empty:
                if self._stop.is_set():
                    self._tell("Stopping after the pass that is being read")
                    return
                continue
            left -= 1
            if task.visit.state is State.ELSEWHERE and not task.patient:
                patient.append(replace(task, patient=True))
            else:
                yield self._kept(task)

    def _kept(self, task: _Task) -> Visit:
        """Records what a worker has read."""
        visit, answer, wanted = task.visit, task.answer, self._wanted
        if answer is None:
            return visit
        self._tell(f"{visit.ref}: {PASSES['recording']}")
        try:
            if not wanted.dry_run and not self._claims.kept(visit.ref.name, visit.watched.version):
                return replace(visit, state=State.FAILED, error=_taken_over(visit))
            checked = keep(self._record, answer, person=wanted.person, dry_run=wanted.dry_run)
            return replace(visit, state=_state(checked, wanted), checked=checked)
        except SpotError as e:
            return replace(visit, state=State.FAILED, error=e)
        except Exception as e:  # noqa: BLE001 - whatever it is, the others go on
            return replace(visit, state=State.FAILED, error=unexpected(e))
        finally:
            self._release(visit)

    def _release(self, visit: Visit) -> None:
        if not self._wanted.dry_run:
            self._claims.release(visit.ref.name, visit.watched.version)

    def _work(self) -> None:
        """Reads versions until there are none."""
        record = Record()
        while (task := self._todo.get()) is not None:
            if self._stop.is_set():
                continue
            try:
                self._read.put(self._visited(record, task))
            except _Stopped:
                continue
            except SpotError as e:
                self._failed(task, e)
            except Exception as e:  # noqa: BLE001 - whatever it is, the others go on
                self._failed(task, unexpected(e))

    def _failed(self, task: _Task, error: SpotError) -> None:
        visit = replace(task.visit, state=State.FAILED, error=error)
        try:
            self._release(visit)
        except SpotError:  # it will be found to be dead
            pass
        finally:
            self._read.put(_Task(visit))

    def _visited(self, record: Record, task: _Task) -> _Task:
        """Takes a version in hand and reads its outcomes, unless others have it or had it since."""
        visit, wanted = task.visit, self._wanted
        name, version = visit.ref.name, visit.watched.version
        if not wanted.dry_run:
            claim = (
                self._claims.take_once_free(name, version, self._stop)
                if task.patient
                else self._claims.take(name, version)
            )
            if claim is not None:
                elsewhere = replace(visit, state=State.ELSEWHERE, claim=claim)
                return replace(task, visit=elsewhere)
        if wanted.only_due:
            adoption = record.adoption(visit.ref, now=utc(wanted.as_of))
            again = replace(visit.watched, due=due(adoption, version))
            if not again.due.now:  # another process has checked it in the meantime
                self._release(visit)
                return _Task(replace(visit, watched=again, state=State.NOT_DUE))
        settings = {"as_of": wanted.as_of, "full": wanted.full}
        answer = read_outcomes(record, visit.ref, None, settings, self._telling(visit.ref))
        return _Task(visit, answer=answer)

    def _telling(self, ref: ModelRef) -> Callable[[str], None]:
        def tell(name: str) -> None:
            if self._stop.is_set():
                raise _Stopped
            self._tell(f"{ref}: {PASSES.get(name, name)}")

        return tell


def _taken_over(visit: Visit) -> SpotError:
    return Unavailable(
        "another process may have taken the check over, since this one showed no sign of life",
        where=str(visit.ref),
        fix="Nothing was recorded here; run it again.",
    )


def _state(checked: Checked, wanted: Wanted) -> State:
    if checked.known_since:
        return State.ON_RECORD
    return State.NOT_RECORDED if wanted.dry_run else State.RECORDED


def run_schedule(wanted: Wanted) -> Round:
    """Checks every watched version, with progress for whoever looks on.

    Ctrl-C and SIGTERM end it after the pass that is read and the entry that is written; a second one
    at once.

    Raises:
        Unavailable: MLflow did not answer for several models in a row.
    """
    stop = threading.Event()
    with stopping(stop), progress() as bar:
        task = bar.add_task("Looking for versions to check", total=None)
        return Schedule(wanted, lambda said: bar.update(task, description=said), stop).run()
