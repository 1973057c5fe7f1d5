"""Points of a contract that a person has still to decide: keys whose value is ``TODO``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPEN: Final = "TODO"


def refuse_open_points(path: Path) -> None:
    """Refuses a file in which a value is still ``TODO``.

    Raises:
        InvalidInput: naming each with its line. What is no YAML is left to who reads it.
    """
    import yaml

    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return
    found = list(_open_in(root, ""))
    if found:
        listed = "; ".join(f"line {line}: {key}" for key, line in found)
        raise InvalidInput(
            f"{len(found)} {'point is' if len(found) == 1 else 'points are'} still {OPEN}: {listed}",
            where=str(path),
            fix="The comment on each line says what to write.",
        )


def _open_in(node: Any, key: str, seen: set[int] | None = None) -> Iterator[tuple[str, int]]:
    """Yields (key, line) of every open value below a node; one that an alias repeats, once."""
    seen = set() if seen is None else seen
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if node.id == "scalar":
        if node.value == OPEN:
            yield key, node.start_mark.line + 1
    elif node.id == "sequence":
        for item in node.value:
            yield from _open_in(item, key, seen)
    else:
        for name, value in node.value:
            yield from _open_in(value, f"{key}.{name.value}" if key else str(name.value), seen)
