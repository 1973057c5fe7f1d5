"""Draws the rooms of the code, and who imports whom, into ``docs/images``: ``python docs/draw_rooms.py``.

Rooms are packages and modules as they are; a line is an import, names for the type checker included.
A room lies above all that it imports; a line that a longer way along other lines says already is left
out. A test draws the pictures again and compares.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grimp

from spot_mlflow.figures import things

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Final = Path(__file__).parent
OURS: Final = ("spot_mlflow", "spot_mlflow_plugins", "spot_mlflow_checks", "spot_mlflow_cli")
_WIDE, _HIGH, _ACROSS, _BETWEEN, _MARGIN = 156, 44, 20, 40, 16
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1f2933;text-anchor:middle}.n{font-size:11px;fill:#52606d}"
    "rect{fill:#eef4fb;stroke:#3e6ca8}path{fill:none;stroke:#7b8794;stroke-width:1;opacity:.8}"
)


def rooms_in(graph: grimp.ImportGraph, home: str) -> dict[str, set[str]]:
    """Returns the rooms of a package, each with its modules: its children, whole."""
    return {
        room.removeprefix(f"{home}."): {room, *graph.find_descendants(room)}
        for room in sorted(graph.find_children(home))
    }


def arrows_between(graph: grimp.ImportGraph, rooms: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Returns which rooms each room imports from."""
    room_of = {module: room for room, modules in rooms.items() for module in modules}
    out: dict[str, set[str]] = {room: set() for room in rooms}
    for module, room in room_of.items():
        for imported in graph.find_modules_directly_imported_by(module):
            other = room_of.get(imported, room)
            if other != room:
                out[room].add(other)
    return out


def floors_of(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Returns the rooms floor by floor, the lowest first: each lies above all that it imports.

    Raises:
        SystemExit: rooms import each other in a circle.
    """
    floors: list[list[str]] = []
    below: set[str] = set()
    while len(below) < len(arrows):
        floor = sorted(room for room, to in arrows.items() if room not in below and to <= below)
        if not floor:
            raise SystemExit(f"a circle among {sorted(set(arrows) - below)}")
        floors.append(floor)
        below |= set(floor)
    return floors


def telling(arrows: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Returns the arrows that no longer way implies (the transitive reduction)."""
    far: dict[str, set[str]] = {}
    for floor in floors_of(arrows):
        for room in floor:
            far[room] = arrows[room].union(*(far[other] for other in arrows[room]))
    return {
        room: {x for x in to if not any(x in far[other] for other in to - {x})}
        for room, to in arrows.items()
    }


def drawn(rooms: Mapping[str, set[str]], arrows: Mapping[str, set[str]], title: str) -> str:
    """Draws rooms floor by floor as an SVG."""
    floors = floors_of(arrows)
    widest = max(map(len, floors))
    width = 2 * _MARGIN + widest * _WIDE + (widest - 1) * _ACROSS
    height = 2 * _MARGIN + len(floors) * _HIGH + (len(floors) - 1) * _BETWEEN
    at: dict[str, tuple[float, float]] = {}
    for i, floor in enumerate(floors):
        left = (width - len(floor) * _WIDE - (len(floor) - 1) * _ACROSS) / 2
        for j, room in enumerate(floor):
            y = height - _MARGIN - _HIGH - i * (_HIGH + _BETWEEN)
            at[room] = (left + j * (_WIDE + _ACROSS), y)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<path d="M0 0h{width}v{height}h-{width}z" style="fill:#fff;opacity:1;stroke:none"/>',
    ]
    for room, imported in sorted(telling(arrows).items()):
        for other in sorted(imported):
            (x, y), (to_x, to_y) = at[room], at[other]
            x, to_x, y = x + _WIDE / 2, to_x + _WIDE / 2, y + _HIGH
            bend = (to_y - y) / 2
            lines.append(
                f'<path d="M{x:g} {y:g}C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} {to_x:g} {to_y:g}"/>'
            )
    for room, (x, y) in sorted(at.items()):
        files = len(rooms[room])
        lines += [
            f'<rect x="{x:g}" y="{y:g}" width="{_WIDE}" height="{_HIGH}" rx="6"/>',
            f'<text x="{x + _WIDE / 2:g}" y="{y + 19:g}">{escape(room)}</text>',
            f'<text class="n" x="{x + _WIDE / 2:g}" y="{y + 35:g}">{things(files, "file")}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def pictures() -> dict[str, str]:
    """Returns every picture by the name of its file."""
    graph = grimp.build_graph(*OURS, cache_dir=None)
    house = {
        name: {name, *graph.find_descendants(name)} for name in OURS if name != "spot_mlflow"
    } | rooms_in(graph, "spot_mlflow")
    plans = {
        "house": (house, "The packages, and the rooms of spot_mlflow"),
        "lift": (rooms_in(graph, "spot_mlflow.lift"), "The rooms of spot_mlflow/lift"),
        "reporting": (
            rooms_in(graph, "spot_mlflow.reporting"),
            "The rooms of spot_mlflow/reporting",
        ),
        "server": (rooms_in(graph, "spot_mlflow_plugins.server"), "The rooms of the server"),
    }
    return {
        f"rooms-{name}.svg": drawn(rooms, arrows_between(graph, rooms), title)
        for name, (rooms, title) in plans.items()
    }


if __name__ == "__main__":
    for root in ("plugins", "checks", "cli", "."):
        sys.path.insert(0, str(HERE.parent / root))
    for name, text in pictures().items():
        (HERE / "images" / name).write_text(text, encoding="utf-8")
