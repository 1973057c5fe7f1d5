"""This version against that one: promise, outcome, readiness and requirements side by side; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.letters import LETTERS
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.headline import result_words
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.words.lift_view import lift_view, promise_scale, verdict_words
from spot_mlflow.reporting.words.standing import standing_of
from spot_mlflow.verdicts import GRADES, VIABILITY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.requirements import Requirement
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.reporting.words.lift_view import LiftView

NAMED: Final = 4  # lines that differ, in the sentence above the table


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the comparison.

    Attributes:
        label: what is compared.
        this: of the version asked for.
        that: of the other one.
        differs: whether the two are not the same; figures are compared before they are written.
    """

    label: str
    this: str
    that: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that belong together.

    Attributes:
        title: heading.
        lines: in the order of reading.
        note: a sentence below them, or "".
    """

    title: str
    lines: tuple[Line, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of a model.

    Attributes:
        parts: promise, outcome, readiness, requirements; what neither has is left out.
    """

    parts: tuple[Part, ...]

    @property
    def words(self) -> str:
        """How much differs, and what first: one sentence."""
        lines = [line for part in self.parts for line in part.lines]
        other = [figures.lowered(line.label) for line in lines if line.differs]
        if not other:
            return f"All {figures.things(len(lines), 'line')} are the same."
        more = f" and {len(other) - NAMED} more" if len(other) > NAMED else ""
        named = ", ".join(other[:NAMED])
        return f"{len(other)} of {figures.things(len(lines), 'line')} differ: {named}{more}."


Side = tuple["Adoption", "GateDecision | None"]


def compared(this: Side, that: Side) -> Comparison:
    """Compares two versions of one model.

    Args:
        this: what is known of the version asked for, and the gate's answer.
        that: the same of the other.
    """
    made = (
        Part("What was promised?", tuple(_promises(this[0].predicted, that[0].predicted))),
        Part("What was realized?", tuple(_outcomes(_view(this[0]), _view(that[0])))),
        _readiness(this[0], that[0]),
        Part("What is required?", tuple(_requirements(this, that))),
    )
    return Comparison(tuple(p for p in made if p.lines))


def result_of(adoption: Adoption) -> str:
    """Returns a version's result as a phrase, as everywhere."""
    return result_words(_view(adoption), adoption)


def _view(adoption: Adoption) -> LiftView | None:
    check = adoption.latest_check
    return None if check is None else lift_view(check)


def _lines(
    rows: list[tuple[str, tuple[str, Any], tuple[str, Any]]],
) -> Iterator[Line]:
    """Makes lines of (label, (written, compared by), (written, compared by)); empty ones are left out."""
    for label, (this, mine), (that, other) in rows:
        if this or that:
            yield Line(label, this or figures.NOTHING, that or figures.NOTHING, mine != other)


def _promises(this: PredictedLift | None, that: PredictedLift | None) -> Iterator[Line]:
    mine, other = _promised(this), _promised(that)
    nothing = ("", None)
    labels = dict.fromkeys([*mine, *other])
    yield from _lines([(k, mine.get(k, nothing), other.get(k, nothing)) for k in labels])


def _promised(contract: PredictedLift | None) -> dict[str, tuple[str, Any]]:
    if contract is None:
        return {}
    scale, lift, least = promise_scale(contract), contract.predicted.lift, contract.minimum_viable
    plan = contract.measurement
    return {
        "Promised lift": (scale.amount(lift), lift),
        "Minimum worthwhile lift": ("" if least is None else scale.amount(least), least),
        "Metric": (contract.metric, contract.metric),
        "Population": (contract.population, contract.population),
        "Time window": (str(contract.window or ""), contract.window),
        "First outcome check": (
            figures.day(plan.first_check) if plan is not None and plan.first_check else "",
            None if plan is None else plan.first_check,
        ),
    }


def _outcomes(this: LiftView | None, that: LiftView | None) -> Iterator[Line]:
    mine, other = _found(this), _found(that)
    nothing = ("", None)
    labels = dict.fromkeys([*mine, *other])
    yield from _lines([(k, mine.get(k, nothing), other.get(k, nothing)) for k in labels])


def _found(view: LiftView | None) -> dict[str, tuple[str, Any]]:
    if view is None:
        return {}
    verdict, grade = verdict_words(view), GRADES.get(view.grade, view.grade)
    found: dict[str, tuple[str, Any]] = {"Verdict": (verdict, verdict)}
    if not view.data_fault:
        found |= {
            "Realized lift": (view.scale.with_interval(view.realized), view.realized),
            "Gap to the promise": (view.scale.with_interval(view.gap), view.gap),
            "Worth": (VIABILITY[view.viable].words, view.viable),
        }
        money = money_of(view)
        if money is not None:
            found["Realized money"] = (money.realized_text, money.realized_text)
    units, judged = view.data.get("matured"), figures.day(view.data.get("as_of"))
    return found | {
        "Evidence": (grade, grade),
        "Units counted": (figures.count(units), units),
        "Checked as of": (judged, judged),
    }


def _readiness(this: Adoption, that: Adoption) -> Part:
    def level(adoption: Adoption, letter: str) -> tuple[str, int | None]:
        found = adoption.readiness.letters[letter].level
        return (figures.NOTHING if found is None else f"{found} of 5"), found

    rows = [(word, level(this, letter), level(that, letter)) for letter, word in LETTERS.items()]
    known = this.readiness.people or that.readiness.people
    note = "People assess the model, not a version: its readiness is that of today."
    return Part("How ready are we?", tuple(_lines(rows)) if known else (), note)


def _requirements(this: Side, that: Side) -> Iterator[Line]:
    if this[1] is None or that[1] is None:
        return
    where = (standing_of(*_asked(this)).line, standing_of(*_asked(that)).line)
    yield Line(f"Where it is: {this[1].target}", *where, where[0] != where[1])
    mine, other = _by_name(this[1]), _by_name(that[1])
    for name in dict.fromkeys([*mine, *other]):
        one, two = mine.get(name), other.get(name)
        title = next(r.title or r.name for r in (one, two) if r is not None)
        yield Line(title, _measured(one), _measured(two), _measured(one) != _measured(two))


def _asked(side: Side) -> tuple[Adoption, GateDecision]:
    adoption, decision = side
    if decision is None:
        raise ValueError("nobody was asked")
    return adoption, decision


def _by_name(decision: GateDecision) -> Mapping[str, Requirement]:
    return {r.name: r for r in decision.requirements}


def _measured(found: Requirement | None) -> str:
    if found is None:
        return figures.NOTHING
    if found.waived is not None and not found.met:
        return f"~ waived: {found.measured}"
    return f"{'✓' if found.met else '✕ not met:'} {found.measured}"
