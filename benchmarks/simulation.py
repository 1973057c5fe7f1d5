"""Where simulations put their results: JSON for machines, a Markdown table for the docs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS: Final = Path(__file__).resolve().parents[1] / "docs" / "simulations"
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
    (RESULTS / f"{name}.json").write_text(
        json.dumps({"title": title, "about": about, "seed": SEED, "rows": list(rows)}, indent=1)
        + "\n"
    )
    header = list(rows[0])
    lines = [f"# {title}", "", about, "", "| " + " | ".join(header) + " |"]
    lines.append("| " + " | ".join("---" for _ in header) + " |")
    lines += ["| " + " | ".join(_shown(row[k]) for k in header) + " |" for row in rows]
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)
