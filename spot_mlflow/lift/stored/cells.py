"""A reduced log as it may be stored and shown: no cell tells of fewer than ten people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spot_mlflow.lift.moments.grouping import codes_of, summed_at
from spot_mlflow.lift.moments.labels import HOLDOUT, NO_COUNTERPART, SMALL_CELLS
from spot_mlflow.lift.moments.spans import Spans
from spot_mlflow.lift.stored.actions import without_few
from spot_mlflow.lift.stored.small_cells import (
    LEAST_UNITS,
    NOWHERE,
    Blocks,
    grouped,
    grouped_freely,
)
from spot_mlflow.lift.strata.choice import block_starts, compare
from spot_mlflow.lift.strata.clusters import counted
from spot_mlflow.lift.strata.shares import declared_grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.clusters import ClusterMoments
    from spot_mlflow.lift.moments.cut import Calendar
    from spot_mlflow.lift.moments.guardrails import GuardrailMoments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.stored.small_cells import Group

    Days = NDArray[np.datetime64]
    Ints = NDArray[np.int64]
    Labels = NDArray[np.object_]
    Run = tuple[Any, Any]


def without_small_cells(moments: OutcomeMoments, predicted: PredictedLift) -> OutcomeMoments:
    """Returns the log with cells of fewer than ten units added to others, and a note that says so.

    Sums over each arm stay what they are. Where nothing is small, the log is returned as it is; so is
    one that went through this already.

    Args:
        moments: an outcome log, reduced, with its cut.
        predicted: the contract.
    """
    merging = _Merging(moments, predicted)
    made = merging.made()
    if made is moments:
        return moments
    made = replace(made, notes=(*moments.notes, merging.note))
    if not merging.known:
        return made
    spans, every = merging.spans(of_cells=True), merging.spans(of_cells=False)
    closed = made.closed
    return replace(
        made,
        spans=spans,
        closed=None if closed is None else closed.cut_at(every, compared=spans),
    )


class _Merging:
    """The tables of a log, each merged by its own rule, and which days that puts together."""

    def __init__(self, moments: OutcomeMoments, predicted: PredictedLift) -> None:
        self._moments, self._predicted = moments, predicted
        self._calendar = compare(moments.cells, predicted).cut.calendar
        self._runs: list[Run] = []
        self._others: list[Run] = []  # of tables that are not compared between checks
        self._before = self._after = 0

    @property
    def known(self) -> bool:
        """Whether days are known."""
        return not np.isnat(self._moments.cells.period).all()

    def spans(self, *, of_cells: bool) -> Spans:
        """Returns the runs of days that the cells keep apart, or that all tables do."""
        runs = self._runs if of_cells else [*self._runs, *self._others]
        found = Spans.of(self._moments.cells.period, [r for r in runs if r[0] < r[1]])
        before = self._moments.spans
        return found if before is None else found.within(before)

    @property
    def note(self) -> str:
        """What was done, for a reader."""
        return (
            f"Cells with fewer than {LEAST_UNITS} units of an arm are stored with others, so that "
            f"nobody's outcome can be read from the record: {self._before:,} cells became {self._after:,}"
        )

    def made(self) -> OutcomeMoments:
        """Returns the log with all tables merged; itself where nothing is small."""
        m = self._moments
        cells, guardrails = self._compared()
        tables = {
            k: self._by_label(getattr(m, k), other=k != "score_bins")
            for k in ("score_bins", "teams", "offers")
        }
        clusters = self._clusters(m.clusters)
        found: dict[str, Any] = {
            "cells": cells,
            "clusters": clusters,
            "guardrails": guardrails,
            **tables,
        }
        actions = None if m.actions is None else without_few(m.actions)
        if actions is m.actions and all(_same(getattr(m, k), x) for k, x in found.items()):
            return m
        return replace(m, actions=actions, **found)

    def _compared(self) -> tuple[Moments, dict[str, GuardrailMoments]]:
        """Merges the cells within their strata, and those of guardrails with them."""
        m = self._moments
        all_cells = [m.cells, *[g.cells for g in m.guardrails.values()]]
        grid = _Grid.of(all_cells)
        comparison = compare(m.cells, self._predicted)
        own = grid.of_table[0]
        stratum = np.full(len(grid.segment), NOWHERE, dtype=np.int64)
        covered = ~comparison.uncovered
        stratum[own[covered]] = comparison.stratum
        declared = declared_grid(self._predicted, grid.segments, np.array(grid.days))
        shares = np.full(len(grid.segment), np.nan)
        if declared is not None:
            shares = declared[grid.segment, grid.day]
        groups = grouped(grid.blocks(all_cells, stratum, shares, comparison.cut.calendar))
        tables = self._put(grid, groups, all_cells)
        guardrails = {
            name: replace(g, cells=t, clusters=self._clusters(g.clusters))
            for (name, g), t in zip(m.guardrails.items(), tables[1:], strict=True)
        }
        return tables[0], guardrails

    def _by_label(self, table: Moments | None, *, other: bool) -> Moments | None:
        """Merges a table over time within each label, labels that stay too small with each other."""
        if table is None or not len(table):
            return table
        grid = _Grid.of([table])
        nothing = np.full(len(grid.segment), np.nan)
        blocks = grid.blocks([table], grid.segment, nothing, self._calendar)
        groups = grouped_freely(blocks)
        return self._put(grid, groups, [table], other=other, by_label=True)[0]

    def _put(
        self,
        grid: _Grid,
        groups: list[Group],
        tables: Sequence[Moments],
        *,
        other: bool = True,
        by_label: bool = False,
    ) -> list[Moments]:
        days = np.array(grid.days, dtype="datetime64[D]")
        number, label, day = grid.labelled(groups, other=other)
        if len(groups) == len(grid.segment):
            return list(tables)
        runs = self._others if by_label else self._runs
        runs += grid.runs(groups, days)
        out = []
        for of, table in zip(grid.of_table, tables, strict=True):
            arms, arm = codes_of(table.arm)
            code = number[of] * len(arms) + arm
            kept = np.unique(code) // max(len(arms), 1)
            made = replace(table.added_by(code), segment=label[kept], period=days[day[kept]])
            out.append(made.collapse("segment", "arm", "period"))
            self._before, self._after = self._before + len(table), self._after + len(out[-1])
        return out

    def _clusters(self, clusters: ClusterMoments | None) -> ClusterMoments | None:
        """Merges rows of sums over clusters that tell of few units, within the clusters' strata."""
        if clusters is None or (clusters.segment is None and clusters.period is None):
            return clusters
        rows = counted(clusters)
        grid = _Grid.of([rows])
        comparison = compare(rows, self._predicted)
        stratum = np.full(len(grid.segment), NOWHERE, dtype=np.int64)
        covered = ~comparison.uncovered
        stratum[grid.of_table[0][covered]] = comparison.stratum
        units = np.rint(clusters.s1[:, 0]).astype(np.int64)
        columns = self._predicted.columns
        people = columns.cluster is not None and columns.cluster == columns.unit
        shown = replace(
            rows, assigned=rows.assigned if people else units, n=rows.n if people else units
        )
        nothing = np.full(len(grid.segment), np.nan)
        blocks = grid.blocks([shown], stratum, nothing, comparison.cut.calendar)
        groups = grouped(replace(blocks, arms=grid.arms_of(rows)))
        if len(groups) == len(grid.segment):
            return clusters
        days = np.array(grid.days, dtype="datetime64[D]")
        self._others += grid.runs(groups, days)
        number, label, day = grid.labelled(groups)
        arms, arm = codes_of(clusters.arm)
        held = [a == HOLDOUT for a in arms]
        rank = np.argsort(np.argsort([not h for h in held], kind="stable"))
        kept, at = np.unique(number[grid.of_table[0]] * len(arms) + rank[arm], return_inverse=True)
        block = kept // len(arms)
        names = np.array(arms, dtype=object)[np.argsort(rank)][kept % len(arms)]
        per_row = ("clusters", "assigned_clusters", "s1", "s2", "events")
        sums: dict[str, Any] = {k: summed_at(at, len(kept), getattr(clusters, k)) for k in per_row}
        if clusters.missing is not None:
            sums["missing"] = summed_at(at, len(kept), clusters.missing)
        self._before, self._after = self._before + len(clusters.arm), self._after + len(kept)
        return replace(clusters, arm=names, segment=label[block], period=days[day[block]], **sums)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return all(a[k].cells is b[k].cells and a[k].clusters is b[k].clusters for k in a)
    return a is b


@dataclass(frozen=True, eq=False)
class _Grid:
    """The segments and days of some tables, as blocks.

    Attributes:
        segments: labels, sorted. days: in order, NaT last.
        segment: (blocks,) number of the label. day: (blocks,) of the day.
        of_table: per table, (cells,) the block of each cell.
    """

    segments: list[str]
    days: list[Any]
    segment: Ints
    day: Ints
    of_table: list[Ints]

    @classmethod
    def of(cls, tables: Sequence[Moments]) -> _Grid:
        segments, segment = codes_of(np.concatenate([t.segment for t in tables]))
        days, day = codes_of(np.concatenate([t.period for t in tables]))
        code = segment * max(1, len(days)) + day
        there, of = np.unique(code, return_inverse=True)
        ends = np.cumsum([len(t) for t in tables])[:-1]
        wide = max(1, len(days))
        return cls(segments, days, there // wide, there % wide, np.split(of, ends))

    def _time(self, calendar: Calendar) -> Ints:
        """Returns (blocks,) the number of the time that strata are cut by."""
        starts = block_starts(np.array(self.days, dtype="datetime64[D]"), calendar)
        return codes_of(starts)[1][self.day]

    def blocks(
        self, tables: Sequence[Moments], stratum: Ints, declared: Any, calendar: Calendar
    ) -> Blocks:
        """Counts units by block: assigned and analysed, of every arm and table."""
        columns = []
        for of, t in zip(self.of_table, tables, strict=True):
            for arm in sorted({str(a) for a in t.arm}):
                mine = t.arm == arm
                columns += [self._summed(of[mine], x[mine]) for x in (t.assigned, t.n)]
        near: Calendar = "week" if calendar in {"day", "week"} else "month"
        return Blocks(
            self.segment,
            self.day,
            np.stack(columns, axis=1),
            self.arms_of(tables[0]),
            stratum,
            declared,
            self._time(calendar),
            self._time(near),
        )

    def arms_of(self, table: Moments) -> Ints:
        """Returns (blocks, 2) assigned units, treated and holdout."""
        held = np.asarray(table.arm == HOLDOUT, dtype=bool)
        of = self.of_table[0]
        each = [self._summed(of[m], table.assigned[m]) for m in (~held, held)]
        return np.stack(each, axis=1)

    def _summed(self, of: Ints, x: Ints) -> Ints:
        return np.bincount(of, weights=x, minlength=len(self.segment)).astype(np.int64)

    def labelled(self, groups: list[Group], *, other: bool = True) -> tuple[Ints, Labels, Ints]:
        """Returns the group of each block, then the label and the day of each group."""
        number = np.zeros(len(self.segment), dtype=np.int64)
        label = np.empty(len(groups), dtype=object)
        day = np.zeros(len(groups), dtype=np.int64)
        for i, g in enumerate(groups):
            number[g.blocks] = i
            day[i] = self.day[g.blocks].min()
            one = len(g.segments) == 1 or not other
            label[i] = self.segments[max(g.segments)] if one else SMALL_CELLS
            if g.apart:
                label[i] = NO_COUNTERPART
        return number, label, day

    def runs(self, groups: list[Group], days: Days) -> Iterator[Run]:
        """Yields the first and the last day of each group."""
        for g in groups:
            mine = days[self.day[g.blocks]]
            dated = mine[~np.isnat(mine)]
            if len(dated):
                yield dated.min(), dated.max()
