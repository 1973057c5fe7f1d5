"""What a reader sees in any MLflow, without our server: summary tags and the description block.

Both are derived from the record, for people to read and search; the gate never decides on them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from spot_mlflow.reporting.headline import headline_of
from spot_mlflow.reporting.lift_view import LiftView, lift_view, promise_scale
from spot_mlflow.reporting.tables import escape_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.adoption import Adoption

NOT_ASSESSED: Final = "not assessed"
LIMIT: Final = 5_000  # characters of a tag or a description that PostgreSQL keeps
BEGIN: Final = "<!-- spot:begin -->"
END: Final = "<!-- spot:end -->"
LETTERS: Final[Mapping[str, str]] = {
    "S": "strategy",
    "P": "product",
    "O": "operation",
    "T": "technology",
}
_BLOCK = re.compile(rf"\s*{re.escape(BEGIN)}.*?{re.escape(END)}\s*", re.DOTALL)


def summary_tags(adoption: Adoption) -> dict[str, str]:
    """Returns the summary tags of a model or version; each value under 5,000 characters.

    Only tags with something to say are returned; the record removes those that went away.
    """
    check = adoption.latest_check
    view = None if check is None else lift_view(check)
    tags = {
        "spot": _headline_tag(adoption, view),
        **_people_tags(adoption),
        **_lift_tags(adoption, view),
    }
    tags["spot.updated"] = adoption.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {k: shorten(v) for k, v in tags.items() if v}


def _headline_tag(adoption: Adoption, view: LiftView | None) -> str:
    if not adoption.entries:
        return NOT_ASSESSED
    parts = [_lift_words(view)] if view is not None else []
    if view is None and adoption.predicted is not None:
        scale = promise_scale(adoption.predicted)
        parts.append(f"promised {scale.amount(adoption.predicted.predicted.lift)}")
    if adoption.readiness.overall is None:
        parts.append(NOT_ASSESSED)
    return " · ".join(parts)


def _lift_words(view: LiftView) -> str:
    scale = view.scale
    of = f"{scale.number(view.realized.lift)} of {scale.amount(view.predicted.lift)}"
    words = {
        "met": "kept promise",
        "exceeded": "more than promised",
        "shortfall": "less than promised",
    }
    if view.verdict in words:
        return f"{words[view.verdict]}: {of}"
    return "too early"


def _people_tags(adoption: Adoption) -> dict[str, str]:
    ready, people = adoption.readiness, adoption.involvement
    tags = {"spot.readiness": _level(ready.overall)}
    for letter, word in LETTERS.items():
        tags[f"spot.{word}"] = _level(ready.letters[letter].level)
    tags["spot.involvement"] = people.words if adoption.entries else ""
    tags["spot.champion"] = people.champion or ""
    tags["spot.name"] = people.product_name or ""
    tags["spot.concerns.open"] = str(len(people.open_concerns)) if people.concerns else ""
    return tags


def _lift_tags(adoption: Adoption, view: LiftView | None) -> dict[str, str]:
    if view is None:
        if adoption.predicted is None:
            return {}
        scale = promise_scale(adoption.predicted)
        return {"spot.lift.predicted": scale.amount(adoption.predicted.predicted.lift)}
    scale = view.scale
    return {
        "spot.lift.predicted": scale.with_interval(view.predicted),
        "spot.lift.realized": scale.with_interval(view.realized),
        "spot.lift.gap": scale.signed_amount(view.gap.lift),
        "spot.lift.verdict": view.verdict,
        "spot.lift.viable": view.viable,
        "spot.lift.evidence": view.grade,
    }


def _level(level: int | None) -> str:
    return "" if level is None else str(level)


def description_block(
    adoption: Adoption, *, chart: str | None = None, links: Sequence[tuple[str, str]] = ()
) -> str:
    """Returns the managed Markdown of a description, markers included.

    Args:
        adoption: what is known of the model.
        chart: address of the lift chart, relative to the MLflow page, or None.
        links: (text, address) of the report, the evidence experiment and the like.
    """
    head = headline_of(adoption=adoption).text
    parts = [f"**S.P.O.T.** {escape_markdown(head)}", _table(adoption)]
    if chart:
        parts.append(f"![Predicted against realized lift]({chart})")
    if links:
        parts.append(" · ".join(f"[{escape_markdown(text)}]({url})" for text, url in links))
    return "\n\n".join([BEGIN, *(p for p in parts if p), END])


def _table(adoption: Adoption) -> str:
    check = adoption.latest_check
    if check is None:
        return ""
    view = lift_view(check)
    scale = view.scale
    rows = [
        ("Predicted lift", scale.with_interval(view.predicted)),
        ("Realized lift", scale.with_interval(view.realized)),
        ("Lift gap", f"{scale.signed_amount(view.gap.lift)} ({scale.interval(view.gap)})"),
        ("Verdict", f"{view.verdict}; {view.viable}"),
    ]
    lines = [f"| {escape_markdown(k)} | {escape_markdown(v)} |" for k, v in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def merge_description(existing: str, block: str, *, limit: int = LIMIT) -> str:
    """Puts the block into a description; what a person wrote around it stays, to the letter.

    A block that stood there is replaced where it stood; else the new one goes to the end. Where both
    do not fit, the block gives way part by part (picture, table, links), never the person.

    Args:
        existing: the description as it is.
        block: what ``description_block`` returned.
        limit: most characters that the store keeps.
    """
    found = _BLOCK.search(existing or "")
    before, after = (existing or "").rstrip(), ""
    if found:
        before = existing[: found.start()]
        after = _BLOCK.sub("\n\n", existing[found.end() :])
    for candidate in _shrinking(block):
        merged = "\n\n".join(part for part in (before, candidate, after) if part)
        if len(merged) <= limit:
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
