"""What one entry of a record says, on one line; never what somebody answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.roles import called

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spot_mlflow.evidence import Evidence

    Said = Mapping[str, Any]

ERASED: Final = "name erased"
KINDS: Final[Mapping[str, str]] = {
    "assessment": "Assessment",
    "involvement": "Involvement",
    "concern": "Concern",
    "discussion": "Discussion",
    "pulse": "Two questions",
    "prediction": "Promise",
    "outcomes": "Outcome check",
    "sign-off": "Sign-off",
    "waiver": "Waiver",
    "request": "Request",
    "break-glass": "Break-glass",
    "decision": "Decision of the gate",
    "confirmation": "Confirmation",
    "policy": "Policy",
    "restore": "Restored record",
    "invitation": "Invitation",
    "erasure": "Erasure of a name",
    "resolution": "Decision to keep, fix or stop",
    "rebind": "Record bound to another model",
    "snapshot": "Snapshot",
}


def kind_words(e: Evidence) -> str:
    """Returns what sort of entry it is."""
    return KINDS.get(e.kind, e.kind)


def speaker_words(e: Evidence) -> str:
    """Returns who spoke, and in which role; "" where nobody did."""
    person = ERASED if e.erased else e.person or ""
    return ", ".join(part for part in (person, called(e.role) if e.role else "") if part)


def entry_words(e: Evidence) -> str:
    """Returns what the entry says, as far as everybody may read it; "" where the kind says it all."""
    told = _TOLD.get(e.kind)
    return "" if told is None else told(e.payload)


def _concern(said: Said) -> str:
    what = str(said.get("what") or "")
    return f"{said.get('act', '')}{f': “{what}”' if what else ''}"


def _decision(said: Said) -> str:
    target = str(said.get("target", ""))
    if said.get("applied"):
        verb = "gave up" if said.get("basis") in {"removal", "deletion"} else "went to"
        return f"{verb} {target}"
    return f"{said.get('outcome') or 'decided'}: {target}"


def _involvement(said: Said) -> str:
    parts = (said.get("kind"), said.get("phase"), said.get("what"))
    return ", ".join(str(p) for p in parts if p)


_TOLD: Final[Mapping[str, Callable[[Said], str]]] = {
    "concern": _concern,
    "decision": _decision,
    "involvement": _involvement,
    "outcomes": lambda said: ", ".join(
        str(said[k]) for k in ("verdict", "viable") if said.get(k) is not None
    ),
    "sign-off": lambda said: f"for {said.get('target', '')}",
    "waiver": lambda said: f"{said.get('requirement', '')} for {said.get('target', '')}",
    "request": lambda said: f"for {said['target']}" if said.get("target") else "decided",
    "break-glass": lambda said: f"to {said.get('target', '')}: {said.get('reason', '')}",
}
