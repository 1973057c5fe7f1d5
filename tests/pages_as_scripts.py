"""Runs a page of the documentation as its reader would: files saved, commands typed, output compared.

A block with ``title="NAME"`` is saved under that name. A ``bash`` block is run, in one shell with those
before it. A ``text`` block is the output of the command before it, ``...`` for what is left out. A
``sh`` block is shown only: it installs, or goes on until it is stopped.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from warm_spot import folder_of_spot

_FENCE: Final = re.compile(
    r'^(?P<indent> *)```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^ *```$',
    re.MULTILINE | re.DOTALL,
)
_ENOUGH: Final = 540  # seconds for one block; a busy machine takes long to import MLflow


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its title where it is a file, and its text."""

    language: str
    title: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """Returns the fenced blocks of a page, in order, without the indent they share."""
    return [
        Block(
            m["language"],
            m["title"] or "",
            re.sub(f"^{m['indent']}", "", m["text"], flags=re.MULTILINE),
        )
        for m in _FENCE.finditer(page.read_text())
    ]


def run(page: Path, folder: Path) -> int:
    """Follows a page in a folder; returns how many blocks were run.

    Raises:
        AssertionError: naming the block that failed, or whose output is another.
    """
    shell = Shell(folder)
    output, number = "", 0
    for block in blocks_of(page):
        if block.title:
            (folder / block.title).write_text(block.text)
        elif block.language == "bash":
            output, number = shell.type(block.text), number + 1
        elif block.language == "text":
            same = doctest.OutputChecker().check_output(
                block.text, output, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            )
            assert same, f"{page.name}: {block.text}\nbut the command printed\n{output}"
    return number


class Shell:
    """A shell in a folder whose environment outlasts each block."""

    def __init__(self, folder: Path) -> None:
        """Opens it with our programs first on the path."""
        self.folder = folder
        path = f"{folder_of_spot()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "COLUMNS": "200"}

    def type(self, text: str) -> str:
        """Runs a block and returns what it printed, without what MLflow writes to standard error."""
        kept = self.folder / ".environment"
        script = f"set -e\n{text}\nenv -0 > {kept}\n"
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_ENOUGH,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        pairs = (x.partition("=") for x in kept.read_text().split("\0") if x)
        self.environment = {name: value for name, _, value in pairs}
        return done.stdout
