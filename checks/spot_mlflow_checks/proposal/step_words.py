"""Which column of the contacts says in words whether each was delivered, and what its words mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow_checks.engines.dialect import as_truth
from spot_mlflow_checks.proposal.names import FAILED, PASSED, STATUS, rank, words

if TYPE_CHECKING:
    from spot_mlflow_checks.proposal.samples import Column, Sample

_FEWEST: Final = 2  # words, of which one means yes and one no


@dataclass(frozen=True, slots=True)
class Delivered:
    """A column whose words say whether a contact was delivered.

    Attributes:
        column: its name.
        yes: words that mean that it was.
        no: words that mean that it was not.
        other: words that may mean either.
    """

    column: str
    yes: tuple[str, ...]
    no: tuple[str, ...]
    other: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether some words mean yes and some no."""
        return bool(self.yes and self.no)


def delivered_by(sample: Sample, taken: set[str]) -> Delivered | None:
    """Returns the likeliest such column of a table, or None.

    Args:
        sample: the table.
        taken: columns that mean something else.
    """
    found = [
        _read(c)
        for c in sample.columns.values()
        if c.name not in taken and _is_status(c) and len(c.labels) >= _FEWEST
    ]
    return max(found, key=lambda d: (d.is_known, len(d.yes) + len(d.no)), default=None)


def _is_status(column: Column) -> bool:
    """Whether its name is that of a status or a delivery, and its words are not yes and no already."""
    named = STATUS.search(words(column.name)) or rank("delivered", column.name)
    return bool(named) and any(as_truth(label) is None for label in column.labels)


def _read(column: Column) -> Delivered:
    no = tuple(x for x in column.labels if FAILED.search(words(x)))
    yes = tuple(x for x in column.labels if x not in no and PASSED.search(words(x)))
    other = tuple(x for x in column.labels if x not in {*yes, *no})
    return Delivered(column.name, yes, no, other)
