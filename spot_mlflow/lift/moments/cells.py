"""The seam between engines and statistics: an outcome log reduced to sums and cross-products.

Whatever the engine, a log becomes one row per (segment, arm, day) of this table; every estimate,
gap, attribution and economic figure is computed from it. ``spot_mlflow_checks`` produces it,
``spot_mlflow.lift`` consumes it, and it is what an incremental check stores and merges.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow.lift.moments.cut import Cut
from spot_mlflow.lift.moments.grouping import codes_of, numbered, summed_at
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.measures import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Moments:
    """Sufficient statistics per cell; a cell is one (segment, arm, period).

    Sums run over the analysed units of the cell: assigned, matured, with an outcome. A missing
    covariate counts as its centre, any other missing measure as 0; both are counted in ``missing``.
    A step is missing where the unit passed the step before and the log does not say more: a blank
    after a step that was not passed means no.

    Attributes:
        segment: (cells,) str labels; "" where the log has no segments.
        arm: (cells,) str: ``HOLDOUT``, ``TREATMENT`` or the label of one of several arms.
        period: (cells,) datetime64[D]: day of decision, or the first day of a longer period once
            cells are added up to it; NaT where not logged.
        measures: names of the measures, ``outcome`` first.
        assigned: (cells,) units assigned, matured or not, known arm.
        matured: (cells,) units whose outcome window has passed.
        n: (cells,) units analysed, int64.
        center: (measures,) the constants c subtracted before summing; the same for all cells.
        s1: (cells, measures) sum of (x - c).
        s2: (cells, measures, measures) sum of (x - c)(y - c'); symmetric.
        s3: (cells, measures) sum of (x - c)^3.
        nonzero: (cells, measures) units with x != 0.
        largest: (cells, measures) maximum of x (not centred), -inf where n = 0.
        missing: (cells, measures) analysed units without a value of the measure.
        negative: (cells,) analysed units whose outcome is below 0; NaN where that was not counted
            (records from before it was).
        cut: how the log is cut into strata (``strata.choice``), once that was chosen.
    """

    segment: NDArray[np.object_]
    arm: NDArray[np.object_]
    period: NDArray[np.datetime64]
    measures: tuple[str, ...]
    assigned: NDArray[np.int64]
    matured: NDArray[np.int64]
    n: NDArray[np.int64]
    center: NDArray[np.float64]
    s1: NDArray[np.float64]
    s2: NDArray[np.float64]
    s3: NDArray[np.float64]
    nonzero: NDArray[np.int64]
    largest: NDArray[np.float64]
    missing: NDArray[np.int64]
    negative: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    cut: Cut | None = None
    _collapsed: dict[tuple[str, ...], Moments] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _codes: dict[str, tuple[list[Any], NDArray[np.int64]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Leaves open what was not counted."""
        if len(self.negative) != len(self.n):
            object.__setattr__(self, "negative", np.full(len(self.n), np.nan))

    def __len__(self) -> int:
        return len(self.n)

    def codes(self, key: str) -> tuple[list[Any], NDArray[np.int64]]:
        """Returns the distinct labels of "segment", "arm" or "period" in order, and each cell's number."""
        if key not in self._codes:
            self._codes[key] = codes_of(getattr(self, key))
        return self._codes[key]

    @property
    def held(self) -> NDArray[np.bool_]:
        """(cells,) whether a cell is of the holdout."""
        labels, code = self.codes("arm")
        return np.array([x == HOLDOUT for x in labels], dtype=bool)[code]

    def index(self, measure: str) -> int | None:
        """Returns the position of a measure, or None where the reduction does not carry it."""
        return self.measures.index(measure) if measure in self.measures else None

    def select(self, which: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Moments:
        """Returns the cells where ``which`` (cells,) is True, or those at these positions."""
        if not isinstance(which, slice) and which.dtype == bool and which.all():
            return self
        return self._take(lambda x: x[which])

    def only(self, measure: str) -> Moments:
        """Returns the table of one measure alone, under the name ``outcome``."""
        i = [self.measures.index(measure)]
        per_measure = ("s1", "s3", "nonzero", "largest", "missing")
        kept = {k: getattr(self, k)[:, i] for k in per_measure}
        s2 = self.s2[:, i][:, :, i]
        return replace(self, measures=("outcome",), center=self.center[i], s2=s2, **kept)

    def running(self) -> Moments:
        """Returns the cells with each sum taken over the cell and all before it."""
        sums = {k: getattr(self, k).cumsum(axis=0) for k in _SUMMED}
        return replace(self, **sums, largest=np.maximum.accumulate(self.largest, axis=0))

    def _take(self, f: Any) -> Moments:
        per_cell = {k: f(getattr(self, k)) for k in _PER_CELL}
        return Moments(measures=self.measures, center=self.center, cut=self.cut, **per_cell)

    def collapse(self, *keys: str) -> Moments:
        """Adds cells up to the given keys, a subset of "segment", "arm", "period".

        Returns one cell per distinct combination, in sorted order. Centres stay as they are, so
        sums of cells are exact. Each table is made once and kept, the coarser from the finer.
        """
        made = self._collapsed
        if keys not in made:
            finer = [t for k, t in made.items() if set(keys) <= set(k)]
            source = min(finer, key=len, default=self)
            made[keys] = added_up(source, keys, summed=_SUMMED)
        return made[keys]

    def by_period(self, length: timedelta | None) -> Moments:
        """Puts days into the contract's periods; cells are not added up yet.

        Args:
            length: of a period, a whole number of days; None is a day. Periods of whole weeks
                begin on Mondays, others are counted from 1970-01-01.
        """
        days = 1 if length is None else max(1, round(length / _DAY))
        if days == 1:
            return self
        return replace(self, period=first_days(self.period, days))

    def of_measures(self, names: Sequence[str]) -> Moments:
        """Returns the same cells with some of the measures only."""
        at = [self.measures.index(m) for m in names]
        if len(at) == len(self.measures):
            return self
        by = {k: getattr(self, k)[:, at] for k in ("s1", "s3", "nonzero", "largest", "missing")}
        s2 = self.s2[:, at][:, :, at]
        return replace(self, measures=tuple(names), center=self.center[at], s2=s2, **by)

    def grown_by(
        self, pair: NDArray[np.int64], run: NDArray[np.int64], which: NDArray[np.bool_]
    ) -> Moments:
        """Returns sums so far: of every pair, the earlier ones of its run included.

        Args:
            pair: (cells,) number of the pair that each cell belongs to.
            run: (pairs,) number of the run of each pair, ascending.
            which: (cells,) the cells that count.
        """
        start = np.searchsorted(run, run)
        at = np.where(which, pair + 1, len(run) + 1)
        sums = {}
        for k in _SUMMED:
            x = getattr(self, k)
            upto = summed_at(at, len(run) + 2, x)[:-1].cumsum(axis=0)
            sums[k] = upto[1:] - upto[start]
        size = len(run)
        return replace(
            self,
            segment=np.full(size, "", dtype=object),
            arm=np.full(size, "", dtype=object),
            period=np.full(size, np.datetime64("NaT", "D"), dtype="datetime64[D]"),
            largest=np.full((size, len(self.measures)), -np.inf),
            **sums,
        )

    def added_by(self, group: NDArray[np.int64]) -> Moments:
        """Adds up the cells of each group (cells,), in the order of their numbers."""
        return added_by(self, group, summed=_SUMMED)

    def arms(self) -> list[str]:
        """Returns the treatment arms, sorted; the holdout is not among them."""
        return sorted({str(a) for a in self.collapse("arm").arm} - {HOLDOUT})

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; ``from_dict`` gives back an equal table."""
        out: dict[str, Any] = {"measures": list(self.measures), "center": self.center.tolist()}
        if self.cut is not None:
            out["cut"] = self.cut.to_dict()
        for k in _PER_CELL:
            x = getattr(self, k)
            if k == "period":
                out[k] = [None if np.isnat(p) else str(p) for p in x]
            elif k == "largest":
                out[k] = [[v if np.isfinite(v) else None for v in row] for row in x.tolist()]
            elif k == "negative":
                out[k] = [None if v != v else int(v) for v in x.tolist()]  # noqa: PLR0124 - NaN
            else:
                out[k] = x.tolist()
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Moments:
        """Reads what ``to_dict`` wrote."""
        m = len(data["measures"])
        cells = len(data["n"])

        def floats(key: str, *shape: int) -> NDArray[np.float64]:
            return np.array(data[key], dtype=np.float64).reshape(shape)

        def ints(key: str, *shape: int) -> NDArray[np.int64]:
            return np.array(data[key], dtype=np.int64).reshape(shape)

        largest = [[-np.inf if v is None else v for v in row] for row in data["largest"]]
        return cls(
            segment=np.array(data["segment"], dtype=object),
            arm=np.array(data["arm"], dtype=object),
            period=np.array([p or "NaT" for p in data["period"]], dtype="datetime64[D]"),
            measures=tuple(data["measures"]),
            assigned=ints("assigned", cells),
            matured=ints("matured", cells),
            n=ints("n", cells),
            center=floats("center", m),
            s1=floats("s1", cells, m),
            s2=floats("s2", cells, m, m),
            s3=floats("s3", cells, m),
            nonzero=ints("nonzero", cells, m),
            largest=np.array(largest, dtype=np.float64).reshape(cells, m),
            missing=ints("missing", cells, m),
            negative=np.array(data.get("negative", [None] * cells), dtype=np.float64),
            cut=None if data.get("cut") is None else Cut.from_dict(data["cut"]),
        )

    @classmethod
    def of_units(
        cls,
        measures: Mapping[str, Sequence[float] | NDArray[Any]],
        arm: Sequence[str] | NDArray[Any],
        *,
        segment: Sequence[str] | NDArray[Any] | None = None,
        period: NDArray[np.datetime64] | None = None,
    ) -> Moments:
        """Reduces arrays of units that are in memory already; all are taken as matured.

        Meant for simulations, tests and small samples; a log is reduced by ``spot_mlflow_checks``.

        Args:
            measures: name -> (units,) values, ``outcome`` among them; no missing values.
            arm: (units,) labels, ``HOLDOUT`` and treatment arms.
            segment: (units,) labels, or None.
            period: (units,) datetime64[D], or None.
        """
        names = tuple(sorted(measures, key=lambda k: MEASURES.index(k) if k in MEASURES else 99))
        x = np.column_stack([np.asarray(measures[k], dtype=np.float64) for k in names])
        arms = np.asarray(arm).astype(str)
        segments = np.full(len(x), "") if segment is None else np.asarray(segment).astype(str)
        nat = np.datetime64("NaT", "D")
        periods = np.full(len(x), nat) if period is None else period.astype("datetime64[D]")
        keys = np.rec.fromarrays([segments, arms, periods.astype(str)])
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        center = x.mean(axis=0)
        z = x - center
        rows = [np.flatnonzero(inverse == i) for i in range(len(first))]
        n = np.array([len(r) for r in rows], dtype=np.int64)
        return cls(
            segment=segments[first].astype(object),
            arm=arms[first].astype(object),
            period=periods[first],
            measures=names,
            assigned=n,
            matured=n,
            n=n,
            center=center,
            s1=np.array([z[r].sum(axis=0) for r in rows]),
            s2=np.array([z[r].T @ z[r] for r in rows]),
            s3=np.array([(z[r] ** 3).sum(axis=0) for r in rows]),
            nonzero=np.array([(x[r] != 0).sum(axis=0) for r in rows]),
            largest=np.array([x[r].max(axis=0) for r in rows]),
            missing=np.zeros((len(first), len(names)), dtype=np.int64),
            negative=np.array(
                [(x[r][:, names.index("outcome")] < 0).sum() for r in rows], dtype=float
            ),
        )


_DAY: Final = timedelta(days=1)
_MONDAY: Final = 4  # days from 1970-01-01, a Thursday, to the first Monday


def first_days(period: NDArray[np.datetime64], days: int) -> NDArray[np.datetime64]:
    """Returns the first day of the period of ``days`` that each day lies in; NaT stays NaT."""
    start = _MONDAY if days % 7 == 0 else 0
    number = period.astype("datetime64[D]").astype(np.int64)
    first = ((number - start) // days * days + start).astype("datetime64[D]")
    return np.where(np.isnat(period), np.datetime64("NaT", "D"), first)


_SUMMED = ("assigned", "matured", "n", "s1", "s2", "s3", "nonzero", "missing", "negative")
_PER_CELL = ("segment", "arm", "period", "largest", *_SUMMED)
_LABELS: Final = ("segment", "arm", "period")
_KEPT: Final = (*_LABELS, "largest")


def added_up(moments: Moments, keys: tuple[str, ...], *, summed: tuple[str, ...]) -> Moments:
    """Adds the cells of each combination of ``keys``, in sorted order.

    Args:
        moments: the table.
        keys: which of "segment", "arm" and "period" to keep.
        summed: names of the arrays that are added.
    """
    columns = [moments.codes(k) for k in keys]
    group = np.zeros(len(moments), dtype=np.int64)
    for labels, code in columns:
        group = group * max(1, len(labels)) + code
    made = added_by(moments, group, summed=summed)
    blank: dict[str, Any] = {
        "segment": np.full(len(made), "", dtype=object),
        "arm": np.full(len(made), "", dtype=object),
        "period": np.full(len(made), np.datetime64("NaT", "D"), dtype="datetime64[D]"),
    }
    return replace(made, **{k: x for k, x in blank.items() if k not in keys})


def added_by(moments: Moments, group: NDArray[np.int64], *, summed: tuple[str, ...]) -> Moments:
    """Adds the cells of each group, in the order of their numbers; labels are those of the first.

    Args:
        moments: the table.
        group: (cells,) number of the group of each cell.
        summed: names of the arrays that are added.
    """
    if len(group) == 0:
        return replace(moments, **{k: getattr(moments, k)[:0] for k in (*summed, *_KEPT)})
    # Cells that lie in order already, as a reduction gives them, are added run by run.
    if (np.diff(group) >= 0).all():
        starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
        made: dict[str, Any] = {k: np.add.reduceat(getattr(moments, k), starts) for k in summed}
        made["largest"] = np.maximum.reduceat(moments.largest, starts)
        return replace(moments, **made, **{k: getattr(moments, k)[starts] for k in _LABELS})
    distinct, number = numbered(group, int(group.max()) + 1)
    size = len(distinct)
    first = np.empty(size, dtype=np.int64)
    first[number[::-1]] = np.arange(len(group))[::-1]  # what is written last stays: the first
    made = {k: summed_at(number, size, getattr(moments, k)) for k in summed}
    made["largest"] = np.full((size, moments.largest.shape[1]), -np.inf)
    for i, x in enumerate(moments.largest.T):
        np.maximum.at(made["largest"][:, i], number, x)
    return replace(moments, **made, **{k: getattr(moments, k)[first] for k in _LABELS})


def pooled_arms(cells: Moments) -> Moments:
    """Returns the cells with all treatment arms under one label."""
    arm = np.where(cells.arm.astype(str) == HOLDOUT, HOLDOUT, TREATMENT).astype(object)
    return replace(cells, arm=arm)
