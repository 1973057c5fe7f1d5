"""The page on architecture says what the code is: pictures, rooms and files."""

from __future__ import annotations

import graphlib
import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import grimp
import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def draw_rooms() -> ModuleType:
    """The script that draws the rooms."""
    spec = importlib.util.spec_from_file_location("draw_rooms", ROOT / "docs" / "draw_rooms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pictures_are_those_of_the_code(draw_rooms):
    """Rooms and imports are drawn as they are; else run ``python docs/draw_rooms.py``."""
    for name, text in draw_rooms.pictures().items():
        kept = (ROOT / "docs" / "images" / name).read_text(encoding="utf-8")
        assert kept == text, f"docs/images/{name} is old: python docs/draw_rooms.py"


def test_a_circle_of_rooms_is_refused(draw_rooms):
    """Rooms that import each other have no floors."""
    with pytest.raises(SystemExit, match="a circle among"):
        draw_rooms.floors_of({"a": {"b"}, "b": {"a"}, "c": set()})


def test_a_room_lies_above_all_that_it_imports(draw_rooms):
    """Floors follow the longest way down, and a line that a longer way implies is left out."""
    arrows = {"top": {"middle", "ground"}, "middle": {"ground"}, "ground": set()}
    assert draw_rooms.floors_of(arrows) == [["ground"], ["middle"], ["top"]]
    assert draw_rooms.telling(arrows)["top"] == {"middle"}


def test_no_file_imports_itself_by_way_of_others(draw_rooms):
    """Files have an order, late imports and those for the type checker included: each can be read alone."""
    graph = grimp.build_graph(*draw_rooms.OURS, cache_dir=None)
    below = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    graphlib.TopologicalSorter(below).prepare()  # names the files of a circle


def test_every_room_of_lift_has_its_question():
    """A new room is described where a reader looks for it."""
    rooms = {
        p.stem
        for p in (ROOT / "spot_mlflow" / "lift").iterdir()
        if p.stem != "__init__" and not p.name.startswith("__")
    }
    section = PAGE.split("### `spot_mlflow/lift`")[1].split("### ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)) == rooms


def test_an_unknown_day_has_its_unit():
    """NumPy 2.5, which is for Python 3.12 and later, warns of a NaT without a unit and will refuse it."""
    packages = ("spot_mlflow", "checks", "plugins", "cli", "benchmarks")
    bare = [
        str(file.relative_to(ROOT))
        for package in packages
        for file in (ROOT / package).rglob("*.py")
        if re.search(r"64\(\s*[\"']NaT[\"']\s*\)", file.read_text(encoding="utf-8"))
    ]
    assert bare == []


def test_every_file_that_the_page_names_exists():
    """No path on the page leads nowhere."""
    named = set(re.findall(r"`([\w/]+(?:/[\w.]+)*\.(?:py|yaml)|(?:[\w]+/)+[\w]+)`", PAGE))
    places = [
        ROOT,
        ROOT / "spot_mlflow",
        ROOT / "plugins" / "spot_mlflow_plugins",
        ROOT / "checks" / "spot_mlflow_checks",
    ]
    lost = {
        n for n in named if not any((p / n).exists() or (p / f"{n}.py").exists() for p in places)
    }
    assert len(named) > 30
    assert not lost
