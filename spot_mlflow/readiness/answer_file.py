"""Reads answers from a file: YAML, JSON, CSV, a filled worksheet, or the mail a worksheet wrote.

In YAML and CSV a question left blank is a question not answered; "don't know" is written in words.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.answer_text import FIELDS, MAIL_BEGIN, MAIL_END, WORDS, uncell
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.worksheet_markdown import parse_markdown
from spot_mlflow.validation import load_yaml

if TYPE_CHECKING:
    from spot_mlflow.readiness.instrument import Instrument

META: Final = ("model", "role", "person")
_MAX_BYTES: Final = 5_000_000
_SUFFIXES: Final = (
    ".yaml", ".yml", ".json", ".csv", ".tsv", ".md", ".markdown", ".txt", ".eml", ".html", ".htm"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """One respondent's answers as a file gives them, checked.

    Attributes:
        payload: what is recorded: answers and the stamp of the instrument.
        model: model the file names, or None; role, person: likewise.
        where: file (and respondent), for messages.
    """

    payload: Mapping[str, Any]
    model: str | None = None
    role: str | None = None
    person: str | None = None
    where: str = ""

    @property
    def answers(self) -> Mapping[str, Any]:
        """Question id -> answer in its long form."""
        found: Mapping[str, Any] = self.payload["answers"]
        return found


def read_answer_files(path: Path | str, instrument: Instrument) -> tuple[AnswerFile, ...]:
    """Reads every respondent's answers in a file; several only in a CSV file.

    Args:
        path: the file; its ending says how to read it.
        instrument: the questionnaire the answers are checked against.

    Raises:
        InvalidInput: naming file, row and question; then nothing of the file is used.
    """
    path = Path(path)
    suffix = path.suffix.casefold()
    if suffix not in _SUFFIXES:
        raise InvalidInput(
            f"ending {suffix or '(none)'}, must be one of {', '.join(_SUFFIXES)}", where=str(path)
        )
    if suffix in (".yaml", ".yml"):
        documents = [_without_blanks(_mapping(load_yaml(path), path))]
    else:
        text = _text(path)
        documents = {
            ".json": _json, ".csv": _csv, ".tsv": _csv, ".html": _html, ".htm": _html,
            ".md": _markdown_or_mail, ".markdown": _markdown_or_mail,
            ".txt": _markdown_or_mail, ".eml": _mail,
        }[suffix](text, path)  # fmt: skip
    return tuple(_checked(d, instrument, path, alone=len(documents) == 1) for d in documents)


def read_answer_file(path: Path | str, instrument: Instrument) -> AnswerFile:
    """Reads the answers of the one respondent in a file.

    Raises:
        InvalidInput: as ``read_answer_files``, and where the file holds several respondents.
    """
    found = read_answer_files(path, instrument)
    if len(found) != 1:
        raise InvalidInput(
            f"answers of {len(found)} respondents, must be of one",
            where=str(path),
            fix="Import them with `spot assess --from`.",
        )
    return found[0]


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise InvalidInput(f"cannot be read: {e.strerror or e}", where=str(path)) from None
    if len(raw) > _MAX_BYTES:
        raise InvalidInput(
            f"{len(raw):,} bytes, must be at most {_MAX_BYTES:,}: no answer file is that long",
            where=str(path),
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What a spreadsheet saves as "CSV" on Windows.
        return raw.decode("cp1252", errors="replace")


def _mapping(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(
            "holds no questions with answers", where=str(path), fix="For example `S1: 3`."
        )
    return {str(k): v for k, v in value.items()}


def _checked(
    document: Mapping[str, Any], instrument: Instrument, path: Path, *, alone: bool
) -> AnswerFile:
    meta = {k: str(document[k]).strip() or None for k in META if document.get(k) is not None}
    where = str(path) if alone else f"{path}: {meta.get('person')} ({meta.get('role')})"
    known = {*META, "spot", "instrument", "answers"}
    answers = document.get("answers")
    if answers is None:
        answers = {k: v for k, v in document.items() if k not in known}
    stamp = document.get("instrument")
    if stamp is not None and not isinstance(stamp, Mapping):
        raise InvalidInput(f"instrument == {stamp!r}, must be name, version and hash", where=where)
    payload = parse_answers(answers, instrument, where=where, stamp=stamp)
    return AnswerFile(payload, meta.get("model"), meta.get("role"), meta.get("person"), where)


def _without_blanks(document: dict[str, Any]) -> dict[str, Any]:
    """Leaves out questions whose fields are all blank."""
    answers = document.get("answers")
    inside = isinstance(answers, dict)
    given = answers if isinstance(answers, dict) else document
    kept = {k: v for k, v in given.items() if k in META or not _blank(v)}
    return {**document, "answers": kept} if inside else kept


def _blank(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_blank(v) for v in value.values())
    return value is None or (isinstance(value, str) and not value.strip())


def _json(text: str, path: Path) -> list[dict[str, Any]]:
    try:
        return [_mapping(json.loads(text), path)]
    except json.JSONDecodeError as e:
        raise InvalidInput(f"not valid JSON: {e.msg}", where=f"{path}, line {e.lineno}") from None
    except RecursionError:
        raise InvalidInput("nested too deeply to be answers", where=str(path)) from None


def _csv(text: str, path: Path) -> list[dict[str, Any]]:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)  # a European spreadsheet writes semicolons
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [n.strip() for n in reader.fieldnames or ()]
        missing = [n for n in ("question", "now") if n not in names]
        if missing:
            raise InvalidInput(f"column {missing[0]!r} is missing", where=f"{path}, row 1")
        reader.fieldnames = names
        rows = list(reader)
    except csv.Error as e:
        raise InvalidInput(f"not valid CSV: {e}", where=f"{path}, line {reader.line_num}") from None
    documents: dict[tuple[str, ...], dict[str, Any]] = {}
    for number, row in enumerate(rows, start=2):
        _csv_row(row, documents, f"{path}, row {number}")
    if not documents:
        raise InvalidInput(
            "no question is answered", where=str(path), fix="Answer at least one question."
        )
    return list(documents.values())


def _csv_row(
    row: Mapping[str, Any], documents: dict[tuple[str, ...], dict[str, Any]], where: str
) -> None:
    if None in row:
        raise InvalidInput("more cells than columns", where=where)
    cells = {k: uncell(v or "") for k, v in row.items()}
    answer = {f: cells.get(f, "") for f in FIELDS}
    if _blank(answer):
        return
    question = cells["question"].strip()
    key = tuple(cells.get(k, "") for k in META)
    document = documents.setdefault(key, {**dict(zip(META, key, strict=True)), "answers": {}})
    if question in document["answers"]:
        raise InvalidInput(f"question {question!r} is answered twice", where=where)
    document["answers"][question] = {
        k: (v if k in WORDS else v.strip()) for k, v in answer.items() if v.strip()
    }
    if cells.get("instrument"):
        document["instrument"] = {
            "name": cells["instrument"],
            "version": cells.get("version", ""),
            "hash": cells.get("hash", ""),
        }


def _html(text: str, path: Path) -> list[dict[str, Any]]:
    found = re.search(
        r'<script type="application/json" id="spot-answers"[^>]*>(.*?)</script>', text, re.DOTALL
    )
    if found is None:
        raise InvalidInput("is not an S.P.O.T. worksheet", where=str(path))
    document = _json(found[1], path)[0]
    if not document.get("answers"):
        raise InvalidInput(
            "is the empty worksheet",
            where=str(path),
            fix="Import the answer file (.json) that its button 'Save my answers' writes.",
        )
    return [document]


def _markdown_or_mail(text: str, path: Path) -> list[dict[str, Any]]:
    if MAIL_BEGIN in text:
        return _mail(text, path)
    return [parse_markdown(text, where=str(path))]


def _mail(text: str, path: Path) -> list[dict[str, Any]]:
    if path.suffix.casefold() == ".eml":
        text, attached = _opened(text)
        if attached:
            return [document for file in attached for document in _json(file, path)]
    found = re.search(f"{MAIL_BEGIN}(.*?){MAIL_END}", text, re.DOTALL)
    if found is None:
        raise InvalidInput(
            f"holds no answers between {MAIL_BEGIN!r} and {MAIL_END!r}", where=str(path)
        )
    packed = re.sub(r"[^A-Za-z0-9_-]", "", found[1].replace("\n>", "\n"))
    try:
        plain = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidInput(
            "the answers were damaged on the way", where=str(path), fix="Ask for the file instead."
        ) from None
    return _json(plain, path)


def _opened(text: str) -> tuple[str, list[str]]:
    """Returns the text of a mail, and the answer files attached to it."""
    from email import message_from_string, policy

    parts = list(message_from_string(text, policy=policy.default).walk())
    said = [p for p in parts if p.get_content_type() in ("text/plain", "text/html")]
    attached = [p for p in parts if str(p.get_filename()).casefold().endswith(".json")]
    files = [p.get_payload(decode=True) for p in attached]
    return (
        "\n".join(str(p.get_content()) for p in said if p not in attached),
        [f.decode("utf-8-sig", errors="replace") for f in files if isinstance(f, bytes)],
    )
