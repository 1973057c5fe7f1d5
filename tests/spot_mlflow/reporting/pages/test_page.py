from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from spot_mlflow.figures import raised
from spot_mlflow.reporting.pages.page import coded, environment, render


def test_a_forgotten_value_is_an_error() -> None:
    """A template that misses a value fails, rather than leaving a gap in a report."""
    with pytest.raises(UndefinedError):
        render("report.html.j2")


def test_the_environment_escapes() -> None:
    """Autoescape holds for every template, macros too."""
    made = environment().from_string(
        "{% import 'parts.html.j2' as p with context %}{{ p.notes([x]) }}{{ x }}"
    )
    shown = made.render(x="<b>`code` & -1.5 points</b>")
    assert "<b>" not in shown
    assert "<code>code</code>" in shown
    assert "\u22121.5\u00a0points" in shown


def test_code_is_set_and_escaped() -> None:
    """What stands in backticks becomes code; markup within stays text."""
    assert coded("log `<i>` now") == "log <code>&lt;i&gt;</code> now"


def test_capital_leaves_the_rest() -> None:
    """Only the first letter changes."""
    assert raised("s.P.O.T. level") == "S.P.O.T. level"
    assert raised("") == ""
