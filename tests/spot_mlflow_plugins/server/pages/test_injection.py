"""Tests of the script that is put into MLflow's own page."""

from __future__ import annotations

from flask import Flask, Response

from spot_mlflow_plugins.server.pages.injection import inject_into, with_script


def test_page_gets_one_script_with_a_relative_address() -> None:
    """It stands at the end of the body, holds under any prefix, and the page is not cached as was."""
    page = Response("<html><body>MLflow</body></html>", mimetype="text/html")
    page.headers["ETag"] = "x"
    found = with_script(page)
    assert found.get_data(as_text=True) == (
        '<html><body>MLflow<script defer src="spot/inject.js"></script></body></html>'
    )
    assert "ETag" not in found.headers


def test_anything_else_is_left_as_it_is() -> None:
    """Another kind of answer, an error, or a page without a body is served unchanged."""
    for answer in (
        Response("{}", mimetype="application/json"),
        Response("<html><body></body></html>", mimetype="text/html", status=404),
        Response("Unable to display MLflow UI", mimetype="text/html"),
    ):
        before = answer.get_data()
        assert with_script(answer).get_data() == before


def test_view_is_wrapped_once() -> None:
    """Two calls do not put two scripts in."""
    app = Flask("x")
    app.add_url_rule("/", "serve", lambda: Response("<body></body>", mimetype="text/html"))
    inject_into(app)
    inject_into(app)
    assert app.test_client().get("/").text.count("<script") == 1


def test_server_without_pages_is_left_alone() -> None:
    """An MLflow without its own page has nothing to add to."""
    app = Flask("x")
    inject_into(app)
    assert "serve" not in app.view_functions
