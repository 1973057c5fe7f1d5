from __future__ import annotations

import uuid
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from small_log import WHOLE, seen, segments, small_contract, small_log

from spot_mlflow import InvalidInput

LOG = small_log()


class Arm(Enum):
    """Arms as Python code names them."""

    T = "treatment"
    C = "control"


PANDAS: dict[str, tuple[str, Any]] = {
    "float16": ("y", LOG.y.astype(np.float16)),
    "nullable integer": ("y", LOG.y.astype("Int8")),
    "nullable boolean": ("y", LOG.y.astype("boolean")),
    "Arrow integer": ("y", LOG.y.astype("int64[pyarrow]")),
    "Arrow decimal256": ("y", LOG.y.astype(pd.ArrowDtype(pa.decimal256(50, 2)))),
    "Decimal objects": ("y", LOG.y.map(Decimal)),
    "sparse": ("y", LOG.y.astype(pd.SparseDtype(int, 0))),
    "categories of numbers": ("y", LOG.y.astype("category")),
    "categories": ("arm", LOG.arm.astype("category")),
    "Python enums": ("arm", LOG.arm.map(Arm)),
    "categories of enums": ("arm", LOG.arm.map(Arm).astype("category")),
    "string": ("arm", LOG.arm.astype("string")),
    "Arrow dictionary": ("arm", LOG.arm.astype(pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string())))),
    "UUIDs": ("unit", LOG.unit.map(lambda i: uuid.UUID(int=i))),
    "bytes": ("unit", LOG.unit.map(lambda i: str(i).encode())),
    "tuples": ("unit", LOG.unit.map(lambda i: (i, i))),
    "128-bit numbers": ("unit", LOG.unit.map(lambda i: 2**100 + i)),
    "periods": ("at", LOG["at"].dt.to_period("h")),
    "times with a zone": ("at", LOG["at"].dt.tz_localize("Asia/Tokyo")),
}  # fmt: skip


@pytest.mark.parametrize("kind", PANDAS)
def test_a_column_of_pandas_may_be_of_any_dtype(kind: str) -> None:
    """Whatever holds the same values gives the same answer."""
    name, values = PANDAS[kind]
    promise = small_contract({"decided_at": "at"}, window="7d")
    assert seen(LOG.assign(**{name: values}), promise, as_of="2027-01-01") == WHOLE


@pytest.mark.parametrize("ordered", [True, False])
def test_intervals_of_cut_are_segments(*, ordered: bool) -> None:
    """What ``pandas.cut`` returns is read by its label, as categories and as plain intervals."""
    bins = pd.cut(LOG.unit, [0, 200, 400], ordered=True)
    part = bins if ordered else pd.Series(pd.arrays.IntervalArray(bins))
    assert segments(LOG.assign(part=part)) == ["(0, 200]", "(200, 400]"]


POLARS: dict[str, tuple[str, Any]] = {
    "Int128": ("unit", pl.col("unit").cast(pl.Int128)),
    "Int128 outcomes": ("y", pl.col("y").cast(pl.Int128)),
    "Decimal": ("y", pl.col("y").cast(pl.Decimal(20, 2))),
    "Categorical": ("arm", pl.col("arm").cast(pl.Categorical)),
    "Enum": ("arm", pl.col("arm").cast(pl.Enum(["control", "treatment"]))),
    "Struct": ("unit", pl.struct("unit", "arm")),
    "List": ("unit", pl.concat_list("unit")),
    "Duration": ("unit", pl.duration(days="unit")),
    "Binary": ("unit", pl.col("unit").cast(pl.String).cast(pl.Binary)),
}


@pytest.mark.parametrize("kind", POLARS)
@pytest.mark.parametrize("lazy", [True, False])
def test_a_column_of_polars_may_be_of_any_dtype(kind: str, *, lazy: bool) -> None:
    """The same of polars, eager or lazy."""
    name, expression = POLARS[kind]
    frame = pl.from_pandas(LOG).with_columns(expression.alias(name))
    assert seen(frame.lazy() if lazy else frame) == WHOLE


ARROW: dict[str, tuple[str, Any]] = {
    "halffloat": ("y", pa.array(LOG.y.to_numpy().astype(np.float16))),
    "decimal256": ("y", pa.array(map(Decimal, LOG.y.tolist()), pa.decimal256(60, 20))),
    "dictionary of halffloat": ("y", pa.array(LOG.y.tolist(), pa.float32()).dictionary_encode()),
    "null-free bool": ("y", pa.array(LOG.y.astype(bool))),
    "string view": ("arm", pa.array(LOG.arm.tolist(), pa.string_view())),
    "run-end encoded": ("arm", pa.compute.run_end_encode(pa.array(LOG.arm.tolist()))),
    "fixed-size binary": ("unit", pa.array([i.to_bytes(16, "big") for i in LOG.unit], pa.binary(16))),
    "uuid": ("unit", pa.array([i.to_bytes(16, "big") for i in LOG.unit], pa.uuid())),
    "duration": ("unit", pa.array(LOG.unit.tolist(), pa.duration("us"))),
}  # fmt: skip


@pytest.mark.parametrize("kind", ARROW)
def test_a_column_of_pyarrow_may_be_of_any_type(kind: str) -> None:
    """The same of pyarrow."""
    name, values = ARROW[kind]
    table = pa.Table.from_pandas(LOG, preserve_index=False)
    assert seen(table.set_column(table.column_names.index(name), name, values)) == WHOLE


def test_a_column_that_is_the_index_is_said() -> None:
    """A contract's column that pandas keeps as index is named, with what to give."""
    with pytest.raises(InvalidInput, match=r"'unit'.* is the index.*reset_index"):
        seen(LOG.set_index("unit"))


def test_a_lazy_frame_that_cannot_run_is_refused() -> None:
    """What polars says when it collects becomes a refusal that names the frame."""
    broken = pl.from_pandas(LOG).lazy().with_columns(y=pl.col("arm").cast(pl.Int64))
    with pytest.raises(InvalidInput, match="polars frame: cannot be collected"):
        seen(broken)
