from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from spot_mlflow import InvalidInput
from spot_mlflow.lift.promise.backtest import backtest
from spot_mlflow.lift.promise.unit_values import assignment, numbers


@pytest.fixture(scope="module")
def history() -> Any:
    """Randomized units whose lift rises with the score."""
    r = np.random.default_rng(0)
    score = r.random(2000)
    treated = r.integers(0, 2, 2000)
    y = (r.random(2000) < 0.1 + 0.1 * treated * score).astype(int)
    return pd.DataFrame({"s": score, "t": treated, "y": y})


@pytest.fixture(scope="module")
def expected(history: Any) -> float:
    """The lift at the top 30 %."""
    return backtest(history.s.to_numpy(), history.t.to_numpy(), history.y.to_numpy()).lift.lift


def test_series_are_paired_by_their_index(history: Any, expected: float) -> None:
    """Sorted or shuffled columns give the lift of the same rows, several scores too."""
    d = history
    for s, t, y in (
        (d.sort_values("s").s, d.t, d.y),
        (d.s, d.t.sample(frac=1, random_state=1), d.y.iloc[::-1]),
        (d.s.to_numpy(), d.t, d.y),
    ):
        assert backtest(s, t, y).lift.lift == pytest.approx(expected, abs=1e-12)
    two = {"good": d.s.sample(frac=1, random_state=2), "bad": -d.s}
    assert backtest(two, d.t, d.y).lift.lift == pytest.approx(expected, abs=1e-12)


def test_indexes_that_cannot_be_paired_are_refused(history: Any) -> None:
    """Other rows, or a row twice in another order, are no pairs; the argument is named."""
    d = history
    twice = d.s.sample(frac=1, random_state=1).set_axis([0] * len(d))
    for s in (d.s.set_axis(range(5, 2005)), d.s.iloc[:100], twice):
        with pytest.raises(InvalidInput, match=r"score: its index differs.*reset_index"):
            backtest(s, d.t, d.y)


ARMS: dict[str, Any] = {
    "names": lambda t: np.where(t == 1, "treatment", "control"),
    "names of one's own": lambda t: np.where(t == 1, "20 % off", "no offer"),
    "an arm called None": lambda t: np.where(t == 1, "mail", "None"),
    "TRUE and FALSE": lambda t: np.where(t == 1, "TRUE", "FALSE"),
    "text": lambda t: t.astype(str).tolist(),
    "floats": lambda t: t.astype(float),
    "nullable": lambda t: t.astype("Int64"),
    "categories": lambda t: t.map({1: "test", 0: "holdout"}).astype("category"),
    "polars": lambda t: pl.Series(t.astype(bool).tolist()),
    "pyarrow": lambda t: pa.array(t.tolist()),
    "bytes": lambda t: [b"1" if v else b"0" for v in t],
    "a frame": lambda t: t.to_frame(),
}


@pytest.mark.parametrize("kind", ARMS)
def test_a_treatment_may_be_written_in_any_usual_way(kind: str, history: Any) -> None:
    """Numbers, truth values, and two names of which one says holdout."""
    assert (assignment(ARMS[kind](history.t)) == (history.t == 1)).all()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["a", "b"], "not clear which of them is the holdout"),
        (["control", "mail", "phone"], "one treatment with the holdout at a time"),
        ([1, 2], "must be 0 and 1|not clear which"),
        ([1, 1], "must be 0 and 1"),
        ([], "must be 0 and 1"),
        ([True, None], "1 values are missing, the first in row 1"),
        (pd.array([True, pd.NA]), "1 values are missing"),
        (pl.Series([True, None]), "1 values are missing"),
        (np.ma.array([1, 0], mask=[0, 1]), "1 values are missing"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), "holds times"),
        ("treated", "one value per unit"),
    ],
)
def test_a_treatment_that_is_none_is_refused(values: Any, says: str) -> None:
    """The argument is named, with what to give."""
    with pytest.raises(InvalidInput, match=says) as e:
        assignment(values)
    assert e.value.where == "treated"


NUMBERS: dict[str, Any] = {
    "text": ["1.5", " 0 ", "2"],
    "decimals": [Decimal("1.5"), Decimal(0), Decimal(2)],
    "float16": np.array([1.5, 0, 2], np.float16),
    "nullable": pd.array([1.5, 0, 2], dtype="Float64"),
    "polars": pl.Series([1.5, 0, 2]),
    "pyarrow": pa.chunked_array([[1.5, 0], [2]]),
    "one column": np.array([[1.5], [0], [2]]),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_may_be_written_in_any_usual_way(kind: str) -> None:
    """Whatever holds them gives the same array; truth values and their words are 1 and 0."""
    assert numbers(NUMBERS[kind], "outcome").tolist() == [1.5, 0, 2]
    assert numbers(["TRUE", "no", True], "outcome").tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["$1.00", "$0.00"], r"row 0 holds '\$1.00'.*without a currency"),
        (["1,5", "0,0"], "decimal comma"),
        ([1.0, np.inf], "1 values are infinite, the first in row 1"),
        ([1.0, np.nan], "1 values are missing, the first in row 1"),
        ([1, None], "1 values are missing"),
        (["1", "n/a"], "1 values are missing"),
        (pd.Series(pd.date_range("2026-01-01", periods=2)), "holds times"),
        (pd.to_timedelta([1, 2]), "holds spans of time"),
        ([pd.Timestamp("2026-01-01"), 1], "holds Timestamp"),
        ([1 + 2j, 1], "must hold numbers"),
        ([[1, 2], [3]], "cannot be read|must hold numbers"),
        (np.ones((3, 2)), r"shape \(3, 2\).*\[:, 1\]"),
        (5, "one value per unit"),
        ((x for x in (1, 2)), "one value per unit"),
    ],
)
def test_what_is_no_number_is_refused(values: Any, says: str) -> None:
    """The argument and the row are named, with what to write instead."""
    with pytest.raises(InvalidInput, match=says) as e:
        numbers(values, "outcome")
    assert e.value.where == "outcome"
