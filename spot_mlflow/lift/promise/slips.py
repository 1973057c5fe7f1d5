"""Slips of the pen in a promise: points written as percent, a tolerance that forgives everything.

A rate cannot move by more than its whole range, so that "2.3 points" written as 2.3 shows; a fall
that is promised with a minus would be a rise; a propensity that no design uses is no weight. Only new
promises and new checks are refused; what a record holds already stays readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spot_mlflow import figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spot_mlflow.lift.promise.terms import Terms

_PERCENT: Final = 100.0
_VAGUE: Final = 0.25  # points of a rate; a standard error beyond it tells nothing of a small lift
_TIMES: Final = 5.0  # the lift


def slip_of(predicted: Terms) -> str:
    """Returns what cannot have been meant, as one sentence; "" where the promise makes sense.

    Args:
        predicted: the contract.
    """
    rules = (
        _turned_round,
        _unused_propensity,
        _unused_denominator,
        _out_of_range,
        _beyond_the_rate,
        _forgiven,
    )
    return next((found for rule in rules for found in rule(predicted)), "")


def percent_hint(value: float) -> str:
    """Writes "did you mean 0.023?" for 2.3."""
    return f"did you mean {figures.plain(value / _PERCENT, 6)}?"


def is_rate(predicted: Terms) -> bool:
    """Whether the outcome is a rate from 0 to 1: binary, and no ratio metric."""
    return predicted.kind == "binary" and predicted.columns.denominator is None


def _turned_round(predicted: Terms) -> Iterator[str]:
    """Yields a fall that is promised with a minus, though the direction says so already."""
    lift = predicted.predicted.lift
    if predicted.direction == "decrease" and lift < 0:
        yield (
            f"lift == {lift:g} with direction: decrease promises that the outcome rises by {-lift:g}; "
            f"a fall of {-lift:g} is written lift: {-lift:g}. If a rise of that size is accepted, "
            f"write lift: 0 and tolerance: {-lift:g}"
        )


def _unused_propensity(predicted: Terms) -> Iterator[str]:
    """Yields a column of propensities beside a design that does not weight by them."""
    if predicted.columns.propensity is not None and predicted.design != "logged_propensity":
        yield (
            f"columns.propensity is not used with design: {predicted.design}; write design: "
            "logged_propensity if the probability of treatment was not the same for all, or leave the "
            "column out"
        )


def _unused_denominator(predicted: Terms) -> Iterator[str]:
    """Yields a ratio metric beside what is computed from the outcome alone."""
    columns = predicted.columns
    if columns.denominator is None:
        return
    if columns.cluster is not None:
        yield (
            "columns.denominator is not used with columns.cluster: the lift would be that of the outcome, "
            "not of the ratio. Sum outcome and denominator by cluster, one row each, and leave "
            "columns.cluster out: the interval then counts clusters"
        )
    if predicted.design == "logged_propensity":
        yield (
            "columns.denominator is not used with design: logged_propensity: the lift would be that of "
            "the outcome, not of the ratio. Leave the denominator out, and promise the outcome"
        )


def _out_of_range(predicted: Terms) -> Iterator[str]:
    """Yields the figures of a rate that no rate can have."""
    if not is_rate(predicted):
        return
    p = predicted.predicted
    if p.baseline is not None and not 0 <= p.baseline <= 1:
        yield f"baseline == {p.baseline:g}, must be a rate from 0 to 1; {percent_hint(p.baseline)}"
    if predicted.effect == "relative":
        return
    stated = {
        "lift": p.lift,
        "se": p.se,
        "low": p.low,
        "high": p.high,
        "minimum_viable": predicted.minimum_viable,
        "tolerance": predicted.tolerance,
    }
    stated |= {f"segments.{k}.response": s.response for k, s in predicted.segments.items()}
    for name, value in stated.items():
        if value is not None and abs(value) >= 1:
            yield (
                f"{name} == {value:g} is {_PERCENT * value:g} points of a rate, which cannot move so "
                f"far; {percent_hint(value)} (2.3 points are written 0.023)"
            )
    if p.se is not None and p.se > max(_VAGUE, _TIMES * abs(p.lift)):
        yield (
            f"se == {p.se:g} is {_PERCENT * p.se:g} points of a rate beside a lift of {p.lift:g}; "
            f"{percent_hint(p.se)}"
        )


def _beyond_the_rate(predicted: Terms) -> Iterator[str]:
    """Yields where baseline and lift together leave what the outcome can be."""
    p = predicted.predicted
    up = predicted.direction == "increase"
    if predicted.effect == "relative":
        if not up and p.lift > 1 and predicted.kind != "money":
            yield (
                f"lift == {p.lift:g}: an outcome can fall by at most 100 % of itself; "
                f"{percent_hint(p.lift)}"
            )
        if p.baseline is None or not is_rate(predicted):
            return
        after = p.baseline * (1 + p.lift if up else 1 - p.lift)
    else:
        if p.baseline is None or not is_rate(predicted):
            return
        after = p.baseline + (p.lift if up else -p.lift)
    if not -_ROUNDING <= after <= 1 + _ROUNDING:
        sign = "+" if up else "-"
        moved = f"{p.baseline:g} {sign} {p.lift:g}"
        if predicted.effect == "relative":
            moved = f"{p.baseline:g} x (1 {sign} {p.lift:g})"
        yield (
            f"baseline {p.baseline:g} and lift {p.lift:g} promise a rate of {moved} = {figures.plain(after, 4)}, "
            f"must be from 0 to 1; {_which(p.baseline, p.lift)}"
        )


def _which(baseline: float, lift: float) -> str:
    """Says which of the two was written in percent, as far as their sizes show it."""
    return f"did you mean lift: {figures.plain(lift / _PERCENT, 6)}, or another baseline than {baseline:g}?"


def _forgiven(predicted: Terms) -> Iterator[str]:
    """Yields a tolerance within which not even a lift of 0 would fall short."""
    lift, tolerance = predicted.predicted.lift, predicted.tolerance
    if tolerance is None or not 0 < lift <= tolerance:
        return
    percent = is_rate(predicted) and predicted.effect == "absolute" and tolerance > _TIMES * lift
    hint = f" In percent? Then {percent_hint(tolerance)}" if percent else ""
    yield (
        f"tolerance == {tolerance:g}, must be below the promise {lift:g}: no lift at all would count "
        f"as a promise kept.{hint}"
    )


_ROUNDING: Final = 1e-9  # of written numbers
