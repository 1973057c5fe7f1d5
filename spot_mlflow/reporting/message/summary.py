"""What a reader sees in any MLflow, without our server: summary tags and the description block.

Both are derived from the record, for people to read and search; the gate never decides on them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from spot_mlflow.gate.break_glass import broken_glass
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.letters import LETTERS
from spot_mlflow.reporting.message.headline import headline_of, result_words
from spot_mlflow.reporting.message.listed import TAG, UPDATED, listed_tag
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.words.lift_view import LiftView, lift_view, promise_scale, verdict_words
from spot_mlflow.reporting.words.standing import standing_of
from spot_mlflow.reporting.words.tables import Table, escape_markdown
from spot_mlflow.verdicts import VIABILITY, WITHHELD_VERDICT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy

NOT_ASSESSED: Final = "not assessed"
NOT_KNOWN: Final = "not known"
NONE: Final = "none"
TARGET: Final = "Production"  # what the headline tag is about
LIMIT: Final = 5_000  # characters of a tag or a description that PostgreSQL keeps
BEGIN: Final = "<!-- spot:begin -->"
END: Final = "<!-- spot:end -->"
_BLOCK = re.compile(rf"\s*{re.escape(BEGIN)}.*?{re.escape(END)}\s*", re.DOTALL)


def summary_tags(
    adoption: Adoption, *, decision: GateDecision | None = None, policy: Policy | None = None
) -> dict[str, str]:
    """Returns the summary tags of a model or version; each value under 5,000 characters.

    A tag that was written before and has nothing to say any more says so; none has to be deleted.

    Args:
        adoption: what is known of the model.
        decision: the gate's answer for Production; by the default policy where None.
        policy: says which roles decide on requests; the default one where None.
    """
    if not adoption.entries:
        return {"spot": NOT_ASSESSED}
    check = adoption.latest_check
    view = None if check is None else lift_view(check)
    tags = {
        "spot": headline_tag(adoption, view, decision),
        **_people_tags(adoption),
        **_lift_tags(adoption, view),
        **_sentence_tags(adoption),
        **_glass_tag(adoption),
        TAG: listed_tag(adoption, _decided(adoption, decision), policy),
        UPDATED: adoption.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {k: shorten(v) for k, v in tags.items() if v}


def _glass_tag(adoption: Adoption) -> dict[str, str]:
    """Returns that the glass was broken, for which version, until when and why; nothing where it never was."""
    used = broken_glass(adoption.entries)
    if not used:
        return {}
    last = used[-1]
    until = f"{last.until:%Y-%m-%d %H:%M} UTC"
    return {
        "spot.break-glass": f"version {last.version} to {last.target} until {until}: {last.reason}"
    }


def _sentence_tags(adoption: Adoption) -> dict[str, str]:
    """Returns cause, request and weakness, for those who see no more than the tags."""
    head = headline_of(adoption=adoption)
    said = {"cause": head.cause, "request": head.request, "weakness": head.weakness}
    return {f"spot.{key}": words or NONE for key, words in said.items()}


def headline_tag(
    adoption: Adoption, view: LiftView | None, decision: GateDecision | None = None
) -> str:
    """Returns the one tag that is read first.

    "promise kept, 2.1 of 2.3 points · Production: no, 2 requirements not met".
    """
    parts = [result_words(view, adoption)]
    if not adoption.readiness.people:
        parts.append(NOT_ASSESSED)
    parts.append(_gate_words(adoption, decision))
    return " · ".join(p for p in parts if p)


def _gate_words(adoption: Adoption, decision: GateDecision | None) -> str:
    found = _decided(adoption, decision)
    return "" if found is None else standing_of(adoption, found).tag


def _decided(adoption: Adoption, decision: GateDecision | None) -> GateDecision | None:
    """Returns the gate's answer, by the default policy where none is given; None without a version."""
    if decision is not None or adoption.version is None:
        return decision
    return decide(adoption, TARGET, policy=default_policy(), version=adoption.version)


def _people_tags(adoption: Adoption) -> dict[str, str]:
    ready, people = adoption.readiness, adoption.involvement
    tags = {"spot.readiness": _level(ready.overall)}
    for letter, word in LETTERS.items():
        tags[f"spot.{word.lower()}"] = _level(ready.letters[letter].level)
    tags["spot.involvement"] = f"{people.words} ({people.score} of 100)"
    tags["spot.champion"] = people.champion or NONE
    tags["spot.name"] = people.product_name or ""
    tags["spot.concerns.open"] = str(len(people.open_concerns))
    return tags


def _level(level: int | None) -> str:
    return NOT_KNOWN if level is None else str(level)


def level_words(word: str, level: int | None) -> str:
    """Returns a letter with its level and the scale: "Strategy 3 of 5", "Strategy not known"."""
    return f"{word} {NOT_KNOWN}" if level is None else f"{word} {level} of 5"


def _lift_tags(adoption: Adoption, view: LiftView | None) -> dict[str, str]:
    tags: dict[str, str] = {}
    if view is not None:
        tags = _checked_tags(view)
    elif adoption.predicted is not None:
        scale = promise_scale(adoption.predicted)
        tags = {"spot.lift.predicted": scale.amount(adoption.predicted.predicted.lift)}
    if adoption.predicted is not None and adoption.predicted.assignment is not None:
        tags["spot.holdout"] = adoption.predicted.assignment.salt
    # What the model's own tags still say of a version that is no longer the one in question.
    stale = {
        k: NOT_KNOWN
        for k in adoption.facts.tags
        if k.startswith(("spot.lift.", "spot.value.", "spot.holdout"))
    }
    return stale | tags


def _checked_tags(view: LiftView) -> dict[str, str]:
    scale, money = view.scale, money_of(view)
    tags = {
        "spot.lift.predicted": scale.with_interval(view.predicted),
        "spot.lift.realized": scale.with_interval(view.realized),
        "spot.lift.gap": f"{scale.signed_amount(view.gap.lift)} ({scale.interval(view.gap)})",
        "spot.lift.verdict": view.verdict,
        "spot.lift.viable": view.viable,
        "spot.lift.evidence": view.grade,
    }
    if view.data_fault:
        tags |= dict.fromkeys(("spot.lift.realized", "spot.lift.gap"), NOT_KNOWN)
        tags["spot.lift.verdict"] = WITHHELD_VERDICT
    if money is not None:
        tags["spot.value.promised"] = money.promised_text
        tags["spot.value.realized"] = NOT_KNOWN if view.data_fault else money.realized_text
    return tags


def description_block(
    adoption: Adoption,
    *,
    chart: str | None = None,
    links: Sequence[tuple[str, str]] = (),
    decision: GateDecision | None = None,
) -> str:
    """Returns the managed Markdown of a description, markers included.

    Args:
        adoption: what is known of the model.
        chart: address of the lift chart, relative to the MLflow page, or None.
        links: (text, address) of the report, the evidence experiment and the like.
        decision: the gate's answer for Production; by the default policy where None.
    """
    head = headline_of(adoption=adoption, decision=_decided(adoption, decision))
    said = " ".join(escape_markdown(line) for line in head.lines)
    parts = [f"**{escape_markdown(head.title)}.** {said}".rstrip()]
    parts.append(_block_table(adoption).markdown())
    if chart:
        parts.append(f"![Promised and realized lift]({chart})")
    if links:
        parts.append(" · ".join(f"[{escape_markdown(text)}]({url})" for text, url in links))
    return "\n\n".join([BEGIN, *parts, END])


def _block_table(adoption: Adoption) -> Table:
    check = adoption.latest_check
    ready, people = adoption.readiness, adoption.involvement
    rows = [("Called by its users", people.product_name or "")]
    if check is not None:
        view = lift_view(check)
        rows += [
            ("Predicted lift", view.scale.with_interval(view.predicted)),
            ("Realized lift", _unless_faulty(view, view.scale.with_interval(view.realized))),
            ("Lift gap", _unless_faulty(view, _gap(view))),
            ("Verdict", verdict_line(view)),
        ]
    elif adoption.predicted is not None:
        scale = promise_scale(adoption.predicted)
        rows.append(("Predicted lift", scale.amount(adoption.predicted.predicted.lift)))
    letters = ", ".join(
        level_words(word, ready.letters[letter].level) for letter, word in LETTERS.items()
    )
    rows.append(("Readiness", letters if ready.people else NOT_ASSESSED))
    rows.append(("Users involved", people.words))
    heads = ("Version", adoption.version or NONE)
    return Table("Summary", heads, tuple(r for r in rows if r[1]))


def _gap(view: LiftView) -> str:
    return f"{view.scale.signed_amount(view.gap.lift)} ({view.scale.interval(view.gap)})"


def _unless_faulty(view: LiftView, text: str) -> str:
    return NOT_KNOWN if view.data_fault else text


def verdict_line(view: LiftView) -> str:
    """Returns the verdicts in words of the business and, beside them, as the API names them."""
    if view.data_fault:
        return f"{verdict_words(view)} ({view.verdict})"
    worth = VIABILITY[view.viable].words.lower()
    return f"{verdict_words(view)} ({view.verdict}); {worth} ({view.viable})"


def merge_description(existing: str | None, block: str) -> str:
    """Puts the block into a description; what a person wrote around it stays, to the letter.

    A block that stood there is replaced where it stood; else the new one goes to the end. Where both
    do not fit, the block gives way part by part (picture, table, links), never the person.

    Args:
        existing: the description as it is.
        block: what ``description_block`` returned.
    """
    existing = existing or ""
    found = _BLOCK.search(existing)
    before, after = existing.rstrip(), ""
    if found:
        before = existing[: found.start()]
        after = _BLOCK.sub("\n\n", existing[found.end() :])
    for candidate in _shrinking(block):
        merged = "\n\n".join(part for part in (before, candidate, after) if part)
        if len(merged) <= LIMIT:
            return merged
    return "\n\n".join(part for part in (before, after) if part)


def _shrinking(block: str) -> list[str]:
    """Returns the block, then ever smaller ones: without picture, table, links."""
    parts = block.split("\n\n")
    out = [block]
    for opening in ("![", "| ", "["):
        parts = [p for p in parts if not p.startswith(opening)]
        out.append("\n\n".join(parts))
    return out


def shorten(value: str, limit: int = LIMIT - 1) -> str:
    """Returns ``value`` cut to ``limit`` characters, with an ellipsis where something was left off."""
    return value if len(value) <= limit else value[: limit - 1] + "…"
