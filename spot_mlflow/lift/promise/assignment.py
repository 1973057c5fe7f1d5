"""Who is held out, as the contract declares it; ``arm_hash`` computes it.

A larger share keeps everybody who was held out before; another salt is another, independent draw; models
that share a salt hold out the same units. Which of several treatment arms a unit gets does not change with
the holdout.
"""

from __future__ import annotations

import math
from datetime import date  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, field_validator, model_validator

from spot_mlflow.lift.promise.arm_hash import ArmRule, Cut, bound_of
from spot_mlflow.validation import Document, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from spot_mlflow.lift.promise.arm_hash import Label

Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, lt=1)]
_ROUNDED: Final = 12  # digits of a share that is a quotient, so that .3/.9 and .1/.3 are one
_APART: Final = 1e-6  # shares as people write them


class ShareStep(Document):
    """One step of a schedule of treatment shares; the latest step begun counts."""

    starts: date | None = Field(default=None, alias="from")
    share: Part | dict[str, Share]
    segment: str | None = None  # a step that names the segment comes before one for all


class AssignmentStep(Document):
    """What is held out from a day on (UTC); the latest step begun counts."""

    starts: date | None = Field(default=None, alias="from")
    segment: str | None = None  # a step that names the segment comes before one for all
    holdout: Part | None = None
    shares: dict[str, Share] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.holdout is None) == (self.shares is None):
            raise ValueError("give holdout, a share, or shares, one for each arm")
        return self


class Assignment(Document):
    """How units get their arm; the labels of the arms are those of ``columns``.

    Attributes:
        salt: the name of the draw, "churn/2027-01"; the same name is the same holdout.
        holdout: share of units held out, the rest split evenly between the treatment arms.
        shares: or the share of each arm; what is left to 1 is held out.
        schedule: or several of them, each with the day from which it holds.
        unit: column of the id that is hashed, where it is not ``columns.unit``.
        cluster: column of the id that is hashed for all units of a cluster together.
    """

    salt: str = Field(min_length=1, max_length=200)
    holdout: Part | None = None
    shares: dict[str, Share] | None = None
    schedule: list[AssignmentStep] | None = Field(default=None, min_length=1)
    unit: str | None = Field(default=None, min_length=1)
    cluster: str | None = Field(default=None, min_length=1)

    @field_validator("salt")
    @classmethod
    def _salt_is_seen(cls, value: str) -> str:
        if value != value.strip() or not value.isprintable():
            raise ValueError(
                "must not begin or end with a space, or contain an invisible character"
            )
        return value

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(x is not None for x in (self.holdout, self.shares, self.schedule)) != 1:
            raise ValueError("give one of holdout, shares and schedule")
        if self.unit is not None and self.cluster is not None:
            raise ValueError("give unit or cluster, not both: one id is hashed")
        keys = [(s.starts, s.segment) for s in self.schedule or ()]
        if len(set(keys)) < len(keys):
            raise ValueError("two steps of the schedule begin on one day for the same units")
        return self

    @property
    def steps(self) -> list[AssignmentStep]:
        """The schedule; a single step where there is none."""
        if self.schedule is not None:
            return self.schedule
        return [AssignmentStep(holdout=self.holdout, shares=self.shares)]


def arm_rule(
    assignment: Assignment, *, treated: Sequence[Label], holdout: Label, unit: str | None
) -> ArmRule:
    """Puts an assignment and the labels of the arms together.

    Args:
        assignment: the declaration.
        treated: labels of the treatment arms.
        holdout: label of the holdout.
        unit: column of the unit's id, hashed unless the assignment names another.

    Raises:
        ValueError: where an arm has no share, shares do not add up, or no column is named.
    """
    column = assignment.cluster or assignment.unit or unit
    if column is None:
        raise ValueError("assignment needs the column of the unit's id: name it in columns.unit")
    cuts = [_cut(step, treated, holdout) for step in assignment.steps]
    cuts.sort(key=lambda c: str(c.starts or ""), reverse=True)
    cuts.sort(key=lambda c: c.segment is None)
    return ArmRule(assignment.salt, column, tuple(treated), holdout, tuple(cuts))


def _cut(step: AssignmentStep, treated: Sequence[Label], holdout: Label) -> Cut:
    shares, held = _shares(step, treated, holdout)
    total, so_far, bounds = math.fsum(shares), 0.0, []
    for share in shares[:-1]:
        so_far += share
        bounds.append(bound_of(round(so_far / total, _ROUNDED)))
    return Cut(step.starts, step.segment, bound_of(held), tuple(bounds), tuple(shares))


def _shares(
    step: AssignmentStep, treated: Sequence[Label], holdout: Label
) -> tuple[list[float], float]:
    """Returns the share of each treatment arm, and that of the holdout."""
    if step.holdout is not None:
        return [(1 - step.holdout) / len(treated)] * len(treated), step.holdout
    named = dict(step.shares or {})
    arms = [str(x) for x in treated]
    for name in named:
        if name not in {*arms, str(holdout)}:
            raise ValueError(
                f"assignment names arm {name!r}, which columns do not"
                f"{nearest(name, [*arms, str(holdout)])}"
            )
    lacking = [a for a in arms if a not in named]
    if lacking:
        raise ValueError(f"assignment names no share for arm {lacking[0]!r}")
    shares = [named[a] for a in arms]
    held = named.get(str(holdout), round(1 - math.fsum(shares), _ROUNDED))
    total = math.fsum([*shares, held])
    if abs(total - 1) > _APART or not 0 < held < 1:
        raise ValueError(
            f"the shares of the assignment add up to {total:g} with {held:g} held out; "
            "they must add up to 1, with more than 0 held out"
        )
    return shares, held


def treated_share(rule: ArmRule) -> float | dict[str, float] | list[ShareStep]:
    """The share of treatment that a rule leads to, in the form of ``treatment_share``."""
    labels = [str(x) for x in rule.treated]
    said = [
        c.shares[0] if len(c.shares) == 1 else dict(zip(labels, c.shares, strict=True))
        for c in rule.cuts
    ]
    if not rule.dated and not rule.by_segment:
        return said[0]
    return [
        ShareStep.model_validate({"from": cut.starts, "segment": cut.segment, "share": share})
        for cut, share in zip(rule.cuts, said, strict=True)
    ]
