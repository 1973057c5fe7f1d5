"""A model on which everything waits for somebody, and the address of every page and form about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import requests
from mailed_links import Mail

import spot_mlflow as spot
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.record import Record
from spot_mlflow_plugins.server.pages.forms import RECORDED
from spot_mlflow_plugins.server.pages.model import TABS
from spot_mlflow_plugins.server.routes.table import ROUTES

NO_PAGES: Final = {"/spot/panel", "/spot/health", "/spot/ready", "/spot/metrics", "/spot/link"}
# Every page that the server has; those without a line below are opened with the model's name.
PAGES: Final = sorted(
    path.removeprefix("/")
    for path, method, _ in ROUTES
    if method == "GET"
    and path.startswith("/spot/")
    and "." not in path.rpartition("/")[2]
    and path not in NO_PAGES
)
# What was written down for another person there is on a server with logins only, and so are administrators:
# tests/spot_mlflow_plugins/server/routes/test_me.py opens these forms.
WITH_LOGINS: Final = frozenset({"agree", "break-glass"})
FORMS: Final = sorted(set(RECORDED) - WITH_LOGINS)


@dataclass(frozen=True)
class Waiting:
    """A model version with a concern that is answered, an open request, and the two sorts of links."""

    url: str
    name: str
    version: str
    concern: str
    request: str
    mail: Mail
    own: Mail


def wait_for_everybody(url: str, name: str, version: str, target: str = "Production") -> Waiting:
    """Asks, worries and answers about a version, so that every page has something to show."""
    record = Record(url, url)
    answers = {
        q: {"now": 2, "target": 4, "by": "2026-12-01", "owner": "Bo"}
        for q in default_instrument().ids
    }
    spot.log_assessment(name, answers, person="Ann", role="business", record=record)
    for what in ("Called <b>twice</b>", "Offers come late"):
        concern = spot.raise_concern(
            name, person="Cem", role="frontline", what=what, severity="blocking", record=record
        )
    spot.answer_concern(
        name, concern, person="Dan", role="data_scientist", what="Sent at six", record=record
    )
    asked = spot.request_promotion(
        f"{name}/{version}", target=target, why="Ready since May", person="Dan", record=record
    )
    said = {"model": name, "person": "Fay", "role": "frontline"}
    answer = requests.post(f"{url}/ajax-api/2.0/spot/links", json=said, timeout=60)
    assert answer.status_code == 200, answer.text
    mail = Mail(f"{url}/{answer.json()['page']}")
    return Waiting(url, name, version, concern, asked, mail, mail.worry())


def addresses(of: Waiting, other: str) -> dict[str, str]:
    """Every page, every tab of a model, every form, what links open, and the page of an error.

    Args:
        of: the model.
        other: a version of it to compare with.
    """
    name = {"name": of.name}
    found = {path: f"{path}?{urlencode(name)}" for path in PAGES}
    found |= {f"tab {t}": f"spot/model?{urlencode({**name, 'tab': t})}" for t in TABS}
    found["spot/models"] = "spot/models?overdue=yes&sort=due&verdict=shortfall"
    found["spot/me"] = "spot/me?person=Cem&role=frontline"
    found["spot/compare"] = (
        f"spot/compare?{urlencode({**name, 'version': of.version, 'with': other})}"
    )
    found["nothing there"] = "spot/model?name=nothing-of-the-kind"
    del found["spot/form"]  # it has no form without a name
    for do in FORMS:
        about = {"version": of.version, "concern": of.concern, "about": of.request}
        found[f"form {do}"] = (
            f"spot/form?{urlencode({**name, **about, 'do': do, 'role': 'business'})}"
        )
    found["form assess, whose role?"] = f"spot/form?{urlencode({**name, 'do': 'assess'})}"
    links = {"link": (of.mail, ""), "link of a concern": (of.own, "")}
    links |= {f"link, {do}": (of.mail, do) for do in ("raise", "pulse")}
    for what, (mail, do) in links.items():
        found[what] = f"spot/link?{urlencode({'t': mail.token, 'do': do})}"
    return found
