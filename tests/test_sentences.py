"""State is a type: nothing in the source decides on, or takes apart, a sentence that we wrote."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = ("spot_mlflow", "plugins", "checks", "cli")
# What holds a sentence, as attribute, variable or key.
SENTENCES: Final = frozenset(
    [
        "reason",
        "message",
        "caveat",
        "caveats",
        "note",
        "notes",
        "sentence",
        "words",
        "why",
        "remedy",
        "measured",
        "fix",
    ]
)
TAKING_APART: Final = frozenset(
    [
        "startswith",
        "endswith",
        "removeprefix",
        "removesuffix",
        "partition",
        "rpartition",
        "split",
        "rsplit",
        "find",
        "index",
        "search",
        "match",
        "fullmatch",
        "findall",
        "finditer",
    ]
)
ALLOWED: Final = {
    "spot_mlflow/reporting/words/old_records.py": "reads records that have the sentence alone",
    "spot_mlflow/record/remote.py": "an error of MLflow's API has a code and a message, no more",
    "checks/spot_mlflow_checks/engines/database.py": "what a database driver says",
    "checks/spot_mlflow_checks/blanks.py": "a column of the log that is named so",
    "checks/spot_mlflow_checks/steps.py": "a column of the log that is named so",
}


def _names(text: ast.expr) -> set[str]:
    """What an expression that gives a text is called: of ``str(body.get("reason") or "")``, reason."""
    match text:
        case ast.Name(name) | ast.Attribute(attr=name) | ast.Constant(str(name)):
            return {name}
        case ast.Subscript(slice=key):
            return _names(key)
        case ast.BoolOp(values=values):
            return {name for value in values for name in _names(value)}
        case ast.Call(ast.Name("str"), [given]) | ast.Call(ast.Attribute(attr="get"), [given, *_]):
            return _names(given)
        case ast.Call(ast.Attribute(value=value)):
            return _names(value)
    return set()


def _decided_on(node: ast.AST) -> Iterator[ast.expr]:
    """Yields what is taken apart, searched or compared with a text."""
    match node:
        case ast.Call(ast.Attribute(attr="split"), []):  # white space only
            return
        case ast.Call(ast.Attribute(value, attr), given) if attr in TAKING_APART:
            yield from (value, *given)
        case ast.Compare(_, [ast.In() | ast.NotIn(), *_], [text, *_]):
            yield text
        case ast.Compare(text, [ast.Eq() | ast.NotEq()], [ast.Constant(str(said))]) if said:
            yield text


def decisions_in(source: str) -> list[int]:
    """Lines on which something is decided by a sentence."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        for text in _decided_on(node)
        if SENTENCES & _names(text)
    ]


def test_nothing_decides_on_a_sentence() -> None:
    """A reason, message, caveat or note is written for people: wording must never change a decision."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in SOURCES
        for path in sorted((ROOT / folder).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in ALLOWED
        for line in decisions_in(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        'outcome.reason.startswith("realized ")',
        '": never" in str(view.data.get("reason") or "")',
        "reason.partition(NEVER)[2]",
        "_COLUMNS.search(str(note))",
        "said in analysis.notes",
        'check["message"] == "too early"',
    ],
)
def test_the_guard_finds_what_it_looks_for(line: str) -> None:
    """Every kind of decision that there once was is seen."""
    assert decisions_in(line) == [1]
