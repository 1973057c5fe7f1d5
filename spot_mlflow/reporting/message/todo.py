"""Who owes what: open points of a model, each with the one whose turn it is and the command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.gate.policy import default_policy
from spot_mlflow.gate.promotion import deciding_roles, requests_of
from spot_mlflow.letters import LETTERS
from spot_mlflow.person import person_key
from spot_mlflow.reporting.message.request import concern_turn
from spot_mlflow.reporting.words.commands import outcomes_command
from spot_mlflow.reporting.words.steps import step
from spot_mlflow.roles import called

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.policy import Policy

ASSESS_EVERY: Final = timedelta(days=90)  # what the default policy asks for Production


@dataclass(frozen=True, slots=True)
class Todo:
    """One open point.

    Attributes:
        model: registered name.
        who: a person, or a role where nobody is named.
        role: the role that is asked.
        what: what is owed, in a sentence.
        due: until when, or None.
        overdue: whether that has passed.
        command: what to type; words in capitals are to be put in.
        name: product name its users chose, or the registered name.
        roles: the roles in which somebody can do it, where several can; else the one asked.
        asker: who asks for it, and so cannot do it; "" where nobody does.
        form: the form of the pages that does it, or "" where only the command does.
        concern: id of the concern that it is about, or "".
        request: id of the request that it is about, or "".
        version: of the request, or "".
        entry: id of what was written down for somebody and waits for their word, or "".
    """

    model: str
    who: str
    role: str | None
    what: str
    due: date | None
    overdue: bool
    command: str
    name: str = ""
    roles: tuple[str, ...] = ()
    asker: str = ""
    form: str = ""
    concern: str = ""
    request: str = ""
    version: str = ""
    entry: str = ""

    @property
    def title(self) -> str:
        """The model as people know it, and as it is registered."""
        return self.model if self.name in ("", self.model) else f"{self.name} ({self.model})"

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {
            "model": self.model,
            "name": self.name or self.model,
            "who": self.who,
            "role": self.role,
            "what": self.what,
            "due": self.due.isoformat() if self.due else None,
            "overdue": self.overdue,
            "command": self.command,
        }


def todo_of(adoption: Adoption, policy: Policy | None = None) -> tuple[Todo, ...]:
    """Returns the open points of one model: overdue first, then by date.

    A model nobody has recorded anything for owes nothing yet.

    Args:
        adoption: everything known about it.
        policy: says which roles decide on requests; the default one where None.
    """
    if not adoption.entries:
        return ()
    found = [*_concerns(adoption), *_plan(adoption), *_assessments(adoption), *_check(adoption)]
    found += [*_confirmations(adoption), *_requests(adoption, policy or default_policy())]
    return ordered(replace(t, name=adoption.name) for t in found)


def ordered(todos: Iterable[Todo]) -> tuple[Todo, ...]:
    """Sorts open points: overdue first, then by date, those without a date last."""
    return tuple(
        sorted(todos, key=lambda t: (not t.overdue, t.due is None, str(t.due), t.model, t.what))
    )


def owed_by(todos: Iterable[Todo], person: str | None, role: str | None = None) -> tuple[Todo, ...]:
    """Returns what one person owes, by name, and what waits for somebody in a role.

    A request does not wait for the one who asks.
    """
    return tuple(
        t
        for t in todos
        if (person is not None and person_key(t.who) == person_key(person))
        or (role in t.roles and (person is None or person_key(t.asker) != person_key(person)))
    )


def _concerns(adoption: Adoption) -> Iterator[Todo]:
    name, today = adoption.facts.name, adoption.now.date()
    for c in adoption.involvement.open_concerns:
        said = f"the {c.severity} concern “{c.what}”"
        who, due = concern_turn(c)
        if c.status == "answered":
            role, what, act, more = c.role, f"confirm or reopen {said}", "confirm", ""
        else:
            role, what, act, more = "data_scientist", f"answer {said}", "answer", " --what WORDS"
        speaker = c.raised_by if act == "confirm" else None
        command = f"spot concern {act} {shlex.quote(name)} {c.id}{_as(speaker, role)}{more}"
        overdue = due < today
        yield Todo(name, who, role, what, due, overdue, command, form=act, concern=c.id)


def _as(person: str | None, role: str | None) -> str:
    """Returns the options that say who speaks; words in capitals where that is not known."""
    return f" --person {shlex.quote(person or 'NAME')} --role {role or 'ROLE'}"


def _plan(adoption: Adoption) -> Iterator[Todo]:
    name = adoption.facts.name
    for item in adoption.readiness.plan:
        what = f"{LETTERS[item.letter]}: {step(item.question, item.target)}"
        who = item.owner or "nobody named"
        command = f"spot assess {shlex.quote(name)}{_as(item.owner, None)}"
        yield Todo(name, who, None, what, item.by, item.overdue, command, form="assess")


def _assessments(adoption: Adoption) -> Iterator[Todo]:
    name, today, ready = adoption.facts.name, adoption.now.date(), adoption.readiness
    ask = f"spot ask {shlex.quote(name)} --role"
    for role in ready.missing_roles:
        what = f"an assessment by the {called(role)}"
        yield Todo(name, called(role), role, what, None, False, f"{ask} {role}", form="assess")
    for r in ready.respondents:
        due = (r.at + ASSESS_EVERY).date()
        if due < today:
            what = "a new assessment: the last one is over 90 days old"
            who = r.person or called(r.role)
            yield Todo(name, who, r.role, what, due, True, f"{ask} {r.role}", form="assess")


def _confirmations(adoption: Adoption) -> Iterator[Todo]:
    name = adoption.facts.name
    for e in adoption.unconfirmed:
        what = f"confirm the {e.kind} that {e.recorded_by} wrote down"
        command = f"spot confirm {shlex.quote(name)} {e.id[:8]}{_as(e.person, e.role)}"
        who = e.person or "somebody"
        yield Todo(name, who, e.role, what, None, False, command, form="agree", entry=e.id)


def _requests(adoption: Adoption, policy: Policy) -> Iterator[Todo]:
    """Requests that wait for a decision, and those that were approved and not carried out."""
    name, now = adoption.facts.name, adoption.now
    for r in requests_of(adoption.entries, now=now):
        spoken, asker = f"{name}/{r.version}", r.asker or "somebody"
        held = any(v.version == r.version for v in adoption.facts.holders(r.target))
        if held or adoption.facts.version(r.version) is None:
            continue
        if r.status == "open":
            roles = deciding_roles(policy, r.target)
            what = f'decide on request {r.id} of {asker}: {spoken} to {r.target}, "{r.why}"'
            command = f"spot approve {shlex.quote(name)} {r.id}{_as(None, roles[0])}"
            who = " or ".join(called(role) for role in roles)
            yield Todo(
                name,
                who,
                roles[0],
                what,
                r.expires,
                False,
                command,
                roles=roles,
                asker=r.asker or "",
                request=r.id,
                version=r.version,
            )
        elif r.status == "approved":
            what = f"carry out request {r.id}, which was approved: {spoken} to {r.target}"
            command = f"spot gate {shlex.quote(spoken)} --to {shlex.quote(r.target)}"
            yield Todo(name, asker, None, what, None, False, command)


def _check(adoption: Adoption) -> Iterator[Todo]:
    contract = adoption.predicted
    if contract is None or contract.measurement is None or adoption.latest_check is not None:
        return
    due, today = contract.measurement.first_check, adoption.now.date()
    if due is not None:
        spoken = f"{adoption.facts.name}/{adoption.version}"
        what = f"the first outcome check of version {adoption.version}"
        owner = contract.measurement.owner
        yield Todo(
            adoption.facts.name,
            owner,
            None,
            what,
            due,
            due < today,
            outcomes_command(shlex.quote(spoken), contract),
        )
