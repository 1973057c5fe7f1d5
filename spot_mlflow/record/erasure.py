"""Erases a person's name from the record on request; the entries stay, and the log still verifies.

Names stand in run tags, the entry holds only their salted commitment. Erasing replaces the name by
a token that is the same in all entries of that person, so that people can still be counted, and
deletes the salt, so that the commitment binds to nothing any more.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import NotFound
from spot_mlflow.evidence import canonical
from spot_mlflow.person import person_key
from spot_mlflow.record import companion
from spot_mlflow.record.entry import (
    CREATED,
    ENTRY,
    ERASED,
    MODEL,
    PERSON,
    RECORDER,
    SALT,
    SIGNATURE,
    read,
)
from spot_mlflow.record.facts import every_version, version_tags
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.login import login
from spot_mlflow.record.reading import runs
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.remote import RouteWriter
from spot_mlflow.record.writer import PlainWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
        mentions: runs whose free text or written report still holds the name; both are immutable,
            so that only deleting the run removes it (``verify`` will then name it as missing).
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


def erase_person(
    record: Record, person: str, *, dry_run: bool = False, by: str | None = None
) -> Erasure:
    """Erases a name in the records of all models, and records that one was erased, not which.

    Args:
        record: where.
        person: the name; case and blanks do not matter, as nowhere where people are told apart.
        dry_run: count only.
        by: who erases; the login where None.

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
    entries: Counter[str] = Counter()
    mentions: list[str] = []
    signed = False
    with mlflow_errors("the records", at=record.client.tracking_uri):
        for experiment in _companions(record):
            found = _runs(record, experiment)
            named = [r for r in found if any(_is(r, tag, person) for tag in (PERSON, RECORDER))]
            signed = signed or any(SIGNATURE in r.data.tags for r in found)
            mentions += [r.info.run_id for r in found if _mentions(record, r, person)]
            if named:
                entries[experiment.tags.get(MODEL, "")] += len(named)
            if named and not dry_run:
                _erase_all(record, experiment, named, person, token)
        # Also what an erasure that was cut off has left behind.
        models = {*entries, *_told_in_summaries(record, person)}
        if not models and not mentions:
            raise NotFound(f"no entry names {person!r}")
        if not dry_run:
            for name in sorted(filter(None, models)):
                _tell_anew(record, name, person)
        # Past a gated server it would be taken for a forged one, since it has no signature.
        if models and not dry_run and not (signed and type(record.writer) is PlainWriter):
            said = {"token": token, "entries": entries.total(), "models": sorted(models)}
            who = by or login()
            same = person_key(who) == person_key(person)
            record.append(companion.REGISTRY, "erasure", said, recorded_by=token if same else who)
    return Erasure(token, entries.total(), tuple(sorted(models)), tuple(mentions))


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


def _erase_all(
    record: Record, experiment: Experiment, named: Iterable[Run], person: str, token: str
) -> None:
    """Erases a name in the entries of one record; whoever keeps them in memory reads them anew."""
    for run in named:
        _erase(record, run, person, token)
    record.client.set_experiment_tag(experiment.experiment_id, ERASED, token)


def _told_in_summaries(record: Record, person: str) -> set[str]:
    """Returns the models whose summary tags hold the name."""
    return {
        name
        for name, tags in record.portfolio()
        if _holds((v for k, v in tags.items() if k.startswith("spot.")), person)
    }


def _erase(record: Record, run: Run, person: str, token: str) -> None:
    """Marks first, so that a stop half-way leaves an entry that verifies and can be erased again."""
    client, run_id = record.client, run.info.run_id
    client.set_tag(run_id, ERASED, "true")
    for tag in (PERSON, RECORDER):
        if _is(run, tag, person):
            client.set_tag(run_id, tag, token)
    if SALT in run.data.tags:
        client.delete_tag(run_id, SALT)


def _tell_anew(record: Record, name: str, person: str) -> None:
    """Brings the summaries of a model up to date, and of each version that still tells the name."""
    tell = [
        str(v.version)
        for v in every_version(record.client, name)
        if _holds([*version_tags(record.client, v).values(), v.description or ""], person)
    ]
    record.refresh(ModelRef(name, None, record.facts(name).created), *tell)


def _is(run: Run, tag: str, person: str) -> bool:
    return bool(person_key(person)) and person_key(run.data.tags.get(tag)) == person_key(person)


def _mentions(record: Record, run: Run, person: str) -> bool:
    envelope = read(run).envelope
    if not envelope:
        return False
    return _holds([canonical(envelope.get("payload"))], person) or _holds(
        _reports(record, run, envelope.get("artifacts", {})), person
    )


def _reports(record: Record, run: Run, artifacts: Iterable[str]) -> Iterator[str]:
    """Yields the reports written with an entry; the Markdown says what the HTML says."""
    for path in artifacts:
        if path.endswith(".md"):
            with tempfile.TemporaryDirectory(prefix="spot-erase-") as folder:
                local = record.client.download_artifacts(run.info.run_id, path, folder)
                yield Path(local).read_text(encoding="utf-8")


def _holds(texts: Iterable[str], person: str) -> bool:
    """Whether a name stands in any of the texts, as a word of its own, however it is written."""
    key = person_key(person)
    name = re.compile(rf"(?<!\w){re.escape(key)}(?!\w)")
    return bool(key) and any(name.search(person_key(text)) for text in texts)
