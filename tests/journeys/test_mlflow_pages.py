"""MLflow's own pages, clicked through with the plugin and without it: they show and do the same."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from browser import chromium
from gated import gated_mlflow_server, new_version
from looks import PATIENCE
from mlflow import MlflowClient
from servers import mlflow_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.journey, pytest.mark.browser]

NAME = f"seen-{uuid.uuid4().hex[:8]}"
MODES = ("genai", "machine_learning")


@dataclass
class Seen:
    """One server with the same experiment, runs, model and prompt on it as the other.

    Attributes:
        url: of the server.
        experiment: id of the experiment.
        runs: ids of its two runs.
    """

    url: str
    experiment: str
    runs: tuple[str, ...]

    def address(self, path: str, mode: str) -> str:
        """The address of one of MLflow's pages."""
        one, two = self.runs
        made = path.format(
            name=NAME, e=self.experiment, run=one,
            runs=quote(f'["{one}","{two}"]'), es=quote(f'["{self.experiment}"]'),
        )  # fmt: skip
        return f"{self.url}/#{made}{'&' if '?' in made else '?'}workflowType={mode}"


PAGES = {
    "home": "/",
    "experiments": "/experiments",
    "runs": "/experiments/{e}/runs",
    "run": "/experiments/{e}/runs/{run}",
    "metrics of a run": "/experiments/{e}/runs/{run}/model-metrics",
    "artifacts": "/experiments/{e}/runs/{run}/artifacts",
    "compare": "/compare-runs?runs={runs}&experiments={es}",
    "models": "/models",
    "model": "/models/{name}",
    "version": "/models/{name}/versions/1",
    "prompts": "/prompts",
    "prompt": "/prompts/{name}-prompt",
    "settings": "/settings",
}


def filled(url: str) -> Seen:
    """Makes an experiment with two runs, a model with two versions, and a prompt."""
    client = MlflowClient(url, url)
    experiment = client.create_experiment(f"{NAME}-experiment")
    runs = []
    for n in range(2):
        run = client.create_run(experiment, run_name=f"{NAME}-run-{'ab'[n]}").info.run_id
        client.log_param(run, "depth", n)
        client.log_metric(run, "loss", 0.5 - n / 10)
        client.log_text(run, "words of an artifact", "notes.txt")
        client.set_terminated(run)
        runs.append(run)
    client.create_registered_model(NAME, description="What it is for")
    for _ in range(2):
        new_version(client, NAME)
    client.register_prompt(f"{NAME}-prompt", "Say {{word}}")
    return Seen(url, experiment, tuple(runs))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seen, Seen]]:
    """MLflow alone, and with the plugin, with the same on both and nothing else."""
    folder = tmp_path_factory.mktemp
    with (
        mlflow_server(folder("alone"), workers=1) as plain,
        gated_mlflow_server(folder("gated"), workers=1) as gated,
    ):
        yield filled(plain.url), filled(gated.url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def context(browser: Any) -> Iterator[Any]:
    """One reader, so that MLflow's scripts are loaded once from each server."""
    made = browser.new_context(viewport={"width": 1400, "height": 900})
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


def look(
    context: Any, address: str, wanted: Callable[[set[str]], bool]
) -> tuple[set[str], set[str]]:
    """Returns the words on a page, and what went wrong on it, without numbers, ids and times.

    A page that stays as it is may still be empty on a busy machine: it is waited for until it shows
    what is wanted, for three minutes at most.
    """
    page, faults = context.new_page(), set()

    def fault(text: str) -> None:
        faults.add(re.sub(r"[0-9a-f]{32}|https?://[^/\s]+|\d+", "#", text)[:160])

    page.on("pageerror", lambda e: fault(str(e)))
    page.on("console", lambda m: fault(m.text) if m.type == "error" else None)
    page.goto(address)
    page.locator("main").first.wait_for()
    before = None
    for _ in range(300):  # until it stays as it is for a while
        now = page.evaluate("document.body.innerText")
        settled = now == before and not re.search(r"\bLoading\b|\bpage (is )?loading\b", now)
        if settled and wanted(_words(now)):
            break
        before = now
        page.wait_for_timeout(600)
    page.close()
    return _words(now), faults


def _words(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])[A-Za-z][A-Za-z_-]*(?![\w-])", text))


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("mode", MODES)
def test_every_page_shows_the_same(context: Any, servers: tuple[Seen, Seen], mode: str) -> None:
    """What MLflow shows is there with the plugin too, and nothing goes wrong that does not without it."""
    lost: dict[str, set[str]] = {}
    wrong: dict[str, set[str]] = {}
    for what, path in PAGES.items():
        alone, gated = (s.address(path, mode) for s in servers)
        plain, faults = look(context, alone, lambda words: len(words) > 10)
        assert len(plain) > 10, (what, plain)
        ours, more = look(context, gated, plain.issubset)
        lost[what] = plain - ours
        wrong[what] = more - faults
    assert {k: v for k, v in lost.items() if v} == {}
    assert {k: v for k, v in wrong.items() if v} == {}


def test_an_alias_that_nothing_is_asked_for_is_given_by_mouse(
    browser: Any, servers: tuple[Seen, Seen]
) -> None:
    """The alias dialog writes on both servers."""
    for seen in servers:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(seen.address("/models/{name}/versions/1", "machine_learning"))
        add = page.get_by_role("button", name="Add", exact=True).first
        add.wait_for()
        add.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox").click()
        page.keyboard.type("blue")
        page.keyboard.press("Enter")
        with page.expect_response(lambda r: "registered-models/alias" in r.url) as answered:
            dialog.get_by_role("button", name="Save aliases").click()
        assert answered.value.status == 200
        client = MlflowClient(seen.url, seen.url)
        assert client.get_model_version_by_alias(NAME, "blue").version == "1"
        context.close()


def test_a_stage_is_given_by_mouse(browser: Any, servers: tuple[Seen, Seen]) -> None:
    """The stage menu of the earlier registry pages moves a version on both servers."""
    for seen in servers:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        context.add_init_script(
            "localStorage.setItem('_mlflow_user_setting_dismiss_next_model_registry_ui', 'true')"
        )
        page = context.new_page()
        page.goto(seen.address("/models/{name}/versions/2", "machine_learning"))
        stage = page.get_by_text("None", exact=True).first
        stage.wait_for()
        stage.click()
        page.get_by_role("menuitem").filter(has_text="Archived").click()
        with page.expect_response(lambda r: "transition-stage" in r.url) as answered:
            page.get_by_role("dialog").get_by_role("button", name="OK").click()
        assert answered.value.status == 200
        client = MlflowClient(seen.url, seen.url)
        assert client.get_model_version(NAME, "2").current_stage == "Archived"
        context.close()


def test_a_version_is_promoted_by_mouse(browser: Any, servers: tuple[Seen, Seen]) -> None:
    """The dialog that copies a version to another model does so on both servers."""
    other = f"{NAME}-promoted"
    for seen in servers:
        client = MlflowClient(seen.url, seen.url)
        client.create_registered_model(other)
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(seen.address("/models/{name}/versions/1", "machine_learning"))
        page.get_by_role("button", name="Promote model").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox").click()
        page.keyboard.type(other)
        page.locator(f'[title="{other}"]').last.click()
        with page.expect_response(lambda r: "model-versions/create" in r.url) as answered:
            dialog.get_by_role("button", name="Promote", exact=True).click()
        assert answered.value.status == 200
        assert client.get_model_version(other, "1").source == f"models:/{NAME}/1"
        context.close()
