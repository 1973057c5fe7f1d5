"""Targets: stages and aliases, told apart however they are written.

A target is a stage ("Production") or an alias written with "@" ("@champion"). Names that a person
cannot tell apart are one target: letter case, compatibility forms, accents, invisible characters
and the Cyrillic, Greek and Armenian letters that look like Latin ones are folded away before comparing.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.validation import is_drawn, nearest

STAGES: Final = ("None", "Staging", "Production", "Archived")  # MLflow's own

# Letters that most fonts draw like a Latin one, after case folding; from the confusables data of
# Unicode Technical Standard 39, restricted to the Latin letters and digits of a-z.
_LOOK_ALIKES: Final = str.maketrans(
    {
        "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "һ": "h", "н": "h", "і": "i", "ј": "j",
        "к": "k", "ӏ": "l", "м": "m", "п": "n", "о": "o", "р": "p", "ԛ": "q", "г": "r", "ѕ": "s",
        "т": "t", "ѵ": "v", "ԝ": "w", "х": "x", "у": "y", "ᴢ": "z",
        "α": "a", "β": "b", "ε": "e", "η": "n", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p",
        "σ": "o", "τ": "t", "υ": "u", "χ": "x", "γ": "y", "ɑ": "a", "ɡ": "g", "ı": "i", "ł": "l",
        "օ": "o", "ո": "n", "ս": "u", "հ": "h", "ց": "g", "զ": "q",
        "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t",
    }
)  # fmt: skip


@lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """Returns the form in which two names that look the same are the same."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name)).casefold()
    return unicodedata.normalize("NFKC", "".join(filter(is_drawn, text))).translate(_LOOK_ALIKES)


def normalize_target(target: str) -> str:
    """Returns the usual spelling of a target: "Production", "@champion".

    Raises:
        InvalidInput: it is neither a stage nor an alias written "@name".
    """
    text = target.strip()
    if text.startswith("@") and fold(text[1:]):
        return f"@{fold(text[1:])}"
    found = next((s for s in STAGES if fold(s) == fold(text)), None)
    if found is None:
        hint = nearest(text, STAGES) or f"; an alias is written '@{text}'" if text else ""
        raise InvalidInput(f"target == {target!r}, must be a stage or an alias{hint}")
    return found


def same_target(one: str, other: str) -> bool:
    """Whether two targets are the same stage, or the same alias."""
    return fold(one) == fold(other)


def same_person(one: str | None, other: str | None) -> bool:
    """Whether two names are one person's; an unknown person is nobody's equal."""
    return one is not None and other is not None and fold(one) == fold(other)
