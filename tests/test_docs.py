"""The documentation is true: its links lead somewhere, its contracts can be read, its doctests run."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path

import click
import pytest
import yaml
from pages_as_scripts import blocks_of

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.promise.terms import Columns
from spot_mlflow_checks.expectations import EXPECTATIONS
from spot_mlflow_cli.main import spot

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


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_are_those_that_exist(page):
    """Every ``spot`` command in a block of a page exists, and so do its options."""
    typed = [
        line
        for block in blocks_of(page)
        if block.language in {"", "sh", "bash", "console"}
        for line in re.findall(r"^\s*(?:\$ )?spot ([a-z].*)$", block.text, flags=re.MULTILINE)
    ]
    assert [(x, wrong) for x in typed if (wrong := _unknown_in(x))] == []


def _unknown_in(typed: str) -> list[str]:
    """Returns the words of a typed command that are neither a command nor an option."""
    words = re.split(r"\s+", re.split(r"\s{2,}|[|>;#]| && ", typed)[0].replace("…", " "))
    command: click.Command | None = spot
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z-]+", words[0]):
        command = command.get_command(click.Context(command), words[0])
        if command is None:
            return words[:1]
        words = words[1:]
    if command is None or command.context_settings.get("ignore_unknown_options"):
        return []  # `spot server` hands the others on to MLflow
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    said = {w.split("=")[0].strip("[]") for w in words if w.lstrip("[").startswith("-")}
    return sorted(said - known - {"-h", "--help", "-"})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_python_in_the_docs_names_what_there_is(page):
    """Every Python block can be read, and what it takes from our packages is there."""
    for block in blocks_of(page):
        if block.language != "python":
            continue
        tree = ast.parse(block.text)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spot_mlflow"):
                module = importlib.import_module(node.module or "")
                assert [a.name for a in node.names if not hasattr(module, a.name)] == []
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "spot":
                assert hasattr(importlib.import_module("spot_mlflow"), node.attr), node.attr


def test_every_variable_of_ours_is_in_the_docs():
    """Each environment variable that the code reads is explained on a page."""
    code = [*ROOT.glob("spot_mlflow/**/*.py"), *ROOT.glob("plugins/**/*.py")]
    code += [*ROOT.glob("checks/**/*.py"), *ROOT.glob("cli/**/*.py")]
    read = {v for p in code for v in re.findall(r"\bSPOT_[A-Z_]*[A-Z]\b", p.read_text())}
    told = "".join((ROOT / "docs" / p).read_text() for p in ("environment.md", "server.md"))
    assert sorted(v for v in read if f"`{v}`" not in told) == []


def test_every_route_is_in_the_docs():
    """Each route of the server is named on its page; style sheets and scripts are not."""
    from spot_mlflow_plugins.server.routes.table import ROUTES

    told = (ROOT / "docs" / "server.md").read_text()
    paths = {path.strip("/") or path for path, _, _ in ROUTES}
    missing = [p for p in paths if p not in told and not p.endswith((".css", ".js"))]
    assert sorted(missing) == []


def test_every_public_name_is_in_the_docs():
    """What ``import spot_mlflow`` offers has its place in the reference."""
    import spot_mlflow

    told = (ROOT / "docs" / "python.md").read_text()
    assert [n for n in spot_mlflow.__all__ if n[0] != "_" and f".{n}\n" not in told] == []


def test_every_key_of_the_contract_is_in_the_docs():
    """Each key of a lift contract, at any depth, is named on a page of the docs."""
    pages = ("lift-contract", "outcome-log", "raw-tables", "holdout", "methods", "causes")
    told = "".join((ROOT / "docs" / f"{p}.md").read_text() for p in pages)
    keys = _keys(PredictedLift.model_json_schema())
    named = {k for k in keys if re.search(rf"`[^`]*\b{k}\b[^`]*`|\b{k}:", told)}
    assert sorted(keys - named) == []


def _keys(schema: object) -> set[str]:
    """Returns the names of the properties anywhere in a JSON schema."""
    if isinstance(schema, dict):
        own = set(schema.get("properties", {}))
        return own.union(*(_keys(v) for v in schema.values()))
    return set().union(*(_keys(v) for v in schema)) if isinstance(schema, list) else set()


def test_every_page_is_in_the_navigation():
    """The site leaves no page of the docs out; ``make docs`` checks that the others exist."""
    told = (ROOT / "mkdocs.yml").read_text()
    pages = [str(p.relative_to(ROOT / "docs")) for p in ROOT.glob("docs/**/*.md")]
    assert [p for p in pages if f" {p}\n" not in told] == []


def test_every_column_and_every_check_is_in_the_docs():
    """The page of the log has each key of the contract's columns, that of the checks each check."""
    columns, checks = ((ROOT / "docs" / p).read_text() for p in ("outcome-log.md", "checks.md"))
    assert [k for k in Columns.model_fields if f"`{k}`" not in columns] == []
    names = [e.check for e in EXPECTATIONS]
    assert [k for k in names if f"`{k}" not in checks] == []
