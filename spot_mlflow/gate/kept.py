"""Measures what only a gated server knows: where files are, and what a record has lost; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spot_mlflow.gate.case import joined
from spot_mlflow.gate.requirements import Measure

if TYPE_CHECKING:
    from spot_mlflow.gate.case import Case


def with_lost_concerns(found: Measure, case: Case, setting: str) -> Measure:
    """Adds the blocking concerns that a restored database lost to those that the record has.

    Args:
        found: how far those of the record are.
        case: what is measured on.
        setting: of the policy; where concerns are only listed, lost ones stop nobody either.
    """
    gone = case.adoption.gone
    if gone is None or not (gone.blocking or gone.fault) or setting == "listed":
        return found
    said = gone.fault or (
        f"{joined(gone.blocking)} blocking, remembered by the server and gone from its database"
    )
    return replace(found, met=False, measured=said if found.met else f"{found.measured}; {said}")


def files(case: Case, wanted: str) -> Measure:
    """Where the version's files are: "hashed", "inside" the server's artifacts, or at least "known"."""
    required = {
        "inside": "stored inside the artifacts of this server",
        "hashed": "hashed by this server, and not changed since",
        "known": "a source that leads to files",
    }[wanted]
    found = case.adoption.files
    if found is None:
        return Measure(False, "no gated server has looked where they are", required)
    said = {
        "inside": f"{found.source} is inside the artifacts of this server",
        "outside": f"{found.source} is outside the artifacts of this server",
        "unresolved": f"{found.source or 'its source'} leads to nothing on this server",
    }[found.where]
    if found.arriving:
        return Measure(False, f"files may still be uploaded until {found.arriving}", required)
    if wanted == "hashed" and found.where == "inside":
        if found.changed:
            return Measure(
                False, f"changed since they were hashed: {joined(found.changed)}", required
            )
        hashed = f"hashed, {found.manifest[:12]}" if found.manifest else "not hashed yet"
        return Measure(bool(found.manifest), hashed, required)
    met = found.where == "inside" or (wanted == "known" and found.where != "unresolved")
    return Measure(met, said, required)
