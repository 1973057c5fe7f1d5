"""A new cohort merged with stored moments: the answer from scratch, or the reason for reading again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.cells import first_days
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT: dict[str, Any] = {
    "metric": "spend",
    "kind": "money",
    "predicted": {"lift": 5.0},
    "window": "10d",
    "score_edges": [0.25, 0.5, 0.75],
    "columns": {
        "unit": "unit", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y", "segment": "seg",
        "decided_at": "decided", "observed_at": "observed", "value": "value", "score": "score",
        "offered": "offered", "covariate": "pre", "team": "team",
    },
}  # fmt: skip
EARLIER, LATER = "2027-02-15", "2027-03-20"


def log(days: int = 70, each: int = 30) -> pd.DataFrame:
    """A log with some of everything that adds up; ids grow with time."""
    r = np.random.default_rng(5)
    n = days * each
    decided = pd.Timestamp("2027-01-01") + pd.to_timedelta(np.arange(n) // each, unit="D")
    return pd.DataFrame(
        {
            "unit": np.arange(n) + 4_294_967_296,
            "arm": r.choice(["t", "c", "other", None], n, p=[0.48, 0.48, 0.02, 0.02]),
            "y": np.where(r.random(n) < 0.1, np.nan, r.gamma(2, 500, n)),
            "seg": r.choice(["a", "b", None], n),
            "decided": decided + pd.to_timedelta(r.integers(0, 86_000, n), unit="s"),
            "observed": decided + pd.to_timedelta(r.integers(0, 15, n), unit="D"),
            "value": np.where(r.random(n) < 0.02, -1.0, r.random(n)),
            "score": r.random(n),
            "offered": r.integers(0, 2, n),
            "pre": r.normal(1000, 1, n),
            "team": r.choice(["north", "west"], n),
        }
    )


def reduced(
    frame: Any, as_of: str, contract: dict[str, Any] = CONTRACT, **keywords: Any
) -> OutcomeMoments:
    """Reduces a frame or file."""
    predicted = PredictedLift.load(contract)
    with open_source(frame, predicted) as source:
        return reduce_source(source, predicted, as_of=as_of, **keywords)


def stored(moments: OutcomeMoments) -> OutcomeMoments:
    """The moments as the record keeps them: JSON, and back."""
    return OutcomeMoments.from_dict(json.loads(json.dumps(moments.to_dict(), allow_nan=False)))


def known(frame: pd.DataFrame) -> pd.DataFrame:
    """What the log held at the earlier check."""
    return frame[frame["decided"] < EARLIER]


def fresh(frame: pd.DataFrame, earlier: OutcomeMoments) -> pd.DataFrame:
    """What a file of the cohorts that were not closed then holds."""
    assert earlier.closed is not None
    return frame[frame["decided"] >= earlier.closed.until]


def assert_same(found: OutcomeMoments, wanted: OutcomeMoments) -> None:
    """Asserts that two reductions tell the same."""
    for table in ("cells", "score_bins", "teams"):
        a, b = getattr(found, table), getattr(wanted, table)
        for key in ("segment", "arm", "period", "assigned", "matured", "n", "nonzero", "missing"):
            assert getattr(a, key).astype(str).tolist() == getattr(b, key).astype(str).tolist(), (
                table,
                key,
            )
        for key in ("s1", "s2", "s3", "center", "largest"):
            x, y = getattr(a, key), getattr(b, key)
            assert np.allclose(x, y, rtol=1e-9, atol=1e-9 * np.abs(y[np.isfinite(y)]).max()), (
                table,
                key,
            )
    late = {"late_row", "removed_row"}
    assert {k: v for k, v in found.faults.items() if k not in late} == dict(wanted.faults)
    assert found.rows == wanted.rows


@pytest.mark.parametrize("source", ["new cohorts only", "whole log"])
def test_merging_equals_the_check_from_scratch(source: str) -> None:
    """Cells, score bins, teams and faults are those of one check over everything."""
    frame = log()
    earlier = stored(reduced(known(frame), EARLIER))
    given = frame if source == "whole log" else fresh(frame, earlier)
    found = reduced(given, LATER, previous=earlier)
    assert found.passes[0] == "closed cohorts from the earlier check"
    assert_same(found, reduced(frame, LATER))


def test_three_checks_in_a_row_equal_one() -> None:
    """Merged moments can be built upon again."""
    frame = log()
    one = stored(reduced(frame[frame["decided"] < "2027-01-25"], "2027-01-25"))
    two = stored(reduced(fresh(known(frame), one), EARLIER, previous=one))
    three = reduced(fresh(frame, two), LATER, previous=two)
    assert_same(three, reduced(frame, LATER))


def test_clusters_that_do_not_meet_are_added() -> None:
    """Sums over clusters of closed cohorts add where clusters grow with time and none is open."""
    contract = {**CONTRACT, "columns": {**CONTRACT["columns"], "cluster": "village"}}
    contract["columns"].pop("team")
    frame = log().assign(village=lambda f: (f["unit"] - 4_294_967_296) // 30)
    first = frame[frame["decided"] < "2027-02-01"]
    earlier = stored(reduced(first, "2027-02-20", contract))
    found = reduced(frame[frame["decided"] >= "2027-02-01"], LATER, contract, previous=earlier)
    wanted = reduced(frame, LATER, contract)
    assert found.clusters is not None
    assert wanted.clusters is not None
    for key in ("clusters", "assigned_clusters", "events"):
        assert np.array_equal(getattr(found.clusters, key), getattr(wanted.clusters, key))
    # The constants may differ: the ratio of sums, and its residual, may not.
    assert [ratio(found, i) for i in (0, 1)] == pytest.approx([ratio(wanted, i) for i in (0, 1)])


def ratio(m: OutcomeMoments, arm: int) -> float:
    """The mean outcome of an arm by ratio of sums."""
    assert m.clusters is not None
    return float(m.clusters.s1[arm, 1] / m.clusters.s1[arm, 0] + m.clusters.center[0])


def test_rows_added_to_a_closed_cohort_are_found_and_everything_is_read() -> None:
    """Late data is counted, said, and the answer is the one from scratch."""
    frame = log()
    earlier = stored(reduced(known(frame).drop(index=[5, 6, 7]), EARLIER))
    found = reduced(frame, LATER, previous=earlier)
    assert found.faults["late_row"].count == 3
    assert any("3 rows were added to cohorts that were closed" in n for n in found.notes)
    assert_same(found, reduced(frame, LATER))


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(y=f["y"].where(f.index != 12, 9_999.0)),
        lambda f: f.assign(y=f["y"].fillna(1.0)),
        lambda f: f.assign(arm=f["arm"].replace({"t": "c", "c": "t"})),
    ],
    ids=["one outcome corrected", "outcomes filled in", "arms exchanged"],
)
def test_a_correction_of_closed_cohorts_is_never_passed_over(change: Any) -> None:
    """Rows that are as many as before but say something else: all is read again, and said."""
    frame = log()
    earlier = stored(reduced(known(frame), EARLIER))
    found = reduced(change(frame), LATER, previous=earlier)
    assert any("that had closed at the last check" in n for n in found.notes)
    assert_same(found, reduced(change(frame), LATER))


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (lambda f: f.iloc[:0], "the log is empty"),
        (lambda f: f.assign(decided="soon"), "no time can be read"),
        (lambda f: f.assign(decided=f["decided"] + pd.Timedelta(days=3_000)), "in the future"),
    ],
)
def test_a_broken_file_of_new_cohorts_is_told_as_such(new: Any, says: str) -> None:
    """The message is that of a first check, not one about merging."""
    frame = log()
    earlier = stored(reduced(known(frame), EARLIER))
    with pytest.raises(InvalidInput, match=says):
        reduced(new(fresh(frame, earlier)), LATER, previous=earlier)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda f: f.assign(unit=f["unit"].sample(frac=1, random_state=1).to_numpy()),
            "may be among",
        ),
        (
            lambda f: f.assign(unit=f["unit"].where(f.index != 9, f["unit"].iloc[3])),
            "appeared twice",
        ),
        (lambda f: f.assign(pre=f["pre"].where(f.index % 50 != 0)), "without a covariate"),
        (lambda f: f.assign(decided=f["decided"].where(f.index != 4)), "no readable time"),
    ],
)
def test_what_does_not_add_is_read_again_and_said(change: Any, reason: str) -> None:
    """The reason stands in the notes, and the answer is the one from scratch."""
    frame = change(log())
    held = frame[~(frame["decided"] >= EARLIER)]
    found = reduced(frame, LATER, previous=stored(reduced(held, EARLIER)))
    assert any(reason in n for n in found.notes), found.notes
    assert_same(found, reduced(frame, LATER))


def test_a_file_of_new_cohorts_that_cannot_be_merged_is_refused() -> None:
    """Where the old rows are needed and absent, the error says why and what to give."""
    frame = log()
    earlier = stored(reduced(known(frame), EARLIER))
    new = fresh(frame, earlier).assign(unit=lambda f: f["unit"] - 1500)
    with pytest.raises(
        InvalidInput, match=r"may be among those of closed ones.*Give the whole log"
    ):
        reduced(new, LATER, previous=earlier)


def test_a_file_that_begins_later_counts_the_days_before_as_at_the_last_check() -> None:
    """An export of the last weeks gives the answer for all units, and says which were not in it."""
    frame = log()
    earlier = stored(reduced(known(frame), EARLIER))
    found = reduced(frame[frame["decided"] >= "2027-01-30"], LATER, previous=earlier)
    assert any(
        "870 rows decided before 30 January 2027 are not in this log" in n for n in found.notes
    )
    assert_same(found, reduced(frame, LATER))


def test_a_file_that_is_neither_whole_nor_new_is_refused() -> None:
    """A log with a few of the old rows must not pass for the whole of it."""
    frame = log()
    earlier = stored(reduced(known(frame), EARLIER))
    with pytest.raises(
        InvalidInput, match=r"leaves out [\d,]+ of the [\d,]+ units of the last check"
    ):
        reduced(frame[frame["decided"] >= "2027-01-30 12:00"], LATER, previous=earlier)


def test_a_contract_without_window_never_closes_cohorts() -> None:
    """Nothing is stored for the next check, which then reads everything and says why."""
    contract = {k: v for k, v in CONTRACT.items() if k != "window"}
    frame = log()
    earlier = reduced(known(frame), EARLIER, contract)
    assert earlier.closed is None
    assert any("window" in n for n in reduced(frame, LATER, contract, previous=earlier).notes)


def months(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Three files, cut within a week and within a day."""
    first, second = pd.Timestamp("2027-01-27 14:00"), pd.Timestamp("2027-02-18 09:30")
    day = frame["decided"]
    return [frame[day < first], frame[(day >= first) & (day < second)], frame[day >= second]]


@pytest.mark.parametrize("period", [None, "7d"], ids=["days", "weeks"])
def test_three_monthly_files_in_a_row_equal_the_whole_log(period: str | None) -> None:
    """Each file alone once all of it had closed, weeks and days cut apart: teams, bins and faults too."""
    contract = CONTRACT if period is None else {**CONTRACT, "period": period}
    frame = log().sort_values("decided").assign(unit=np.arange(2100))
    one, two, three = months(frame)
    found = stored(reduced(one, "2027-02-10", contract))
    assert found.closed is not None
    assert found.closed.last is not None
    found = stored(reduced(two, "2027-03-05", contract, previous=found))
    found = reduced(three, "2027-04-01", contract, previous=found)
    assert_same(found, reduced(frame, "2027-04-01", contract))


@pytest.mark.parametrize("hours", [0, 10], ids=["whole days open", "a part of a day open"])
def test_the_next_file_alone_while_days_were_open_is_refused(hours: int) -> None:
    """Their rows are in neither: never an answer over fewer units, also where counts would hide it."""
    frame = log()
    cut = pd.Timestamp("2027-02-10") + pd.Timedelta(hours=hours)
    earlier = stored(reduced(frame[frame["decided"] < cut], "2027-02-15"))
    new = frame[frame["decided"] >= cut]
    crowded = pd.concat(
        [
            new,
            new.assign(unit=new["unit"] + 10**6, decided=new["decided"] + pd.Timedelta(minutes=1)),
        ]
    )
    for given in (new, crowded):
        with pytest.raises(InvalidInput, match=r"open at the last check.*Give the whole log"):
            reduced(given, LATER, previous=earlier)


def test_units_of_an_arm_that_a_file_lacks_are_missed() -> None:
    """Of two treatment arms one is not in the new file any more: refused, and named."""
    columns = {**CONTRACT["columns"], "treated": ["t", "other"]}
    contract = {**CONTRACT, "columns": columns}
    frame = log()
    earlier = stored(reduced(known(frame), EARLIER, contract))
    with pytest.raises(InvalidInput, match="no units of arm 'other'"):
        reduced(frame[frame["arm"] != "other"], LATER, contract, previous=earlier)


def test_old_parquet_files_need_not_exist_any_more(tmp_path: Path) -> None:
    """Files of new cohorts alone give the whole answer."""
    frame = log()
    earlier = reduced(known(frame), EARLIER)
    fresh(frame, earlier).to_parquet(tmp_path / "new.parquet")
    assert_same(reduced(tmp_path / "new.parquet", LATER, previous=earlier), reduced(frame, LATER))


def test_days_are_kept_whatever_the_period_and_merge_with_stored_ones() -> None:
    """A contract that shows weeks is reduced by day, and what was stored of closed days still adds."""
    weekly = {**CONTRACT, "period": "7d"}
    whole = log()
    first = reduced(whole[whole["decided"] < EARLIER], EARLIER, weekly)
    assert len(np.unique(first.cells.period)) > 40
    assert first.closed is not None
    assert first.closed.by_day
    late = whole[whole["decided"] >= pd.Timestamp(first.closed.until)]
    merged = reduced(late, LATER, weekly, previous=first)
    from_scratch = reduced(whole, LATER, weekly)
    assert merged.cells.n.sum() == from_scratch.cells.n.sum()
    assert len(merged.cells) == len(from_scratch.cells)


def test_periods_stored_by_an_early_check_are_read_again_as_days() -> None:
    """Where an early check stored whole weeks, all is read again, and no cohort counts as changed."""
    weekly = {**CONTRACT, "period": "7d", "columns": {**CONTRACT["columns"]}}
    weekly["columns"].pop("team")
    whole = log()
    first = reduced(whole[whole["decided"] < EARLIER], EARLIER, weekly)
    assert first.closed is not None
    weeks: dict[str, dict[str, int]] = {}
    for day, counts in first.closed.tallies.items():
        monday = str(first_days(np.array([day], dtype="datetime64[D]"), 7)[0])
        week = weeks.setdefault(monday, {})
        for k, n in counts.items():
            week[k] = week.get(k, 0) + n
    closed = replace(first.closed, tallies=weeks, by_day=False)
    cells = first.cells.by_period(timedelta(days=7)).collapse("segment", "arm", "period")
    found = reduced(whole, LATER, weekly, previous=replace(first, cells=cells, closed=closed))
    assert any("whole periods" in note for note in found.notes)
    assert found.faults["late_row"].count == found.faults["removed_row"].count == 0
    assert len(np.unique(found.cells.period)) > 60
