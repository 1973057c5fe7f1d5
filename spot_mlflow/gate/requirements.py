"""What each requirement is called and how it is measured.

The words stand in ``requirements.yaml``; the measurements in ``spot_mlflow.gate.measures``. A
requirement exists when it is in both and in the policy, which a test checks.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RequirementText:
    """The words of one requirement, from ``requirements.yaml``."""

    name: str
    group: str
    setting: str
    title: str
    asks: str
    why: str
    who: str
    fix: str


@dataclass(frozen=True, slots=True)
class Measure:
    """One requirement measured, without words that are the same for every model.

    Attributes:
        met: whether it is met.
        measured: what was found ("2 people: executive, data_scientist").
        required: what the policy asks for ("4 people within 90d").
        values: what ``who`` and ``fix`` name (``{"role": "business"}``).
    """

    met: bool
    measured: str
    required: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of a decision, as a person reads it.

    Attributes:
        name: its key in the policy.
        met: whether it is met; a waived one may not be.
        measured: what was found.
        required: what the policy asks for.
        why: why it is asked for.
        fix: the command that helps.
        who: who can meet it.
        waived: reason, approver and expiry where a waiver holds, else None.
        title: its name in words.
    """

    name: str
    met: bool
    measured: str
    required: str
    why: str
    fix: str
    who: str
    waived: str | None = None
    title: str = ""

    @property
    def passes(self) -> bool:
        """Whether it does not stand in the way: met, or waived."""
        return self.met or self.waived is not None

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@cache
def requirement_texts() -> Mapping[str, RequirementText]:
    """Returns requirement -> its words, in the order of ``requirements.yaml``."""
    import yaml

    path = Path(__file__).with_name("requirements.yaml")
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: RequirementText(name=name, **words) for name, words in loaded.items()}


def word(name: str, measure: Measure, *, model: str, ref: str, target: str) -> Requirement:
    """Puts a measurement into words.

    Args:
        name: the requirement.
        measure: what was found.
        model: registered name.
        ref: name and version ("churn/3").
        target: the target asked for.
    """
    text = requirement_texts()[name]
    quoted = {"model": shlex.quote(model), "ref": shlex.quote(ref), "target": shlex.quote(target)}
    values = _Words({**measure.values, **quoted})
    return Requirement(
        name=name,
        met=measure.met,
        measured=measure.measured,
        required=measure.required,
        why=text.why,
        fix=text.fix.format_map(values),
        who=text.who.format_map(values),
        title=text.title,
    )


class _Words(dict[str, str]):
    """What a met requirement need not name stays a word in capitals, as usage lines have it."""

    def __missing__(self, key: str) -> str:
        return key.upper()
