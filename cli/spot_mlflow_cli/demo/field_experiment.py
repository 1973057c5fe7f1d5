"""Thornton's field experiment (Malawi, 2004), as it is: messy, and randomized.

Source and licence: ``data/README.md`` beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

FEATURES: Final = ["age", "distvct"]
ARM, OUTCOME, VILLAGE, PERSON = "any", "got", "villnum", "person"
_TOLD: Final = {VILLAGE: "village", "distvct": "distance_km", ARM: "offered", OUTCOME: "collected"}


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


def write_halves(folder: Path) -> dict[str, int]:
    """Writes the halves as ``history.csv`` and ``outcomes.csv``, with names that speak for themselves.

    Returns:
        The number of rows of each file.

    Raises:
        InvalidInput: a file of that name is there; it is left as it is.
    """
    both = halves(load())
    frames = {"history.csv": both.learned, "outcomes.csv": both.other}
    for name in frames:
        if (folder / name).exists():
            raise InvalidInput(
                "the file exists already", where=str(folder / name), fix="Use an empty folder."
            )
    folder.mkdir(parents=True, exist_ok=True)
    for name, people in frames.items():
        named = people.rename(columns=_TOLD)[[PERSON, *_named_features(), "offered", "collected"]]
        named.convert_dtypes().to_csv(folder / name, index=False)
    return {name: len(people) for name, people in frames.items()}


def _named_features() -> list[str]:
    return ["village", *(_TOLD.get(column, column) for column in FEATURES)]
