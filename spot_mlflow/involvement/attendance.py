"""Reads many involvement events from a CSV file: a meeting's attendance list, all or nothing.

Every row is checked before one is written. Each entry of an import says how many belong together,
and the log counts them only once all are there, so that an import that was cut off counts nothing
until it is run again; run again it writes only what is missing, under the same entry ids.
"""

from __future__ import annotations

import csv
import io
import itertools
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import digest_of
from spot_mlflow.involvement.batch import MAX_ROWS
from spot_mlflow.involvement.log import check_entry
from spot_mlflow.person import check_person, check_role, person_key
from spot_mlflow.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spot_mlflow.evidence import Evidence

COLUMNS: Final = ("person", "role", "phase", "kind", "what", "evidence", "when")
_FAULTS_SHOWN: Final = 10
# Any fixed UUID will do; it keeps our ids apart from those of others.
_NAMESPACE: Final = uuid.UUID("6f0c7a52-4d1e-5b0e-9a57-0f2f6f3a5d10")


@dataclass(frozen=True, slots=True)
class AttendanceRow:
    """One checked row: who took part, and the payload to record."""

    row: int
    person: str
    role: str
    payload: Mapping[str, Any]

    def under(self, name: str) -> AttendanceRow:
        """Returns the row under another name, such as a pseudonym."""
        return replace(self, person=name)


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One entry of an import, with the id it has however often it is imported."""

    id: str
    person: str
    role: str
    payload: Mapping[str, Any]


def read_attendance(
    path: Path, defaults: Mapping[str, str | None] | None = None
) -> tuple[AttendanceRow, ...]:
    """Reads and checks a CSV file.

    Args:
        path: comma, semicolon or tab separated, with a header.
        defaults: values for cells that are blank or columns that are missing.

    Raises:
        InvalidInput: naming every row at fault (the first ten in full); then nothing is used.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as e:
        raise InvalidInput(f"cannot be read: {e.strerror or e}", where=str(path)) from None
    except UnicodeDecodeError as e:
        raise InvalidInput(
            f"is not UTF-8 text: {e.reason}",
            where=f"{path}, byte {e.start}",
            fix="Save it from the spreadsheet as 'CSV UTF-8': otherwise names are read wrongly.",
        ) from None
    rows = _rows(text, path)
    checked: list[AttendanceRow] = []
    faults: list[str] = []
    for number, cells in rows:
        result = _check(number, cells, defaults or {})
        if isinstance(result, str):
            faults.append(result)
        else:
            checked.append(result)
    if faults:
        more = f"; and {len(faults) - _FAULTS_SHOWN} more" if len(faults) > _FAULTS_SHOWN else ""
        raise InvalidInput(
            "; ".join(faults[:_FAULTS_SHOWN]) + more,
            where=str(path),
            fix="Nothing was recorded; correct the file and import it again.",
        )
    if not checked:
        raise InvalidInput("has no rows", where=str(path))
    return tuple(checked)


def batch_of(
    rows: Sequence[AttendanceRow], *, model: str, known: Mapping[str, Evidence] | None = None
) -> tuple[BatchEntry, ...]:
    """Returns the entries of an import; the same rows on the same model give the same ids.

    No id is made of a name, which could be tried out once it was erased. So lists that differ in
    names only are told apart by the names that the record holds.

    Args:
        rows: what to import.
        model: what tells the model apart.
        known: entries of the model's record by id.
    """
    present = known or {}
    attempts = (_entries(rows, model, n) for n in itertools.count())
    return next(a for a in attempts if not any(_is_anothers(present.get(e.id), e) for e in a))


def _entries(rows: Sequence[AttendanceRow], model: str, attempt: int) -> tuple[BatchEntry, ...]:
    said = [{"role": r.role, **r.payload} for r in rows]
    batch = {"id": digest_of([model, said, attempt])[:16], "of": len(rows)}
    return tuple(
        BatchEntry(
            uuid.uuid5(_NAMESPACE, f"{batch['id']}#{number}").hex,
            row.person,
            row.role,
            {**row.payload, "batch": batch},
        )
        for number, row in enumerate(rows)
    )


def _is_anothers(there: Evidence | None, entry: BatchEntry) -> bool:
    """Whether the record holds an entry of this id that names somebody else."""
    if there is None or there.erased:
        return False
    return person_key(there.person) != person_key(entry.person)


def _rows(text: str, path: Path) -> list[tuple[int, dict[str, str]]]:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [n.strip().casefold() for n in next(reader, [])]
        for name in names:
            if name not in COLUMNS:
                known = nearest(name, COLUMNS) or f"; known: {', '.join(COLUMNS)}"
                raise InvalidInput(f"unknown column {name!r}{known}", where=f"{path}, row 1")
        if "person" not in names or len(set(names)) < len(names):
            raise InvalidInput(
                "column 'person' is missing, or a column appears twice", where=f"{path}, row 1"
            )
        rows = []
        for cells in reader:
            if any(c.strip() for c in cells):
                if len(cells) > len(names):
                    raise InvalidInput(
                        f"{len(cells)} cells, must be {len(names)}",
                        where=f"{path}, line {reader.line_num}",
                    )
                padded = [*cells, *[""] * (len(names) - len(cells))]
                rows.append((reader.line_num, dict(zip(names, padded, strict=True))))
            if len(rows) > MAX_ROWS:
                raise InvalidInput(f"more than {MAX_ROWS:,} rows", where=str(path), fix="Split it.")
    except csv.Error as e:
        raise InvalidInput(f"not valid CSV: {e}", where=f"{path}, line {reader.line_num}") from None
    return rows


def _check(
    number: int, cells: Mapping[str, str], defaults: Mapping[str, str | None]
) -> AttendanceRow | str:
    """Returns the checked row, or what is wrong with it."""
    value = {c: (cells.get(c, "").strip() or defaults.get(c) or "") for c in COLUMNS}
    try:
        person, role = check_person(value["person"]), check_role(value["role"])
        payload = check_entry(
            phase=value["phase"],
            kind=value["kind"],
            what=value["what"],
            evidence=value["evidence"],
            when=value["when"],
        )
    except InvalidInput as e:
        return f"line {number}: {e.what}"
    return AttendanceRow(number, person, role, payload)
