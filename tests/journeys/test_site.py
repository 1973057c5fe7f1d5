"""The documentation site in Chromium: what newcomers ask is found at once, on a phone too, and nothing is fetched elsewhere."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit

import pytest
from browser import chromium
from looks import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.journey, pytest.mark.browser]
ROOT = Path(__file__).resolve().parents[2]

# What a newcomer types, written down before looking, and where the first hit must lead.
ASKED = {
    "how do I install it": "#how-do-i-install-it",
    "what is S.P.O.T.": "tutorial.html",
    "is the model ready": "#is-my-model-ready-for-production",
    "which columns does the outcome log need": "#which-columns-does-the-outcome-log-need",
    "write a lift contract": "#how-do-i-write-a-lift-contract",
    "I have no holdout": "#i-have-no-holdout-what-now",
    "how many customers must I hold out": "#how-many-customers-must-i-hold-out-and-what-does-it-cost",
    "data in Snowflake": "#does-it-work-on-data-in-snowflake-bigquery-or-databricks",
    "late orders and refunds": "#what-happens-to-late-orders-refunds-and-customers-without-orders",
    "what does inconclusive mean": "#what-does-inconclusive-mean",
    "why was lift lost": "causes.html",
    "promise from a backtest": "backtest.html",
    "block promotion to Production": "#how-do-i-block-a-promotion-to-production-or-to-champion",
    "promotion was refused": "#my-promotion-was-refused-what-can-i-do",
    "waive a requirement": "#how-do-i-waive-a-requirement-or-let-a-version-through-in-an-emergency",
    "run the check every week": "#how-do-i-run-the-check-every-week",
    "Airflow": "schedule.html",
    "exit code": "#what-do-the-exit-statuses-mean",
    "ask an executive for an assessment": "#how-do-i-ask-an-executive-or-a-business-expert-for-answers",
    "delete a person's name": "#can-a-persons-name-be-deleted",
    "login and roles": "#how-do-i-set-up-logins-and-roles",
    "restore from a backup": "operations.html",
    "Prometheus metrics": "#how-do-i-monitor-the-server-with-prometheus",
    "move to another server": "#how-do-i-move-a-record-to-another-server",
    "Unity Catalog": "#does-it-work-with-databricks-unity-catalog-azure-or-sagemaker",
    "without pandas": "#can-a-pipeline-use-it-without-pandas-or-numpy",
    "Great Expectations checkpoint": "checks.html",
    "refunds": "#what-happens-to-late-orders-refunds-and-customers-without-orders",
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@dataclass
class Site:
    """The site in a browser.

    Attributes:
        url: where it is served.
        context: of the browser.
        elsewhere: hosts of requests that left this machine.
    """

    url: str
    context: Any
    elsewhere: set[str] = field(default_factory=set)

    def open(self, path: str, width: int = 1280) -> Any:
        """Opens one of its pages."""
        page = self.context.new_page()
        page.set_viewport_size({"width": width, "height": 800})
        page.on("request", lambda r: self.elsewhere.add(urlsplit(r.url).hostname or ""))
        page.goto(f"{self.url}/{path}")
        return page


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Built as ``make docs`` builds it."""
    folder = tmp_path_factory.mktemp("site")
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with chromium() as browser:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        yield Site(f"http://127.0.0.1:{server.server_port}", context)
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_a_newcomer_asks_is_the_first_hit(site: Site) -> None:
    """Typed into the search as people type, without the words of the house."""
    found = {}
    for asked in ASKED:
        page = site.open(f"index.html?q={quote_plus(asked)}")
        hits = page.locator(".md-search-result__item").first.locator("a.md-search-result__link")
        hits.first.wait_for(state="attached")
        # Of the first page its best section, or the page itself where it answers as a whole.
        found[asked] = [a.get_attribute("href").split("?")[0] for a in hits.all()]
        found[asked] += [a.get_attribute("href").rpartition("#")[2] for a in hits.all()]
        page.close()
    missed = {
        asked: found[asked]
        for asked, wanted in ASKED.items()
        if not any(hit.endswith(wanted.removeprefix("#")) for hit in found[asked])
    }
    assert missed == {}


@pytest.mark.parametrize(
    "path", ["index.html", "tutorial.html", "what-the-numbers-mean.html", "lift-contract.html", "commands.html"]
)  # fmt: skip
def test_a_page_is_read_on_a_phone(site: Site, path: str) -> None:
    """At 390 pixels nothing is wider than the screen: a table or a block of code scrolls by itself."""
    page = site.open(path, 390)
    page.locator("article h1").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("article").inner_text().strip()
    page.close()


def test_no_request_leaves_the_machine(site: Site) -> None:
    """A page with its fonts, icons and search comes from the site alone."""
    site.open("index.html?q=holdout").locator(".md-search-result__item").first.wait_for(
        state="attached"
    )
    assert site.elsewhere == {"127.0.0.1"}
