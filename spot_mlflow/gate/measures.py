"""Measures each requirement from what is known about a model; pure.

One function a requirement: from the adoption and the policy's setting to a ``Measure``. They are
found by name through ``MEASURES``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.gate.case import days, joined
from spot_mlflow.gate.kept import files, with_lost_concerns  # noqa: F401 - of MEASURES
from spot_mlflow.gate.passage import held_before, moved_by  # noqa: F401 - of MEASURES
from spot_mlflow.gate.policy import Requirements
from spot_mlflow.gate.requirements import Measure
from spot_mlflow.gate.sign_offs import sign_off  # noqa: F401 - of MEASURES
from spot_mlflow.letters import LETTERS
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.roles import BUILDERS, ROLES
from spot_mlflow.validation import format_span, utc
from spot_mlflow.verdicts import HARMS, VIABILITY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.case import Case
    from spot_mlflow.readiness.respondents import Respondent

_CLOSED_BY: Final = {"listed": 0, "answered": 1, "confirmed": 2}


# --- assessment -------------------------------------------------------------------------------


def _recent(case: Case) -> tuple[Respondent, ...]:
    """Returns who answered recently enough for the policy, each in their role."""
    limit: timedelta | None = case.asked.get("assessment_age")
    found = case.adoption.readiness.respondents
    return tuple(r for r in found if limit is None or case.age(r.at) <= limit)


def _asked_role(case: Case) -> str:
    """Returns the role to ask next: one required and missing, else a user role not yet heard."""
    heard = {r.role for r in _recent(case)}
    wanted = [*case.asked.get("assessment_roles", ()), "business", "frontline", "executive", *ROLES]
    return next((r for r in wanted if r not in heard), "business")


def assessment_age(case: Case, limit: timedelta) -> Measure:
    """The newest assessment's age."""
    required = f"assessed within {format_span(limit)}"
    last = case.adoption.readiness.last_at
    if last is None:
        return Measure(False, "never assessed", required)
    return Measure(case.age(last) <= limit, f"assessed {days(case.age(last))} ago", required)


def assessment_people(case: Case, least: int) -> Measure:
    """How many people answered recently."""
    count = len({r.key for r in _recent(case)})
    noun = "person" if count == 1 else "people"
    return Measure(
        count >= least,
        f"{count} {noun}",
        f"{least} people{_within(case)}",
        {"role": _asked_role(case)},
    )


def assessment_non_builders(case: Case, least: int) -> Measure:
    """How many of them are no builders."""
    count = len({r.key for r in _recent(case) if r.role not in BUILDERS})
    return Measure(
        count >= least, f"{count} who did not build it", f"at least {least}{_within(case)}"
    )


def assessment_roles(case: Case, roles: Sequence[str]) -> Measure:
    """Which of the required roles answered recently."""
    heard = sorted({r.role for r in _recent(case)})
    missing = [r for r in roles if r not in heard]
    return Measure(
        not missing,
        f"heard: {joined(heard)}" + (f"; missing: {joined(missing)}" if missing else ""),
        f"{joined(roles)}{_within(case)}",
        {"role": missing[0] if missing else "business", "roles": joined(missing or roles)},
    )


def _within(case: Case) -> str:
    limit = case.asked.get("assessment_age")
    return f" within {format_span(limit)}" if limit is not None else ""


# --- levels -----------------------------------------------------------------------------------


def letter_levels(case: Case, least: Mapping[str, int]) -> Measure:
    """The level of some letters."""
    letters = case.adoption.readiness.letters
    found = {k: letters[k].level if k in letters else None for k in least}
    low = [k for k, level in found.items() if level is None or level < least[k]]
    said = [f"{LETTERS[k]} {'not known' if v is None else v}" for k, v in found.items()]
    required = joined([f"{LETTERS[k]} {v}" for k, v in least.items()])
    return Measure(not low, joined(said), f"at least {required}", _weak(low))


def weakest_letter(case: Case, least: int) -> Measure:
    """The level of the weakest letter."""
    letters = case.adoption.readiness.letters
    levels = {k: letters[k].level if k in letters else None for k in LETTERS}
    low = [k for k, level in levels.items() if level is None or level < least]
    said = [f"{LETTERS[k]} {'not known' if levels[k] is None else levels[k]}" for k in low]
    lowest = min((level for level in levels.values() if level is not None), default=None)
    measured = joined(said) if low else f"the weakest is at {lowest}"
    return Measure(not low, measured, f"every letter at least {least}", _weak(low))


def _weak(letters: Sequence[str]) -> dict[str, str]:
    return {"letters": joined([LETTERS[k] for k in letters])}


def question_level(case: Case, least: int) -> Measure:
    """Questions below a level; unknown ones are ``questions_known``'s."""
    questions = case.adoption.readiness.questions
    low = [q for q, r in questions.items() if r.level is not None and r.level < least]
    measured = joined([f"{q} at {questions[q].level}" for q in low]) if low else "none lower"
    return Measure(
        not low, measured, f"every question at least {least}", {"questions": joined(low)}
    )


def questions_known(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """Questions that nobody who was asked knew, and which role could know the first of them."""
    questions = case.adoption.readiness.questions
    unknown = [q for q, r in questions.items() if r.level is None]
    silent = questions[unknown[0]].missing_roles if unknown else ()
    role = silent[0] if silent else _asked_role(case)
    measured = f"not known: {joined(unknown)}" if unknown else "all known"
    return Measure(not unknown, measured, "every question known", {"role": role})


def contested_noted(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """Contested questions without a note."""
    questions = case.adoption.readiness.questions
    bare = [q for q, r in questions.items() if r.contested and not r.noted]
    said = [f"{q} ({questions[q].low} to {questions[q].high})" for q in bare]
    measured = f"contested without a note: {joined(said)}" if bare else "none open"
    question = bare[0] if bare else "QUESTION"
    return Measure(not bare, measured, "a note on every contested question", {"question": question})


# --- involvement ------------------------------------------------------------------------------


def scope_user(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """How often users took part in the scope; builders' entries are not counted there."""
    count = case.adoption.involvement.phases.get("scope", 0)
    return Measure(count > 0, f"{count} by users", "at least 1 contribution by a user")


def involvement_phases(case: Case, least: int) -> Measure:
    """How many phases have a contribution."""
    phases = case.adoption.involvement.phases
    have = [p for p, count in phases.items() if count]
    missing = [p for p, count in phases.items() if not count]
    values = {"phase": missing[0] if missing else "review"}
    measured = f"{len(have)} of {len(phases)}: {joined(have)}"
    return Measure(len(have) >= least, measured, f"{least} phases", values)


def involvement_includes(case: Case, wanted: Sequence[str]) -> Measure:
    """Which of the required phases have a contribution."""
    phases = case.adoption.involvement.phases
    missing = [p for p in wanted if not phases.get(p)]
    measured = f"missing: {joined(missing)}" if missing else "all covered"
    return Measure(
        not missing, measured, joined(wanted), {"phase": (missing or wanted or ["review"])[0]}
    )


def review_age(case: Case, limit: timedelta) -> Measure:
    """The newest review of this version, or of one it inherits from."""
    required = f"this version reviewed within {format_span(limit)}"
    reviews = case.adoption.involvement.reviews
    for version in case.forebears():
        times = [at for reviewed, at in reviews if reviewed == version]
        if times and case.age(max(times)) <= limit:
            inherited = "" if version == case.version else f", inherited from version {version}"
            return Measure(True, f"reviewed {days(case.age(max(times)))} ago{inherited}", required)
    others = sorted({str(v) for v, _ in reviews if v is not None and v != case.version})
    own = [at for v, at in reviews if v == case.version]
    if own:
        return Measure(False, f"reviewed {days(case.age(max(own)))} ago", required)
    said = f"not reviewed (reviewed: version {joined(others)})" if others else "never reviewed"
    return Measure(False, said, required)


def user_champion(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """The active user champion."""
    champion = case.adoption.involvement.champion
    return Measure(champion is not None, champion or "nobody", "an active champion among the users")


# --- concerns ---------------------------------------------------------------------------------


def _concerns(case: Case, severity: str, setting: str) -> Measure:
    found = [c for c in case.adoption.involvement.concerns if c.severity == severity]
    short = [c for c in found if _CLOSED_BY.get(c.status, 0) < _CLOSED_BY[setting]]
    said = joined([f"{c.id} {c.status} for {days(case.age(c.raised_at))}" for c in short or found])
    values = {}
    if short:
        act = "answer" if short[0].status in ("open", "reopened") else "confirm"
        values = {"concern": short[0].id, "act": act}
    return Measure(not short, said, "listed" if setting == "listed" else f"all {setting}", values)


def blocking_concerns(case: Case, setting: str) -> Measure:
    """How far the blocking concerns are, those included that only a server still knows of."""
    return with_lost_concerns(_concerns(case, "blocking", setting), case, setting)


def major_concerns(case: Case, setting: str) -> Measure:
    """How far the major concerns are."""
    return _concerns(case, "major", setting)


# --- lift -------------------------------------------------------------------------------------


def lift_predicted(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """The contract of this version."""
    contract = case.adoption.predictions.get(case.version)
    measured = "no lift contract"
    if contract is not None:
        scale = contract_scale(contract, 2 * contract.predicted.standard_error or None)
        measured = f"promised {scale.amount(contract.predicted.lift)}"
    return Measure(contract is not None, measured, "a lift contract of this version")


def lift_minimum(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """The minimum worthwhile lift of the contract."""
    contract = case.adoption.predictions.get(case.version)
    minimum = contract.minimum if contract else None
    measured = "no minimum worthwhile lift"
    if contract is not None and minimum is not None:
        scale = contract_scale(contract, 2 * contract.predicted.standard_error or None)
        measured = f"minimum {scale.amount(minimum)}"
    return Measure(minimum is not None, measured, "a minimum worthwhile lift, given or derived")


def lift_lower_bound(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """The lower bound of the predicted lift against the minimum."""
    contract = case.adoption.predictions.get(case.version)
    minimum = contract.minimum if contract else None
    if contract is None or minimum is None:
        return Measure(False, "unknown", "lower bound of the predicted lift >= the minimum")
    p = contract.predicted
    low, _high = p.bounds
    scale = contract_scale(contract, 2 * p.standard_error or None).telling_apart(low, minimum)
    return Measure(
        low >= minimum,
        f"lower bound {scale.amount(low)}",
        f"at least the minimum {scale.amount(minimum)}",
    )


def measurement_set(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """Who measures, and when."""
    contract = case.adoption.predictions.get(case.version)
    m = contract.measurement if contract else None
    if m is None:
        return Measure(False, "nobody named", "owner and date of the first check")
    date = m.first_check or m.starts
    return Measure(
        date is not None,
        f"{m.owner}, {date.isoformat() if date else 'no date'}",
        "owner and date of the first check",
    )


def lift_viable(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """The viability of this version's own newest check."""
    checks = case.adoption.checks.get(case.version, ())
    viable = str(checks[-1].get("viable")) if checks else "not checked yet"
    fails = [k for k, mark in VIABILITY.items() if mark.good is False]
    return Measure(viable not in fails, viable, 'not "not viable"')


def guardrails(case: Case, setting: str) -> Measure:
    """What this version's own newest check says of the guardrails of its contract."""
    contract = case.adoption.predictions.get(case.version)
    named = [g.name for g in contract.guardrails] if contract else []
    checks = case.adoption.checks.get(case.version, ())
    body = checks[-1] if checks else {}
    found = {str(g["name"]): str(g["verdict"]) for g in body.get("guardrails") or ()}
    states = {name: found.get(name, "not checked yet") for name in named}
    harm: dict[str, bool | None] = {name: mark.good for name, mark in HARMS.items()}
    allowed = {True, None} if setting == "not harmful" else {True}
    short = {k: v for k, v in states.items() if harm.get(v) not in allowed}
    if not named:
        measured = "no guardrail in the lift contract"
        return Measure(setting == "not harmful", measured, _guarded(setting))
    measured = joined([f"{k} {v}" for k, v in (short or states).items()])
    return Measure(not short, measured, _guarded(setting))


def _guarded(setting: str) -> str:
    return "no guardrail harmful" if setting == "not harmful" else "every guardrail harmless"


def incumbent_checked(case: Case, _: bool) -> Measure:  # noqa: FBT001 - a policy's switch
    """Whether those that hold the target now are overdue with their outcome check."""
    required = "the incumbent's outcome check is not overdue"
    late: list[tuple[str, str, str]] = []
    for held in case.adoption.facts.holders(case.target):
        due = first_check_due(case.adoption, held.version)
        if held.version == case.version or due is None or case.adoption.checks.get(held.version):
            continue
        if due < case.now:
            contract = case.adoption.predictions[held.version]
            owner = contract.measurement.owner if contract.measurement else "a data scientist"
            late.append((held.version, due.date().isoformat(), owner))
    if not late:
        return Measure(True, "not overdue", required, {})
    name = case.adoption.facts.name
    said = joined([f"version {v} was due {when}" for v, when, _ in late])
    return Measure(
        False, said, required, {"incumbent": f"{name}/{late[0][0]}", "owner": late[0][2]}
    )


def first_check_due(adoption: Adoption, version: str) -> datetime | None:
    """When the first outcome check of a version is due, or None where its contract does not say.

    The contract's ``first_check``; else ``starts`` plus the outcome window.
    """
    contract = adoption.predictions.get(version)
    if contract is None or contract.measurement is None:
        return None
    if contract.measurement.first_check is not None:
        return utc(contract.measurement.first_check)
    if contract.measurement.starts is not None and contract.window is not None:
        return utc(contract.measurement.starts) + contract.window
    return None


# One function for each key of a policy, in its order; a key without one fails here, at import.
MEASURES: Final[Mapping[str, Callable[[Case, Any], Measure]]] = {
    name: globals()[name] for name in Requirements.model_fields if name != "extends"
}
