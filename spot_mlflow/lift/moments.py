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

from spot_mlflow.lift.closed import ClosedCohorts
from spot_mlflow.lift.cut import Cut
from spot_mlflow.lift.grouping import added_by, added_up, codes_of, summed_at
from spot_mlflow.lift.left_out import LeftOut
from spot_mlflow.lift.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.actions import ActionTable
    from spot_mlflow.lift.guardrail_moments import GuardrailMoments

HOLDOUT: Final = "holdout"
TREATMENT: Final = "treatment"  # the only treatment arm; several keep their own labels
MISSING_SEGMENT: Final = "(missing)"
OTHER_SEGMENT: Final = "(other)"
SMALL_CELLS: Final = "(small cells)"  # of several segments, too few units to be stored alone
NO_COUNTERPART: Final = "(no counterpart)"  # small cells that are compared with nothing
MISSING_SUMS: Final = 6  # over clusters, of units without an outcome

# Measures a reduction may carry, in this order where present. All but `outcome` need a column.
MEASURES: Final = (
    "outcome",  # winsorized where the contract says so
    "denominator",  # of a ratio metric
    "covariate",  # measured before the decision
    "value",  # money of the unit's outcome
    "cost",  # money spent on the unit
    "handling",  # the part of it that handling took
    "offered",  # 0/1
    "delivered",  # 0/1
    "on_time",  # 0/1: delivered_at <= due_at
    "acted",  # 0/1
    "system_failure",  # 0/1: undelivered for a reason of the system
    "weight",  # 1 / clipped propensity of the arm received
    "weighted_outcome",  # weight * outcome
    # 0/1, only where answers are unknown (``unknown``): asked of this step, with a known answer.
    "offered_known",
    "delivered_known",
    "system_failure_known",
    "on_time_known",
    "acted_known",
)


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
        cut: how the log is cut into strata (``balance``), once that was chosen.
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
            period=np.full(size, np.datetime64("NaT"), dtype="datetime64[D]"),
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


_PER_CLUSTER_ROW = ("arm", "clusters", "assigned_clusters", "s1", "s2", "events")


@dataclass(frozen=True, eq=False)
class ClusterMoments:
    """Sums over clusters, per arm; not additive over segments or periods.

    With z = (units n_g, sum of outcome - c, sum of covariate - c') of a cluster g in an arm:

    Attributes:
        arm: (arms,) str labels as in ``Moments``.
        clusters: (arms,) clusters with at least one analysed unit.
        assigned_clusters: (arms,) clusters with at least one assigned unit.
        center: (2,) constants c, c'; as in ``Moments.center`` for outcome and covariate.
        s1: (arms, 3) sum of z.
        s2: (arms, 3, 3) sum of z z'.
        events: (arms,) clusters with at least one event (non-zero outcome).
        straddling: clusters that have units in more than one arm.
        missing: (arms, 6) with u the matured units of a cluster without an outcome: sums of u, u n_g,
            u (outcome - c), u (covariate - c'), u^2, and clusters with at least one matured unit;
            None in records from before.
        segment: (rows,) where clusters lie within segments: a row is then a segment's arm, not an
            arm; None where they do not, or nothing is known of it.
        period: (rows,) first day of the days or weeks that clusters lie within, likewise.
    """

    arm: NDArray[np.object_]
    clusters: NDArray[np.int64]
    assigned_clusters: NDArray[np.int64]
    center: NDArray[np.float64]
    s1: NDArray[np.float64]
    s2: NDArray[np.float64]
    events: NDArray[np.int64]
    straddling: int = 0
    missing: NDArray[np.float64] | None = None
    segment: NDArray[np.object_] | None = None
    period: NDArray[np.datetime64] | None = None

    @property
    def labels(self) -> tuple[NDArray[np.object_], NDArray[np.datetime64]]:
        """Segment and period of each row, "" and NaT where clusters are not told apart by them."""
        blank = np.full(len(self.arm), "", dtype=object)
        never = np.full(len(self.arm), np.datetime64("NaT"), dtype="datetime64[D]")
        return (
            blank if self.segment is None else self.segment,
            never if self.period is None else self.period,
        )

    def select(self, rows: NDArray[np.bool_]) -> ClusterMoments:
        """Returns the rows where ``rows`` (rows,) is True."""
        per_row = {k: getattr(self, k)[rows] for k in _PER_CLUSTER_ROW}
        segment = None if self.segment is None else self.segment[rows]
        period = None if self.period is None else self.period[rows]
        missing = None if self.missing is None else self.missing[rows]
        return replace(self, **per_row, segment=segment, period=period, missing=missing)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        arrays = ("arm", "clusters", "assigned_clusters", "center", "s1", "s2", "events")
        out = {k: getattr(self, k).tolist() for k in arrays} | {"straddling": self.straddling}
        if self.missing is not None:
            out["missing"] = self.missing.tolist()
        if self.segment is not None:
            out["segment"] = self.segment.tolist()
        if self.period is not None:
            out["period"] = [None if np.isnat(p) else str(p) for p in self.period]
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClusterMoments:
        """Reads what ``to_dict`` wrote."""
        return cls(
            arm=np.array(data["arm"], dtype=object),
            clusters=np.array(data["clusters"], dtype=np.int64),
            assigned_clusters=np.array(data["assigned_clusters"], dtype=np.int64),
            center=np.array(data["center"], dtype=np.float64),
            s1=np.array(data["s1"], dtype=np.float64).reshape(-1, 3),
            s2=np.array(data["s2"], dtype=np.float64).reshape(-1, 3, 3),
            events=np.array(data["events"], dtype=np.int64),
            straddling=int(data["straddling"]),
            missing=None
            if data.get("missing") is None
            else np.array(data["missing"], dtype=np.float64).reshape(-1, MISSING_SUMS),
            segment=None
            if data.get("segment") is None
            else np.array(data["segment"], dtype=object),
            period=None
            if data.get("period") is None
            else np.array([p or "NaT" for p in data["period"]], dtype="datetime64[D]"),
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """How often one rule of the log was broken.

    Attributes:
        name: the rule, in snake case ("missing_arm", "duplicate_unit", "outcome_before_decision").
        count: rows or units that break it.
        total: rows or units it was asked of.
        examples: a few unit ids or values, as text, that break it; never outcomes of persons.
    """

    name: str
    count: int
    total: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OutcomeMoments:
    """An outcome log, reduced: all that leaves the engine.

    Attributes:
        cells: the base pass.
        faults: violations counted, by rule name.
        as_of: ISO time at which maturity was judged, UTC.
        source: what was read, for people; no secrets.
        digest: digest of the source where it is cheap to have, else "".
        rows: rows read.
        columns: contract column keys present in the log ("arm", "delivered", ...).
        passes: what was run over the source, in order ("base", "clusters", "units", ...).
        clusters: one more pass, where the contract names a cluster column.
        score_bins: moments with the score bin's index as segment ("0".."9"), where asked for.
        teams: moments with the team as segment, where asked for; by week in records from before.
        offers: moments with the offer as segment, where the log names it.
        actions: what became of the recommendations by team and week, where asked for.
        notes: what a reader must know ("412 segments folded into (other)").
        closed: what the next check need not read again, where decisions are dated.
        guardrails: further metrics of the contract, by name; those whose column the log has.
        ids: lowest and highest unit id, where units are named and their ids have an order.
        left_out: units of the last check that are not among these, where there are some.
        contract: digest of the promise that the log was read for, or "".
        blanks: step -> how its blanks were read: "no", "no in the holdout"; unknown where it is
            silent. None in records from before they were told apart.
        spans: runs of days that the tables keep apart, where cells of few units are stored together;
            None where every day is.
    """

    cells: Moments
    faults: Mapping[str, Fault]
    as_of: str
    source: str = ""
    digest: str = ""
    rows: int = 0
    columns: tuple[str, ...] = ()
    passes: tuple[str, ...] = ("base",)
    clusters: ClusterMoments | None = None
    score_bins: Moments | None = None
    teams: Moments | None = None
    offers: Moments | None = None
    actions: ActionTable | None = None
    notes: tuple[str, ...] = field(default=())
    closed: ClosedCohorts | None = None
    guardrails: Mapping[str, GuardrailMoments] = field(default_factory=dict)
    ids: tuple[Any, Any] | None = None
    left_out: LeftOut | None = None
    contract: str = ""
    blanks: Mapping[str, str] | None = None
    spans: Spans | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        optional = {
            k: None if v is None else v.to_dict()
            for k in ("clusters", "score_bins", "teams", "offers", "actions", "closed", "left_out")
            for v in [getattr(self, k)]
        }
        if self.spans is not None:
            optional["spans"] = self.spans.to_dict()
        if self.guardrails:
            optional["guardrails"] = {k: g.to_dict() for k, g in self.guardrails.items()}
        return {
            "cells": self.cells.to_dict(),
            "faults": {
                k: {"count": f.count, "total": f.total, "examples": list(f.examples)}
                for k, f in self.faults.items()
            },
            "as_of": self.as_of,
            "source": self.source,
            "digest": self.digest,
            "rows": self.rows,
            "columns": list(self.columns),
            "passes": list(self.passes),
            "notes": list(self.notes),
            "ids": None if self.ids is None else list(self.ids),
            "contract": self.contract,
            "blanks": None if self.blanks is None else dict(self.blanks),
            **optional,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> OutcomeMoments:
        """Reads what ``to_dict`` wrote."""
        faults = {
            k: Fault(k, f["count"], f["total"], tuple(f["examples"]))
            for k, f in data["faults"].items()
        }
        tables = {
            k: None if data.get(k) is None else Moments.from_dict(data[k])
            for k in ("score_bins", "teams", "offers")
        }
        from spot_mlflow.lift.actions import ActionTable
        from spot_mlflow.lift.guardrail_moments import GuardrailMoments

        guardrails = data.get("guardrails") or {}
        clusters, actions, closed = (data.get(k) for k in ("clusters", "actions", "closed"))
        ids, left_out = data.get("ids"), data.get("left_out")
        return cls(
            cells=Moments.from_dict(data["cells"]),
            faults=faults,
            as_of=data["as_of"],
            source=data["source"],
            digest=data["digest"],
            rows=data["rows"],
            columns=tuple(data["columns"]),
            passes=tuple(data["passes"]),
            clusters=None if clusters is None else ClusterMoments.from_dict(clusters),
            actions=None if actions is None else ActionTable.from_dict(actions),
            notes=tuple(data["notes"]),
            closed=None if closed is None else ClosedCohorts.from_dict(closed),
            guardrails={k: GuardrailMoments.from_dict(g) for k, g in guardrails.items()},
            ids=None if ids is None else (ids[0], ids[1]),
            left_out=None if left_out is None else LeftOut.from_dict(left_out),
            contract=data.get("contract", ""),
            blanks=data.get("blanks"),
            spans=None if data.get("spans") is None else Spans.from_dict(data["spans"]),
            **tables,
        )
