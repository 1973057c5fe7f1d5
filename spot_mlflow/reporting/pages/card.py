"""The model card: one page per model version, derived from the record; nothing is asked twice.

After the model cards of Mitchell et al. 2019 (doi:10.1145/3287560.3287596): what it is for, what
was promised and what was realized, who stands behind it, what is known to be wrong with it. What nobody
has recorded is said to be missing, not filled in.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.readiness import readiness_chart
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.pages.adoption_view import adoption_sections, title_of
from spot_mlflow.reporting.pages.lift_report import section_markdown
from spot_mlflow.reporting.pages.page import render
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.lift_view import promise_scale
from spot_mlflow.reporting.words.tables import Table, escape_markdown
from spot_mlflow.roles import ROLES, called
from spot_mlflow.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.readiness.instrument import Instrument

DECISIONS_SHOWN: Final = 5
_MISSING: Final = "not recorded"


def html(adoption: Adoption, instrument: Instrument | None = None) -> str:
    """Returns the card as one HTML file that needs no network, follows the theme, and prints.

    Args:
        adoption: what is known of the version.
        instrument: for the words of the questions; the one in use where None.
    """
    return render(
        "card.html.j2",
        title=f"Model card: {title_of(adoption)}",
        name=title_of(adoption),
        day=figures.day(adoption.now.date()),
        headline=headline_of(adoption=adoption),
        sections=card_sections(adoption, instrument),
        foot=_foot(adoption),
    )


def markdown(adoption: Adoption, instrument: Instrument | None = None) -> str:
    """Returns the card as Markdown; pictures by their numbers, what people wrote escaped."""
    head = headline_of(adoption=adoption)
    parts = [f"# Model card: {escape_markdown(title_of(adoption))}"]
    parts += head.markdown
    for section in card_sections(adoption, instrument):
        parts += section_markdown(section)
    parts.append(escape_markdown(_foot(adoption)))
    return "\n\n".join(parts) + "\n"


def card_sections(adoption: Adoption, instrument: Instrument | None = None) -> tuple[Section, ...]:
    """Returns the card's sections in the order of reading."""
    instrument = instrument or default_instrument()
    derived = {s.key: s for s in adoption_sections(adoption)}
    made = [
        _purpose(adoption),
        _promise(adoption),
        derived.get("lift") if adoption.latest_check else None,
        derived.get("lost"),
        _readiness(adoption, instrument),
        derived.get("plan"),
        derived.get("involvement"),
        _limits(adoption, instrument),
        _responsible(adoption),
        _provenance(adoption),
    ]
    return tuple(s for s in made if s is not None)


def _purpose(adoption: Adoption) -> Section:
    contract, facts = adoption.predicted, adoption.facts.version(adoption.version)
    chosen = adoption.involvement.product_name
    scope = [
        e.what
        for e in adoption.involvement.events
        if e.phase == "scope" and e.kind == "decided" and e.what
    ]
    rows = [
        ("Name chosen by its users", chosen or _MISSING),
        ("Registered as", adoption.facts.name),
        ("What is measured", contract.metric if contract else _MISSING),
        ("For whom", (contract.population if contract else "") or _MISSING),
        ("Scope decided", scope[-1] if scope else _MISSING),
        ("User champion", adoption.involvement.champion or _MISSING),
        ("Version created", figures.day(facts.created.date()) if facts else _MISSING),
        ("Training run", (facts.run_id if facts else "") or _MISSING),
    ]
    return Section("purpose", "What is it for?", tables=(_facts("Purpose", rows),))


def _promise(adoption: Adoption) -> Section:
    contract = adoption.predicted
    title = "What was promised?"
    if contract is None:
        return Section("promise", title, text=("No lift was promised for this version.",))
    scale = promise_scale(contract)
    p, measured = contract.predicted, contract.measurement
    sure = (
        f"standard error {scale.amount(p.standard_error)}" if p.standard_error else "taken as exact"
    )
    rows = [
        ("Predicted lift", f"{scale.amount(p.lift)}, {sure}"),
        ("Source of the prediction", p.source or _MISSING),
        (
            "Minimum worthwhile lift",
            scale.amount(contract.minimum) if contract.minimum is not None else _MISSING,
        ),
        ("Measured by", measured.owner if measured else _MISSING),
        (
            "First check",
            figures.day(measured.first_check) if measured and measured.first_check else _MISSING,
        ),
        ("Contract", contract.digest[:12]),
    ]
    return Section("promise", title, tables=(_facts("Promise", rows),))


def _readiness(adoption: Adoption, instrument: Instrument) -> Section:
    ready = adoption.readiness
    title = "Is it ready to be adopted?"
    if not ready.people:
        return Section("readiness", title, text=("Nobody has been asked yet.",))
    overall = "not known yet" if ready.overall is None else f"level {ready.overall} of 5"
    people = figures.things(ready.people, "person", "people")
    roles = ", ".join(called(r) for r in ROLES if r in ready.roles)
    text = f"{figures.sentence(overall)} {people} answered: {roles}."
    notes = []
    if ready.missing_roles:
        notes.append(f"Not heard: {', '.join(called(r) for r in ready.missing_roles)}.")
    if ready.stale:
        notes.append(f"{figures.things(ready.stale, 'assessment')} older than 180 days.")
    return Section(
        "readiness",
        title,
        text=(text,),
        charts=(readiness_chart(ready, instrument),),
        notes=tuple(notes),
    )


def _limits(adoption: Adoption, instrument: Instrument) -> Section:
    """What is known to be wrong, open or missing."""
    notes = list(_open_questions(adoption, {q.id: q.label for q in instrument.questions}))
    return Section(
        "limits",
        "What is open, missing or known to be wrong?",
        text=() if notes else ("Nothing is recorded as open.",),
        notes=tuple(notes),
    )


def _open_questions(adoption: Adoption, labels: Mapping[str, str]) -> Iterator[str]:
    ready = adoption.readiness
    for c in adoption.involvement.open_concerns:
        age = figures.things(c.age_days, "day")
        yield f"{c.severity.capitalize()} concern {c.id}, {c.status}, {age} old: {c.what}"
    if ready.people and ready.unknown:
        yield f"Not known: {', '.join(labels[i] for i in ready.unknown)}."
    for id_ in ready.contested:
        q = ready.questions[id_]
        noted = "discussed" if q.noted else "not discussed yet"
        yield f"Contested: {labels[id_]}, answers from {q.low} to {q.high}, {noted}."
    check = adoption.latest_check
    if check is not None:
        yield from (figures.sentence(str(n)) for n in check.get("notes") or ())
        failed = [c for c in check.get("checks") or () if not c["success"]]
        yield from (figures.sentence(str(c["message"])) for c in failed)


def _responsible(adoption: Adoption) -> Section | None:
    rows = [*_signed(adoption), *_waived(adoption), *_decided(adoption)]
    if not rows:
        return None
    table = Table("Sign-offs, waivers and decisions", ("when", "what", "who"), tuple(rows))
    return Section("responsible", "Who is responsible for it?", tables=(table,))


def _of_version(entries: tuple[Evidence, ...], version: str | None) -> list[Evidence]:
    return [e for e in entries if e.version in (None, version)]


def _signed(adoption: Adoption) -> Iterator[tuple[str, str, str]]:
    for e in _of_version(adoption.sign_offs, adoption.version):
        note = f": {e.payload['note']}" if e.payload.get("note") else ""
        yield figures.day(e.at.date()), f"signed off for {e.payload.get('target')}{note}", _who(e)


def _waived(adoption: Adoption) -> Iterator[tuple[str, str, str]]:
    for e in _of_version(adoption.waivers, adoption.version):
        p = e.payload
        said = f"waived {p.get('requirement')} until {p.get('expires')}: {p.get('reason')}"
        yield figures.day(e.at.date()), said, str(p.get("approver") or _who(e))


def _decided(adoption: Adoption) -> Iterator[tuple[str, str, str]]:
    for e in _of_version(adoption.decisions, adoption.version)[-DECISIONS_SHOWN:]:
        answer = "allowed" if e.payload.get("allowed") else "refused"
        said = f"{answer} for {e.payload.get('target')} ({e.payload.get('policy')})"
        yield figures.day(e.at.date()), said, str(e.payload.get("requester") or _who(e))


def _who(e: Evidence) -> str:
    return e.person or e.recorded_by or _MISSING


def _provenance(adoption: Adoption) -> Section:
    kinds = Counter(e.kind for e in adoption.entries)
    said = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "none"
    digest = adoption.state_digest[:12]
    text = f"Entries of the record: {said}. State {digest}; check it with `spot verify`."
    return Section("provenance", "Where does this come from?", text=(text,))


def _facts(caption: str, rows: list[tuple[str, str]]) -> Table:
    return Table(caption, ("", "as recorded"), tuple(rows))


def _foot(adoption: Adoption) -> str:
    return f"Derived from the record on {figures.day(adoption.now.date())} by spot-mlflow {__version__}."
