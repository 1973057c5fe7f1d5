"""Keeps unfinished answers on this computer, so that Ctrl-C loses nothing."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from spot_mlflow.person import person_key
from spot_mlflow_cli.files import make_folder, write_new
from spot_mlflow_cli.identity import state_folder

if TYPE_CHECKING:
    from pathlib import Path

    from spot_mlflow.readiness.instrument import Instrument


class Draft:
    """The unfinished answers of one person in one role for one model.

    Args:
        model: what tells the model apart, wherever it is.
        person: who answers; role: in which role.
        instrument: answers to another major version are not taken up again.
    """

    def __init__(self, model: str, person: str, role: str, instrument: Instrument) -> None:
        key = "\0".join((model, person_key(person), role, instrument.name, instrument.major))
        name = hashlib.sha256(key.encode()).hexdigest()[:24]
        self.path: Path = state_folder() / "drafts" / f"{name}.json"
        self.answers: dict[str, dict[str, Any]] = {}
        self.saved: datetime | None = None
        self._known = set(instrument.ids)
        self._load()

    def _load(self) -> None:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            self.answers = {k: dict(v) for k, v in found["answers"].items() if k in self._known}
            self.saved = datetime.fromisoformat(found["saved"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # A draft that cannot be read is no reason not to answer; it is written anew.
            self.answers, self.saved = {}, None

    def keep(self, question: str, answer: dict[str, Any] | None) -> None:
        """Keeps one answer at once; None takes it back."""
        if answer is None:
            self.answers.pop(question, None)
        else:
            self.answers[question] = answer
        self.saved = datetime.now(timezone.utc)
        make_folder(self.path.parent, private=True, fix="Set SPOT_HOME to a folder of yours.")
        content = {"saved": self.saved.isoformat(), "answers": self.answers}
        write_new(self.path, json.dumps(content, ensure_ascii=False).encode(), private=True)

    def forget(self) -> None:
        """Removes the draft: its answers are recorded."""
        self.path.unlink(missing_ok=True)
