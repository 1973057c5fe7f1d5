"""The documentation is true: its links lead somewhere, its contracts can be read, its doctests run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
import yaml

from spot_mlflow.lift.promise.contract import Columns, PredictedLift
from spot_mlflow_checks.expectations import EXPECTATIONS
from spot_mlflow_cli.main import SECTIONS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every relative link and picture of a page exists."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)", text)
    missing = [x for x in links if "://" not in x and "get-artifact" not in x and not (page.parent / x).exists()]  # fmt: skip
    assert missing == []


def test_contracts_in_the_docs_can_be_read():
    """Every lift contract that a page shows is accepted as it stands."""
    shown = 0
    for page in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), flags=re.DOTALL):
            data = yaml.safe_load(block)
            if isinstance(data, dict) and "predicted" in data:
                PredictedLift.load(data)
                shown += 1
    assert shown


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_worked_examples_give_what_they_say(page):
    """Examples with a prompt are run, and print what the page says they print."""
    result = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_commands_in_the_readme_exist():
    """The README names no command that there is not."""
    known = {name for section in SECTIONS.values() for name in section}
    named = re.findall(r"^spot ([a-z-]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert named
    assert set(named) <= known


def test_every_column_and_every_check_is_in_the_docs():
    """The page of the log has each key of the contract's columns, that of the checks each check."""
    columns, checks = ((ROOT / "docs" / p).read_text() for p in ("outcome-log.md", "checks.md"))
    assert [k for k in Columns.model_fields if f"`{k}`" not in columns] == []
    names = [e.check for e in EXPECTATIONS]
    assert [k for k in names if f"`{k}" not in checks] == []
