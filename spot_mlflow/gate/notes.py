"""What a decision shows and what never decides: break-glass, files, what is gone, the incumbent, concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spot_mlflow.figures import things
from spot_mlflow.gate.break_glass import glass_notes

if TYPE_CHECKING:
    from spot_mlflow.gate.case import Case

_NAMED: Final = 5  # entries in one note


def notes_on(case: Case) -> tuple[str, ...]:
    """Returns the sentences that go with a decision, the loudest first."""
    notes: list[str] = [*glass_notes(case.adoption, case.version)]
    files = case.adoption.files
    if files is not None and files.where == "outside":
        notes.append(f"the files are not protected here: {files.source} is outside this server")
    if files is not None and files.checked:
        result = ", ".join(files.changed) or "as they were"
        notes.append(f"the files were hashed again at {files.checked}: {result}")
    gone = case.adoption.gone
    if gone is not None and gone.entries:
        notes.append(
            f"{things(len(gone.entries), 'entry', 'entries')} on record {'is' if len(gone.entries) == 1 else 'are'} "
            "gone from the database: "
            f"{', '.join(gone.entries[:_NAMED])}{', ...' if len(gone.entries) > _NAMED else ''}. "
            "The operator restores it, or accepts that: spot restore accept"
        )
    for held in case.adoption.facts.holders(case.target):
        checks = case.adoption.checks.get(held.version, ())
        if held.version != case.version and checks:
            notes.append(
                f"version {held.version}, which holds {case.target} now, was checked: "
                f"{checks[-1].get('verdict')}, {checks[-1].get('viable')}"
            )
    listed = [c for c in case.adoption.involvement.concerns if c.status in ("open", "reopened")]
    if listed:
        said = ", ".join(f"{c.id} ({c.severity}): {c.what}" for c in listed)
        notes.append(f"open concerns: {said}")
    return tuple(notes)
