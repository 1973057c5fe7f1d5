"""What a person has for each unit (Series, lists, frames, text) as arrays of one order, or refused by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# How people call the units that were left alone.
HOLDOUT_WORDS: Final = re.compile(
    r"^(0|0\.0|no\b.*|none|false|f|n|control|controls|ctrl|hold|held out|holdout|hold-out|hold_out|"
    r"untreated|placebo|c|baseline|not treated|not_treated)$",
    re.IGNORECASE,
)
_TRUE: Final = ("true", "t", "yes", "y")
_FALSE: Final = ("false", "f", "no", "n")
_BLANK: Final = ("", "na", "n/a", "nan", "null", "none", "<na>", "nat", "-")
_SHOWN: Final = 5


def aligned(named: Mapping[str, Any]) -> dict[str, Any]:
    """Brings values into one order: pandas Series by their index, anything else by position.

    Args:
        named: what it is -> values; the last is the one whose order the others take.

    Raises:
        InvalidInput: where two Series have rows of different names, or a name twice in another order.
    """
    series = {k: v for k, v in named.items() if _is_series(v)}
    if len(series) < 2:  # noqa: PLR2004 - nothing to align
        return dict(named)
    *_, (base, last) = series.items()
    out = dict(named)
    for what, values in series.items():
        if values.index.equals(last.index):
            continue
        same = len(values) == len(last) and values.index.is_unique and last.index.is_unique
        if not same or not values.index.isin(last.index).all():
            raise InvalidInput(
                f"its index differs from that of {base}: rows cannot be paired",
                where=what,
                fix="Take all columns from one frame, or call reset_index(drop=True) on each where the order is the same.",
            )
        out[what] = values.reindex(last.index)
    return out


def _is_series(values: Any) -> bool:
    return hasattr(values, "index") and hasattr(values, "reindex") and hasattr(values, "dtype")


def listed(values: Any, what: str) -> NDArray[Any]:
    """Returns one value per unit, shape (units,), of whatever holds them; a gap is None or NaN."""
    if hasattr(values, "to_frame") and hasattr(values, "cat") and str(values.dtype) == "category":
        values = values.astype(object)  # pandas; its categories may be intervals
    if isinstance(values, np.ma.MaskedArray):
        values = _unmasked(values)
    for name in ("to_numpy", "to_pandas"):  # pandas, polars; Arrow
        if hasattr(values, name) and not isinstance(values, np.ndarray):
            values = getattr(values, name)()
            break
    try:
        out = np.asarray(values)
    except (TypeError, ValueError) as e:
        raise InvalidInput(f"cannot be read: {e}", where=what, fix=_ONE) from None
    if out.ndim == 2 and out.shape[1] == 1:  # noqa: PLR2004 - a frame of one column
        out = out[:, 0]
    if out.ndim != 1:
        fix = "Of a classifier's probabilities give [:, 1]." if out.ndim == 2 else _ONE  # noqa: PLR2004
        raise InvalidInput(f"shape {out.shape}, must be one value per unit", where=what, fix=fix)
    return out


def _unmasked(values: Any) -> NDArray[Any]:
    out = np.asarray(values.data).astype(object)
    out[np.ma.getmaskarray(values)] = None
    return out


_ONE: Final = "Give one value per unit: a column, a list or an array."


def numbers(values: Any, what: str) -> Floats:
    """Returns finite numbers, shape (units,); truth values and numbers in text count as numbers.

    Raises:
        InvalidInput: where a value is missing, infinite, or no number, naming the argument.
    """
    found = listed(values, what)
    if found.dtype.kind in "Mm":
        raise InvalidInput(f"holds {_kind(found)}, must hold numbers", where=what, fix=_NUMBERS)
    if found.dtype.kind in "OUSTc":
        found = np.array([_number(v, what, row) for row, v in enumerate(found)], dtype=np.float64)
    out = found.astype(np.float64)
    _refuse_gaps(np.isnan(out), what)
    infinite = np.flatnonzero(np.isinf(out))
    if len(infinite):
        raise InvalidInput(
            f"{len(infinite)} values are infinite, the first in row {infinite[0]}",
            where=what,
            fix="Correct them, or leave these units out.",
        )
    return out


_NUMBERS: Final = "Write 1 and 0, or amounts: 12.50 without a currency or a decimal comma."


def _kind(found: NDArray[Any]) -> str:
    return "times" if found.dtype.kind == "M" else "spans of time"


def _refuse_gaps(missing: NDArray[np.bool_], what: str) -> None:
    rows = np.flatnonzero(missing)
    if len(rows):
        raise InvalidInput(
            f"{len(rows)} values are missing, the first in row {rows[0]}; none may be",
            where=what,
            fix="Leave these units out.",
        )


def _missing(value: Any) -> bool:
    if value is None or str(value) in {"<NA>", "NaT"}:
        return True
    if isinstance(value, str):
        return value.strip().lower() in _BLANK
    return bool(isinstance(value, float | np.floating) and np.isnan(value))


def _number(value: Any, what: str, row: int) -> float:
    if _missing(value):
        return float("nan")
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, str) and word in (*_TRUE, *_FALSE):
        return float(word in _TRUE)
    try:
        # numpy would drop a part of a complex number.
        return float(str(word) if isinstance(word, complex | np.complexfloating) else word)
    except (TypeError, ValueError):
        shown = repr(str(value)) if isinstance(value, str) else type(value).__name__
        raise InvalidInput(
            f"row {row} holds {shown[:60]}, must hold numbers", where=what, fix=_NUMBERS
        ) from None


def assignment(values: Any, what: str = "treated") -> NDArray[np.bool_]:
    """Returns who was treated, shape (units,): of 1 and 0, true and false, or the names of two arms.

    Raises:
        InvalidInput: where a value is missing, there are not two, or none of them names the holdout.
    """
    found = listed(values, what)
    if found.dtype.kind in "Mm":
        raise InvalidInput(f"holds {_kind(found)}, must hold 1 and 0", where=what)
    cells = found.tolist()
    named_none = {"none", "n", "no"}  # an arm may be called "None"
    gaps = [
        _missing(v) and not (isinstance(v, str) and v.strip().lower() in named_none) for v in cells
    ]
    _refuse_gaps(np.array(gaps, dtype=bool), what)
    spelt = [_arm(v) for v in cells]
    labels = sorted(set(spelt))
    if len(labels) != 2:  # noqa: PLR2004 - treatment and holdout
        shown = ", ".join(map(repr, labels[:_SHOWN])) + (", ..." if len(labels) > _SHOWN else "")
        raise InvalidInput(
            f"values {shown or 'none'}, must be 0 and 1 (or two arms), both present",
            where=what,
            fix="Compare one treatment with the holdout at a time, and leave the others out."
            if len(labels) > 2  # noqa: PLR2004
            else "",
        )
    if labels == ["0", "1"]:
        return np.array([v == "1" for v in spelt], dtype=bool)
    held = [x for x in labels if HOLDOUT_WORDS.match(x)]
    if len(held) != 1:
        raise InvalidInput(
            f"values {labels[0]!r} and {labels[1]!r}: it is not clear which of them is the holdout",
            where=what,
            fix="Give 1 for treated and 0 for held out.",
        )
    return np.array([v != held[0] for v in spelt], dtype=bool)


def _arm(value: Any) -> str:
    """A label as it is compared: truth values and whole numbers in any spelling alike."""
    text = str(value.decode("utf-8", "replace") if isinstance(value, bytes) else value).strip()
    word = text.lower()
    if word in {"true", "1", "1.0"}:
        return "1"
    if word in {"false", "0", "0.0"}:
        return "0"
    return text
