from __future__ import annotations

import io
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET

import pytest

from spot_mlflow.reporting.charts.drawing import Chart, wrapped
from spot_mlflow.reporting.charts.palette import DARK, LIGHT
from spot_mlflow.reporting.words.tables import Table


def chart(name: str = "sample") -> Chart:
    """A line, a bar and some words."""

    def paint(axes, palette, narrow) -> None:
        axes.plot([0, 1], [0, 1], color=palette.realized)
        axes.barh(0.5, 1, facecolor=palette.paper, edgecolor=palette.loss, hatch="////")
        axes.set_xlabel("narrow" if narrow else "wide", color=palette.muted)

    return Chart(
        name, "A <title> & more", 'It says "x" < y.', 2.0, paint, Table("t", ("a",), (("1",),))
    )


def test_svg_is_well_formed_and_speaks() -> None:
    """The element parses, has a role, a title and a description, and its text is text."""
    root = ET.fromstring(chart().svg())  # noqa: S314 - our own drawing
    ns = "{http://www.w3.org/2000/svg}"
    assert root.attrib["role"] == "img"
    assert root.find(f"{ns}title").text == "A <title> & more"
    assert root.find(f"{ns}desc").text == 'It says "x" < y.'
    assert "wide" in {t.text for t in root.iter(f"{ns}text")}


def test_svg_has_no_colour_of_its_own() -> None:
    """Every colour is a variable of the page, so that one picture serves light, dark and print."""
    svg = chart().svg()
    assert "var(--spot-realized)" in svg
    assert not re.search(r"#[0-9a-fA-F]{6}", svg)


def test_svg_refers_to_nothing_outside() -> None:
    """No address but the namespace, no font file, no style that would reach the page."""
    svg = chart().svg()
    assert re.findall(r"https?://[^\"'\s<]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "<style" not in svg


def test_two_drawings_share_no_id() -> None:
    """Several pictures in one page have ids of their own, and references that meet them."""
    first, second = chart("one").svg(), chart("two").svg(narrow=True)
    ids = [set(re.findall(r' id="([^"]+)"', s)) for s in (first, second)]
    assert not ids[0] & ids[1]
    for svg, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= own
        assert set(re.findall(r'href="#([^"]+)"', svg)) <= own


def test_the_same_drawing_is_the_same_file() -> None:
    """Nothing random, no date: a report can be compared with an earlier one."""
    assert chart().svg() == chart().svg()
    assert chart().png() == chart().png()


@pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_png_has_the_ground_of_its_theme(theme: str, palette) -> None:
    """A PNG stands on opaque paper of its theme, and carries its description."""
    from PIL import Image

    image = Image.open(io.BytesIO(chart().png(theme)))
    assert "#{:02x}{:02x}{:02x}".format(*image.convert("RGB").getpixel((1, 1))) == palette.paper
    assert image.info["Description"] == 'It says "x" < y.'


def test_svg_file_follows_the_reader() -> None:
    """The file by itself holds both themes."""
    text = chart().svg_file()
    ET.fromstring(text.encode())  # noqa: S314 - our own drawing
    assert "prefers-color-scheme: dark" in text
    assert LIGHT.ink in text
    assert DARK.ink in text


def test_drawing_leaves_the_programs_settings_alone() -> None:
    """Neither pyplot nor a changed setting remains; a style of the program does not reach us."""
    code = """
import sys, matplotlib
sys.path.insert(0, %r)
from test_drawing import chart
plain = chart().png()
matplotlib.rcParams["font.size"] = 31
matplotlib.rcParams["axes.facecolor"] = "red"
kept = [k for k in matplotlib.rcParams if k != "backend"]  # reading the backend imports pyplot
before = [matplotlib.rcParams[k] for k in kept]
assert chart().png() == plain
assert "matplotlib.pyplot" not in sys.modules
assert [matplotlib.rcParams[k] for k in kept] == before
"""
    import pathlib

    here = str(pathlib.Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code % here], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_threads_may_draw_at_once() -> None:
    """A server draws in several threads: each gets the picture it would get alone."""
    alone = {n: chart(n).svg() for n in ("a", "b")}
    drawn: list[bool] = []

    def draw(name: str) -> None:
        drawn.append(chart(name).svg() == alone[name])

    threads = [threading.Thread(target=draw, args=(n,)) for n in "abab"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert drawn == [True] * 4


def test_labels_are_cut_and_never_read_as_mathematics() -> None:
    """A long label takes two lines at most, and a dollar sign is a dollar sign."""
    assert (
        wrapped("a very long label that goes on and on and on and on", narrow=True).count("\n") == 1
    )
    assert wrapped("cost $x$", narrow=False) == r"cost \$x\$"
