"""The list of models on a real server: no script, its state in the address, always up to date."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pytest
import requests
from gated import new_scene

import spot_mlflow as spot
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from gated import Scene
    from servers import MlflowServer

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def scene(gated_server: MlflowServer) -> Scene:
    """A model whose version 1 is live and whose version 2 is not."""
    return new_scene(gated_server.url)


def listed(scene: Scene, **asked: str) -> list[str]:
    """Names on the page."""
    page = requests.get(f"{scene.url}/spot/models", params=asked, timeout=60)
    assert page.status_code == 200
    return re.findall(r'<th scope="row" role="rowheader"><a [^>]*>([^<]*)</a>', page.text)


def test_each_filter_by_the_address_alone(scene: Scene) -> None:
    """Name, verdict and where it is deployed find the model or leave it out."""
    assert listed(scene, q=scene.name.upper()) == [scene.name]
    assert listed(scene, q=scene.name, verdict="promised") == [scene.name]
    assert listed(scene, q=scene.name, verdict="met") == []
    assert listed(scene, q=scene.name, target="@champion") == [scene.name]
    assert listed(scene, q=scene.name, target="Staging") == []


def test_a_search_at_the_address_of_the_earlier_list_finds_the_model(scene: Scene) -> None:
    """Bookmarks go on working; whatever else stands in the address stays in it, and leads nowhere else."""
    address = f"{scene.url}/spot/"
    found = requests.get(address, params={"q": scene.name, "sort": "name"}, timeout=60)
    assert found.url == f"{scene.url}/spot/models?q={scene.name}&sort=name"
    assert scene.name in found.text
    odd = requests.get(address, params={"q": "//elsewhere.example/\r\nX: 1"}, timeout=60)
    assert (odd.status_code, odd.url.startswith(f"{scene.url}/spot/models?q=")) == (200, True)


def test_fifty_a_page_and_all_in_the_file(scene: Scene) -> None:
    """Each model on one page; the search is kept in the links; the file has what was found, whole."""
    for i in range(51):
        scene.client.create_registered_model(f"several-{i:02d}")
    address = f"{scene.url}/spot/models"
    first = requests.get(address, params={"q": "several-", "sort": "name"}, timeout=60).text
    assert "Page 1 of 2: 51 of" in first
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link is not None
    second = requests.get(f"{scene.url}/spot/{link[1].replace('&amp;', '&')}", timeout=60).text
    assert "several-50" in second
    assert "several-49" not in second
    for odd in ("99", "-1", "x"):
        assert listed(scene, q="several-", page=odd)
    link = re.search(r'href="(models\.csv\?[^"]+)"', second)
    assert link is not None
    answer = requests.get(f"{scene.url}/spot/{link[1].replace('&amp;', '&')}", timeout=60)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 51


def test_every_worker_sees_what_was_said_just_now(scene: Scene) -> None:
    """A row is kept as long as the marks of the model stay; a deleted or renamed one is gone at once."""
    record = Record(scene.url, scene.url)
    made = new_scene(scene.url)
    for _ in range(4):  # whichever worker answers
        assert "2 more" not in str(listed(scene, q=made.name, owner="the builders"))
    spot.raise_concern(
        made.name, person="Cem", role="frontline", what="It hurts", severity="minor", record=record
    )
    for _ in range(4):
        assert listed(scene, q=made.name, owner="the builders") == [made.name]
    scene.client.create_registered_model(f"{made.name}-short-lived")
    for _ in range(4):
        assert len(listed(scene, q=made.name)) == 2
    scene.client.delete_registered_model(f"{made.name}-short-lived")
    for _ in range(4):
        assert listed(scene, q=made.name) == [made.name]


def test_a_prompt_is_no_model(scene: Scene) -> None:
    """MLflow keeps prompts among its registered models; none is listed."""
    scene.client.register_prompt("spoken-prompt", "Say {{x}}")
    assert listed(scene, q="spoken-prompt") == []


def test_what_people_wrote_is_text(scene: Scene) -> None:
    """Neither a name nor the address puts markup on the page."""
    scene.client.create_registered_model("<b>bold'\"")
    page = requests.get(f"{scene.url}/spot/models", params={"q": "<b>bold"}, timeout=60).text
    assert "<b>bold" not in page
    assert page.count("&lt;b&gt;bold") >= 2
