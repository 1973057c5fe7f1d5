"""Which cells of few units are stored together, so that none tells of fewer than ten people.

Units of one segment and day make a block, all arms together. A block of which an arm has fewer than ten
units joins its neighbours in time within its stratum (``strata.choice``), so that the lift stays what it is;
where a whole stratum has too few, it joins others of the same share of treatment; what is left then is
compared with nothing. Which blocks join is decided by counts alone, never by outcomes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.strata.choice import alike

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

LEAST_UNITS: Final = 10  # that a stored cell tells of
NOWHERE: Final = -1  # stratum of what is compared with nothing


@dataclass(frozen=True, eq=False)
class Blocks:
    """Units by segment and day, all arms together.

    Attributes:
        segment: (blocks,) number of its label, in sorted order.
        day: (blocks,) number of its day, in order of time.
        counts: (blocks, columns) units; a column per arm and kind of count (assigned, analysed, ...).
        arms: (blocks, 2) assigned units, treated and holdout.
        stratum: (blocks,) what it is compared within, or ``NOWHERE``.
        declared: (blocks,) declared share of treatment, NaN where none is.
        time: (blocks,) number of the day, week or month that strata are cut by.
        near: (blocks,) number of the week or month within which blocks join first.
    """

    segment: Ints
    day: Ints
    counts: Ints
    arms: Ints
    stratum: Ints
    declared: Floats
    time: Ints
    near: Ints


@dataclass(eq=False)
class Group:
    """Blocks that are stored together.

    Attributes:
        blocks: their numbers, the first in time first.
        counts: (columns,) their units, added.
        arms: [treated, holdout] assigned units.
        stratum: what they are compared within, or ``NOWHERE``.
        segments: numbers of their segments.
        declared: declared share of treatment of the first.
        apart: whether it holds what is left, of several segments or times, that nothing compares with.
    """

    blocks: list[int]
    counts: list[int]
    arms: list[int]
    stratum: int
    segments: set[int]
    declared: float = math.nan
    apart: bool = False

    @property
    def small(self) -> bool:
        """Whether it tells of too few units of an arm."""
        return any(0 < n < LEAST_UNITS for n in self.counts)

    @property
    def size(self) -> tuple[int, int]:
        """Units of its smaller arm, then what makes an order of those of one size."""
        return min(self.arms), self.blocks[0]

    def add(self, other: Group) -> None:
        """Takes the blocks of another group in."""
        self.blocks += other.blocks
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        self.arms = [a + b for a, b in zip(self.arms, other.arms, strict=True)]
        self.segments |= other.segments

    def like(self, other: Group) -> bool:
        """Whether both have the same share of treatment: as declared, or as far as counts can tell."""
        t, c = (np.array(x, dtype=np.float64) for x in zip(self.arms, other.arms, strict=True))
        wanted = np.array([self.declared, other.declared])
        left, right = np.array([0]), np.array([1])
        return bool(alike(t, c, wanted, left, right)[0])


def grouped(blocks: Blocks) -> list[Group]:
    """Puts blocks into groups of which every arm has no units, or ten at least.

    What an arm has fewer of in the whole log is put into one group, since nothing can be added to it.
    """
    totals = blocks.counts.sum(axis=0)
    scarce = (totals > 0) & (totals < LEAST_UNITS)
    forced = blocks.counts[:, scarce].sum(axis=1) > 0
    groups = _whole_strata(_runs(blocks, ~forced, ~scarce), blocks.time)
    if forced.any():
        groups.append(_one(_each(blocks, np.flatnonzero(forced), ~scarce)))
        groups[-1].stratum = int(blocks.stratum.max()) + 1
    return _without_small(groups)


def grouped_freely(blocks: Blocks) -> list[Group]:
    """Does the same where groups are not compared: strata are labels, and any may join another."""
    totals = blocks.counts.sum(axis=0)
    scarce = (totals > 0) & (totals < LEAST_UNITS)
    forced = blocks.counts[:, scarce].sum(axis=1) > 0
    groups = _runs(blocks, ~forced, ~scarce)
    if forced.any():
        groups.append(_one(_each(blocks, np.flatnonzero(forced), ~scarce)))
    enough, few = ([g for g in groups if g.small is small] for small in (False, True))
    if not few:
        return groups
    left = _one(few)
    _fill(left, enough, lambda _: True)
    return [*enough, left]


def _without_small(groups: list[Group]) -> list[Group]:
    """Puts strata that have too few units with others of their share, the rest apart."""
    few = [g for g in groups if g.small]
    enough = [g for g in groups if not g.small]
    rest = [g for g in few if g.stratum == NOWHERE]
    for pool in _pools([g for g in few if g.stratum != NOWHERE]):
        _fill(pool, enough, lambda g, pool=pool: g.stratum != NOWHERE and pool.like(g))  # type: ignore[misc]
        (rest if pool.small else enough).append(pool)
    if not rest:
        return enough
    left = _one(rest)
    left.stratum, left.apart = NOWHERE, True
    _fill(left, enough, lambda g: g.stratum == NOWHERE)
    _fill(left, enough, lambda _: True)
    if not any(g.stratum != NOWHERE for g in enough):  # all there is: compared as it is
        left.stratum, left.apart = 0, False
    return [*enough, left]


def _fill(pool: Group, enough: list[Group], fits: Callable[[Group], bool]) -> None:
    """Takes the smallest groups that fit into a small one until it has enough units."""
    for g in sorted((g for g in enough if fits(g)), key=lambda g: g.size) if pool.small else ():
        if not pool.small:
            return
        pool.add(g)
        enough.remove(g)


def _pools(strata: list[Group]) -> list[Group]:
    """Puts strata of the same share of treatment together, in their order."""
    pools: list[Group] = []
    for g in sorted(strata, key=lambda g: g.blocks[0]):
        like = next((p for p in pools if p.like(g)), None)
        if like is None:
            pools.append(g)
        else:
            like.add(g)
    return pools


def _one(groups: Sequence[Group]) -> Group:
    """Adds groups up to one."""
    first, *others = sorted(groups, key=lambda g: g.blocks[0])
    for g in others:
        first.add(g)
    return first


def _each(blocks: Blocks, which: Ints, columns: Mask) -> list[Group]:
    """Makes a group of each of some blocks, of whose counts only some columns matter."""
    rows = zip(
        which.tolist(),
        blocks.counts[which][:, columns].tolist(),
        blocks.arms[which].tolist(),
        blocks.stratum[which].tolist(),
        blocks.segment[which].tolist(),
        blocks.declared[which].tolist(),
        strict=True,
    )
    return [
        Group([b], counts, arms, stratum, {segment}, share)
        for b, counts, arms, stratum, segment, share in rows
    ]


def _runs(blocks: Blocks, which: Mask, columns: Mask) -> list[Group]:
    """Joins small blocks of one segment and stratum with the next in time, first within a week or month.

    What has no stratum joins only what has the same arms, so that it gets no counterpart by being joined.
    """
    arms = (blocks.arms > 0) @ np.array([1, 2])
    apart = np.where(blocks.stratum == NOWHERE, arms, 0)
    order = np.lexsort((blocks.day, apart, blocks.segment, blocks.stratum))
    order = order[which[order]]
    wide = np.stack([blocks.stratum, blocks.segment, apart], axis=1).tolist()
    near = blocks.near.tolist()
    found = _chained(_each(blocks, order, columns), lambda b: (*wide[b], near[b]))
    return _chained(found, lambda b: tuple(wide[b]))


def _chained(groups: list[Group], key: Callable[[int], tuple[int, ...]]) -> list[Group]:
    """Adds small groups to the next of the same key, the last to those before."""
    out: list[Group] = []
    alone, known = 0, None  # where the groups of this key begin
    for g in groups:
        here = key(g.blocks[0])
        if here != known:
            _close(out, alone)
            alone, known = len(out), here
        if len(out) > alone and out[-1].small:
            out[-1].add(g)
        else:
            out.append(g)
    _close(out, alone)
    return out


def _close(runs: list[Group], alone: int) -> None:
    """Adds a last run that stayed small to the one before, as often as it takes."""
    while len(runs) > alone + 1 and runs[-1].small:
        last = runs.pop()
        runs[-1].add(last)


def _whole_strata(runs: list[Group], time: Ints) -> list[Group]:
    """Puts the whole of a stratum together where small blocks were, unless it is one segment and time.

    Parts of it would otherwise be large enough to be taken for strata of their own.
    """
    by_stratum: dict[int, list[Group]] = {}
    out = []
    for g in runs:
        if g.stratum == NOWHERE:
            out.append(g)
        else:
            by_stratum.setdefault(g.stratum, []).append(g)
    for same in by_stratum.values():
        places = {(s, int(t)) for g in same for s in g.segments for t in time[g.blocks]}
        touched = any(g.small or len(g.blocks) > 1 for g in same)
        out += [_one(same)] if touched and len(places) > 1 else same
    return out
