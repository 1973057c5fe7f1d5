"""How an answer is written as text: its fields, the cells of a spreadsheet, the marks in a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.readiness.assessment import DONT_KNOW

if TYPE_CHECKING:
    from collections.abc import Mapping


FIELDS: Final = ("now", "target", "by", "owner", "comment")
WORDS: Final = frozenset({"owner", "comment"})  # fields that hold a person's words
MAIL_BEGIN: Final = "-----BEGIN SPOT ANSWERS-----"
MAIL_END: Final = "-----END SPOT ANSWERS-----"
# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "'")


def cell(text: str) -> str:
    """Writes a text so that no spreadsheet runs it as a formula; ``uncell`` undoes it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def uncell(text: str) -> str:
    """Reads what ``cell`` wrote."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_STARTS) else text


def long_form(answers: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Returns answers as texts for a worksheet; "don't know" in words, what is unset left out."""
    return {
        id_: {
            "now": DONT_KNOW if given.get("now") is None else str(given["now"]),
            **{k: str(given[k]) for k in FIELDS[1:] if given.get(k) is not None},
        }
        for id_, given in answers.items()
    }
