"""Where simulations put their results: JSON for machines, Markdown tables for the docs.

``python -m benchmarks.simulation`` writes the tables again from the stored JSON.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS: Final = Path(__file__).resolve().parents[1] / "docs" / "simulations"
METHODS: Final = RESULTS.parent / "methods.md"
SEED: Final = 20270101


def replicates(full: int) -> int:
    """Runs to make: all that are stated, or a twentieth with SPOT_SIMULATE=quick."""
    return full // 20 if os.environ.get("SPOT_SIMULATE") == "quick" else full


def write(name: str, title: str, about: str, rows: Sequence[dict[str, Any]]) -> None:
    """Writes ``docs/simulations/<name>.json`` and ``.md``; one row per design, one key a column."""
    if os.environ.get("SPOT_SIMULATE") == "quick":
        print(json.dumps(list(rows), indent=1))
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    stored = {"title": title, "about": about, "seed": SEED, "rows": list(rows)}
    (RESULTS / f"{name}.json").write_text(json.dumps(stored, indent=1) + "\n")
    render(name)


def render(name: str) -> None:
    """Writes the table of one simulation from its JSON, by itself and into the methods page."""
    stored = json.loads((RESULTS / f"{name}.json").read_text())
    rows = stored["rows"]
    header = list(rows[0])
    table = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    table += ["| " + " | ".join(_shown(row[k]) for k in header) + " |" for row in rows]
    body = "\n".join([stored["about"], "", *table])
    (RESULTS / f"{name}.md").write_text(f"# {stored['title']}\n\n{body}\n")
    start, end = f"<!-- simulation: {name} -->", f"<!-- end: {name} -->"
    page = METHODS.read_text()
    if start in page:
        before, rest = page.split(start)
        after = rest.split(end)[1]
        text = f"{before}{start}\n### {stored['title']}\n\n{body}\n{end}{after}"
        METHODS.write_text(text)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)


if __name__ == "__main__":
    for stored_file in sorted(RESULTS.glob("*.json")):
        if f"<!-- simulation: {stored_file.stem} -->" in METHODS.read_text():
            render(stored_file.stem)
