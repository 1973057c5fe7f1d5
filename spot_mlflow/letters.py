"""The four letters of S.P.O.T., where a lift is lost: their order and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Letter = Literal["S", "P", "O", "T"]
ORDER: Final[tuple[Letter, ...]] = ("S", "P", "O", "T")
LETTERS: Final[Mapping[str, str]] = {
    "S": "Strategy",
    "P": "Product",
    "O": "Operation",
    "T": "Technology",
}


def letter_words(letter: str) -> str:
    """Returns "Operation" for "O" and "Operation or Technology" for "O/T"."""
    return " or ".join(name for key, name in LETTERS.items() if key in letter.split("/"))
