"""A worksheet as a file that people fill in without any install: HTML, Markdown, YAML or CSV.

HTML opens from a mail on a phone and saves an answer file; Markdown, YAML and CSV import back
without loss. What is filled in already stays filled in.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.answer_text import FIELDS, WORDS, cell, long_form
from spot_mlflow.readiness.worksheet_html import html
from spot_mlflow.readiness.worksheet_markdown import markdown
from spot_mlflow.validation import check_choice

if TYPE_CHECKING:
    from spot_mlflow.readiness.worksheet import Worksheet

FORMATS: Final = ("html", "markdown", "yaml", "csv")


def written(sheet: Worksheet, format_: str) -> str:
    """Returns a worksheet as html, markdown, yaml or csv.

    Args:
        sheet: what it asks.
        format_: one of ``FORMATS``.

    Raises:
        InvalidInput: another format, or a question is filled in that does not exist.
    """
    check_choice("format", format_, FORMATS)
    unknown = [i for i in sheet.answers if i not in sheet.instrument.ids]
    if unknown:
        raise InvalidInput(f"unknown question {unknown[0]!r}", where="worksheet")
    if format_ == "html":
        return html(sheet)
    if format_ == "markdown":
        return markdown(sheet)
    return _yaml(sheet) if format_ == "yaml" else _csv(sheet)


def _yaml(sheet: Worksheet) -> str:
    filled = long_form(sheet.answers)
    lines = [
        *_comment(f"{sheet.instrument.title}  {sheet.heading}"),
        *_comment(sheet.instrument.intro),
        *_comment(
            "now and target: the number of a sentence, or don't know. Leave blank what you skip."
        ),
        f"model: {_quoted(sheet.model)}",
        f"role: {_quoted(sheet.role or '')}",
        f"person: {_quoted(sheet.person)}",
        "instrument: {"
        + ", ".join(f"{k}: {_quoted(v)}" for k, v in sheet.instrument.stamp.items())
        + "}",
        "answers:",
    ]
    for q in sheet.questions:
        lines += ["", *_comment(q.text, 2)]
        lines += [
            line for n, x in enumerate(q.levels, 1) for line in _comment(f"  {n} = {x.text}", 2)
        ]
        lines.append(f"  {q.id}:")
        given = filled.get(q.id, {})
        lines += [
            f"    {f}: {_scalar(f, given[f]) if given.get(f) else ''}".rstrip() for f in FIELDS
        ]
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: int = 0) -> list[str]:
    import textwrap

    lead = " " * indent + "# "
    words = text.strip("\n")
    hang = len(words) - len(words.lstrip())
    return textwrap.wrap(
        " ".join(words.split()),
        width=96,
        initial_indent=lead + " " * hang,
        subsequent_indent=lead + " " * (hang + 2 if hang else 0),
    )


def _scalar(name: str, text: str) -> str:
    """Writes a field of an answer: levels and dates plain, words always quoted ("42" is a remark)."""
    plain = name not in WORDS and (text.isdecimal() or re.fullmatch(r"\d{4}-\d{2}-\d{2}", text))
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    """Writes a YAML text on one line."""
    import yaml

    return str(yaml.safe_dump(text, default_style='"', width=10**9, allow_unicode=True)).strip()


def _csv(sheet: Worksheet) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    levels = [f"level {n}" for n in range(1, 6)]
    writer.writerow(
        [
            "question",
            "text",
            *levels,
            *FIELDS,
            "model",
            "role",
            "person",
            "instrument",
            "version",
            "hash",
        ]
    )
    filled = long_form(sheet.answers)
    stamp = sheet.instrument.stamp
    for q in sheet.questions:
        given = filled.get(q.id, {})
        row = [
            q.id,
            q.text,
            *(x.text for x in q.levels),
            *(given.get(f, "") for f in FIELDS),
            sheet.model,
            sheet.role or "",
            sheet.person,
            *stamp.values(),
        ]
        writer.writerow([cell(str(c)) for c in row])
    return out.getvalue()
