"""Tests of the page of this week, on a real server without a browser."""

from __future__ import annotations

import html
import re
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import gated_mlflow_server
from mlflow import MlflowClient
from reports import make_report

import spot_mlflow as spot
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.journey


@dataclass(frozen=True)
class Portfolio:
    """Three models on a server: one keeps its promise, two do not.

    Attributes:
        url: of the server.
        kept: name of the one that does.
        short: names of the others; the first one's owner is <Kim>, of the second nobody is named.
    """

    url: str
    kept: str
    short: tuple[str, str]

    def page(self, query: str = "") -> str:
        """The page as text."""
        return requests.get(f"{self.url}/spot/{query}", timeout=120).text


def checked(url: str, *, lift: float, owner: str, seed: int) -> str:
    """Registers a model, promises ten points, and records what its check found."""
    client, name = MlflowClient(url, url), f"w{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    client.create_model_version(name, "s3://nowhere/model", await_creation_for=None)
    contract: dict[str, Any] = {"economics": {"unit": "CHF", "value": 18, "offer_cost": 0.1}}
    if owner:
        contract["measurement"] = {"owner": owner}
    found = make_report(lift=lift, promised=0.1, n=4_000, seed=seed, contract=contract)
    found = replace(found, moments=replace(found.moments, source=f"{name}.csv"))
    record = Record(url, url)
    spot.log_predicted_lift(f"{name}/1", found.predicted, record=record)
    spot.log_outcomes(f"{name}/1", found, record=record)
    return name


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portfolio]:
    """The models, through the routes of a server that has no others: the page is one sum over all."""
    with gated_mlflow_server(tmp_path_factory.mktemp("week"), workers=1) as server:
        url = server.url
        kept = checked(url, lift=0.11, owner="Bea", seed=1)
        short = tuple(
            checked(url, lift=0.0, owner=owner, seed=n) for n, owner in ((2, "<Kim>"), (3, ""))
        )
        yield Portfolio(url, kept, short)  # type: ignore[arg-type] # two of them


def rows(page: str) -> list[str]:
    """The models whose decisions wait, from above."""
    table = page.partition('id="waiting"')[2].partition("</table>")[0]
    return re.findall(r'rowheader"><a href="model\?name=([^"]+)"', table)


def test_the_first_screen_answers_and_asks(portfolio: Portfolio) -> None:
    """Money with its interval in the heading; how many decisions wait and what that costs."""
    page = portfolio.page()
    heading = re.search(r"<h1>(.*?)</h1>", page)
    assert heading is not None
    assert "promised was realized (" in heading[1]
    assert "CHF" in page
    assert re.search(r"decisions wait; waiting costs about [\d.,k]+\sCHF", page)
    assert set(portfolio.short) <= set(rows(page))
    assert portfolio.kept not in rows(page)
    assert "Promised and realized to date, CHF" in page
    changed = page.partition('id="changed"')[2]
    assert f"model?name={portfolio.short[0]}" in changed
    assert "(the first check)" in changed
    assert "<Kim>" not in page


def test_decisions_are_filtered_by_their_owner(portfolio: Portfolio) -> None:
    """By the address alone; its link is relative, so that it holds under any prefix."""
    page = portfolio.page("?owner=%3CKim%3E")
    assert rows(page) == [portfolio.short[0]]
    assert 'href="./?owner=%3CKim%3E" data-copy' in page
    assert portfolio.short[1] in rows(portfolio.page("?owner=nobody+named"))
    nobody = portfolio.page("?owner=Zed")
    assert rows(nobody) == []
    assert "No decision waits for Zed" in nobody


def sent(portfolio: Portfolio, name: str, **said: str) -> requests.Response:
    """Opens the form of a decision and sends it as a browser without a script does, twice."""
    session = requests.Session()
    address = f"{portfolio.url}/spot/form?name={name}&version=1&do=decide"
    form = session.get(address, timeout=120).text
    hidden = {
        key: html.unescape(value)
        for key, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }
    headers = {"Origin": portfolio.url}
    body = {**hidden, "person": "Ada", "role": "executive", **said}
    session.post(address, data=body, headers=headers, timeout=120)
    return session.post(address, data=body, headers=headers, timeout=120)


def test_a_decision_is_recorded_once_and_waits_no_more(portfolio: Portfolio) -> None:
    """What is wrong stands beside its field and nothing is recorded; then it is, once."""
    name = portfolio.short[1]
    wrong = sent(portfolio, name, choice="fix", why="Two offers swapped")
    assert wrong.status_code == 422
    assert "the day on which the fix is reviewed" in wrong.text
    assert "Two offers swapped" in wrong.text
    refused = sent(portfolio, name, choice="keep", why="We like it", role="frontline")
    assert refused.status_code == 403
    assert "does not decide" in refused.text
    assert name in rows(portfolio.page())
    done = sent(portfolio, name, choice="stop", why="It brings nothing")
    assert "Your decision is recorded." in done.text
    assert name not in rows(portfolio.page())
    record = Record(portfolio.url, portfolio.url)
    found = [e for e in record.entries(record.resolve(name)) if e.kind == "resolution"]
    assert [(e.person, e.role, e.payload["choice"]) for e in found] == [
        ("Ada", "executive", "stop")
    ]


@pytest.mark.parametrize("origin", ["http://127.0.0.1:1", "http://evil.example"])
def test_another_page_cannot_decide(portfolio: Portfolio, origin: str) -> None:
    """Neither of another port nor of another host, whatever token it sends."""
    answer = requests.post(
        f"{portfolio.url}/spot/form?name={portfolio.short[0]}&version=1&do=decide",
        data={"choice": "stop", "why": "x", "person": "Eve", "role": "executive", "token": "x"},
        headers={"Origin": origin},
        timeout=120,
    )
    assert answer.status_code == 403
    assert portfolio.short[0] in rows(portfolio.page())


def test_the_page_is_closed_to_scripts_of_others(portfolio: Portfolio) -> None:
    """The same policy as every page, and the script that copies is served with the others."""
    answer = requests.get(f"{portfolio.url}/spot/", timeout=120)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert len(answer.content) < 150_000
    script = requests.get(f"{portfolio.url}/spot/copy.js", timeout=120)
    assert script.headers["Content-Type"].startswith("text/javascript")
