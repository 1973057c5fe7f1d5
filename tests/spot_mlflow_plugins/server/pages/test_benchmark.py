"""The benchmark page on a real server: import by a form, export as a file, nothing kept."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING

import pytest
import requests
from gated import new_scene
from people import INSTRUMENT

import spot_mlflow as spot
from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.benchmark import EVERY, export_summary
from spot_mlflow.record import Record
from spot_mlflow_plugins.server.pages.benchmark import MOST, read_summaries

if TYPE_CHECKING:
    from gated import Scene
    from servers import MlflowServer

THEIRS = json.dumps(
    export_summary([dict.fromkeys(EVERY, 4)] * 10, INSTRUMENT, month="2026-10").model_dump()
)


def test_summaries_are_read_one_after_the_other() -> None:
    """As files are pasted; the one that is wrong is named, and too many are refused."""
    assert len(read_summaries(f"{THEIRS}\n\n{THEIRS},{THEIRS}")) == 3
    assert read_summaries("  ") == []
    for text, said in (
        (f"{THEIRS} and more", "summary 2"),
        ("[" * 100_000, "not valid JSON"),
        ('{"spot": "answers"}', "summary 1"),
        (THEIRS * (MOST + 1), "more than 50"),
    ):
        with pytest.raises(InvalidInput, match=said):
            read_summaries(text)


@pytest.fixture(scope="module")
def scene(gated_server: MlflowServer) -> Scene:
    """Five models that were assessed, on a server with others."""
    made = new_scene(gated_server.url)
    record = Record(made.url, made.url)
    for _ in range(5):
        name = f"rated-{uuid.uuid4().hex[:8]}"
        made.client.create_registered_model(name)
        answers = dict.fromkeys(INSTRUMENT.ids, 3)
        for person in ("Ann", "Bo", "Cleo"):
            spot.log_assessment(name, answers, person=person, role="business", record=record)
    return made


def sent(scene: Scene, session: requests.Session, **more: str) -> requests.Response:
    """Sends the form as a browser does."""
    page = session.get(f"{scene.url}/spot/benchmark", timeout=60).text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    said = {"token": token[1], "name": "", "pasted": THEIRS, **more}
    site = {"Sec-Fetch-Site": "same-origin", "Origin": scene.url}
    return session.post(f"{scene.url}/spot/benchmark", data=said, headers=site, timeout=60)


@pytest.mark.journey
def test_what_is_pasted_is_compared_with_and_not_kept(scene: Scene) -> None:
    """The page has the other teams' counts; the next reader's has not."""
    session = requests.Session()
    answer = sent(scene, session)
    assert answer.status_code == 200
    assert "of those of other teams" in answer.text
    assert "The summaries are not kept." in answer.text
    assert "other teams</th>" not in session.get(f"{scene.url}/spot/benchmark", timeout=60).text


@pytest.mark.journey
def test_a_fault_comes_back_with_what_was_pasted(scene: Scene) -> None:
    """Nothing typed is lost; what is wrong is said beside the field."""
    answer = sent(scene, requests.Session(), pasted='{"spot": "<b>"}')
    assert "summary 1" in answer.text
    assert "&#34;&lt;b&gt;&#34;" in answer.text
    stale = sent(scene, requests.Session(), token="1.x")  # noqa: S106 - of no server
    assert stale.status_code == 403
    assert "2026-10" in stale.text
    assert "of those of other teams" not in stale.text


@pytest.mark.journey
@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://localhost:1"}]
)
def test_a_page_of_another_origin_is_refused(scene: Scene, headers: dict[str, str]) -> None:
    """And so is what does not say from which page it comes."""
    said = {"pasted": THEIRS, "token": "x"}
    answer = requests.post(f"{scene.url}/spot/benchmark", data=said, headers=headers, timeout=60)
    assert answer.status_code == 403


@pytest.mark.journey
def test_the_export_holds_counts_alone(scene: Scene) -> None:
    """No name is in it, and the page takes it back."""
    answer = requests.get(f"{scene.url}/spot/benchmark.json", timeout=60)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "rated-" not in answer.text
    assert read_summaries(answer.text)[0].measures["S"].n >= 5
