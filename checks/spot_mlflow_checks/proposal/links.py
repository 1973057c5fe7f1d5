"""Which columns of several tables hold the ids of the same units: by the values that they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow_checks.proposal.names import ID, UNIT, words
from spot_mlflow_checks.proposal.samples import found_among

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow_checks.engines.source import Source
    from spot_mlflow_checks.proposal.samples import Column, Sample

_LOOKED_UP: Final = 200  # ids that are looked for where few are shared by the first rows
_FEW: Final = 0.2  # share below which they are
_NAMED, _ID, _SAME, _KEY = 2.0, 0.5, 0.5, 0.3  # what a name weighs beside a share of 1


@dataclass(frozen=True, slots=True)
class Link:
    """How many ids two columns share.

    Attributes:
        share: of the ids of the column that has fewer.
        form: whether they are the same as text, or only as numbers (0012 is 12).
        exact: whether both tables were read whole.
        by_case: how many more are the same but for upper and lower case, which no engine takes as one.
        example: two of these, as they are written.
    """

    share: float
    form: Literal["text", "number"]
    exact: bool
    by_case: int = 0
    example: str = ""


def _by_case(x: Column, y: Column) -> tuple[int, str]:
    """Returns how many ids are the same but for upper and lower case, and two of them."""
    folded = {v.casefold(): v for v in x.distinct}
    odd = sorted(v for v in y.distinct - x.distinct if v.casefold() in folded)
    return len(odd), f"{folded[odd[0].casefold()]}, {odd[0]}" if odd else ""


def plain(value: str) -> str:
    """Returns an id without zeros in front."""
    return value.lstrip("0") or "0" if value.isdigit() else value


class Links:
    """Shares of ids between the tables; each pair of columns is compared once.

    Args:
        samples: the tables.
        sources: table's name -> where it lies, open.
    """

    def __init__(self, samples: Sequence[Sample], sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._known: dict[tuple[str, str, str, str], Link] = {}
        self.samples = samples

    def between(self, a: Sample, x: str, b: Sample, y: str) -> Link:
        """Compares column ``x`` of ``a`` with column ``y`` of ``b``."""
        key = (a.name, x, b.name, y)
        if key not in self._known:
            link = self._compared(a, a.columns[x], b, b.columns[y])
            self._known[key] = self._known[b.name, y, a.name, x] = link
        return self._known[key]

    def _compared(self, a: Sample, x: Column, b: Sample, y: Column) -> Link:
        exact = a.whole and b.whole
        fewest = max(1, min(len(x.distinct), len(y.distinct)))
        as_text = len(x.distinct & y.distinct) / fewest
        numbers = {plain(v) for v in x.distinct} & {plain(v) for v in y.distinct}
        as_number = len(numbers) / fewest
        likely = words(x.name) == words(y.name) or max(map(_by_name, (x, y))) >= _NAMED
        if likely and not exact and max(as_text, as_number) < _FEW:
            as_text = max(as_text, self._looked_up(a, x, b, y))
        if as_number > as_text + 0.05:
            return Link(as_number, "number", exact)
        return Link(as_text, "text", exact, *_by_case(x, y))

    def _looked_up(self, a: Sample, x: Column, b: Sample, y: Column) -> float:
        """Looks for some ids of the shorter table in more rows of the other."""
        if a.whole is b.whole:
            here, there, table = (x, y, b) if a.rows <= b.rows else (y, x, a)
        else:
            here, there, table = (x, y, b) if a.whole else (y, x, a)
        ids = sorted(here.distinct)[:_LOOKED_UP]
        source = self._sources[table.name]
        return len(found_among(source, there.name, ids)) / max(1, len(ids))

    def among(self, a: Sample, x: str, b: Sample, y: str) -> Link:
        """Compares as ``between``; where a part was read, some ids of ``a`` are looked for in more of ``b``."""
        link = self.between(a, x, b, y)
        if link.exact or not a.columns[x].distinct:
            return link
        ids = sorted(a.columns[x].distinct)[:: max(1, len(a.columns[x].distinct) // _LOOKED_UP)]
        forms = [{i} for i in ids[:_LOOKED_UP]]
        if (
            link.form == "number"
        ):  # as written there: without zeros in front, or filled up with them
            width = max(map(len, b.columns[y].distinct))
            forms = [{plain(i), plain(i).zfill(width)} for i in ids[:_LOOKED_UP]]
        found = set(found_among(self._sources[b.name], y, sorted(set().union(*forms))))
        share = sum(1 for f in forms if f & found) / len(forms)
        return replace(link, share=max(link.share, share))

    def units(self) -> dict[str, str]:
        """Returns table's name -> column of the unit's id; a table that shares none is left out.

        A column counts by its name and by the ids that it shares with columns of the other tables.
        """
        weight: dict[tuple[str, str], float] = {}
        for a in self.samples:
            for x in _ids(a):
                shared = [self._best(a, x, b) for b in self.samples if b is not a]
                if any(shared) or len(self.samples) == 1:
                    weight[a.name, x.name] = sum(shared) + _by_name(x)
        out: dict[str, str] = {}
        for a in self.samples:
            mine = {x.name: weight[a.name, x.name] for x in _ids(a) if (a.name, x.name) in weight}
            if mine:
                out[a.name] = max(mine, key=lambda c: mine[c])
        return out

    def _best(self, a: Sample, x: Column, b: Sample) -> float:
        """The most that a column shares with one of another table, the same name counted in."""
        found = [0.0]
        for y in _ids(b):
            share = self.between(a, x.name, b, y.name).share
            same = _SAME * (words(x.name) == words(y.name))
            found.append((share + same + min(_by_name(y), 1.0)) if share > 0 else 0.0)
        return max(found)


def _ids(sample: Sample) -> list[Column]:
    return [c for c in sample.columns.values() if c.is_id]


def _by_name(column: Column) -> float:
    said = words(column.name)
    weight = _NAMED * bool(UNIT.search(said)) + _ID * bool(ID.search(said))
    return weight + _KEY * column.is_unique


def share_of_ids(link: Link) -> str:
    """Says how many ids are shared, for a comment."""
    about = "" if link.exact else "about "
    return f"{about}{100 * link.share:.0f} %"
