"""Thornton's field experiment (Malawi, 2004), as it is: messy, and randomized.

Source and licence: ``data/README.md`` beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

FEATURES: Final = ["age", "distvct"]
ARM, OUTCOME, VILLAGE, PERSON = "any", "got", "villnum", "person"


@dataclass(frozen=True)
class Halves:
    """The villages, every other one, so that nobody could pick them.

    Attributes:
        learned: people of the villages that the model may learn from.
        other: people of the villages where outcomes "arrive" later.
    """

    learned: pd.DataFrame
    other: pd.DataFrame


def load() -> pd.DataFrame:
    """Returns all 4,820 people, those without an arm or an outcome too; ``person`` is the row."""
    import pandas as pd

    source = files(__package__) / "data" / "thornton_hiv.csv"
    with source.open("rb") as f:
        people = pd.read_csv(f)
    people.insert(0, PERSON, range(1, len(people) + 1))
    return people


def halves(people: pd.DataFrame) -> Halves:
    """Splits by village, every other one; people of no known village belong to neither."""
    villages = sorted(people[VILLAGE].dropna().unique())
    return Halves(
        people[people[VILLAGE].isin(villages[::2])], people[people[VILLAGE].isin(villages[1::2])]
    )


def answered(people: pd.DataFrame) -> pd.DataFrame:
    """Returns those with an arm and an outcome: what a model can learn from."""
    kept: pd.DataFrame = people.dropna(subset=[ARM, OUTCOME])
    return kept
