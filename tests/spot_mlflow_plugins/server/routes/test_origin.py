"""Tests of what browsers say of the page that sent a request, in all the forms a page can choose."""

from __future__ import annotations

import pytest

from spot_mlflow.errors import InvalidInput, Refused
from spot_mlflow_plugins.server.routes.origin import check_request, own_origins, why_foreign

HOST = {"Host": "mlflow:5000"}


@pytest.mark.parametrize(
    ("headers", "own", "passes"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://mlflow:5000"}, (), True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, (), True),
        ({"Sec-Fetch-Site": "same-origin"}, (), True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://mlflow:9999"}, (), False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:3000"}, (), False),
        ({"Sec-Fetch-Site": "cross-site"}, ("http://localhost:3000",), False),
        ({"Sec-Fetch-Site": "none"}, (), False),
        ({"Origin": "http://mlflow:5000"}, (), True),
        ({"Origin": "https://mlflow:5000"}, (), True),
        ({"Origin": "http://mlflow:5001"}, (), False),
        ({"Origin": "http://mlflow"}, (), False),
        ({"Origin": "http://mlflow:5000.evil.example"}, (), False),
        ({"Origin": "http://evil.example/mlflow:5000"}, (), False),
        ({"Origin": "http://mlflow:5000@evil.example"}, (), False),
        ({"Origin": "file://mlflow:5000"}, (), False),
        ({"Origin": "http://127.0.0.1:5000"}, (), False),
        ({"Origin": "http://localhost:5000"}, (), False),
        ({"Origin": "null"}, (), False),
        ({"Origin": ""}, (), False),
        ({"Origin": "https://mlflow.example"}, (), False),
        ({"Origin": "https://mlflow.example"}, ("https://mlflow.example/",), True),
        ({"Origin": "https://mlflow.example"}, ("*", "https://*.example"), False),
        ({}, (), True),  # a program
    ],
)
def test_who_may_write(headers: dict[str, str], own: tuple[str, ...], *, passes: bool) -> None:
    """Only our own page, an origin that the operator names, or a program that is no browser."""
    assert (why_foreign("POST", {**HOST, **headers}, own) is None) is passes


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, True),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
        ({"Origin": "http://localhost:3000"}, False),
        ({}, True),
    ],
)
def test_who_may_read(headers: dict[str, str], *, passes: bool) -> None:
    """A page may be linked to from anywhere, and read by no script of another origin."""
    assert (why_foreign("GET", {**HOST, **headers}) is None) is passes


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/json"],
)
def test_what_writes_says_that_it_is_json(content_type: str) -> None:
    """A form can send none of it; JSON passes, in any case of letters."""
    with pytest.raises(InvalidInput, match="application/json"):
        check_request("POST", HOST, content_type)
    check_request("POST", HOST, "Application/JSON")
    check_request("GET", HOST, content_type)
    with pytest.raises(Refused, match="SPOT_MLFLOW_PUBLIC_ORIGIN"):
        check_request("POST", {**HOST, "Origin": "null"}, "application/json")


def test_what_the_operator_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both variables are lists; a wildcard names nobody."""
    monkeypatch.setenv("SPOT_MLFLOW_PUBLIC_ORIGIN", "https://a.example, https://b.example")
    monkeypatch.setenv("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "*,https://c.example")
    assert own_origins() == ["https://a.example", "https://b.example", "https://c.example"]
