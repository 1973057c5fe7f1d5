"""What the documentation site has beside the pages of this folder; ``mkdocs.yml`` names it as a hook.

The pages at the root of the project (security, changelog, contributing) join the others, a file of
the project that a page links to is carried along under ``source/``, and the page of the commands is
what ``spot COMMAND --help`` prints.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from mkdocs.structure.files import File

from spot_mlflow_cli.main import SECTIONS, spot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[1]
ROOT_PAGES: Final = ("SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")
# A searcher wants the page that explains, before those that list, report or record.
BOOST: Final = {"questions.md": 2.0, "CHANGELOG.md": 0.2, "CONTRIBUTING.md": 0.3, "architecture.md": 0.3, "python.md": 0.4,
                "requirements.md": 0.5}  # fmt: skip
COMMANDS_MARK: Final = "<!-- commands -->"  # where commands.md takes the help texts
_UP: Final = re.compile(r"(?<=\]\()\.\./(?P<path>[^)#\s]+)")  # a link out of docs/
_DOWN: Final = re.compile(r"(?<=\]\()docs/")  # a link from the root into docs/


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the root, and every file of the project that a page links to."""
    for name in ROOT_PAGES:
        text = _DOWN.sub("", (ROOT / name).read_text())
        files.append(File.generated(config, name, content=text))
    for page in list(files.documentation_pages()):
        for found in _UP.finditer(page.content_string):
            where = _within(found["path"])
            if files.get_file_from_path(where) is None:
                content = (ROOT / found["path"]).read_text()
                files.append(File.generated(config, where, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs passes them by name
    """Points links that lead out of ``docs/`` to where the site has the file, and weighs the page for the search."""
    path = page.file.src_uri
    page.meta["search"] = {
        "boost": 0.2 if path.startswith("simulations/") else BOOST.get(path, 1.0)
    }
    if COMMANDS_MARK in markdown:
        markdown = markdown.replace(COMMANDS_MARK, "\n".join(_commands()))
    return _UP.sub(lambda m: _within(m["path"]), markdown)


def _within(path: str) -> str:
    """Returns where the site has a file of the project."""
    return path if path in ROOT_PAGES else posixpath.join("source", path)


def _commands() -> Iterator[str]:
    """Yields a heading for each section, and for each command with its help below."""
    root = click.Context(spot, info_name="spot")
    for section, names in SECTIONS.items():
        yield f"\n## {section}\n"
        for name in names:
            command = spot.get_command(root, name)
            assert command is not None  # noqa: S101 - the names are the group's own
            yield from _help(command, name, root)


def _help(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    """Yields the heading and the help of a command, then those of the commands below it."""
    with click.Context(command, info_name=name, parent=parent, terminal_width=90) as context:
        yield f"\n### {context.command_path}\n\n```text\n{context.get_help()}\n```\n"
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                found = command.get_command(context, below)
                assert found is not None  # noqa: S101 - the names are the group's own
                yield from _help(found, below, context)
