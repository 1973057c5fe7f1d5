"""Writes docs/requirements.md and docs/policy.schema.json from their one source.

    python -m spot_mlflow.gate.documentation docs

A test compares them with what stands in ``docs``.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from spot_mlflow.gate.policy import SignOffRule, default_policy, policy_schema
from spot_mlflow.gate.requirements import requirement_texts
from spot_mlflow.validation import format_span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.gate.requirements import RequirementText

_INTRODUCTION = """\
# Requirements

A policy names the requirements that a model version must meet before it may hold a target, such as
Production or `@champion`. Each requirement has a key in the policy's YAML file; a requirement that the
file does not name does not apply. "Fix" is the command that the gate prints for whoever can meet the
requirement; words in capitals are filled in there.

This page is generated from `spot_mlflow/gate/requirements.yaml`; the default policy is
`spot_mlflow/gate/default_policy.yaml`.
"""


def requirements_page() -> str:
    """Returns docs/requirements.md."""
    texts = requirement_texts()
    lines = [_INTRODUCTION, *_default_table(texts)]
    for group, members in groupby(texts.values(), key=lambda t: t.group):
        lines += ["", f"## {group}"]
        for text in members:
            lines += ["", *_section(text)]
    return "\n".join(lines) + "\n"


def _section(text: RequirementText) -> list[str]:
    return [
        f"### `{text.name}`: {text.title.lower()}",
        "",
        f"{text.asks} {text.why}",
        "",
        f"- Setting: {text.setting}",
        f"- Who can meet it: {text.who.format_map(_Placeholders())}",
        f"- Fix: `{text.fix.format_map(_Placeholders())}`",
    ]


def _default_table(texts: Mapping[str, RequirementText]) -> list[str]:
    policy = default_policy()
    targets = list(policy.targets)
    lines = [
        f"## The default policy, {policy.label}",
        "",
        f"| | {' | '.join(targets)} |",
        "|---" * (len(targets) + 1) + "|",
    ]
    for name in texts:
        settings = [_setting(policy.requires(t).get(name)) for t in targets]
        if any(s != "-" for s in settings):
            lines.append(f"| [`{name}`](#{_anchor(texts[name])}) | {' | '.join(settings)} |")
    return lines


def _anchor(text: RequirementText) -> str:
    kept = (c for c in f"{text.name} {text.title.lower()}" if c.isalnum() or c in " _-")
    return "".join(kept).replace(" ", "-")


def _setting(value: object) -> str:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else ((v,) for v in value)
        return ", ".join(" ".join(map(str, pair)) for pair in pairs)
    if isinstance(value, timedelta):
        return format_span(value)
    if isinstance(value, SignOffRule):
        asked = ", on a request" if value.request else ""
        return f"{' or '.join(value.roles)}, {format_span(value.valid)}{asked}"
    if value is None:
        return "-"
    return "yes" if value is True else str(value)


class _Placeholders(dict[str, str]):
    """Writes what a fix fills in as a word in capitals."""

    def __missing__(self, key: str) -> str:
        return key.upper()


def pages() -> dict[str, str]:
    """Returns file name -> content of everything generated."""
    schema = json.dumps(policy_schema(), indent=2, ensure_ascii=False)
    return {"requirements.md": requirements_page(), "policy.schema.json": schema + "\n"}


def main(folder: Path) -> None:
    """Writes the pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
