"""Tests of what the pages say, on a real server without a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from gated import new_scene
from people import NOW

from spot_mlflow.adoption import KnownVersions, ModelFacts, build_adoption
from spot_mlflow.reporting.charts.palette import DARK, LIGHT
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow_plugins.server.pages.pages import error_page, style

if TYPE_CHECKING:
    from gated import Scene
    from servers import MlflowServer


@pytest.fixture(scope="module")
def scene(gated_server: MlflowServer) -> Scene:
    """A model whose version 1 is live and whose version 2 is not."""
    return new_scene(gated_server.url)


def get(scene: Scene, path: str) -> requests.Response:
    """Opens a page."""
    return requests.get(f"{scene.url}/spot/{path}", timeout=60)


def test_style_has_both_themes_by_system_and_by_choice() -> None:
    """Light and dark follow the system, and the choice made in MLflow before it."""
    sheet = style()
    assert "prefers-color-scheme: dark" in sheet
    for theme, palette in (("light", LIGHT), ("dark", DARK)):
        rule = re.search(rf':root\[data-theme="{theme}"\] {{([^}}]*)}}', sheet)
        assert rule is not None
        assert palette.ink in rule[1]


def test_error_page_escapes_what_was_asked() -> None:
    """What stands in an address is text on a page, never markup."""
    from spot_mlflow.errors import NotFound

    page = error_page(NotFound("no model '<script>alert(1)</script>'", fix="Look <b>here</b>."))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>here</b>" not in page


def test_model_without_a_version_has_no_answer() -> None:
    """The first line says so instead of a guess."""
    facts = ModelFacts("churn", 1, KnownVersions([]))
    unversioned = build_adoption(facts, [], version=None, now=NOW)
    assert headline_of(adoption=unversioned).where == "It has no version yet."


@pytest.mark.journey
def test_model_page_says_yes_or_no(scene: Scene) -> None:
    """The live version is where it is and lacks nothing; the other may not go there."""
    assert "All requirements are met." in get(scene, f"model?name={scene.name}&version=1").text
    page = get(scene, f"model?name={scene.name}&version=2")
    assert "Can it go to Production? No: 2 requirements are not met" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.journey
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("model", 400),
        ("model?name=nothing-of-the-kind", 404),
        ("model?name={name}&version=99", 404),
        ("model?name=../{name}", 400),
        ("panel?name=nothing-of-the-kind", 404),
        ("panel", 400),
    ],
)
def test_what_is_not_there(scene: Scene, path: str, status: int) -> None:
    """A wrong address has its status and says what is wrong."""
    answer = get(scene, path.format(name=scene.name))
    assert answer.status_code == status
    assert "Traceback" not in answer.text


@pytest.mark.journey
def test_panel_is_short(scene: Scene) -> None:
    """The panel has the answer, what is missing, and the four letters in order."""
    said = get(scene, f"panel?name={scene.name}&version=2").json()
    assert said["allowed"] is False
    assert said["gate"] == "Can it go to Production? No: 2 requirements are not met"
    assert len(said["missing"]) == 2
    assert [x["name"] for x in said["letters"]] == [
        "Strategy",
        "Product",
        "Operation",
        "Technology",
    ]


@pytest.mark.journey
def test_page_is_made_anew_when_something_was_said(scene: Scene) -> None:
    """A page that was kept is not shown once the record has moved on."""
    import spot_mlflow as spot
    from spot_mlflow.record import Record

    before = get(scene, f"model?name={scene.name}&version=2").text
    assert "It hurts" not in before
    spot.raise_concern(
        scene.name,
        person="Cem",
        role="frontline",
        what="It hurts",
        severity="minor",
        record=Record(scene.url, scene.url),
    )
    for _ in range(4):  # whichever worker answers
        assert "It hurts" in get(scene, f"model?name={scene.name}&version=2").text
