"""A step that a column of words tells: ``delivered: {column: status, yes: [delivered], no: [bounced]}``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from spot_mlflow.validation import Document

Word = str | int | float | bool


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Words = Annotated[list[Word], BeforeValidator(_listed), Field(min_length=1)]


def folded(word: Word) -> str:
    """Returns a word as it is compared: without spaces around it, in small letters."""
    return str(word).strip().casefold()


class StepWords(Document):
    """Which words of a column mean that a step was passed, and which that it was not.

    They are compared in any case and without spaces around them. A word in neither list is unreadable,
    and a blank is unknown.

    Attributes:
        column: the column that holds the words.
        yes: words, or one word, that mean yes.
        no: words, or one word, that mean no.
    """

    column: Annotated[str, Field(min_length=1)]
    yes: Words
    no: Words

    @model_validator(mode="before")
    @classmethod
    def _yes_and_no_of_yaml(cls, value: Any) -> Any:
        """YAML reads the keys yes and no as true and false."""
        if not isinstance(value, dict):
            return value
        names = {True: "yes", False: "no"}
        return {names[k] if isinstance(k, bool) else k: v for k, v in value.items()}

    @field_validator("no")
    @classmethod
    def _each_word_once(cls, value: list[Word], info: ValidationInfo) -> list[Word]:
        both = sorted({folded(w) for w in value} & {folded(w) for w in info.data.get("yes", ())})
        if both:
            raise ValueError(f"the word {both[0]!r} must not be in both yes and no")
        return value
