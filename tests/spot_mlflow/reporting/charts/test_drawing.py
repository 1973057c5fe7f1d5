from __future__ import annotations

import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.palette import DARK, LIGHT
from spot_mlflow.reporting.words.tables import Table


def chart(name: str = "sample") -> Chart:
    """A line, a hatched bar, a mark and some words."""

    def paint(pen, narrow) -> None:
        pen.line((0, 0), (10, 10), "realized")
        pen.box((0, 5), (20, 10), edge="loss", hatch="loss")
        pen.mark("s", (5, 5), 8, "promised", filled=False)
        pen.text((0, 30), "narrow" if narrow else "wide", "muted")
        pen.height = 40

    return Chart(name, "A <title> & more", 'It says "x" < y.', paint, Table("t", ("a",), (("1",),)))


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


def test_svg_refers_to_nothing_outside_and_needs_no_style() -> None:
    """No address but the namespace, and nothing that a strict Content-Security-Policy would stop."""
    svg = chart().svg()
    assert re.findall(r"https?://[^\"'\s<]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "style" not in svg
    assert "<script" not in svg


def test_two_drawings_share_no_id() -> None:
    """Several pictures in one page have ids of their own, and references that meet them."""
    first, second = chart("one").svg(), chart("two").svg(narrow=True)
    ids = [set(re.findall(r' id="([^"]+)"', s)) for s in (first, second)]
    assert not ids[0] & ids[1]
    for svg, own in zip((first, second), ids, strict=True):
        referred = set(re.findall(r"url\(#([^)]+)\)", svg))
        assert referred
        assert referred <= own


def test_the_same_drawing_is_the_same_file() -> None:
    """Nothing random, no date: a report can be compared with an earlier one."""
    assert chart().svg() == chart().svg()
    assert chart().svg_file() == chart().svg_file()


@pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_a_file_stands_on_paper_of_its_own(theme: str, palette) -> None:
    """Shown as a picture on any ground, the file is legible: its colours and its paper are one theme's."""
    root = ET.fromstring(chart().svg_file(theme).encode())  # noqa: S314 - our own drawing
    ns = "{http://www.w3.org/2000/svg}"
    ground = root.find(f"{ns}rect")
    assert (ground.attrib["width"], ground.attrib["fill"]) == ("100%", palette.paper)
    assert float(root.attrib["width"]) > 600
    assert "var(" not in chart().svg_file(theme)
    assert "A <title> & more" in {t.text for t in root.iter(f"{ns}text")}


def test_a_png_is_the_same_picture() -> None:
    """On request the file becomes a PNG of twice its size, on its paper, with something drawn on it."""
    from PIL import Image

    image = Image.open(io.BytesIO(chart().png("dark"))).convert("RGB")
    root = ET.fromstring(chart().svg_file().encode())  # noqa: S314 - our own drawing
    assert image.size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))
    assert "#{:02x}{:02x}{:02x}".format(*image.getpixel((1, 1))) == DARK.paper
    drawn = {"#{:02x}{:02x}{:02x}".format(*c) for _, c in image.getcolors(1 << 20)}
    assert {DARK.realized, DARK.loss, DARK.promised} <= drawn


def test_without_the_extra_a_png_says_what_to_do(monkeypatch) -> None:
    """Who asks for a PNG without the library that makes it learns its name, and that an SVG is there."""
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(InvalidInput, match=r"spot-mlflow\[png\].*SVG"):
        chart().png()


def test_drawing_needs_no_drawing_library() -> None:
    """A report draws all its pictures and loads no library that draws."""
    code = (
        "import sys\n"
        "import spot_mlflow.reporting.charts.lift, spot_mlflow.reporting.charts.money\n"
        "import spot_mlflow.reporting.charts.time, spot_mlflow.reporting.charts.readiness\n"
        "print([m for m in ('matplotlib', 'PIL', 'resvg_py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
