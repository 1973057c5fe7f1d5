"""Steps of which the log does not say whether a unit passed them: shares over those where it does.

A reduction that met such units carries, beside each step, how many were *asked* and answered: units
that passed the step before, with a known answer (``known_name``). The share of a step is passed /
asked, within segment, arm and period; the table that comes of it has in place of each step a linear
score whose mean is the share along the way and whose covariances are those of the delta method
(influence functions of a product of ratios), so that everything computed from means and covariances
is right over the known units. Missing at random given arm, segment and period is assumed here;
``folding`` asks what would be said if it were not so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.measures import MEASURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

    Floats = NDArray[np.float64]

# Steps on the way to the customer, in order; a system failure ends it for those not delivered.
STEPS: Final = ("offered", "delivered", "system_failure", "on_time")
ANSWERS: Final = (*STEPS, "acted")  # whatever may be unknown
# What is taken of those unknown: as the known ones, all passed, or none.
Guess = Literal["alike", "all", "none"]

_ROUNDING: Final = 1e-12  # of a share
_FEW: Final = 10  # asked in each cell, from which shares are taken by period


def known_name(step: str) -> str:
    """Returns the name of the measure that counts who was asked and answered."""
    return f"{step}_known"


def unknown_steps(cells: Moments) -> tuple[str, ...]:
    """Returns the steps with unknown answers, of which the table counts who was asked."""
    return tuple(s for s in ANSWERS if known_name(s) in cells.measures)


def known_steps(moments: OutcomeMoments) -> OutcomeMoments:
    """Returns the log with every table over the known units; itself where nothing is unknown."""
    return each_table(moments, over_known) if unknown_steps(moments.cells) else moments


def each_table(moments: OutcomeMoments, made: Callable[[Moments], Moments]) -> OutcomeMoments:
    """Returns the log with each of its tables made anew."""

    def maybe(table: Moments | None) -> Moments | None:
        return None if table is None else made(table)

    return replace(
        moments,
        cells=made(moments.cells),
        score_bins=maybe(moments.score_bins),
        teams=maybe(moments.teams),
        offers=maybe(moments.offers),
    )


def over_known(cells: Moments, guess: Mapping[str, Guess] | None = None) -> Moments:
    """Returns the table with every step in place, as far as the known units show it.

    A step that no treated unit answers is left out, and the steps after it.

    Args:
        cells: as reduced; returned as it is where no answer is unknown.
        guess: step -> what to take of those unknown; "alike" where it is silent.
    """
    cells = without_steps(cells, _silent(cells))
    steps = [s for s in STEPS if s in cells.measures]
    if not set(unknown_steps(cells)) & set(steps):
        return cells
    asked = _Rows.of(cells).scores(cells, guess or {})
    return _mapped(cells, asked)


def without_steps(cells: Moments, steps: Sequence[str]) -> Moments:
    """Returns the table without some steps and those that were asked of who had passed them."""
    gone = set(steps)
    if "offered" in gone:
        gone |= set(STEPS)
    if "delivered" in gone:
        gone |= {"system_failure", "on_time"}
    gone |= {known_name(s) for s in gone}
    if not gone & set(cells.measures):
        return cells
    return _with_measures(cells, [m for m in cells.measures if m not in gone])


def _with_measures(cells: Moments, measures: Sequence[str]) -> Moments:
    at = np.array([cells.measures.index(m) for m in measures])
    per_measure = ("s1", "s3", "nonzero", "largest", "missing")
    return replace(
        cells,
        measures=tuple(measures),
        center=cells.center[at],
        s2=cells.s2[:, at[:, None], at],
        **{k: getattr(cells, k)[:, at] for k in per_measure},
    )


def with_known(cells: Moments, steps: Sequence[str]) -> Moments:
    """Returns a table in which nothing is unknown with who was asked, as one that met such units.

    Who passed the step before was asked and answered. What is there already stays.

    Args:
        cells: as reduced.
        steps: those of which another table counts who was asked.
    """
    new = [s for s in steps if known_name(s) not in cells.measures]
    if not new:
        return cells
    rows = _Rows.of(cells)
    size = len(cells.measures)
    maps = np.vstack([np.eye(size + 1)[1:], *[rows.before(s)[None] for s in new]])
    s1, s2 = _transformed(cells, np.broadcast_to(maps, (len(cells), *maps.shape)))
    added = s1[:, size:]
    wide = replace(
        cells,
        measures=(*cells.measures, *map(known_name, new)),
        center=np.r_[cells.center, np.zeros(len(new))],
        s1=s1,
        s2=s2,
        s3=np.hstack([cells.s3, added]),
        nonzero=np.hstack([cells.nonzero, np.rint(added).astype(np.int64)]),
        largest=np.hstack([cells.largest, np.where(cells.n[:, None] > 0, added > 0, -np.inf)]),
        missing=np.hstack([cells.missing, np.zeros(added.shape, dtype=np.int64)]),
    )
    return _with_measures(wide, [m for m in MEASURES if m in wide.measures])


def shares_unknown(cells: Moments, step: str) -> Floats:
    """Returns (cells,) the share of units with an outcome of which the answer is unknown."""
    at = cells.measures.index(step)
    out: Floats = cells.missing[:, at] / np.maximum(cells.n, 1)
    return out


def _silent(cells: Moments) -> list[str]:
    """Steps that no treated unit answers though some were asked."""
    treated = cells.select(cells.arm.astype(str) != HOLDOUT).collapse()
    if not len(treated):
        return []
    names = {s: cells.index(known_name(s)) for s in unknown_steps(cells)}
    return [s for s, i in names.items() if i is not None and treated.s1[0, i] == 0]


def _unit_row(size: int, at: int) -> Floats:
    row = np.zeros(size)
    row[at] = 1.0
    return row


@dataclass(frozen=True, eq=False)
class _Rows:
    """Measures as rows over (1, z), z the centred measures of a unit.

    Attributes:
        index: measure -> position. center: (m,) constants.
    """

    index: Mapping[str, int]
    center: Floats

    @classmethod
    def of(cls, cells: Moments) -> _Rows:
        """Returns the rows of a table."""
        return cls({m: i for i, m in enumerate(cells.measures)}, cells.center)

    def one(self) -> Floats:
        """Returns the row that is 1 in every unit."""
        return _unit_row(len(self.index) + 1, 0)

    def unit(self, measure: str) -> Floats:
        """Returns the row of a measure, not centred."""
        i = self.index[measure]
        row = _unit_row(len(self.index) + 1, i + 1)
        row[0] = self.center[i]
        return row

    def before(self, step: str) -> Floats:
        """Returns the row of who passed the step before, and so was asked."""
        offered = self.unit("offered") if "offered" in self.index else self.one()
        if step in {"offered", "acted"}:
            return self.one()
        if step == "delivered" or "delivered" not in self.index:
            return offered
        passed = self.unit("delivered")
        return self.asked("delivered") - passed if step == "system_failure" else passed

    def asked(self, step: str) -> Floats:
        """Returns the row of who was asked and answered."""
        name = known_name(step)
        return self.unit(name) if name in self.index else self.before(step)

    def scores(self, cells: Moments, guess: Mapping[str, Guess]) -> dict[str, Floats]:
        """Returns step -> (cells, 1 + m) rows whose mean is the share of all units that pass it."""
        mean = _means(cells)
        level, pooled = _levels(cells, self), _pooled(mean, cells)
        one = np.broadcast_to(self.one(), mean.shape)
        out: dict[str, Floats] = {}
        for step in (s for s in STEPS if s in self.index):
            before = one
            if "offered" in out and step != "offered":
                before = out["offered"]
            if step == "system_failure" and "delivered" in out:
                before = before - out["delivered"]
            elif step == "on_time" and "delivered" in out:
                before = out["delivered"]
            passed, asked = self._guessed(step, guess.get(step, "alike"))
            out[step] = _passed(before, passed, asked, level, pooled)
        return out

    def _guessed(self, step: str, guess: Guess) -> tuple[Floats, Floats]:
        """Returns the rows of who passed and who was asked, those unknown taken as guessed."""
        passed, asked = self.unit(step), self.asked(step)
        if guess == "alike":
            return passed, asked
        before = self.before(step)
        return passed + (before - asked if guess == "all" else 0.0), before


def _passed(before: Floats, passed: Floats, asked: Floats, level: Floats, pooled: Floats) -> Floats:
    """Returns the score of one more step: before * passed / asked, linearised.

    Args:
        before: (cells, 1 + m) scores of the step before.
        passed: (1 + m,) row of who passed.
        asked: (1 + m,) row of who was asked.
        level: (cells, 1 + m) means at which shares are taken.
        pooled: the same over the whole arm, where nobody was asked.
    """
    here, whole = level @ asked, pooled @ asked
    some = here > _ROUNDING
    arm = (pooled @ passed) / np.where(whole > _ROUNDING, whole, 1.0)
    share = np.where(some, (level @ passed) / np.where(some, here, 1.0), arm)
    reach = np.einsum("ij,ij->i", before, level)
    off = (passed - share[:, None] * asked) / np.where(some, here, 1.0)[:, None]
    out: Floats = share[:, None] * before + np.where(some, reach, 0.0)[:, None] * off
    return out


def _means(cells: Moments) -> Floats:
    """Returns (cells, 1 + m) the means of (1, z); 0 where a cell has no units."""
    n = np.maximum(cells.n, 1)[:, None]
    return np.hstack([(cells.n > 0)[:, None].astype(np.float64), cells.s1 / n])


def _pooled(mean: Floats, cells: Moments, key: tuple[str, ...] = ("arm",)) -> Floats:
    """Returns the means over all cells of the same key, for every cell."""
    labels = np.array(
        ["\x00".join(str(getattr(cells, k)[i]) for k in key) for i in range(len(cells))]
    )
    _, group = np.unique(labels, return_inverse=True)
    size = int(group.max(initial=-1)) + 1
    total, units = np.zeros((size, mean.shape[1])), np.zeros(size)
    np.add.at(total, group, mean * cells.n[:, None])
    np.add.at(units, group, cells.n)
    out: Floats = (total / np.maximum(units, 1)[:, None])[group]
    return out


def _levels(cells: Moments, rows: _Rows) -> Floats:
    """Returns the means at which shares are taken: by period where cells are large, else by segment."""
    mean = _means(cells)
    steps = [s for s in unknown_steps(cells) if s in STEPS]
    before = np.array([mean @ rows.before(s) * cells.n for s in steps])
    asked = np.array([mean @ rows.asked(s) * cells.n for s in steps])
    fine = bool(((asked >= _FEW) | (before < 1 / 2)).all())
    return mean if fine else _pooled(mean, cells, ("segment", "arm"))


def _transformed(cells: Moments, maps: Floats) -> tuple[Floats, Floats]:
    """Returns sums and products of other rows over (1, z), cell by cell.

    Args:
        cells: the table.
        maps: (cells, k, 1 + m).
    """
    n = cells.n.astype(np.float64)[:, None]
    first = np.hstack([n, cells.s1])
    second = np.concatenate(
        [first[:, None, :], np.concatenate([cells.s1[:, :, None], cells.s2], axis=2)], axis=1
    )
    s1 = np.einsum("ckm,cm->ck", maps, first)
    s2 = maps @ second @ np.swapaxes(maps, 1, 2)
    return s1, s2


def _mapped(cells: Moments, scores: Mapping[str, Floats]) -> Moments:
    """Puts the scores in place of the steps, and drops who was asked of them."""
    names = [m for m in cells.measures if m not in {known_name(s) for s in scores}]
    kept = [cells.measures.index(m) for m in names]
    maps = np.zeros((len(cells), len(names), len(cells.measures) + 1))
    for row, (name, i) in enumerate(zip(names, kept, strict=True)):
        maps[:, row, i + 1] = 1.0
        if name in scores:
            maps[:, row] = scores[name]
    s1, s2 = _transformed(cells, maps)
    new = np.array([m in scores for m in names])
    same, old = np.flatnonzero(~new), np.array(kept)[~new]
    s1[:, same] = cells.s1[:, old]  # to the last digit
    s2[:, same[:, None], same] = cells.s2[:, old[:, None], old]
    out = {k: getattr(cells, k)[:, kept] for k in ("s3", "nonzero", "largest", "missing")}
    out["s3"] = np.where(new, s1, out["s3"])
    out["nonzero"] = np.where(new, np.rint(s1), out["nonzero"]).astype(np.int64)
    center = np.where(new, 0.0, cells.center[kept])
    return replace(cells, measures=tuple(names), center=center, s1=s1, s2=s2, **out)
