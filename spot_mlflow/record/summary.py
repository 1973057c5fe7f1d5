"""Derived tags and description: for people to read and search, never what the gate decides on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from spot_mlflow.adoption import build_adoption
from spot_mlflow.record.faults import in_spite_of_races
from spot_mlflow.reporting.summary import description_block, merge_description, summary_tags
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.adoption import Adoption, ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.references import ModelRef
    from spot_mlflow.record.store import Record

_MARK: Final = 12  # digits of an entry's id
_ROUNDS: Final = 50  # of writing until all agrees; each more means that someone else was faster
UPDATED: Final = "spot.updated"  # when, and from which newest entry the model's tags were derived
CHART: Final = "lift-gap.png"
REPORT: Final = "report.html"


def refresh(record: Record, ref: ModelRef, *, mine: str | None = None) -> None:
    """Writes tags and description of the model, and of the version spoken of.

    Several writers may do so at once, each from the state it saw, and no MLflow call writes them
    all. So a writer goes on until it has read a record and tags that agree. Who finds an entry
    newer than its own, of which the tags do not know yet, may leave: the writer of that entry has
    still to read what was written here, and will set it right.

    Args:
        record: where.
        ref: the model; its version gets tags of its own.
        mine: id of the entry just written, or None to see it through in any case.
    """
    for _ in range(_ROUNDS):
        facts, entries = record.state(ref, recent=True)
        latest = entries[-1].id if entries else ""
        if mine not in (None, latest) and not _knows(facts, latest):
            return
        if not _written_anew(record, ref, facts, entries, latest):
            return


def _written_anew(
    record: Record, ref: ModelRef, facts: ModelFacts, entries: Sequence[Evidence], latest: str
) -> bool:
    """Writes what differs, the mark of the newest entry last; returns whether anything did."""
    spoken = version_spoken_of(facts, entries)
    wrote = False
    for version in sorted({v for v in (spoken, ref.version) if v}):
        wrote |= _write_version(record, _adoption(facts, entries, version))
    wrote |= _write_model(record, _adoption(facts, entries, spoken))
    if wrote or not _knows(facts, latest):
        mark = f"{utc(None):%Y-%m-%dT%H:%M:%SZ} (entry {latest[:_MARK] or 'none'})"
        in_spite_of_races(
            partial(record.client.set_registered_model_tag, facts.name, UPDATED, mark)
        )
        wrote = True
    return wrote


def _knows(facts: ModelFacts, latest: str) -> bool:
    """Whether the model's tags were derived from a record with that newest entry."""
    return f"(entry {latest[:_MARK] or 'none'})" in facts.tags.get(UPDATED, "")


def version_spoken_of(facts: ModelFacts, entries: Sequence[Evidence]) -> str | None:
    """Returns the version that the model's own summary is about.

    The newest version with a promise, else the newest there is, or None.
    """
    promised = {e.version for e in entries if e.kind == "prediction"}
    numbers = [v.version for v in facts.versions]
    return next(iter([v for v in reversed(numbers) if v in promised] or numbers[-1:]), None)


def _adoption(facts: ModelFacts, entries: Sequence[Evidence], version: str | None) -> Adoption:
    return build_adoption(facts, entries, version=version, now=utc(None))


def _write_model(record: Record, adoption: Adoption) -> bool:
    facts, client = adoption.facts, record.client
    changed = _changed(summary_tags(adoption), facts.tags)
    changed.pop(UPDATED, None)  # the mark, which is written last
    for key, value in changed.items():
        in_spite_of_races(partial(client.set_registered_model_tag, facts.name, key, value))
    text = _description(adoption, facts.description)
    if text != facts.description:
        client.update_registered_model(facts.name, description=text)
    return bool(changed) or text != facts.description


def _write_version(record: Record, adoption: Adoption) -> bool:
    name, client, version = adoption.facts.name, record.client, str(adoption.version)
    current = client.get_model_version(name, version)
    changed = _changed(summary_tags(adoption), dict(current.tags or {}))
    for key, value in changed.items():
        in_spite_of_races(partial(client.set_model_version_tag, name, version, key, value))
    before = current.description or ""
    text = _description(adoption, before)
    if text != before:
        client.update_model_version(name, version, description=text)
    return bool(changed) or text != before


def _changed(wanted: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Returns the tags that differ; the time of the summary changes only with something else."""
    differing = {k: v for k, v in wanted.items() if present.get(k) != v}
    return differing if set(differing) - {UPDATED} else {}


def _description(adoption: Adoption, present: str) -> str:
    """Returns the description with the managed block; what a person wrote around it stays."""
    check = adoption.latest_check
    chart = None
    links: list[tuple[str, str]] = []
    if check is not None:
        run = check["run_id"]
        chart = f"get-artifact?path={quote(CHART)}&run_uuid={run}"
        links.append(("report", f"get-artifact?path={quote(REPORT)}&run_uuid={run}"))
    return merge_description(present, description_block(adoption, chart=chart, links=tuple(links)))
