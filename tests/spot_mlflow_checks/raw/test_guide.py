"""The example of the guide runs, and what it says of itself is true."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "raw-tables.md"


def test_the_example_of_the_guide_runs() -> None:
    """Its assertions are those that a reader sees."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), {})  # noqa: S102 - our own page
