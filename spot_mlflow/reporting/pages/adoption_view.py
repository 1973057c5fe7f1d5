"""Everything known about a model, as ``spot show`` says it: sections, and JSON of the same."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.lasting_holdout import lasting_holdout
from spot_mlflow.letters import LETTERS
from spot_mlflow.origins import origins_of
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.message.request import plan_words, target_text
from spot_mlflow.reporting.message.summary import verdict_line
from spot_mlflow.reporting.pages.lift_report import cards, section_markdown
from spot_mlflow.reporting.sections.lasting import lasting_section
from spot_mlflow.reporting.sections.money import gap_sections
from spot_mlflow.reporting.sections.readiness import readiness_section
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.lift_view import lift_view, promise_scale
from spot_mlflow.reporting.words.standing import standing_of
from spot_mlflow.reporting.words.tables import Table, escape_markdown
from spot_mlflow.verdicts import GRADES

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.involvement.appeal import AppealItem
    from spot_mlflow.involvement.concerns import Concern


# By the policy's mode, what follows of requirements that are not met.
UNENFORCED: Final = {
    "observe": "Nothing is blocked: the policy only observes.",
    "warn": "Nothing is blocked: the policy only warns.",
}


def title_of(adoption: Adoption) -> str:
    """Returns whom this is about: "Stay Radar (churn), version 3, Production"."""
    facts = adoption.facts.version(adoption.version)
    name = adoption.facts.name
    title = name if adoption.name == name else f"{adoption.name} ({name})"
    if facts is None:
        return f"{title}, no version yet"
    held = [*([] if facts.stage == "None" else [facts.stage]), *(f"@{a}" for a in facts.aliases)]
    return ", ".join([title, f"version {facts.version}", *held])


def adoption_sections(
    adoption: Adoption, decision: GateDecision | None = None
) -> tuple[Section, ...]:
    """Returns gate, lift, cause, readiness, involvement and plan, as far as there is any."""
    made = (
        None if decision is None else gate_section(adoption, decision),
        _lift(adoption),
        *_gap(adoption),
        lasting_section(adoption),
        readiness_section(adoption, plan=False),
        _involvement(adoption),
        _plan(adoption),
        _taken_down(adoption),
        _origins(adoption),
    )
    return tuple(s for s in made if s is not None)


def gate_section(adoption: Adoption, decision: GateDecision) -> Section:
    """Returns where the version is and what fails, as measured against required, with its fix."""
    standing = standing_of(adoption, decision)
    enforced = (
        f" {UNENFORCED[decision.mode]}" if decision.missing and decision.mode in UNENFORCED else ""
    )
    steps = [
        (f"✕ {r.title or r.name}: {r.measured}; required: {r.required}", r.fix)
        for r in decision.missing
    ]
    steps += [(f"~ {r.title or r.name}: waived, {r.waived}", "") for r in decision.waived]
    return Section(
        "gate",
        standing.question,
        text=(f"{standing.answer}{enforced}",),
        steps=tuple(steps),
        notes=(*(figures.sentence(n) for n in decision.notes), f"Policy {decision.policy}."),
    )


def _lift(adoption: Adoption) -> Section | None:
    check = adoption.latest_check
    if check is None:
        if adoption.predicted is None:
            return None
        scale = promise_scale(adoption.predicted)
        promised = scale.amount(adoption.predicted.predicted.lift)
        return Section(
            "lift",
            "Was the promised lift realized?",
            text=(f"Promised {promised}; not checked yet.",),
        )
    view = lift_view(check)
    rows = [(c.label, f"{c.figure} {c.unit}".strip(), c.detail) for c in cards(view)]
    when = figures.day(check.get("at") or check.get("created"))
    return Section(
        "lift",
        "Was the promised lift realized?",
        text=(f"{verdict_line(view)}. {GRADES.get(view.grade, view.grade)}. Checked {when}.",),
        tables=(Table("Lift", ("figure", "value", "interval"), tuple(rows), frozenset({1, 2})),),
    )


def _gap(adoption: Adoption) -> tuple[Section, ...]:
    check = adoption.latest_check
    return () if check is None else gap_sections(lift_view(check), adoption, brief=True)


def _involvement(adoption: Adoption) -> Section | None:
    people = adoption.involvement
    if not people.events and not people.concerns:
        return None
    rows = tuple(_concern_row(c) for c in people.concerns if c.status != "confirmed")
    tables = (
        (
            Table(
                "Concerns not closed",
                ("id", "severity", "status", "age", "raised by", "what"),
                rows,
            ),
        )
        if rows
        else ()
    )
    champion = f" Champion: {people.champion}." if people.champion else " No user champion."
    asked = [i for i in adoption.appeal.items if i.n_users or i.n_builders]
    notes = [*people.lines(), *(_appeal_words(i) for i in asked)]
    if asked:
        notes.append(f"Appeal: {adoption.appeal.words}.")
    return Section(
        "involvement",
        "Were its users involved?",
        text=(f"{figures.sentence(people.words)}{champion}",),
        tables=tables,
        notes=tuple(notes),
    )


def _concern_row(c: Concern) -> tuple[str, ...]:
    return c.id, c.severity, c.status, figures.things(c.age_days, "day"), c.speaker, c.what


def _appeal_words(item: AppealItem) -> str:
    users, builders = figures.number(item.users), figures.number(item.builders)
    return f"“{item.text}”: users {users} of 5, builders guessed {builders}"


def _plan(adoption: Adoption) -> Section | None:
    plan = adoption.readiness.plan
    if not plan:
        return None
    rows = tuple(
        (
            LETTERS.get(p.letter, p.letter),
            target_text(p.question, p.target),
            f"{figures.NOTHING if p.now is None else p.now} → {p.target}",
            figures.NOTHING
            if p.by is None
            else figures.day(p.by) + (", overdue" if p.overdue else ""),
            p.owner or figures.NOTHING,
        )
        for p in plan
    )
    return Section(
        "plan",
        "What is planned?",
        tables=(Table("Plan", ("letter", "what shall hold", "level", "by", "owner"), rows),),
    )


def _taken_down(adoption: Adoption) -> Section | None:
    """Returns what was written down for people who have not confirmed it."""
    waiting = adoption.unconfirmed
    if not waiting:
        return None
    rows = tuple(
        (
            e.id[:8],
            e.kind,
            e.person or figures.NOTHING,
            e.recorded_by,
            figures.day(e.at.isoformat()),
        )
        for e in waiting
    )
    return Section(
        "taken_down",
        "What was written down for others?",
        text=("It counts. Each person confirms for themselves: spot confirm.",),
        tables=(Table("Not confirmed", ("entry", "what", "person", "recorded by", "when"), rows),),
    )


def _origins(adoption: Adoption) -> Section | None:
    found = origins_of(adoption.entries)
    if not found:
        return None
    text = tuple(f"{figures.things(n, 'entry', 'entries')} of {o.words}." for o, n in found)
    return Section("origins", "Where was it recorded first?", text=text)


def adoption_dict(adoption: Adoption, decision: GateDecision | None = None) -> dict[str, Any]:
    """Returns JSON values under the documented keys of ``spot show`` (``docs/json.md``)."""
    facts = adoption.facts.version(adoption.version)
    check = adoption.latest_check
    return {
        "model": adoption.facts.name,
        "version": adoption.version,
        "name": adoption.name,
        "stage": facts.stage if facts else None,
        "aliases": list(facts.aliases) if facts else [],
        "headline": _headline(adoption, decision),
        "readiness": _readiness_dict(adoption),
        "involvement": _involvement_dict(adoption),
        "concerns": [_concern_dict(c) for c in adoption.involvement.concerns],
        "unconfirmed": [taken_down_dict(e) for e in adoption.unconfirmed],
        "predicted": adoption.predicted.to_dict() if adoption.predicted else None,
        "lift": dict(check) if check is not None else None,
        "lasting_holdout": found.to_dict() if (found := lasting_holdout(adoption)) else None,
        "gate": decision.to_dict() if decision is not None else None,
        "origins": [{**o.to_dict(), "entries": n} for o, n in origins_of(adoption.entries)],
        "now": adoption.now.isoformat(),
    }


def _readiness_dict(adoption: Adoption) -> dict[str, Any]:
    ready = adoption.readiness
    shown = ("level", "low", "high", "target", "contested", "dont_know")
    return {
        "overall": ready.overall,
        **{letter: ready.letters[letter].level for letter in LETTERS},
        "weakest": ready.weakest,
        "hidden": ready.hidden,
        "people": ready.people,
        "roles": sorted(ready.roles),
        "questions": {i: {k: getattr(q, k) for k in shown} for i, q in ready.questions.items()},
        "plan": [
            {
                "question": p.question,
                "now": p.now,
                "target": p.target,
                "by": p.by.isoformat() if p.by else None,
                "owner": p.owner,
                "overdue": p.overdue,
                "words": plan_words(p),
            }
            for p in ready.plan
        ],
    }


def _involvement_dict(adoption: Adoption) -> dict[str, Any]:
    people = adoption.involvement
    return {
        "score": people.score,
        "words": people.words,
        "parts": dict(people.parts),
        "caps": [{"name": c.name, "limit": c.limit, "why": c.why} for c in people.caps],
        "people": people.people,
        "phases": dict(people.phases),
        "champion": people.champion,
    }


def _concern_dict(concern: Concern) -> dict[str, Any]:
    keys = ("id", "severity", "status", "age_days", "role", "version", "what")
    return {k: getattr(concern, k) for k in keys}


def taken_down_dict(e: Evidence) -> dict[str, Any]:
    """Returns an entry that somebody else wrote down for a person, as JSON values."""
    said = {"entry": e.id, "kind": e.kind, "person": e.person, "role": e.role}
    return {**said, "recorded_by": e.recorded_by, "at": e.at.isoformat()}


def adoption_markdown(adoption: Adoption, decision: GateDecision | None = None) -> str:
    """Returns the same as Markdown; what people wrote is escaped."""
    head = headline_of(adoption=adoption, decision=decision)
    parts = [f"# {escape_markdown(title_of(adoption))}", *head.markdown]
    for section in adoption_sections(adoption, decision):
        parts += section_markdown(section)
    return "\n\n".join(parts) + "\n"


def _headline(adoption: Adoption, decision: GateDecision | None) -> dict[str, Any]:
    """The opening in its parts; ``money`` is the first part's earlier name."""
    found = asdict(headline_of(adoption=adoption, decision=decision))
    return {"money": found["finding"], **found}
