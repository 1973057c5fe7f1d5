"""Frames in memory as Arrow that DuckDB reads as it is: pandas, polars, pyarrow and their like.

Only the columns that a contract names are touched. What DuckDB has no type for (half-precision numbers,
256-bit decimals, intervals of ``pandas.cut``, 128-bit integers) becomes the nearest that it has.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.engines.source import check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DIGITS: Final = 38  # of the widest decimal that DuckDB has
_READ_ONCE: Final = frozenset(
    {"string", "boolean", "floating", "integer", "decimal", "empty", "bytes"}
)


def arrow_frame(frame: Any, wanted: Mapping[str, str]) -> tuple[list[str], Any]:
    """Returns (all names, the wanted columns as an Arrow table) of a frame.

    Raises:
        InvalidInput: where a column cannot be read, naming it and its type; where a name occurs
            twice; where rows lie elsewhere and would have to be collected here.
    """
    import narwhals as nw

    frame = nw.to_native(frame, pass_through=True)
    if nw.dependencies.is_pyarrow_table(frame):
        check_names(frame.column_names, wanted, "pyarrow table")
        return _table("pyarrow table", list(frame.column_names), wanted, frame.column)
    if nw.dependencies.is_pandas_dataframe(frame):
        names = [str(c) for c in frame.columns]
        check_names(names, wanted, "pandas frame")
        _refuse_index(frame, names, wanted)
        own = dict(zip(names, frame.columns, strict=True))
        return _table("pandas frame", names, wanted, lambda n: _of_pandas(frame[own[n]]))
    return _of_others(nw.from_native(frame), wanted, type(frame).__module__.split(".", 1)[0])


def _table(
    where: str,
    names: list[str],
    wanted: Mapping[str, str],
    column: Callable[[str], Any],
) -> tuple[list[str], Any]:
    """Builds the table column by column, so that a refused one can be named."""
    import pyarrow as pa

    kept = list(dict.fromkeys(n for n in names if n in wanted)) or list(dict.fromkeys(names))[:1]
    if not wanted:
        kept = list(dict.fromkeys(names))
    return names, pa.table({n: _read(n, column, where, wanted) for n in kept})


def _read(name: str, column: Callable[[str], Any], where: str, wanted: Mapping[str, str]) -> Any:
    try:
        return canonical(column(name))
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as e:  # noqa: BLE001 - each library refuses in its own way
        said = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise InvalidInput(
            f"column {name!r} ({wanted.get(name, 'not in the contract')}) cannot be read: {said}",
            where=where,
            fix="Give it as numbers, text, booleans or times.",
        ) from None


def canonical(column: Any) -> Any:
    """Returns an Arrow column of a type that DuckDB knows, with the same values."""
    import pyarrow as pa
    import pyarrow.types as t

    kind = column.type
    if t.is_dictionary(kind) and not (
        t.is_string(kind.value_type) or t.is_large_string(kind.value_type)
    ):
        return canonical(column.cast(kind.value_type))
    if t.is_float16(kind):
        return column.cast(pa.float32())
    if t.is_decimal256(kind):
        try:
            return column.cast(pa.decimal128(_DIGITS, kind.scale))
        except pa.ArrowInvalid:
            return column.cast(pa.float64())
    return column


def _refuse_index(frame: Any, names: list[str], wanted: Mapping[str, str]) -> None:
    """A column of the contract that is the frame's index would be missing without a word why."""
    for name in frame.index.names:
        if name is not None and str(name) in wanted and str(name) not in names:
            raise InvalidInput(
                f"{str(name)!r}, which the contract names as {wanted[str(name)]}, is the index",
                where="pandas frame",
                fix="Give frame.reset_index().",
            )


def _of_pandas(column: Any) -> Any:
    """One column; text costs a conversion once here, or none where pandas holds it as Arrow.

    DuckDB's own reading of pandas text would pay it in every pass, under Python's lock.
    """
    import pandas as pd
    import pyarrow as pa

    kind = column.dtype
    if isinstance(kind, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    elif isinstance(kind, pd.SparseDtype):
        column = column.sparse.to_dense()
    elif isinstance(kind, pd.CategoricalDtype):
        column = _of_categories(column)
    elif isinstance(kind, pd.IntervalDtype):
        column = column.astype(object)
    try:
        return pa.array(_plain(column) if column.dtype == object else column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array(column.map(str, na_action="ignore").astype(object), from_pandas=True)


def _of_categories(column: Any) -> Any:
    """Intervals, periods and mixed objects as categories become their text; others stay."""
    import pandas as pd

    labels = column.cat.categories
    odd = isinstance(labels.dtype, pd.IntervalDtype | pd.PeriodDtype) or (
        labels.dtype == object and pd.api.types.infer_dtype(labels) != "string"
    )
    return column.cat.rename_categories([str(_said(x)) for x in labels]) if odd else column


def _plain(column: Any) -> Any:
    """Turns a column of mixed Python objects into one type; ISO text where they differ."""
    import pandas as pd

    if pd.api.types.infer_dtype(column, skipna=True) in _READ_ONCE:
        return column
    return column.map(_said, na_action="ignore")


def _said(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _of_others(frame: Any, wanted: Mapping[str, str], kind: str) -> tuple[list[str], Any]:
    """A frame that Narwhals knows; of a polars LazyFrame the wanted columns are collected."""
    import narwhals as nw

    if isinstance(frame, nw.LazyFrame) and not frame.implementation.is_polars():
        raise InvalidInput(
            f"the rows of a {kind} frame would have to be collected here",
            where=f"{kind} frame",
            fix="Give the database URL with table= or query=, a Spark DataFrame, or Parquet files.",
        )
    lazy = frame.lazy()
    try:
        names = lazy.collect_schema().names()
        kept = [n for n in names if n in wanted] or (names if not wanted else names[:1])
        held = lazy.select(kept).collect()
    except Exception as e:  # noqa: BLE001 - a lazy frame runs here, and each library refuses in its own way
        said = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise InvalidInput(f"cannot be collected: {said}", where=f"{kind} frame") from None
    return names, _table(f"{kind} frame", kept, wanted, lambda n: _of_series(held[n]))[1]


def _of_series(series: Any) -> Any:
    """One column of a Narwhals frame; integers of 128 bits have no Arrow form and become decimals."""
    import narwhals as nw

    if series.dtype in {nw.Int128, nw.UInt128}:
        import pyarrow as pa

        whole = pa.array([None if v is None else str(v) for v in series.to_list()], pa.string())
        return whole.cast(pa.decimal128(_DIGITS, 0))
    if series.dtype == nw.Object:
        import pyarrow as pa

        return pa.array([None if v is None else _said(v) for v in series.to_list()], pa.string())
    return series.to_arrow()
