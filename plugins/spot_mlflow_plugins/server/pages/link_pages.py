"""What somebody sees who came by a mailed link: their questions, their own concerns and the answers; pure.

No other answer, no other concern and no figure of the model stands on these pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.reporting import figures
from spot_mlflow.roles import called
from spot_mlflow.spoken import BY_LINK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.involvement.concerns import Concern

# What an invitation lets its holder do: form -> words of its button.
TASKS: Final[Mapping[str, str]] = {
    "assess": "Answer the questions",
    "pulse": "Is it useful?",
    "raise": "Raise a concern",
}
FOLLOWS: Final[Mapping[str, str]] = {"confirm": "It is settled", "reopen": "Reopen it"}
_STATUS: Final[Mapping[str, str]] = {
    "open": "Nobody has answered yet.",
    "reopened": "It is open again. Nobody has answered since.",
    "answered": "There is an answer. Does it settle your concern?",
    "confirmed": "You said that it is settled. If it is not, reopen it.",
}
_BLOCKING: Final = (
    "This is a blocking concern. You can say here that it is settled, but it stays open until you say so "
    "with a login: this link could be in other hands."
)
_SAID: Final = "You said by this link that it is settled. A blocking concern stays open until you say so with a login."
FOOT: Final = (
    "This address is for you alone: anybody who has it can answer in your name. "
    "What you send is recorded as sent “by link”."
)


def said_before(entry: Evidence | None) -> dict[str, str]:
    """Returns earlier answers as they were typed into the form, to be corrected."""
    found: dict[str, str] = {}
    for id_, answer in (entry.payload.get("answers") or {} if entry else {}).items():
        found[id_] = "?" if answer.get("now") is None else str(answer["now"])
        for key in ("target", "by", "owner", "comment"):
            if answer.get(key):
                found[f"{id_}-{key}"] = str(answer[key])
    return found


def invitation_page(
    adoption: Adoption, invitation: Evidence, *, closed: str, used: Mapping[str, int]
) -> dict[str, Any]:
    """Returns the values of the page that an invitation opens.

    Args:
        adoption: what is known of the model.
        invitation: its entry.
        closed: why its link takes no answers any more, or "".
        used: form -> how often it was sent by this link.
    """
    until = figures.day(str(invitation.payload["until"]))
    intro = (closed,) if closed else (f"The link takes answers until {until}.",)
    tasks = [k for k in TASKS if not closed]
    words = {**TASKS, "assess": "Correct my answers"} if used.get("assess") else TASKS
    return {
        "title": "There is nothing left to answer" if closed else "What do you think?",
        "of": adoption.name,
        "speaker": speaker_words(invitation.person, invitation.role),
        "intro": intro,
        "acts": [(words[k], k) for k in tasks],
        "acts_label": "What you can do",
        "worries": [(c.what, status_of(c), c) for c in raised_by(adoption, invitation)],
        "foot": FOOT,
    }


def raised_by(adoption: Adoption, invitation: Evidence) -> list[Concern]:
    """Returns the concerns that were raised by the link of an invitation."""
    own = {e.id for e in adoption.entries if e.payload.get(BY_LINK) == invitation.id}
    return [c for c in adoption.involvement.concerns if c.entry in own]


def concern_page(adoption: Adoption, concern: Concern) -> dict[str, Any]:
    """Returns the values of the page of one's own concern: what was said since, and what one can do."""
    thread = [
        (f"{a.speaker} {a.act} it, {figures.day(a.at)}", a.what) for a in concern.thread if a.what
    ]
    blocking = concern.status == "answered" and concern.severity == "blocking"
    more = (_BLOCKING,) if blocking and not confirmed_here(concern) else ()
    return {
        "title": "Your concern",
        "of": adoption.name,
        "speaker": speaker_words(concern.raised_by, concern.role),
        "intro": (status_of(concern), *more),
        "thread": thread,
        "acts": [(FOLLOWS[k], k) for k in follow_ups(concern)],
        "acts_label": "What you can do",
        "foot": f"Keep this address: the answer will be here. {FOOT}",
    }


def follow_ups(concern: Concern) -> tuple[str, ...]:
    """Returns what who raised a concern can do now: confirm an answer, reopen what was answered."""
    if concern.status == "confirmed":
        return ("reopen",)
    if concern.status != "answered":
        return ()
    return ("reopen",) if confirmed_here(concern) else ("confirm", "reopen")


def confirmed_here(concern: Concern) -> bool:
    """Whether the last word on a concern that is open still is a confirmation by a link."""
    last = concern.thread[-1]
    return concern.status == "answered" and (last.act, last.known) == ("confirmed", "by link")


def status_of(concern: Concern) -> str:
    """Returns how a concern stands, to the person who raised it."""
    return _SAID if confirmed_here(concern) else _STATUS[concern.status]


def speaker_words(person: str | None, role: str | None) -> str:
    """Returns in whose name a link speaks."""
    return f"You answer as {person}, {called(role or '')}, through the link that you were sent."
