"""The policy: what each target requires, of which models, and how strictly.

A policy is a YAML document, named and versioned. Its keys are the requirements of
``requirements.yaml``; ``default_policy.yaml`` is the one used until a team brings its own.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import digest_of
from spot_mlflow.gate.targets import fold
from spot_mlflow.letters import Letter  # noqa: TC001 - pydantic reads annotations
from spot_mlflow.roles import Role  # noqa: TC001 - pydantic reads annotations
from spot_mlflow.validation import Document, MaybeZeroSpan, Span, load_yaml, nearest, parse_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

Mode = Literal["observe", "warn", "block"]
Phase = Literal["naming", "scope", "features", "review", "feedback"]
Level = Annotated[int, Field(ge=1, le=5)]
Count = Annotated[int, Field(ge=1)]


class SignOffRule(Document):
    """Who may sign off, for how long it holds, and whether only the approval of a request counts."""

    roles: list[Role] = Field(default=["business", "executive"], min_length=1)
    valid: Span = Field(default="90d", validate_default=True)
    request: bool = False


class MoveRule(Document):
    """Who may carry a change out: named accounts, or who has a role that the server's operator gives."""

    accounts: list[str] = Field(default=[])
    roles: list[Role] = Field(default=[])

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not (self.accounts or self.roles):
            raise ValueError("name accounts or roles; otherwise nobody could move anything")
        return self


class HeldRule(Document):
    """Targets of which the version must have held one before, and for how long."""

    targets: list[str] = Field(min_length=1)
    least: MaybeZeroSpan = Field(default="0d", validate_default=True)


class Requirements(Document):
    """What one target requires; a requirement left out is not asked for."""

    extends: str | None = None  # another target whose requirements also hold

    assessment_age: Span | None = None
    assessment_people: Count | None = None
    assessment_non_builders: Count | None = None
    assessment_roles: list[Role] | None = None
    letter_levels: dict[Letter, Level] | None = None
    weakest_letter: Level | None = None
    question_level: Level | None = None
    questions_known: bool | None = None
    contested_noted: bool | None = None
    scope_user: bool | None = None
    involvement_phases: Annotated[int, Field(ge=1, le=5)] | None = None
    involvement_includes: list[Phase] | None = None
    review_age: Span | None = None
    user_champion: bool | None = None
    blocking_concerns: Literal["listed", "answered", "confirmed"] | None = None
    major_concerns: Literal["listed", "answered", "confirmed"] | None = None
    lift_predicted: bool | None = None
    lift_minimum: bool | None = None
    lift_lower_bound: bool | None = None
    measurement_set: bool | None = None
    lift_viable: bool | None = None
    guardrails: Literal["not harmful", "harmless"] | None = None
    incumbent_checked: bool | None = None
    sign_off: SignOffRule | None = None
    moved_by: MoveRule | None = None
    held_before: HeldRule | None = None
    files: Literal["inside", "hashed"] | None = None

    @property
    def asked(self) -> Mapping[str, Any]:
        """Requirement -> its setting, for those that are asked for, in the order above."""
        found = {n: getattr(self, n) for n in type(self).model_fields if n != "extends"}
        return {n: v for n, v in found.items() if v is not None and v is not False}


class ModelRule(Document):
    """The mode for the models whose names match a pattern; the last rule that matches counts."""

    match: str = Field(min_length=1)
    mode: Mode


class WaiverRule(Document):
    """How long a waiver holds."""

    default: Span = Field(default="30d", validate_default=True)
    longest: Span = Field(default="90d", validate_default=True)


class Policy(Document):
    """What each target requires.

    Attributes:
        name: what people call it.
        version: theirs to count; decisions record ``name@version``.
        mode: observe (everything passes, decisions are recorded), warn, or block.
        models: other modes for models by name pattern; the last match counts.
        retrain: whether a retrain with the same contract and signature inherits review and sign-off.
        waivers: how long a waiver holds.
        targets: target -> requirements; a stage, or an alias written "@name"; "*" may stand in it.
    """

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    mode: Mode = "observe"
    models: list[ModelRule] = Field(default=[])
    retrain: Literal["inherit", "fresh"] = "inherit"
    waivers: WaiverRule = WaiverRule()
    targets: dict[str, Requirements] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _number_as_version(cls, data: Any) -> Any:
        """``version: 1`` in YAML is a number; it is meant as text."""
        if isinstance(data, dict) and isinstance(data.get("version"), int | float):
            return {**data, "version": str(data["version"])}
        return data

    @model_validator(mode="after")
    def _extends_lead_somewhere(self) -> Self:
        folded: dict[str, str] = {}
        for target in self.targets:
            if fold(target) in folded:
                raise ValueError(f"targets '{folded[fold(target)]}' and '{target}' are the same")
            folded[fold(target)] = target
        for target, rule in self.targets.items():
            seen = {fold(target)}
            while rule.extends is not None:
                base = fold(rule.extends)
                if base not in folded:
                    hint = nearest(rule.extends, self.targets)
                    raise ValueError(f"'{target}' extends unknown target '{rule.extends}'{hint}")
                if base in seen:
                    raise ValueError(f"'{target}' extends itself")
                seen.add(base)
                rule = self.targets[folded[base]]  # noqa: PLW2901 - walks up the chain
        return self

    @model_validator(mode="after")
    def _held_before_is_recorded(self) -> Self:
        for target, rule in self.targets.items():
            for held in rule.held_before.targets if rule.held_before is not None else ():
                if self.key_of(held) is None:
                    hint = nearest(held, self.targets)
                    raise ValueError(
                        f"'{target}' asks for '{held}' before, which is not among the targets{hint}; "
                        f"changes of a target that is not gated are not recorded: add '{held}', with nothing required"
                    )
        return self

    @property
    def label(self) -> str:
        """How a decision names the policy."""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of the policy."""
        return digest_of(self.to_dict())

    def mode_for(self, model: str) -> Mode:
        """Returns the mode for a model; patterns are compared with names folded."""
        mode = self.mode
        for rule in self.models:
            if fnmatchcase(fold(model), fold(rule.match)):
                mode = rule.mode
        return mode

    def key_of(self, target: str) -> str | None:
        """Returns the policy's own word for a target, or None where it is not gated."""
        wanted = fold(target)
        for key in self.targets:
            if fold(key) == wanted:
                return key
        return next((k for k in self.targets if _matches(wanted, k)), None)

    def chain_of(self, target: str) -> tuple[str, ...]:
        """Returns the target's key and those it extends, nearest first; empty where not gated."""
        chain: list[str] = []
        key = self.key_of(target)
        while key is not None:
            chain.append(key)
            base = self.targets[key].extends
            key = self.key_of(base) if base is not None else None
        return tuple(chain)

    def covers(self, given: str, asked: str) -> bool:
        """Says whether what somebody granted for one target (a sign-off, a waiver) holds for another.

        It holds for the same target and for those that extend it. It holds for a target that it extends
        itself if it asks everything that one asks: a yes to ``@champion``, which extends Production and
        asks for more, is a yes to Production. A yes to an easier ``@canary`` is not.
        """
        granted, wanted = self.chain_of(given), self.chain_of(asked)
        if not granted or not wanted:
            return False
        if granted[0] in wanted:
            return True
        asks = self.requires(given)
        return wanted[0] in granted and all(
            asks.get(name) == setting for name, setting in self.requires(asked).items()
        )

    def requires(self, target: str) -> Mapping[str, Any]:
        """Returns requirement -> setting for a target, its own and those it extends.

        ``false`` in the nearer target switches an inherited requirement off.
        """
        merged: dict[str, Any] = {}
        for key in reversed(self.chain_of(target)):
            rule = self.targets[key]
            merged.update({n: getattr(rule, n) for n in rule.model_fields_set if n != "extends"})
        order = [n for n in Requirements.model_fields if n in merged]
        return {n: merged[n] for n in order if merged[n] is not None and merged[n] is not False}

    def with_mode(self, mode: Mode, *, pattern: str | None = None) -> Policy:
        """Returns the policy with another mode, for all models or for those matching a pattern."""
        if pattern is None:
            return self.model_copy(update={"mode": mode})
        kept = [r for r in self.models if fold(r.match) != fold(pattern)]
        return self.model_copy(update={"models": [*kept, ModelRule(match=pattern, mode=mode)]})

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values, without what was left at its default."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def to_yaml(self) -> str:
        """Writes the policy as YAML."""
        import yaml

        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    @classmethod
    def load(cls, source: Policy | Mapping[str, Any] | str | Path) -> Policy:
        """Reads a policy from a mapping or the path of a YAML file.

        Raises:
            InvalidInput: naming file, key and the nearest known key.
        """
        if isinstance(source, str | Path):
            return parse_document(cls, load_yaml(Path(source)), where=str(source))
        return parse_document(cls, source, where="policy")


def _matches(folded: str, pattern: str) -> bool:
    return "*" in pattern and fnmatchcase(folded, fold(pattern))


@cache
def default_policy() -> Policy:
    """Returns the policy used until the registry has its own: mode observe."""
    return Policy.load(Path(__file__).with_name("default_policy.yaml"))


@cache
def lost_policy() -> Policy:
    """Returns what stands for a policy that is lost, where its answer does not matter.

    Whatever it said, archiving, giving up a target and going back to an earlier holder pass.
    """
    return default_policy().model_copy(update={"name": "lost", "version": "0"})


def policy_schema() -> dict[str, Any]:
    """Returns the JSON schema (draft 2020-12) of a policy, for editors and CI."""
    schema = Policy.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "spot-mlflow policy",
    }


def check_target(policy: Policy, target: str) -> str:
    """Returns the policy's word for a target.

    Raises:
        InvalidInput: where the policy says nothing of it.
    """
    key = policy.key_of(target)
    if key is None:
        known = ", ".join(policy.targets)
        hint = nearest(target, policy.targets)
        raise InvalidInput(
            f"target == {target!r}, must be one of {known}{hint}", where=f"policy {policy.label}"
        )
    return key if "*" not in key else target
