"""A table that another tool has reduced already: n, sum and sum of squares by arm, day and segment.

Results of a warehouse-native platform, or of a database that gives no rows away, can so be held
against the promise. Sums tell the lift and its interval; whatever needs rows is not checked, and said.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.validation import nearest, utc

if TYPE_CHECKING:
    from datetime import date, datetime

    import pandas as pd
    from numpy.typing import NDArray

    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]

SUMS: Final = ("n", "sum", "sum_of_squares")
COVARIATE: Final = ("covariate_sum", "covariate_sum_of_squares", "covariate_product")
_DAY: Final = timedelta(days=1)
_SLACK: Final = 1e-9  # of a sum of squares: rounding of written figures
NOT_CHECKED: Final = (
    "The log was reduced elsewhere: duplicates, units in two arms, missing, late or impossible "
    "outcomes and model versions cannot be checked here"
)
NO_SKEW: Final = (
    "Sums of cubes are not in a reduced table: whether a few large outcomes carry the result "
    "cannot be checked, and the interval takes the outcome as symmetric"
)


def read_reduced(
    source: Any, predicted: PredictedLift, *, as_of: datetime | date | str | None = None
) -> OutcomeMoments:
    """Reads a reduced table.

    Args:
        source: a pandas, polars or pyarrow frame, or the path of a CSV or Parquet file. Columns: the
            contract's ``columns.arm`` (or "arm"), ``n``, ``sum``, ``sum_of_squares`` (not needed
            where the outcome is binary); where there are days and segments, the contract's
            ``columns.decided_at`` (or "day") and ``columns.segment`` (or "segment"); ``assigned``
            and ``nonzero`` units; ``covariate_sum``, ``covariate_sum_of_squares`` and
            ``covariate_product`` (sum of outcome times covariate) together.
        predicted: the contract.
        as_of: moment at which maturity is judged, by day; now where None.

    Raises:
        InvalidInput: naming column and row where the table cannot be right.
    """
    name = str(source) if isinstance(source, str | Path) else "reduced table"
    _refuse_what_needs_rows(predicted, name)
    table = _Table(_frame(source, name), predicted, name)
    moment = utc(as_of)
    cells, notes = table.moments(np.datetime64(moment.date().isoformat(), "D"))
    keys = [k for k in ("segment", "decided_at", "covariate") if table.has(k)]
    return OutcomeMoments(
        cells=cells,
        faults={},
        as_of=moment.isoformat(timespec="seconds"),
        source=name,
        rows=int(cells.assigned.sum()),
        columns=("arm", "outcome", *keys),
        passes=("reduced elsewhere",),
        notes=(NOT_CHECKED, *notes),
        contract=predicted.digest,
    )


def _refuse_what_needs_rows(predicted: PredictedLift, name: str) -> None:
    needs = {
        "columns.cluster": predicted.columns.cluster,
        "columns.denominator": predicted.columns.denominator,
        "columns.propensity": predicted.columns.propensity,
        "guardrails": predicted.guardrails,
    }
    asked = [k for k, v in needs.items() if v]
    if asked:
        raise InvalidInput(
            f"the contract has {asked[0]}, which sums by arm cannot show",
            where=name,
            fix="Check the log itself, row by row.",
        )


def _frame(source: Any, name: str) -> pd.DataFrame:
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, str | Path):
        try:
            if Path(source).suffix.lower() in {".parquet", ".pq"}:
                return pd.read_parquet(source)
            return pd.read_csv(source, sep=None, engine="python", encoding="utf-8-sig")
        except (OSError, ValueError, UnicodeError) as e:
            raise InvalidInput(f"cannot be read: {e}", where=name) from None
    import narwhals as nw

    try:
        frame: pd.DataFrame = nw.from_native(source, eager_only=True).to_pandas()
    except TypeError:
        raise InvalidInput(
            f"a reduced table must be a frame or a CSV or Parquet file, not {type(source).__name__}"
        ) from None
    return frame


class _Table:
    """The columns of a reduced table, checked."""

    def __init__(self, frame: pd.DataFrame, predicted: PredictedLift, name: str) -> None:
        self._frame, self._predicted, self._name = frame, predicted, name
        c = predicted.columns
        self._keys = {"arm": (c.arm, "arm"), "segment": (c.segment, "segment"), "decided_at": (c.decided_at, "day")}  # fmt: skip
        self.binary = predicted.kind == "binary"
        wanted = [*SUMS[:2], *([] if self.binary else SUMS[2:])]
        gone = [k for k in wanted if k not in frame.columns]
        gone += ["arm"] if self._column("arm") is None else []
        if gone or not len(frame):
            known = list(map(str, frame.columns))
            what = (
                f"column {gone[0]!r} is missing{nearest(gone[0], known)}" if gone else "it is empty"
            )
            fix = f"A reduced table has {c.arm}, {', '.join(SUMS)}, one row for each arm, day and segment."
            raise InvalidInput(what, where=name, fix=fix)

    def has(self, key: str) -> bool:
        """Whether the table has what a key of the contract names."""
        if key == "covariate":
            return all(k in self._frame.columns for k in COVARIATE)
        return self._column(key) is not None

    def _column(self, key: str) -> str | None:
        return next((k for k in self._keys[key] if k in self._frame.columns), None)

    def _numbers(self, name: str) -> Floats:
        import pandas as pd

        values = pd.to_numeric(self._frame[name], errors="coerce").to_numpy(np.float64)
        self._refuse(~np.isfinite(values), f"{name} is not a number")
        return values

    def _refuse(self, wrong: NDArray[np.bool_], what: str) -> None:
        rows = np.flatnonzero(wrong)
        if len(rows):
            raise InvalidInput(f"row {rows[0] + 1}: {what}", where=self._name)

    def moments(self, as_of: np.datetime64) -> tuple[Moments, list[str]]:
        """Returns the cells by segment, arm and day, and what a reader must know."""
        n, total = self._numbers("n"), self._numbers("sum")
        squares = total if self.binary else self._numbers("sum_of_squares")
        self._refuse((n < 0) | (n != np.round(n)), "n must be a whole number, 0 or more")
        if self.binary:
            self._refuse((total < 0) | (total > n), "the sum of a binary outcome must be 0 to n")
        slack = _SLACK * np.abs(squares) + _SLACK
        self._refuse(
            squares * n < total**2 - slack * np.maximum(n, 1),
            "the sum of squares is less than sum^2 / n, which no outcomes have",
        )
        assigned = self._numbers("assigned") if "assigned" in self._frame.columns else n
        self._refuse(assigned < n, "assigned is less than n")
        days, open_, notes = self._days(as_of)
        kept = np.where(open_, 0.0, 1.0)
        cells = self._cells(days, assigned, n * kept, total * kept, squares * kept, kept)
        if not self.binary:
            notes.append(NO_SKEW)
        return cells.collapse("segment", "arm", "period"), notes

    def _days(self, as_of: np.datetime64) -> tuple[NDArray[Any], NDArray[np.bool_], list[str]]:
        """Days of decision, and which of them have outcomes that are still to come."""
        import pandas as pd

        window, column = self._predicted.window, self._column("decided_at")
        if column is None:
            notes = (
                ["The table has no days: all its outcomes are taken as mature"] if window else []
            )
            nat = np.full(len(self._frame), np.datetime64("NaT", "D"), dtype="datetime64[D]")
            return nat, np.zeros(len(self._frame), dtype=bool), notes
        read = pd.to_datetime(self._frame[column], errors="coerce", utc=True)
        self._refuse(read.isna().to_numpy(), f"{column} is not a date; use YYYY-MM-DD")
        days = read.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
        whole = np.timedelta64(1 + (-(-window // _DAY) if window else 0), "D")
        return days, (days + whole > as_of) if window else (days > as_of), []

    def _cells(  # noqa: PLR0917 - the columns of a table
        self, days: NDArray[Any], assigned: Floats, n: Floats, total: Floats, squares: Floats, kept: Floats
    ) -> Moments:  # fmt: skip
        units = max(1.0, n.sum())
        sums, products = [total], {(0, 0): squares}
        if self.has("covariate"):
            x, xx, xy = (self._numbers(k) * kept for k in COVARIATE)
            sums, products = [total, x], {(0, 0): squares, (0, 1): xy, (1, 1): xx}
        center = np.array([s.sum() / units for s in sums])
        k = len(sums)
        s1 = np.column_stack([s - n * c for s, c in zip(sums, center, strict=True)])
        s2 = np.zeros((len(n), k, k))
        for (i, j), p in products.items():
            about = p - center[j] * sums[i] - center[i] * sums[j] + n * center[i] * center[j]
            s2[:, i, j] = s2[:, j, i] = about
        nonzero = total if self.binary else n
        if "nonzero" in self._frame.columns and not self.binary:
            nonzero = self._numbers("nonzero") * kept
        mean = s1 / np.maximum(n, 1)[:, None]
        variance = np.maximum(
            np.diagonal(s2, axis1=1, axis2=2) / np.maximum(n, 1)[:, None] - mean**2, 0
        )
        return Moments(
            segment=self._segments(),
            arm=self._arms(),
            period=days,
            measures=("outcome", "covariate")[:k],
            assigned=assigned.astype(np.int64),
            matured=n.astype(np.int64),
            n=n.astype(np.int64),
            center=center,
            s1=s1,
            s2=s2,
            s3=self._cubes(n, total, center, mean, variance),
            nonzero=np.column_stack([nonzero, *[n] * (k - 1)]).astype(np.int64),
            largest=self._largest(n, total, center, mean, variance),
            missing=np.zeros((len(n), k), dtype=np.int64),
        )

    def _cubes(self, n: Floats, total: Floats, center: Floats, mean: Floats, var: Floats) -> Floats:
        """Third powers about the centre: exact where binary, else those of a symmetric outcome."""
        out: Floats = n[:, None] * (3 * var * mean + mean**3)
        if self.binary:
            c = center[0]
            out[:, 0] = total * (1 - c) ** 3 - (n - total) * c**3
        return out

    def _largest(
        self, n: Floats, total: Floats, center: Floats, mean: Floats, var: Floats
    ) -> Floats:
        """The largest outcome: exact where binary, else the most that n units of this spread can have."""
        out: Floats = center + mean + np.sqrt(var * np.maximum(n, 1)[:, None])
        if self.binary:
            out[:, 0] = np.where(total > 0, 1.0, 0.0)
        out[n == 0] = -np.inf
        return out

    def _segments(self) -> NDArray[np.object_]:
        from spot_mlflow_checks.sums import segment_label

        column = self._column("segment")
        values = (
            [""] * len(self._frame) if column is None else map(segment_label, self._frame[column])
        )
        return np.array(list(values), dtype=object)

    def _arms(self) -> NDArray[np.object_]:
        columns = self._predicted.columns
        treated = columns.treated_labels
        named = {_label(columns.holdout): HOLDOUT}
        named |= {_label(x): TREATMENT if len(treated) == 1 else str(x) for x in treated}
        labels = [_label(x) for x in self._frame[self._column("arm")]]
        strange = sorted({x for x in labels if x not in named})
        if strange:
            raise InvalidInput(
                f"arm {strange[0]!r} is not one the contract names ({', '.join(named)})",
                where=self._name,
                fix="Correct columns.treated and columns.holdout in lift.yaml, or the table.",
            )
        found = np.array([named[x] for x in labels], dtype=object)
        gone = sorted(set(named.values()) - set(found.tolist()))
        if gone:
            raise InvalidInput(f"the table has no row of arm {gone[0]!r}", where=self._name)
        return found


def _label(value: Any) -> str:
    """An arm whatever its type: 1, 1.0 and "1" are the same."""
    text = str(value).strip()
    return text.removesuffix(".0")
