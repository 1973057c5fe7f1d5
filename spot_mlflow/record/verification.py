"""Finds evidence that was edited, deleted or half written.

Every entry carries the digest of what it says and the digests of entries it follows: an edit breaks
the first, a deletion leaves an entry whose parent is missing. Whoever may write to MLflow could
still make a consistent entry that never was, or delete the newest ones; a gated server signs
entries and anchors the newest, so that these show as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.origins import Origin, origins_of
from spot_mlflow.record.rebinding import taken_in

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from spot_mlflow.record.entry import Reading
    from spot_mlflow.record.references import ModelRef

# What an import wrote and did not come to take in: it does not count, and does no harm.
_STOPPED: Final = "its import stopped before the end; import the file again"
Trouble = Literal["edited", "missing", "half written", "foreign", "forged", "copied", "newer"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Attributes:
        trouble: what sort.
        run_id: MLflow run, or "" where it is gone.
        what: one sentence.
    """

    trouble: Trouble
    run_id: str
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``verify`` found.

    Attributes:
        model: registered name.
        entries: complete entries.
        findings: what is wrong, worst first.
        origins: where entries were recorded first that were taken in here, and how many.
    """

    model: str
    entries: int
    findings: tuple[Finding, ...]
    origins: tuple[tuple[Origin, int], ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing was edited, deleted or forged; half-written entries do not count."""
        return all(f.trouble == "half written" for f in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {
            "model": self.model,
            "entries": self.entries,
            "sound": self.sound,
            "findings": [
                {"trouble": f.trouble, "run_id": f.run_id, "what": f.what} for f in self.findings
            ],
            "origins": [{**o.to_dict(), "entries": n} for o, n in self.origins],
        }


def verify(ref: ModelRef, readings: Sequence[Reading]) -> Verification:
    """Checks the readings of one model's record; pure."""
    findings = [Finding(r.fault.trouble, r.run_id, r.fault.what) for r in readings if r.fault]
    complete = [r for r in readings if r.evidence is not None]
    taken = taken_in(ref.created, complete)
    begun = [r for r in complete if r.taken and _is_strange(ref, r, taken)]
    findings += [Finding("half written", r.run_id, _STOPPED) for r in begun]
    runs = {r.run_id for r in begun}
    complete = [r for r in complete if r.run_id not in runs]
    findings += _missing_parents(complete) + _copies(complete) + _strangers(ref, complete, taken)
    order = ["edited", "missing", "forged", "copied", "newer", "foreign", "half written"]
    findings.sort(key=lambda f: (order.index(f.trouble), f.run_id))
    origins = origins_of(r.evidence for r in complete if r.evidence is not None)
    return Verification(ref.name, len(complete), tuple(findings), origins)


def _missing_parents(complete: Sequence[Reading]) -> list[Finding]:
    present = {r.evidence.digest for r in complete if r.evidence}
    children: dict[str, list[str]] = {}
    for r in complete:
        for parent in r.evidence.parents if r.evidence else ():
            if parent not in present:
                children.setdefault(parent, []).append(r.run_id)
    return [
        Finding(
            "missing",
            "",
            f"entry {parent[:12]} is gone; {len(runs)} later entries follow it, first run {runs[0]}",
        )
        for parent, runs in children.items()
    ]


def _copies(complete: Sequence[Reading]) -> list[Finding]:
    """An entry's id is its own: the same one twice is a replay."""
    first: dict[str, str] = {}
    found = []
    for r in complete:
        entry = r.evidence.id if r.evidence else ""
        if entry in first:
            found.append(Finding("copied", r.run_id, f"the same entry as run {first[entry]}"))
        first.setdefault(entry, r.run_id)
    return found


def _strangers(ref: ModelRef, complete: Sequence[Reading], taken: Container[str]) -> list[Finding]:
    """An entry of another model (or of an earlier model of this name) does not belong here."""
    return [
        Finding(
            "foreign",
            r.run_id,
            f"an entry of model {r.envelope.get('model')!r} made at another time",
        )
        for r in complete
        if _is_strange(ref, r, taken)
    ]


def _is_strange(ref: ModelRef, r: Reading, taken: Container[str]) -> bool:
    """Whether an entry is of another model, and no entry of this one took it in."""
    digest = r.evidence.digest if r.evidence is not None else ""
    return r.envelope.get("created") != ref.created and digest not in taken
