"""The worksheet as one self-contained HTML file: no network, no install, three minutes.

A content security policy lets only its own style and its own script run, so that it stays harmless
wherever it is forwarded; what people wrote is escaped by the template.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spot_mlflow.person import person_key
from spot_mlflow.readiness.answer_text import FIELDS, MAIL_BEGIN, MAIL_END, long_form
from spot_mlflow.readiness.assessment import DONT_KNOW

if TYPE_CHECKING:
    from spot_mlflow.readiness.worksheet import Worksheet


def html(sheet: Worksheet) -> str:
    """Returns the worksheet as a complete HTML document."""
    script = _file("worksheet.js")
    style = _file("worksheet.css")
    return str(
        _template().render(
            sheet=sheet,
            instrument=sheet.instrument,
            role=sheet.instrument.roles.get(sheet.role) if sheet.role else None,
            filled=_every_field(sheet),
            dont_know=DONT_KNOW,
            document=json_for_html(_document(sheet)),
            settings=json_for_html(_settings(sheet)),
            script=script,
            style=style,
            script_hash=_csp_hash(script),
            style_hash=_csp_hash(style),
        )
    )


def _every_field(sheet: Worksheet) -> dict[str, dict[str, str]]:
    given = long_form(sheet.answers)
    return {q.id: dict.fromkeys(FIELDS, "") | given.get(q.id, {}) for q in sheet.questions}


def json_for_html(value: Any) -> str:
    """Returns JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _document(sheet: Worksheet) -> dict[str, Any]:
    """What the answer file holds; the script fills in the answers."""
    return {
        "spot": "answers",
        "model": sheet.model,
        "role": sheet.role,
        "person": sheet.person,
        "instrument": sheet.instrument.stamp,
        "answers": long_form(sheet.answers),
    }


def _settings(sheet: Worksheet) -> dict[str, str]:
    return {
        "file": sheet.file_name("html").removesuffix(".html"),
        "heading": sheet.heading,
        "returnTo": sheet.return_to,
        "mailBegin": MAIL_BEGIN,
        "mailEnd": MAIL_END,
        "draft": _draft_name(sheet),
    }


def _draft_name(sheet: Worksheet) -> str:
    """What a browser keeps the draft under: two people at one computer must not meet in it."""
    whose = person_key(sheet.person)
    return f"spot:{sheet.model}:{sheet.role or 'all'}:{sheet.instrument.hash[:12]}:{whose}"


def _csp_hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


@lru_cache
def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


@lru_cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    # Autoescape always: all of a worksheet is HTML, and models are named by people.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_file("worksheet.html.j2"))
