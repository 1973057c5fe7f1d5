"""Tests of the side bar's entries."""

from __future__ import annotations

import pytest
from flask import Flask

from spot_mlflow_plugins.server.pages.navigation import ENTRIES, entries_shown


@pytest.mark.parametrize("prefix", ["", "/mlflow"])
def test_only_pages_that_are_there_are_offered(prefix: str) -> None:
    """An entry leads to a route that the server has, whatever prefix it has; relative to a page of ours."""
    app = Flask(__name__)
    for n, route in enumerate(("/spot/", "/spot/models")):
        app.add_url_rule(prefix + route, f"view{n}", lambda: "")
    with app.app_context():
        shown = entries_shown()
    assert [(e.words, e.address) for e in shown] == [("This week", "./"), ("Models", "models")]


def test_without_an_application_there_is_the_first_page() -> None:
    """A page made outside of a server still has a way back."""
    assert entries_shown() == ENTRIES[:1]
