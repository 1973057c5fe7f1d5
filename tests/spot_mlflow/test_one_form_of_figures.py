"""Figures are written in one place: no other module rounds a number to significant digits for people."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from spot_mlflow import figures

ROOT = Path(__file__).parents[2]
FOLDERS = ("spot_mlflow", "plugins", "checks", "cli")
# Module -> why it may round by itself.
ALLOWED = {
    "spot_mlflow/figures.py": "the one place",
    "checks/spot_mlflow_checks/reduction.py": "rounds a constant to centre on; writes nothing",
    "checks/spot_mlflow_checks/centering.py": "rounds a constant to centre on; writes nothing",
}
# What is part of contracts on record: another form would be another digest.
SIGNED = {
    "spot_mlflow/lift/promise/contract.py",
    "spot_mlflow/lift/promise/backtest.py",
    "cli/spot_mlflow_cli/demo/promises.py",
}
_DIGITS = re.compile(r"\.\d+[gGeE]")
_PERCENT = re.compile(r"\.\d+%")


def own_forms(path: Path, form: re.Pattern[str] = _DIGITS) -> list[int]:
    """Lines of a module on which a number is formatted to significant digits, or as a percentage."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue)
        and node.format_spec is not None
        and form.search(ast.unparse(node.format_spec))
    ]


def test_no_module_writes_figures_in_a_form_of_its_own() -> None:
    """Report, terminal, tags and pages take their figures from ``figures``; the others have a reason."""
    found = {
        str(path.relative_to(ROOT)): own_forms(path)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {k for k, lines in found.items() if lines} == set(ALLOWED) - {"spot_mlflow/figures.py"}


def test_no_module_writes_a_percentage_of_its_own() -> None:
    """A share is "41 %" everywhere, never "41%" or "41.0%", but where a contract was signed so."""
    found = {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if own_forms(path, _PERCENT)
    }
    assert found == SIGNED


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0234, 3, "0.0234"),
        (1_234_567.0, 3, "1,230,000"),
        (1e15, 3, "1,000,000,000,000,000"),
        (-0.5, 3, "-0.5"),
        (0.0, 3, "0"),
        (12.0, 4, "12"),
        (float("inf"), 3, "unbounded"),
        (None, 3, "–"),
    ],
)
def test_a_figure_without_a_unit_has_no_exponent(
    value: float | None, digits: int, text: str
) -> None:
    """Significant digits, thousands set off, no idle zeros: what a person would write."""
    assert figures.plain(value, digits) == text


def test_few_of_many_are_not_none() -> None:
    """One of 90,000 is not 0 %."""
    assert figures.share(1 / 90_000) == "0.0011 %"
