"""Two versions side by side: what differs is marked, and said."""

from __future__ import annotations

from dataclasses import replace

from people import assessment
from reports import kept_report, make_adoption, short_report

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.reporting.pages.compare import compared

ANN = assessment("Ann", "frontline", {"O1": 2, "T2": 3})


def side(*entries, **more):
    """A version with the gate's answer for it."""
    adoption = make_adoption(*entries, **more)
    return adoption, decide(adoption, "Production", policy=default_policy())


def test_what_differs_is_marked_and_said() -> None:
    """Verdict, lift and gap of a promise kept and one missed; readiness is of the model."""
    found = compared(side(ANN, check=short_report()), side(ANN, check=kept_report()))
    lines = {line.label: line for part in found.parts for line in part.lines}
    assert lines["Verdict"].differs
    assert (lines["Verdict"].this, lines["Verdict"].that) == ("Less than promised", "Promise kept")
    assert lines["Realized lift"].differs
    assert (lines["Operation"].this, lines["Operation"].differs) == ("2 of 5", False)
    assert " differ: " in found.words
    assert "verdict" in found.words
    assert [p.title for p in found.parts][-1] == "What is required?"


def test_a_version_is_the_same_as_itself() -> None:
    """Nothing is marked, and the sentence says so."""
    one = side(ANN, check=short_report())
    found = compared(one, one)
    assert not any(line.differs for part in found.parts for line in part.lines)
    assert found.words.startswith("All ")


def test_figures_are_compared_before_they_are_written() -> None:
    """Two lifts that round to the same text still differ."""
    one, decision = side(check=short_report())
    check = dict(one.latest_check or {})
    check["realized"] = {**check["realized"], "lift": check["realized"]["lift"] + 1e-9}
    other = replace(one, checks={one.version or "": (check,)})
    line = next(
        x
        for part in compared((one, decision), (other, decision)).parts
        for x in part.lines
        if x.label == "Realized lift"
    )
    assert line.this == line.that
    assert line.differs


def test_what_neither_has_is_left_out() -> None:
    """Without promise, check and policy nothing but readiness is left; without that, nothing at all."""
    bare = (make_adoption(ANN), None)
    assert [p.title for p in compared(bare, bare).parts] == ["How ready are we?"]
    nothing = (make_adoption(), None)
    assert compared(nothing, nothing).parts == ()
    assert compared(side(check=short_report()), (make_adoption(), None)).parts != ()
