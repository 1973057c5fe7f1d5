"""The form by which somebody confirms what another person wrote down for them; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import NotFound
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.taken_down import KIND, TAKEN_DOWN
from spot_mlflow_plugins.server.pages.form import Form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence


def agree_form(adoption: Adoption, entry: str) -> Form:
    """What somebody else wrote down for the reader: is it right?

    Raises:
        NotFound: no such entry waits.
    """
    found = next((e for e in adoption.unconfirmed if e.id == entry), None)
    if found is None:
        raise NotFound("this does not wait for a confirmation", fix="It may be confirmed already.")
    return Form(
        "agree",
        "Is this what you said?",
        KIND,
        (),
        lambda _: {"entry": found.id},
        button="It is right",
        intro=(f"{found.recorded_by} wrote this {found.kind} down for {found.person}.",),
        facts=Table("What was written down", ("what", "value"), tuple(_said(found))),
    )


def _said(entry: Evidence) -> Iterator[tuple[str, str]]:
    """Yields what an entry says: answers in the words that were chosen, the rest as it was written."""
    for key, value in entry.payload.items():
        if key == "answers" and isinstance(value, Mapping):
            yield from (_answered(id_, answer) for id_, answer in value.items())
        elif value and key != TAKEN_DOWN and not isinstance(value, Mapping):
            yield key, str(value)


def _answered(id_: str, answer: Any) -> tuple[str, str]:
    """Returns a question and its answer; an answer to another team's questions as its number."""
    said = answer if isinstance(answer, Mapping) else {"now": answer}
    question = next((q for q in default_instrument().questions if q.id == id_), None)

    def level(number: Any) -> str:
        if number is None:
            return "I don't know"
        return str(number) if question is None else question.level(int(number)).text

    parts = [level(said.get("now"))]
    if said.get("target"):
        parts.append(f"wanted: {level(said['target'])}")
    if said.get("by"):
        parts.append(f"by {figures.day(str(said['by']))}")
    parts += [str(said[key]) for key in ("owner", "comment") if said.get(key)]
    return (id_ if question is None else question.text), "; ".join(parts)
