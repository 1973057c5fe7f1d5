"""An answer never rests on fewer units than the last one without saying so, or being refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.stored.kept_units import checked_units, fewer_than
from spot_mlflow.lift.stored.same_figures import same_figures

AS_OF = "2024-09-08T00:00:00+00:00"


def answer(
    days: Any = range(20), each: int = 40, *, as_of: str = AS_OF, **keywords: Any
) -> OutcomeMoments:
    """The moments of a log: ``each`` units on each of the days, numbered from 5 August 2024."""
    n = len(list(days)) * each
    day = np.datetime64("2024-08-05") + np.repeat(list(days), each)
    units = np.arange(n)
    cells = Moments.of_units(
        {"outcome": (units % 3 == 0).astype(float)},
        np.where(units % 2, TREATMENT, HOLDOUT),
        segment=np.where(units % 4 < 2, "North", "South"),
        period=day,
    )
    return OutcomeMoments(cells, {}, as_of, source="log.csv", rows=n, **keywords)


def part(of: OutcomeMoments, which: Any) -> OutcomeMoments:
    """The answer over some of the cells."""
    return replace(of, cells=of.cells.select(which))


BEFORE = answer()


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (answer(range(15)), "those decided from 20 to 24 August 2024 are not in the log"),
        (answer([0, *range(2, 20)]), "those decided on 6 August 2024 are not in the log"),
        (answer(range(20, 60)), "those decided from 5 to 24 August 2024 are not in the log"),
        (part(BEFORE, BEFORE.cells.segment != "South"), "no units of segment 'South'"),
        (part(BEFORE, BEFORE.cells.arm != HOLDOUT), "no units of arm 'holdout'"),
        (answer(each=34), "units decided from 5 to 24 August 2024"),
    ],
    ids=["days", "one day", "later days alone", "a segment", "an arm", "a part of each day"],
)
def test_a_log_that_is_not_the_whole_one_is_refused(now: OutcomeMoments, why: str) -> None:
    """Whatever is missing is named, with counts and dates, and what to give instead."""
    with pytest.raises(InvalidInput, match=r"of the 800 units.*as of 8 September 2024") as refused:
        checked_units(now, BEFORE)
    assert why in str(refused.value)
    assert "Give the whole log" in str(refused.value)


def test_a_few_units_less_are_said_first() -> None:
    """What a correction takes is a sentence with the number and where; nothing is refused."""
    now = answer(each=39)
    found = checked_units(now, BEFORE)
    assert found is not None
    assert found.words.startswith("20 of the 800 units of the last check (as of 8 September 2024)")
    with pytest.raises(InvalidInput, match="leaves out 20 of the 800"):
        checked_units(now, BEFORE, all_of_them=True)


def test_with_a_reason_any_number_may_go_and_the_reason_is_said() -> None:
    """The reason is part of the sentence, and of the record."""
    found = checked_units(answer(range(15)), BEFORE, reason="August restated without the pilot.")
    assert found is not None
    assert "Reason given: August restated without the pilot." in found.words
    stored = replace(BEFORE, left_out=found, ids=(1, 9))
    again = OutcomeMoments.from_dict(json.loads(json.dumps(stored.to_dict())))
    assert (again.left_out, again.ids) == (found, (1, 9))


@pytest.mark.parametrize(
    "now",
    [BEFORE, answer(range(40)), answer(each=50)],
    ids=["the same", "more days", "more on each day"],
)
def test_a_log_that_holds_all_and_more_passes(now: OutcomeMoments) -> None:
    """Growth is no loss."""
    assert checked_units(now, BEFORE) is None


def test_units_that_merely_change_arm_are_not_missing() -> None:
    """A correction of arms is told as a correction."""
    swapped = np.where(BEFORE.cells.arm == HOLDOUT, TREATMENT, HOLDOUT).astype(object)
    assert checked_units(replace(BEFORE, cells=replace(BEFORE.cells, arm=swapped)), BEFORE) is None


def test_a_check_as_of_an_earlier_day_says_so() -> None:
    """Fewer units are then what was asked for; days that had closed by then may still not go."""
    early = "2024-08-20T00:00:00+00:00"
    whole = answer(range(12), as_of=early)
    found = checked_units(whole, BEFORE, window=timedelta(days=3))
    assert found is not None
    assert "this check is as of 20 August 2024, an earlier day" in found.words
    with pytest.raises(InvalidInput, match="decided from 5 to 7 August 2024 are not in the log"):
        checked_units(answer(range(3, 15), as_of=early), BEFORE, window=timedelta(days=3))


def test_another_log_of_the_same_days_is_refused() -> None:
    """As many units, but others: ids lie elsewhere, or the days vary both ways."""
    ids = replace(BEFORE, ids=(0, 799))
    with pytest.raises(InvalidInput, match="ids in the log run from 1000 to 1799"):
        checked_units(replace(BEFORE, ids=(1000, 1799)), ids)
    cells = BEFORE.cells
    jitter = np.where(cells.period.astype(int) % 2, 1, -1)
    counts = {k: getattr(cells, k) + jitter for k in ("assigned", "matured", "n")}
    other = replace(BEFORE, cells=replace(cells, **counts))
    with pytest.raises(InvalidInput, match="seems to be about other units"):
        checked_units(other, BEFORE)


def test_undated_logs_are_compared_by_their_counts_and_ids() -> None:
    """Without dates there is one cohort; a larger log of later ids is still another log."""

    def undated(n: int, first: int) -> OutcomeMoments:
        arms = np.where(np.arange(n) % 2, TREATMENT, HOLDOUT)
        cells = Moments.of_units({"outcome": np.arange(n) % 2 * 1.0}, arms)
        return OutcomeMoments(cells, {}, AS_OF, ids=(first, first + n - 1))

    with pytest.raises(InvalidInput, match="fewer rows, or fewer outcomes"):
        checked_units(undated(100, 0), undated(200, 0))
    with pytest.raises(InvalidInput, match="ids in the log run from 1000"):
        checked_units(undated(300, 1000), undated(200, 0))
    assert checked_units(undated(300, 0), undated(200, 0)) is None


def test_a_changed_window_is_no_reason_to_refuse_but_is_said() -> None:
    """The same units are there; fewer of them have matured under the new promise."""
    cells = BEFORE.cells
    fewer = replace(cells, n=cells.n // 2, matured=cells.matured // 2)
    now = replace(BEFORE, cells=fewer, contract="new")
    found = checked_units(now, replace(BEFORE, contract="old"))
    assert found is not None
    assert "the promise was changed" in found.words


def test_where_only_counts_are_left_of_the_last_check_they_are_compared() -> None:
    """An artifact that cannot be read must not let a smaller log pass."""
    found = fewer_than(answer(range(10)), 800, 800, AS_OF)
    assert found is not None
    assert found.needs_reason
    assert fewer_than(BEFORE, 800, 700, AS_OF) is None


def test_the_same_figures_are_known_whatever_the_centre() -> None:
    """Sums about other constants tell the same; one outcome more or less does not."""
    cells = BEFORE.cells
    n = cells.n[:, None]
    moved = replace(
        cells,
        center=cells.center + 1,
        s1=cells.s1 - n,
        s2=cells.s2 - 2 * cells.s1[:, :, None] + n[:, :, None],
    )
    assert same_figures(replace(BEFORE, cells=moved), BEFORE)
    changed = cells.s1.copy()
    changed[0] += 1
    assert not same_figures(replace(BEFORE, cells=replace(cells, s1=changed)), BEFORE)
    assert not same_figures(answer(range(21)), BEFORE)
