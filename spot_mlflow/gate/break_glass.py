"""Break-glass: an administrator lets a version through although requirements are not met; pure.

It is not a waiver: it takes no requirement away, it ends within days, it counts as no earlier holding,
and every answer on the version says that it was used.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, SpotError
from spot_mlflow.gate.targets import same_target
from spot_mlflow.validation import format_span, utc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.case import Case

KIND: Final = "break-glass"
HOLDS_FOR: Final = timedelta(hours=24)  # unless it says otherwise
LONGEST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """One use of break-glass.

    Attributes:
        version: version number.
        target: stage or "@alias".
        reason: why.
        at: when it was given, UTC.
        until: when it ends, UTC.
        manifest: digest of the list of the version's files then, or "".
        entry: id of its entry.
    """

    version: str
    target: str
    reason: str
    at: datetime
    until: datetime
    manifest: str
    entry: str


def broken_glass(entries: Iterable[Evidence]) -> tuple[BrokenGlass, ...]:
    """Returns every use of break-glass on record, oldest first; what has no end is none."""
    found: list[BrokenGlass] = []
    for e in sorted((e for e in entries if e.kind == KIND), key=lambda e: (e.at, e.id)):
        said = e.payload
        try:
            end = min(utc(str(said["until"])), e.at + LONGEST)
        except (KeyError, SpotError):
            continue
        if e.version is None or not str(said.get("reason", "")).strip():
            continue
        place = str(said.get("target", "")), str(said["reason"])
        found.append(
            BrokenGlass(e.version, *place, e.at, end, str(said.get("manifest") or ""), e.id)
        )
    return tuple(found)


def glass_for(case: Case) -> BrokenGlass | None:
    """Returns the use that lets this version have this target now, or None.

    For this version alone, for the target and those it covers, until it ends, with the files of then.
    """
    files = case.adoption.files
    now = files.manifest if files is not None else ""
    for glass in reversed(broken_glass(case.adoption.entries)):
        same = glass.version == case.version and case.policy.covers(glass.target, case.target)
        if same and case.now < glass.until and (not glass.manifest or glass.manifest == now):
            return glass
    return None


def glass_notes(adoption: Adoption, version: str | None) -> tuple[str, ...]:
    """Returns a sentence for each use that holds, or has ended while the version has the target still."""
    notes: list[str] = []
    for g in broken_glass(adoption.entries):
        if g.version != version:
            continue
        until = f"{g.until:%Y-%m-%d %H:%M} UTC"
        if adoption.now < g.until:
            notes.append(f"BREAK-GLASS for {g.target} until {until}: {g.reason}")
        elif still := still_there(adoption, g):
            notes.append(f"BREAK-GLASS for {g.target} ended on {until} and {still}: {g.reason}")
    return tuple(notes)


def let_in(adoption: Adoption, glass: BrokenGlass) -> tuple[str, ...]:
    """Returns the targets that a version holds now and has by a use of break-glass, its own target first.

    A use for "@champion" lets a version into Production, too, where the policy's "@champion" asks for
    no less; what it let in is told by the decisions.
    """
    last: dict[str, bool] = {glass.target: True}
    for d in adoption.decisions:
        said, target = d.payload, str(d.payload.get("target", ""))
        given = said.get("applied") and str(said.get("version")) == glass.version
        if given and not same_target(target, glass.target):
            last[target] = said.get("basis") == KIND and glass.at <= d.at < glass.until
    return tuple(
        target
        for target, by_it in last.items()
        if by_it and any(v.version == glass.version for v in adoption.facts.holders(target))
    )


def still_there(adoption: Adoption, glass: BrokenGlass) -> str:
    """Returns that a version still has what a use of break-glass let it have, in words; "" where it has not."""
    held = let_in(adoption, glass)
    if held[:1] == (glass.target,):
        return "it is still there"
    return f"it still holds {' and '.join(held)}" if held else ""


def check_break_glass(
    *, target: str, reason: str, until: datetime | str | None, now: datetime, manifest: str
) -> dict[str, Any]:
    """Returns the payload of a use of break-glass.

    Args:
        target: in the policy's spelling.
        reason: why, checked for length.
        until: when it ends; in 24 hours where None.
        now: the moment it is given, UTC.
        manifest: digest of the list of the version's files, or "".

    Raises:
        InvalidInput: it does not end within seven days from now.
    """
    end = now + HOLDS_FOR if until is None else utc(until)
    if not now < end <= now + LONGEST:
        raise InvalidInput(
            f"until == {end.isoformat(timespec='minutes')}, must be within {format_span(LONGEST)} from now",
            fix="For a longer time, use a waiver or change the policy.",
        )
    return {
        "target": target,
        "reason": reason,
        "until": end.isoformat(timespec="seconds"),
        "manifest": manifest,
    }
