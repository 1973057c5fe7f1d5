"""The instrument: the versioned S.P.O.T. questionnaire, as data.

The default one stands in ``instrument.yaml`` beside this file; a team may bring its own, checked by
the same models. ``instrument.schema.json`` is these models written as JSON schema, for editors.
"""

from __future__ import annotations

import json
import os
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, ValidationInfo, field_validator, model_validator

from spot_mlflow.errors import NotFound
from spot_mlflow.evidence import digest_of
from spot_mlflow.letters import ORDER, Letter
from spot_mlflow.roles import ROLE_TABLE, Role
from spot_mlflow.validation import Document, load_yaml, nearest, parse_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

LEVELS: Final[tuple[int, ...]] = (1, 2, 3, 4, 5)

Text = Annotated[str, Field(min_length=1)]


class Level(Document):
    """One of the five sentences to choose from; it contains those before it."""

    text: Text
    example: Text


class Question(Document):
    """One question with its label in charts, the roles it is asked of and its five levels."""

    id: Annotated[str, Field(pattern=r"^[SPOT][1-9][0-9]?$")]
    label: Annotated[str, Field(min_length=1, max_length=24)]
    asks: Annotated[tuple[Role, ...], Field(min_length=1)]
    text: Text
    help: Text
    levels: Annotated[tuple[Level, ...], Field(min_length=5, max_length=5)]

    @property
    def letter(self) -> Letter:
        """S, P, O or T: the first letter of the id."""
        return next(x for x in ORDER if self.id.startswith(x))

    def level(self, number: int) -> Level:
        """Returns the level by its number, 1 to 5."""
        return self.levels[number - 1]


class LetterText(Document):
    """What a letter stands for, and the question behind its questions."""

    title: Text
    asks: Text


class RoleText(Document):
    """How a role is called where people read it; ``spot_mlflow.roles`` has the words for each."""

    title: Text
    who: Text


class Instrument(Document):
    """The questionnaire.

    Attributes:
        name: name of the instrument; answers of another one are never mixed in.
        version: major.minor.patch; answers of another major version are not compared.
        title: the heading a respondent reads.
        intro: what a respondent reads first.
        letters: S, P, O and T with what they stand for.
        questions: in the order in which they are asked; each letter has one at least.
        roles: titles of the roles that are asked; those of ``spot_mlflow.roles`` where left out.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    title: Text
    intro: Text
    letters: dict[Letter, LetterText]
    questions: Annotated[tuple[Question, ...], Field(min_length=4)]
    roles: Annotated[dict[Role, RoleText], Field(default_factory=dict, validate_default=True)]

    @field_validator("roles")
    @classmethod
    def _every_asked_role(
        cls, given: dict[Role, RoleText], info: ValidationInfo
    ) -> dict[Role, RoleText]:
        asked = {role for q in info.data.get("questions", ()) for role in q.asks}
        return given | {
            key: RoleText(title=role.title, who=role.who)
            for key, role in ROLE_TABLE.items()
            if key in asked and key not in given
        }

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        ids = [q.id for q in self.questions]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"question ids must be unique, twice: {', '.join(twice)}")
        for what, needed, there in (
            ("letters", ORDER, self.letters),
            ("questions", ORDER, {q.letter for q in self.questions}),
        ):
            missing = [x for x in needed if x not in there]
            if missing:
                raise ValueError(f"{what}: none for {', '.join(missing)}; each needs one")
        return self

    @property
    def major(self) -> str:
        """The part of the version across which answers are not compared."""
        return self.version.split(".", maxsplit=1)[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the questions, in the order in which they are asked."""
        return tuple(q.id for q in self.questions)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of every word a respondent reads, hex; kept with the answers."""
        return digest_of(self.model_dump(mode="json"))

    @property
    def stamp(self) -> dict[str, str]:
        """What is kept with the answers: name, version and text hash."""
        return {"name": self.name, "version": self.version, "hash": self.hash}

    def comparable(self, stamp: Mapping[str, Any]) -> bool:
        """Whether answers with this stamp may be read together with this instrument."""
        version = str(stamp.get("version", ""))
        return stamp.get("name") == self.name and version.split(".", maxsplit=1)[0] == self.major

    def question(self, id_: str) -> Question:
        """Returns a question by its id.

        Raises:
            NotFound: naming the nearest id.
        """
        found = next((q for q in self.questions if q.id == id_), None)
        if found is None:
            raise NotFound(
                f"no question {id_!r}{nearest(str(id_), self.ids)}",
                fix=f"Questions: {', '.join(self.ids)}.",
            )
        return found

    def questions_for(self, role: str | None) -> tuple[Question, ...]:
        """Returns the questions asked of a role; all of them for None."""
        return tuple(q for q in self.questions if role is None or role in q.asks)

    def questions_of(self, letter: str) -> tuple[Question, ...]:
        """Returns the questions of one letter."""
        return tuple(q for q in self.questions if q.letter == letter)

    @classmethod
    def load(cls, path: Path | str) -> Instrument:
        """Reads an instrument from a YAML file.

        Raises:
            InvalidInput: naming file, key and what is required.
        """
        return parse_document(cls, load_yaml(Path(path)), where=str(path))


def default_path() -> Path:
    """Returns the file of the shipped instrument; a good start for one's own."""
    return Path(__file__).with_name("instrument.yaml")


@lru_cache(maxsize=1)
def shipped_instrument() -> Instrument:
    """Returns the S.P.O.T. instrument that comes with the package."""
    return Instrument.load(default_path())


def default_instrument() -> Instrument:
    """Returns the instrument in use: the file SPOT_INSTRUMENT names, else the shipped one.

    Raises:
        InvalidInput: the file is missing or not a valid instrument.
    """
    path = os.environ.get("SPOT_INSTRUMENT", "").strip()
    if not path:
        return shipped_instrument()
    found = Path(path)
    changed = found.stat().st_mtime_ns if found.is_file() else 0
    return _own_instrument(path, changed)


@lru_cache(maxsize=4)
def _own_instrument(path: str, changed: int) -> Instrument:  # noqa: ARG001 - makes it read anew
    return Instrument.load(path)


def json_schema() -> dict[str, Any]:
    """Returns the schema in ``instrument.schema.json`` (python -m spot_mlflow.readiness.instrument)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Instrument.model_json_schema(),
    }


if __name__ == "__main__":
    written = json.dumps(json_schema(), indent=2) + "\n"
    default_path().with_name("instrument.schema.json").write_text(written, encoding="utf-8")
