from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow_plugins.attempts import Attempt, Attempts


def attempt(place: str = "churn", kind: str = "reserved tag", who: str | None = "ann") -> Attempt:
    """An attempt on a model."""
    return Attempt(kind, "set tag 'spot'", who, place, lambda: place)


class Written:
    """Remembers what was to be written; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.entries: list[tuple[str | None, str, int]] = []
        self.failures = failures

    def __call__(self, attempt: Attempt, count: int) -> None:
        """Writes one."""
        if self.failures:
            self.failures -= 1
            raise ConnectionError("down for a moment")
        self.entries.append((attempt.requester, attempt.model(), count))

    @property
    def counted(self) -> int:
        """All attempts that the entries speak of."""
        return sum(count for *_, count in self.entries)


def test_the_first_is_written_at_once_and_the_others_are_counted() -> None:
    """A flood of one kind on one model is two entries: one now, one with the rest."""
    written = Written()
    attempts = Attempts(written, every=3600)
    for _ in range(500):
        attempts.note(attempt())
    assert written.entries == [("ann", "churn", 1)]
    attempts.flush()
    assert written.entries == [("ann", "churn", 1), ("ann", "churn", 499)]
    attempts.flush()
    assert written.counted == 500


def test_who_where_and_what_are_told_apart() -> None:
    """Another requester, model or kind is another entry."""
    written = Written()
    attempts = Attempts(written, every=3600)
    for one in (attempt(), attempt(who=None), attempt(place="upsell"), attempt(kind="run")):
        attempts.note(one)
        attempts.note(one)
    assert len(written.entries) == 4


@given(st.lists(st.integers(0, 200), max_size=300), st.integers(1, 20))
def test_no_flood_writes_more_than_it_may_and_none_is_forgotten(
    places: list[int], most: int
) -> None:
    """However many models are tried: a bounded number of entries, and all attempts counted."""
    written = Written()
    attempts = Attempts(written, every=3600, most=most)
    for place in places:
        attempts.note(attempt(str(place)))
    assert len(written.entries) <= most
    attempts.flush()
    assert len(written.entries) <= 2 * most + 1
    assert written.counted == len(places)


def test_what_could_not_be_written_is_written_later() -> None:
    """A record that is down loses no attempt, and the caller sees nothing of it."""
    written = Written(failures=2)
    attempts = Attempts(written, every=3600)
    attempts.note(attempt())
    attempts.flush()
    assert written.entries == []
    attempts.flush()
    assert written.counted == 1


def test_the_rest_is_written_although_nobody_comes_again() -> None:
    """When the time is over the count is written by itself."""
    written = Written()
    attempts = Attempts(written, every=0.2)
    for _ in range(7):
        attempts.note(attempt())
    end = time.monotonic() + 60
    while written.counted < 7 and time.monotonic() < end:
        time.sleep(0.05)
    assert written.counted == 7


@pytest.mark.parametrize("threads", [8])
def test_threads_lose_nothing(threads: int) -> None:
    """Attempts noted at the same time are all counted, once."""
    written = Written()
    attempts = Attempts(written, every=3600)
    workers = [
        threading.Thread(target=lambda: [attempts.note(attempt()) for _ in range(200)])
        for _ in range(threads)
    ]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    attempts.flush()
    assert written.counted == threads * 200
    assert len(written.entries) == 2


def test_names_that_no_model_has_are_not_kept() -> None:
    """Names of megabytes are counted, together, and none of them stays in memory."""
    written = Written()
    attempts = Attempts(written, every=3600)
    for n in range(5):
        attempts.note(attempt(place=f"{n}" + "x" * 3_000_000))
    attempts.flush()
    assert written.counted == 5
    assert {place for _, place, _ in written.entries} == {""}
