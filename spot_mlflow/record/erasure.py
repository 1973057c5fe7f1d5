"""Erases a person's name from the record on request; the entries stay, and the log still verifies.

Names stand in run tags, the entry holds only their salted commitment. Erasing replaces the name by
a token that is the same in all entries of that person, so that people can still be counted, and
deletes the salt, so that the commitment binds to nothing any more.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import NotFound
from spot_mlflow.evidence import canonical
from spot_mlflow.person import person_key
from spot_mlflow.record import companion
from spot_mlflow.record.entry import CREATED, ENTRY, ERASED, PERSON, RECORDER, SALT, read
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.reading import runs
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.remote import RouteWriter

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run

    from spot_mlflow.record.store import Record

_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased.

    Attributes:
        token: what stands in the name's place.
        entries: entries in which the name stood, as the speaker or as the one who wrote it down.
        models: their models.
        mentions: runs whose free text still holds the name; text is immutable, so that only
            deleting the run removes it (``verify`` will then name it as missing).
    """

    token: str
    entries: int
    models: tuple[str, ...]
    mentions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {
            "token": self.token,
            "entries": self.entries,
            "models": list(self.models),
            "mentions": list(self.mentions),
        }


def erase_person(record: Record, person: str, *, dry_run: bool = False) -> Erasure:
    """Erases a name in the records of all models.

    Args:
        record: where.
        person: the name; case and blanks do not matter, as nowhere where people are told apart.
        dry_run: count only.

    Raises:
        NotFound: the name stands in no record.
        Refused: on a gated server, where only an administrator erases.
    """
    if isinstance(record.writer, RouteWriter):
        said = record.writer.erase(person, dry_run=dry_run)
        return Erasure(
            said["token"], said["entries"], tuple(said["models"]), tuple(said["mentions"])
        )
    token = f"(erased {secrets.token_hex(3)})"
    models: dict[str, int] = {}
    mentions: list[str] = []
    with mlflow_errors("the records"):
        for experiment in _companions(record):
            for run in _runs(record, experiment):
                if any(_is(run, tag, person) for tag in (PERSON, RECORDER)):
                    models[experiment.tags.get("spot.model", "")] = (
                        models.get(experiment.tags.get("spot.model", ""), 0) + 1
                    )
                    if not dry_run:
                        _erase(record, run, person, token)
                if _mentions(run, person):
                    mentions.append(run.info.run_id)
        if not models and not mentions:
            raise NotFound(f"nobody is recorded as {person!r}")
        if not dry_run:
            for name in filter(None, models):
                record.refresh(ModelRef(name, None, record.facts(name).created))
    return Erasure(token, sum(models.values()), tuple(sorted(models)), tuple(mentions))


def _companions(record: Record) -> list[Experiment]:
    found: list[Experiment] = []
    token: str | None = None
    while True:
        page = record.client.search_experiments(max_results=_PAGE, page_token=token)
        found.extend(
            e for e in page if e.tags.get(CREATED) or e.name.startswith(companion.prefix())
        )
        token = page.token
        if not token:
            return found


def _runs(record: Record, experiment: Experiment) -> list[Run]:
    return [r for r in runs(record.client, [experiment.experiment_id]) if ENTRY in r.data.tags]


def _erase(record: Record, run: Run, person: str, token: str) -> None:
    """Marks first, so that a stop half-way leaves an entry that verifies and can be erased again."""
    client, run_id = record.client, run.info.run_id
    client.set_tag(run_id, ERASED, "true")
    for tag in (PERSON, RECORDER):
        if _is(run, tag, person):
            client.set_tag(run_id, tag, token)
    if SALT in run.data.tags:
        client.delete_tag(run_id, SALT)


def _is(run: Run, tag: str, person: str) -> bool:
    return bool(person_key(person)) and person_key(run.data.tags.get(tag)) == person_key(person)


def _mentions(run: Run, person: str) -> bool:
    reading = read(run)
    said = canonical(reading.envelope.get("payload")) if reading.envelope else ""
    return bool(person_key(person)) and person_key(person) in said.casefold()
