"""The forms of a version's way to a target: ask for it, decide on a request, waive a requirement, break the glass; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.break_glass import KIND as BREAK_GLASS
from spot_mlflow.gate.break_glass import check_break_glass
from spot_mlflow.gate.promotion import find_request, requests_of
from spot_mlflow.gate.requirements import requirement_texts
from spot_mlflow.reporting import figures
from spot_mlflow_plugins.server.pages.fields import Field, target_field
from spot_mlflow_plugins.server.pages.form import Form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.promotion import PromotionRequest
    from spot_mlflow.reporting.words.tables import Table

TARGET_FORMS: Final = frozenset({"request", "approve", "reject", "withdraw", "waive", BREAK_GLASS})
_NOTE: Final = Field("note", "Note", "text", required=False)


def target_form(
    key: str, adoption: Adoption, *, targets: tuple[str, ...], request: str, signed: Table
) -> Form:
    """Returns one of ``TARGET_FORMS``.

    Args:
        key: which.
        adoption: what is known of the version.
        targets: what the policy in force knows.
        request: id of the request that is decided.
        signed: what an approval signs for, and a broken glass lets through.

    Raises:
        NotFound: no such request.
    """
    if key == "request":
        return _ask(adoption, targets)
    if key == "waive":
        return _waive(adoption, targets)
    if key == BREAK_GLASS:
        return _break_glass(adoption, targets, signed)
    asked = find_request(requests_of(adoption.entries, now=adoption.now), request)
    if key == "approve":
        return _approve(asked, signed)
    return _turn_down(key, asked)


def _ask(adoption: Adoption, targets: tuple[str, ...]) -> Form:
    fields = (
        target_field(targets),
        Field("why", "Why now?", "text", help="The person who decides reads this."),
        Field(
            "expires",
            "Last day for the decision",
            "day",
            required=False,
            help="Without a date: in 30 days.",
        ),
    )
    return Form(
        "request",
        f"Request a target for version {adoption.version}",
        "request",
        fields,
        lambda said: {
            "act": "asked",
            "target": said["target"],
            "why": said["why"],
            "expires": said.get("expires") or None,
        },
        button="Send the request",
        intro=(
            "Somebody else decides on it. An approval binds this version, its files and its promise.",
        ),
        asks_role=False,
    )


def _approve(asked: PromotionRequest, signed: Table) -> Form:
    return Form(
        "approve",
        f"Approve version {asked.version} for {asked.target}",
        "sign-off",
        (_NOTE,),
        lambda said: {"target": asked.target, "request": asked.id, "note": said.get("note", "")},
        button="Approve",
        intro=_asked_words(asked),
        facts=signed,
    )


def _turn_down(key: str, asked: PromotionRequest) -> Form:
    rejects = key == "reject"
    words = "Reject" if rejects else "Withdraw"
    return Form(
        key,
        f"{words} the request for {asked.target}",
        "request",
        (Field("reason", "Reason", "text", required=rejects),),
        lambda said: {
            "act": "rejected" if rejects else "withdrawn",
            "request": asked.id,
            "reason": said.get("reason", ""),
        },
        button=f"{words} the request",
        intro=_asked_words(asked),
        asks_role=rejects,
    )


def _asked_words(asked: PromotionRequest) -> tuple[str, ...]:
    who = asked.asker or "Somebody"
    until = figures.day(asked.expires)
    return (
        f"{who} requests {asked.target} for version {asked.version}: “{asked.why}”",
        f"It is {asked.status}, and can be decided until {until}.",
    )


def waiting_requests(adoption: Adoption) -> tuple[PromotionRequest, ...]:
    """Returns the requests of a model that can be decided or withdrawn, oldest first."""
    found = requests_of(adoption.entries, now=adoption.now)
    return tuple(r for r in found if r.status in ("open", "approved"))


def _spoken(adoption: Adoption) -> str:
    version = adoption.version
    return adoption.name if version is None else f"version {version} of {adoption.name}"


def _waive(adoption: Adoption, targets: tuple[str, ...]) -> Form:
    texts = requirement_texts()
    fields = (
        target_field(targets),
        Field(
            "requirement",
            "Requirement",
            "select",
            (("", "–"), *((n, t.title) for n, t in texts.items())),
        ),
        Field("reason", "Reason", "text", help="It is shown wherever the requirement is shown."),
        Field(
            "expires",
            "Last day",
            "day",
            required=False,
            help="Without a date: in 30 days. The longest is 90 days.",
        ),
    )
    return Form(
        "waive",
        "Waive a requirement",
        "waiver",
        fields,
        lambda said: {
            k: said.get(k) or None for k in ("target", "requirement", "reason", "expires")
        },
        button="Record the waiver",
        intro=(
            f"You are responsible for the waiver, by name. It holds for {_spoken(adoption)} until its last day.",
        ),
    )


def _break_glass(adoption: Adoption, targets: tuple[str, ...], known: Table) -> Form:
    fields = (
        target_field(targets),
        Field(
            "reason",
            "Why can it not wait?",
            "text",
            help="Everybody who sees the version sees this.",
        ),
        Field(
            "until",
            "Until when (UTC)",
            "moment",
            required=False,
            help="If you leave this empty: 24 hours from now. At most 7 days.",
        ),
    )

    def payload(said: Mapping[str, str]) -> dict[str, str | None]:
        return {f.name: said.get(f.name) or None for f in fields}

    def checked(said: Mapping[str, str]) -> dict[str, str]:
        until = said.get("until", "").strip() or None
        try:
            check_break_glass(target="", reason="", until=until, now=adoption.now, manifest="")
        except InvalidInput:
            return {"until": "Choose a time within 7 days from now, UTC."}
        return {}

    return Form(
        BREAK_GLASS,
        f"BREAK-GLASS for version {adoption.version}",
        BREAK_GLASS,
        fields,
        payload,
        button="Break the glass",
        intro=(
            f"You let version {adoption.version} of {adoption.name} through, under your name, although requirements are not met.",
            "The requirements stay open. The page, the tags, the digest and every decision on this version show that the glass was broken, why, and until when. The log also shows by whom.",
            "It applies to the files as they are now. Afterwards, anybody with permission can make the change.",
        ),
        facts=known,
        checked=checked,
        asks_role=False,
        administrators=True,
    )
