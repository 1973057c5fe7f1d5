"""Derived tags and description: for people to read and search, never what the gate decides on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from spot_mlflow.adoption import build_adoption
from spot_mlflow.evidence import digest_of
from spot_mlflow.reporting.summary import description_block, merge_description, summary_tags
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.adoption import Adoption, ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.references import ModelRef
    from spot_mlflow.record.store import Record

_ROUNDS: Final = 50  # of rewriting while others write; each means that someone else was faster
CHART: Final = "lift-gap.png"
REPORT: Final = "report.html"


def refresh(record: Record, ref: ModelRef) -> None:
    """Writes tags and description of the model, and of the version spoken of.

    Several writers may do so at once, each from the state it saw. After writing, the record is read
    again, and where it has moved on the summary is written anew: so the last one to write has seen
    all there is.
    """
    written = ""
    for _ in range(_ROUNDS):
        facts, entries = record.state(ref, recent=True)
        state = digest_of(sorted(e.digest for e in entries))
        if state == written:
            return
        written = state
        spoken = version_spoken_of(facts, entries)
        _write_model(record, _adoption(facts, entries, spoken))
        for version in sorted({v for v in (spoken, ref.version) if v}):
            _write_version(record, _adoption(facts, entries, version))


def version_spoken_of(facts: ModelFacts, entries: Sequence[Evidence]) -> str | None:
    """Returns the version that the model's own summary is about.

    The newest version with a promise, else the newest there is, or None.
    """
    promised = {e.version for e in entries if e.kind == "prediction"}
    numbers = [v.version for v in facts.versions]
    return next(iter([v for v in reversed(numbers) if v in promised] or numbers[-1:]), None)


def _adoption(facts: ModelFacts, entries: Sequence[Evidence], version: str | None) -> Adoption:
    return build_adoption(facts, entries, version=version, now=utc(None))


def _write_model(record: Record, adoption: Adoption) -> None:
    facts, client = adoption.facts, record.client
    for key, value in _changed(summary_tags(adoption), facts.tags).items():
        client.set_registered_model_tag(facts.name, key, value)
    text = _description(adoption, facts.description)
    if text != facts.description:
        client.update_registered_model(facts.name, description=text)


def _write_version(record: Record, adoption: Adoption) -> None:
    if adoption.version is None:
        return
    name, client = adoption.facts.name, record.client
    current = client.get_model_version(name, adoption.version)
    for key, value in _changed(summary_tags(adoption), dict(current.tags or {})).items():
        client.set_model_version_tag(name, adoption.version, key, value)
    text = _description(adoption, current.description or "")
    if text != (current.description or ""):
        client.update_model_version(name, adoption.version, description=text)


def _changed(wanted: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in wanted.items() if present.get(k) != v}


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
