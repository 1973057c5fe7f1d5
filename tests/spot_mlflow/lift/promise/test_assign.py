from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import spot_mlflow as spot
from spot_mlflow import InvalidInput
from spot_mlflow.lift.promise.arm_hash import arm_numbers

CONTRACT = {
    "metric": "stays", "predicted": 0.02, "assignment": {"salt": "s", "holdout": 0.3},
    "columns": {"arm": "arm", "outcome": "y", "unit": "id", "treated": "offer", "holdout": "control",
                "decided_at": "at", "segment": "part"},
}  # fmt: skip
N = 300
TEXTS = [f"Ü{i:04d}" for i in range(N)]


def expected(texts, contract=CONTRACT):
    """The arms that the rule gives."""
    arms = arm_numbers(spot.PredictedLift.load(contract).arm_rule, texts)
    return ["control" if a == 0 else "offer" for a in arms]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_every_kind_of_frame_comes_back_with_one_more_column(frame):
    """The frame is of the kind that was given, its rows and columns as they were."""
    given = frame({"id": TEXTS, "score": list(range(N))})
    found = spot.assign_arms(given, CONTRACT)
    assert type(found) is type(given)
    assert list(found.to_pydict() if isinstance(found, pa.Table) else found.columns) == [
        "id",
        "score",
        "arm",
    ]
    assert list(
        found["arm"].to_pylist() if isinstance(found, pa.Table) else found["arm"]
    ) == expected(TEXTS)


def test_a_pandas_index_does_not_move_arms():
    """Arms follow the rows, whatever the index is."""
    given = pd.DataFrame({"id": TEXTS}).sample(frac=1, random_state=1)
    found = spot.assign_arms(given, CONTRACT)
    assert found.index.equals(given.index)
    assert found["arm"].tolist() == expected(given["id"].tolist())
    twice = pd.DataFrame({"id": TEXTS}, index=[0] * N)
    assert spot.assign_arms(twice, CONTRACT)["arm"].tolist() == expected(TEXTS)


@pytest.mark.parametrize(
    "values",
    [
        list(range(N)),
        pd.array(range(N), dtype="Int64"),
        np.arange(N, dtype="uint8" if N < 256 else "uint16"),
        [2**60 + i for i in range(N)],
        [uuid.UUID(int=i) for i in range(N)],
        [Decimal(i).scaleb(-2) for i in range(N)],
        pd.Categorical(TEXTS),
        pd.array(TEXTS, dtype="string[pyarrow]"),
        [*range(N - 1), "x"],
    ],
)
def test_ids_are_hashed_as_they_are_written(values):
    """Whole numbers, UUIDs, decimals and text."""
    found = spot.assign_arms(pd.DataFrame({"id": values}), CONTRACT)
    assert found["arm"].tolist() == expected([str(v) for v in values])


def test_a_decimal_is_never_in_scientific_notation():
    """str(Decimal("0.0000001")) is 1E-7, which no database writes."""
    found = spot.assign_arms(pa.table({"id": [Decimal("0.0000001")] * 2}), CONTRACT)
    assert found["arm"].to_pylist() == expected(["0.0000001"] * 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0], "floating-point"),
        ([1, None], "floating-point"),
        (["1", None], "row 2: the id is missing"),
        (["1", ""], "row 2: the id is missing"),
        (pd.array([1, None], dtype="Int64"), "row 2: the id is missing"),
        (["1", "12.0"], "row 2: id '12.0' was a floating-point number"),
        ([True, False], "is a bool"),
        (["1", 2.5], "is a float"),
        ([b"a", b"b"], "is a bytes"),
        (pd.Series(["a", "\ud800"], dtype=object), "not valid Unicode"),
    ],
)  # fmt: skip
def test_an_id_that_is_not_the_same_everywhere_is_refused(values, message):
    """A missing or floating-point id would get an arm by accident."""
    with pytest.raises(InvalidInput, match=message):
        spot.assign_arms(
            pd.DataFrame({"id": values}),
            CONTRACT,
        )


def test_what_is_missing_is_named():
    """A frame without the id, with an arm already, or of another kind."""
    with pytest.raises(InvalidInput, match=r"no column 'id'.*did you mean 'ID'"):
        spot.assign_arms(pd.DataFrame({"ID": ["a"]}), CONTRACT)
    with pytest.raises(InvalidInput, match="there is a column 'arm' already"):
        spot.assign_arms(pd.DataFrame({"id": ["a"], "arm": [1]}), CONTRACT)
    with pytest.raises(InvalidInput, match="pandas, polars and pyarrow"):
        spot.assign_arms([1, 2], CONTRACT)
    with pytest.raises(InvalidInput, match=r"spot assign LIFT.YAML --sql"):
        spot.assign_arms(pl.LazyFrame({"id": ["a"]}), CONTRACT)
    with pytest.raises(InvalidInput, match="the contract has no assignment"):
        spot.assign_arms(
            pd.DataFrame({"id": ["a"]}), {k: v for k, v in CONTRACT.items() if k != "assignment"}
        )


SCHEDULE = CONTRACT | {
    "assignment": {"salt": "s", "schedule": [{"from": "2027-01-10", "holdout": 0.9}, {"from": "2027-02-10", "holdout": 0.1}]}
}  # fmt: skip


@pytest.mark.parametrize(
    "at",
    [date(2027, 2, 9), "2027-02-10T00:30:00+01:00", datetime(2027, 2, 9, 23, tzinfo=timezone.utc)],
)
def test_the_time_picks_the_step(at):
    """A date, text with an offset, a time: each in UTC."""
    found = spot.assign_arms(pd.DataFrame({"id": TEXTS}), SCHEDULE, at=at)
    assert (found["arm"] == "control").mean() == pytest.approx(0.9, abs=0.06)


def test_each_row_has_its_own_time():
    """The column of the decision picks the step, row by row; a row of none is refused."""
    at = [
        datetime(2027, 2, 9, 23, 30, tzinfo=timezone.utc) + timedelta(hours=i % 2) for i in range(N)
    ]
    found = spot.assign_arms(pl.DataFrame({"id": TEXTS, "at": at}), SCHEDULE)
    held = [a == "control" for a in found["arm"]]
    assert np.mean(held[::2]) == pytest.approx(0.9, abs=0.08)
    assert np.mean(held[1::2]) == pytest.approx(0.1, abs=0.08)
    with pytest.raises(InvalidInput, match="no step of the schedule is in force for 300 rows"):
        spot.assign_arms(pl.DataFrame({"id": TEXTS}), SCHEDULE, at="2027-01-09")
    with pytest.raises(InvalidInput, match="at, row 2: the time of decision is missing"):
        spot.assign_arms(
            pd.DataFrame({"id": TEXTS[:2], "at": [pd.Timestamp("2027-03-01"), pd.NaT]}), SCHEDULE
        )


def test_a_segment_has_a_share_of_its_own():
    """The step that names the segment counts for it."""
    steps = [{"holdout": 0.1}, {"segment": "1", "holdout": 0.9}]
    contract = CONTRACT | {"assignment": {"salt": "s", "schedule": steps}}
    found = spot.assign_arms(
        pd.DataFrame({"id": TEXTS, "part": [i % 2 for i in range(N)]}), contract
    )
    held = (found["arm"] == "control").groupby(found["part"]).mean()
    assert held[1] == pytest.approx(0.9, abs=0.08)
    assert held[0] == pytest.approx(0.1, abs=0.08)
    with pytest.raises(InvalidInput, match="no column 'part'"):
        spot.assign_arms(pd.DataFrame({"id": TEXTS}), contract)


def test_labels_keep_their_type():
    """Numbers stay numbers; labels of several types become text."""
    columns = {"arm": "arm", "outcome": "y", "unit": "id"}
    assert set(
        spot.assign_arms(pd.DataFrame({"id": TEXTS}), CONTRACT | {"columns": columns})["arm"]
    ) == {0, 1}
    mixed = CONTRACT | {"columns": columns | {"treated": "offer"}}
    assert set(spot.assign_arms(pd.DataFrame({"id": TEXTS}), mixed)["arm"]) == {"0", "offer"}
