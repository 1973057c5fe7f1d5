"""The forms by which people act: what each asks, and the entry that it makes of the answers; pure.

The entry is checked by the same documents as one of the library; here is only checked what can be said
beside a field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, NotFound
from spot_mlflow.involvement.appeal import ITEMS
from spot_mlflow.involvement.concerns import SEVERITY_WEIGHTS, find_concern
from spot_mlflow.involvement.log import CHAMPION_KINDS, KINDS, PHASES
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.words.lift_view import promise_scale
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.roles import ROLE_TABLE, ROLES
from spot_mlflow_plugins.server.pages.agree_form import agree_form
from spot_mlflow_plugins.server.pages.fields import Field, target_field
from spot_mlflow_plugins.server.pages.form import Form
from spot_mlflow_plugins.server.pages.target_forms import TARGET_FORMS, target_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.readiness.instrument import Question

DONT_KNOW: Final = "?"
LEVELS: Final = tuple((str(n), str(n)) for n in range(1, 6))
AGREEMENT: Final = (
    ("1", "1: not at all"),
    ("2", "2"),
    ("3", "3"),
    ("4", "4"),
    ("5", "5: entirely"),
)
# Form -> what is said once its entry is recorded.
RECORDED: Final[Mapping[str, str]] = {
    "assess": "Your answers are recorded.",
    "raise": "Your concern is recorded. You will be asked whether the answer settles it.",
    "answer": "Your answer is recorded. The person who raised the concern says whether it is settled.",
    "confirm": "Recorded: the concern is settled.",
    "reopen": "Recorded: the concern is open again.",
    "involve": "Recorded.",
    "pulse": "Your answers are recorded.",
    "sign": "Your sign-off is recorded.",
    "agree": "Recorded: what was written down for you is right.",
    "request": "Your request is recorded. Somebody else decides on it.",
    "approve": "Your approval is recorded.",
    "reject": "Recorded: the request is rejected.",
    "withdraw": "Recorded: the request is withdrawn.",
    "waive": "The waiver is recorded. It is shown wherever the requirement is shown.",
    "break-glass": "BREAK-GLASS is recorded. It is shown wherever the version is shown.",
    "decide": "Your decision is recorded.",
    "ask": "It is recorded that you asked.",
}
_BUTTONS: Final = {"answer": "Send the answer", "confirm": "It is settled", "reopen": "Reopen it"}
FOLLOW_UPS: Final[Mapping[str, tuple[str, str, str]]] = {
    "answer": ("answered", "Answer a concern", "Your answer"),
    "confirm": ("confirmed", "Is the concern settled?", "Anything to add"),
    "reopen": ("reopened", "Reopen a concern", "What is still wrong"),
}


def form_of(
    key: str,
    adoption: Adoption,
    *,
    targets: tuple[str, ...],
    role: str = "",
    concern: str = "",
    about: str = "",
) -> Form:
    """Returns a form for a model.

    Args:
        key: one of ``RECORDED``.
        adoption: what is known of the model.
        targets: what the policy in force knows, to sign off for.
        role: of who answers; an assessment asks each role its own questions.
        concern: the one that is answered, confirmed or reopened.
        about: id of the request that is decided, or of the entry that is confirmed.

    Raises:
        NotFound: no such form, concern, request or entry.
    """
    if key == "assess":
        return _assess(role)
    if key in FOLLOW_UPS:
        return _follow_up(key, adoption, concern)
    made = {"raise": _raise, "involve": _involve, "pulse": _pulse, "ask": _ask}
    if key in made:
        return made[key]()
    if key in {"sign", "decide"}:
        return _sign(adoption, targets) if key == "sign" else _decide(adoption)
    if key == "agree":
        return agree_form(adoption, about)
    if key in TARGET_FORMS:
        return target_form(
            key,
            adoption,
            targets=targets,
            request=about,
            signed=_signed(adoption, "What you sign for"),
        )
    raise NotFound(f"there is no form {key[:40]!r}", fix="Open it from a model's page.")


def role_field(role: str = "") -> Field:
    """Returns the question for the role in which somebody speaks; the one given alone where there is one."""
    roles = (role,) if role in ROLES else ROLES
    words = tuple((r, f"{ROLE_TABLE[r].title}: {ROLE_TABLE[r].who}") for r in roles)
    return Field("role", "Your role", "select" if role in ROLES else "choice", words)


def person_field() -> Field:
    """Returns the question for a name, where nobody is logged in."""
    shown = "This server has no logins: your name is shown as unverified."
    return Field("person", "Your name", help=shown)


def _assess(role: str) -> Form:
    questions = [q for q in default_instrument().questions if role in q.asks]
    asked = tuple(_question(q, n, len(questions)) for n, q in enumerate(questions, 1))

    def answers(said: Mapping[str, str]) -> dict[str, Any]:
        given = {q.id: _answer(q.id, said) for q in questions if said.get(q.id)}
        return {"answers": given}

    def checked(said: Mapping[str, str]) -> dict[str, str]:
        if questions and not any(said.get(q.id) for q in questions):
            return {questions[0].id: "Answer at least one question."}
        found = {}
        for id_, answer in answers(said)["answers"].items():
            if str(answer.get("target", answer["now"] or "")) < str(answer["now"] or ""):
                found[f"{id_}-target"] = "This is below where we are today; choose a higher level."
            elif fault := _fault(id_, answer):
                found[id_] = fault
        return found

    return Form(
        "assess",
        "How ready are we?",
        "assessment",
        asked,
        answers,
        button="Send my answers",
        intro=(default_instrument().intro,),
        checked=checked,
    )


def _question(q: Question, n: int, of: int) -> Field:
    levels = tuple((str(i), level.text) for i, level in enumerate(q.levels, 1))
    more = (
        Field(
            f"{q.id}-target", "Where should we be?", "select", (("", "–"), *LEVELS), required=False
        ),
        Field(f"{q.id}-by", "By when", "day", required=False),
        Field(f"{q.id}-owner", "Who sees to it", required=False),
        Field(f"{q.id}-comment", "Remark", "text", required=False),
    )
    options = (*levels, (DONT_KNOW, "I don't know"))
    return Field(
        q.id, f"{n} of {of}. {q.text}", "choice", options, required=False, help=q.help, more=more
    )


def _answer(id_: str, said: Mapping[str, str]) -> dict[str, Any]:
    now = said[id_]
    more = {k: said.get(f"{id_}-{k}", "").strip() for k in ("target", "by", "owner", "comment")}
    told = {k: int(v) if k == "target" and v.isdigit() else v for k, v in more.items() if v}
    return {"now": None if now == DONT_KNOW else now, **told}


def _fault(id_: str, answer: Mapping[str, Any]) -> str:
    try:
        parse_answers({id_: answer}, default_instrument())
    except InvalidInput as e:
        return figures.sentence(e.what.removeprefix(f"{id_}: "))
    return ""


def _raise() -> Form:
    words = {
        "blocking": "It must not go on like this",
        "major": "It must be fixed soon",
        "minor": "It should be fixed at some point",
    }
    severities = tuple((s, words.get(s, s)) for s in SEVERITY_WEIGHTS)
    fields = (
        Field("what", "What worries you?", "text", help="In your own words."),
        Field("severity", "How serious is it?", "choice", severities),
    )
    return Form(
        "raise",
        "Raise a concern",
        "concern",
        fields,
        lambda said: {"act": "raised", "what": said["what"], "severity": said["severity"]},
        button="Raise the concern",
    )


def _follow_up(key: str, adoption: Adoption, concern: str) -> Form:
    found = find_concern(adoption.involvement.concerns, concern)
    act, title, label = FOLLOW_UPS[key]
    said = [f"{a.speaker} {a.act} it: “{a.what}”" for a in found.thread if a.what]
    return Form(
        key,
        title,
        "concern",
        (Field("what", label, "text", required=key != "confirm"),),
        lambda sent: {"act": act, "concern": found.id, "what": sent.get("what", "")},
        button=_BUTTONS[key],
        intro=tuple(map(figures.raised, said)),
    )


def _involve() -> Form:
    phases = tuple((p, figures.raised(p)) for p in PHASES)
    words = {
        "informed": "I was informed",
        "contributed": "I contributed",
        "decided": "I helped to decide",
        "asked-no-concerns": "I was asked and have no concerns",
        "champion": "I am its champion among the users",
        "champion-stepped-down": "I am no longer its champion",
    }
    kinds = tuple((k, words.get(k, k)) for k in KINDS)
    fields = (
        Field("kind", "What did you do?", "choice", kinds),
        Field("phase", "In which phase?", "select", (("", "–"), *phases), required=False),
        Field("what", "What came of it?", "text", required=False),
        Field("when", "When, if not today", "day", required=False),
    )

    def checked(said: Mapping[str, str]) -> dict[str, str]:
        kind, phase = said.get("kind", ""), said.get("phase", "")
        if kind and not phase and kind not in CHAMPION_KINDS:
            return {"phase": "Choose one; only a champion needs none."}
        if (phase, kind) == ("naming", "decided") and not said.get("what", "").strip():
            return {"what": "Write the name that was decided."}
        return {}

    return Form(
        "involve",
        "Log your involvement",
        "involvement",
        fields,
        lambda said: {f.name: said[f.name] for f in fields if said.get(f.name)},
        button="Record it",
        checked=checked,
    )


def _pulse() -> Form:
    fields = tuple(Field(name, words, "choice", AGREEMENT) for name, words in ITEMS.items())
    return Form(
        "pulse",
        "Is it useful?",
        "pulse",
        fields,
        lambda said: {name: int(said[name]) for name in ITEMS},
        intro=("Builders answer what they think the users would say.",),
    )


def _ask() -> Form:
    """Who is asked, by a link that needs no account; the link is shown once the form is sent."""
    roles = role_field()
    fields = (
        Field("person", "Who is asked?"),
        Field("role", "In which role?", roles.kind, roles.options),
        Field(
            "until",
            "Last day for answers",
            "day",
            required=False,
            help="Without a date: in 14 days. The longest is 60 days.",
        ),
    )
    return Form(
        "ask",
        "Ask somebody by a link",
        "invitation",
        fields,
        lambda said: {"until": said.get("until") or None},
        button="Make the link",
        intro=(
            "The link opens the questions of the role, on a phone too, without an account. It is for this person alone.",
            "A newer link for the same person and role replaces an older one.",
        ),
        asks_others=True,
    )


def _sign(adoption: Adoption, targets: tuple[str, ...]) -> Form:
    fields = (
        target_field(targets),
        Field("note", "Note", "text", required=False),
    )
    return Form(
        "sign",
        f"Sign off version {adoption.version}",
        "sign-off",
        fields,
        lambda said: {"target": said["target"], "note": said.get("note", "")},
        button="Sign off",
        facts=_signed(adoption, "What you sign for"),
    )


def _decide(adoption: Adoption) -> Form:
    words = {
        "keep": "Keep it as it is",
        "fix": "Fix it, then review",
        "stop": "Stop it",
    }
    fields = (
        Field("choice", "What is decided?", "choice", tuple(words.items())),
        Field("why", "Why?", "text"),
        Field("by", "If you fix it: by when must the fix show?", "day", required=False),
    )

    def checked(said: Mapping[str, str]) -> dict[str, str]:
        if said.get("choice") == "fix" and not said.get("by", "").strip():
            return {"by": "Give the day on which the fix is reviewed."}
        return {}

    return Form(
        "decide",
        f"Keep, fix or stop version {adoption.version}",
        "resolution",
        fields,
        lambda said: {"choice": said["choice"], "why": said["why"], "by": said.get("by") or None},
        button="Record the decision",
        intro=(headline_of(adoption=adoption).title,),
        facts=_signed(adoption, "What is known"),
        checked=checked,
    )


def _signed(adoption: Adoption, caption: str) -> Table:
    """Returns what is signed: the promise, the minimum worthwhile lift, failing checks and open concerns."""
    promise, check = adoption.predicted, adoption.latest_check
    nothing = "none recorded"
    promised = least = nothing
    if promise is not None:
        scale = promise_scale(promise)
        promised = scale.amount(promise.predicted.lift)
        least = nothing if promise.minimum_viable is None else scale.amount(promise.minimum_viable)
    failed = [c for c in (check or {}).get("checks") or () if not c["success"]]
    concerns = adoption.involvement.open_concerns
    rows = (
        ("Promised", promised),
        ("Minimum worthwhile lift", least),
        *_one_by_one("Failed check", [str(c["message"]) for c in failed]),
        *_one_by_one("Open concern", [f"{c.severity}, {c.speaker}: “{c.what}”" for c in concerns]),
    )
    return Table(caption, ("what", "value"), rows)


def _one_by_one(what: str, found: Sequence[str]) -> list[tuple[str, str]]:
    """Returns a row for each; one that says "none" where there is none."""
    return [(what, said) for said in found] or [(what, "none")]
