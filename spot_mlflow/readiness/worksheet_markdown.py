"""The worksheet as Markdown: boxes to tick in any editor or on paper, read back without loss.

What a program needs stands in HTML comments, so that ids and level numbers stay out of sight.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.answer_text import long_form
from spot_mlflow.readiness.assessment import DONT_KNOW

if TYPE_CHECKING:
    from spot_mlflow.readiness.worksheet import Worksheet

_HEAD: Final = re.compile(r"<!-- spot (\{.*\}) -->")
_QUESTION: Final = re.compile(r"^#+ .*<!-- ([SPOT]\d+) -->\s*$")
_BOX: Final = re.compile(
    r"^\s*[-*]\s*\[([^\]]*)\]\s*now(?:\s*\[([^\]]*)\]\s*wanted)?.*<!-- (\d|dont-know) -->\s*$"
)
_TICKED: Final = re.compile(r"^\s*[-*]\s*\[\s*[^\]\s].*\bnow\b|\[\s*[^\]\s]\s*\]\s*wanted")
_FIELD: Final = re.compile(r"^(By when|Who sees to it|Remark|Your name): ?(.*)$")
_FIELDS: Final = {"By when": "by", "Who sees to it": "owner", "Remark": "comment"}


def markdown(sheet: Worksheet) -> str:
    """Returns the worksheet as Markdown."""
    filled = long_form(sheet.answers)
    head = {"model": sheet.model, "role": sheet.role, "instrument": sheet.instrument.stamp}
    lines = [
        f"<!-- spot {_hidden(head)} -->",
        f"# {_plain(sheet.instrument.title)}",
        "",
        f"**{_plain(sheet.heading)}**" + (f", until {sheet.until}" if sheet.until else ""),
        "",
        _plain(sheet.instrument.intro),
        "",
        'Put an x into the box "now" that describes today, and into the box "wanted" where we should be.',
        "",
        f"Your name: {_escape(sheet.person)}".rstrip(),
    ]
    for number, q in enumerate(sheet.questions, 1):
        given = filled.get(q.id, {})
        lines += [
            "",
            f"## {number}. {_plain(q.text)} <!-- {q.id} -->",
            "",
            f"*{_plain(q.help)}*",
            "",
        ]
        for n, level in enumerate(q.levels, 1):
            now, wanted = (_mark(given.get(f) == str(n)) for f in ("now", "target"))
            lines.append(f"- [{now}] now [{wanted}] wanted: {_plain(level.text)} <!-- {n} -->")
        lines.append(
            f"- [{_mark(given.get('now') == DONT_KNOW)}] now: I don't know <!-- dont-know -->"
        )
        lines += ["", f"By when: {given.get('by', '')}".rstrip()]
        lines.append(f"Who sees to it: {_escape(given.get('owner', ''))}".rstrip())
        lines += ["Remark:", *_quote(given.get("comment", ""))]
    return "\n".join(lines) + "\n"


def parse_markdown(text: str, *, where: str) -> dict[str, Any]:
    """Reads a filled worksheet.

    Raises:
        InvalidInput: the head is missing, or two boxes of a question are ticked.
    """
    head = _HEAD.search(text)
    if head is None:
        raise InvalidInput(
            "is not an S.P.O.T. worksheet: its first line is missing",
            where=where,
            fix="Send a new one.",
        )
    document: dict[str, Any] = {**json.loads(head[1]), "answers": {}}
    current: dict[str, Any] = {}
    in_remark = False
    for number, line in enumerate(re.split(r"\r?\n", text), 1):
        place = f"{where}, line {number}"
        if found := _QUESTION.match(line):
            current, in_remark = document["answers"].setdefault(found[1], {}), False
        elif found := _BOX.match(line):
            _tick(current, found, place)
        elif found := _FIELD.match(line):
            in_remark = found[1] == "Remark"
            _fill(document, current, found)
        elif in_remark:
            _remark(current, line)
        elif _TICKED.search(line):
            raise InvalidInput(
                "a box is ticked, but its line was changed",
                where=place,
                fix="Copy the line from an empty worksheet and tick it again.",
            )
    document["answers"] = {k: v for k, v in document["answers"].items() if v}
    return document


def _tick(current: dict[str, Any], found: re.Match[str], place: str) -> None:
    level = DONT_KNOW if found[3] == "dont-know" else int(found[3])
    for field, box in (("now", found[1]), ("target", found[2])):
        if box is None or not box.strip():
            continue
        if field in current:
            raise InvalidInput(f"two boxes are ticked for {field!r}, must be one", where=place)
        current[field] = level


def _fill(document: dict[str, Any], current: dict[str, Any], found: re.Match[str]) -> None:
    label, value = found[1], found[2].strip()
    if not value:
        return
    if label == "Your name":
        document["person"] = _unescape(value)
    else:
        current[_FIELDS[label]] = _unescape(value)


def _remark(current: dict[str, Any], line: str) -> None:
    """Adds a line to the remark: as we quote it, or as a person types it below the word."""
    said = _unescape(line[2:] if line.startswith("> ") else line.removeprefix(">"))
    before = current.get("comment")
    if before is not None or said.strip():
        current["comment"] = said if before is None else f"{before}\n{said}"


def _mark(ticked: bool) -> str:  # noqa: FBT001 - a box is ticked or not
    return "x" if ticked else " "


def _plain(text: str) -> str:
    """Writes a text as itself: no markup, no comment, one line."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))


def _hidden(value: Any) -> str:
    return json.dumps(value).replace("-", "\\u002d").replace(">", "\\u003e")


def _quote(text: str) -> list[str]:
    if not text:
        return [""]
    return [f"> {_escape(line)}" for line in text.split("\n")]


def _escape(text: str) -> str:
    """HTML entities, which Markdown shows as what they stand for."""
    return html.escape(text, quote=False)


def _unescape(text: str) -> str:
    return html.unescape(text)
