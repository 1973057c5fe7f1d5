"""Rate and size of what one user or address sends, on real servers."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import gated_mlflow_server, new_database
from logins import Login, login_server

from spot_mlflow.errors import InvalidInput
from spot_mlflow_plugins.server.routes import limits
from spot_mlflow_plugins.server.routes.limits import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers import MlflowServer

OURS = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # a client that claims to be a proxy
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the client forged the left one
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.9.9.9"], "10.9.9.9"),  # from within: a proxy says so
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["[2001:db8:1:2:3::4]:80"], "2001:db8:1:2::/64"),
        ("fd00::1", ["2001:db8:1:2:ffff::9"], "2001:db8:1:2::/64"),
        ("unix", ["198.51.100.1"], "unix"),
    ],
)
def test_only_a_proxy_of_ours_says_who_comes(
    peer: str, forwarded: list[str], expected: str
) -> None:
    """The list is read from the right, as long as the one who wrote it is trusted."""
    assert address_of(peer, forwarded, OURS) == expected


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (limits.RATE, "fast", "is not a rate"),
        (limits.BODY, "64 apples", "is not a size"),
        (limits.PROXIES, "10.0.0.0/99", "does not appear to be"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server stops with the variable and what would do."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=rf"{name}: .*{words}"):
        limits.limits()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """Without logins, two workers: 30 requests an hour from an address, 2 MB, one proxy."""
    said = {
        limits.RATE: "30/hour",
        limits.BODY: "2MB",
        limits.PROXIES: "127.0.0.1",
        "FORWARDED_ALLOW_IPS": "192.0.2.1",  # uvicorn itself believes nobody on this host
    }
    with gated_mlflow_server(tmp_path_factory.mktemp("limits"), environment=said) as server:
        yield server


def get(url: str, address: str, path: str = "/spot/health", **more: Any) -> requests.Response:
    """Asks as the proxy does for a client of this address."""
    headers = {"X-Forwarded-For": address, **more.pop("headers", {})}
    return requests.get(f"{url}{path}", headers=headers, timeout=60, **more)


def limited(url: str, why: str) -> float:
    """Returns how many requests the server says it has answered so."""
    text = get(url, "198.51.100.200", "/spot/metrics").text
    found = [x for x in text.splitlines() if x.startswith(f'spot_limited_total{{limit="{why}"}}')]
    return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


@pytest.mark.journey
def test_an_address_has_its_rate_over_all_workers(open_server: MlflowServer) -> None:
    """429 with Retry-After after 30, whatever the client writes left of it; others go on."""
    url = open_server.url
    codes = [get(url, f"1.2.3.{i}, 198.51.100.1").status_code for i in range(33)]
    assert codes == [200] * 30 + [429] * 3
    answer = get(url, "198.51.100.1")
    assert 1 <= int(answer.headers["Retry-After"]) <= 120
    assert answer.json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert "more than 30 requests in 3,600 seconds. Try again in" in answer.json()["message"]
    page = get(url, "198.51.100.1", "/spot/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert "Try again in" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert get(url, "198.51.100.2").status_code == 200
    assert get(url, "198.51.100.1", "/health").status_code == 200  # MLflow's own are not counted
    assert limited(url, "rate") == 5
    assert "198.51.100.1" not in get(url, "198.51.100.3", "/spot/metrics").text


@pytest.mark.journey
def test_a_body_that_is_too_large_is_413_and_not_read_into_memory(
    open_server: MlflowServer,
) -> None:
    """JSON by the operator's limit, forms by a megabyte, a page for browsers, MLflow's own routes untouched."""
    url, before = open_server.url, limited(open_server.url, "body")
    headers = {"X-Forwarded-For": "198.51.100.9"}
    entries = f"{url}/ajax-api/2.0/spot/entries"
    large = b'{"model": "' + b"x" * 40_000_000
    answer = requests.post(
        entries, large, headers={**headers, "Content-Type": "application/json"}, timeout=120
    )
    assert answer.status_code == 413, answer.text
    assert "must have at most 2,000,000 bytes" in answer.json()["message"]
    said = {**headers, "Accept": "text/html", "Origin": url, "Sec-Fetch-Site": "same-origin"}
    form = f"{url}/spot/form?name=m&do=pulse"
    page = requests.post(form, {"what": "x" * 1_100_000}, headers=said, timeout=60)
    assert (page.status_code, page.headers["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert "1,000,000 bytes" in page.text
    assert limited(url, "body") - before == 2
    small = requests.post(entries, json={"model": "none"}, headers=headers, timeout=60)
    assert small.status_code == 400
    mlflow = requests.post(
        f"{url}/api/2.0/mlflow/experiments/search",
        json={"max_results": 1, "view": "x" * 3_000_000}, timeout=60,
    )  # fmt: skip
    assert mlflow.status_code == 200, mlflow.text


def in_chunks(size: int, beginning: bytes = b"") -> Iterator[bytes]:
    """A body whose length no header names."""
    yield beginning
    for _ in range(size // 100_000):
        yield b" " * 100_000


@pytest.mark.journey
@pytest.mark.parametrize(
    ("path", "kind", "beginning"),
    [
        ("/ajax-api/2.0/spot/entries", "application/json", b'{"model": "none"}'),
        ("/ajax-api/2.0/spot/entries?name=none", "application/json", b""),
        ("/spot/form?name=m&do=pulse", "application/x-www-form-urlencoded", b"what=x"),
    ],
)
def test_a_body_in_chunks_has_the_same_limit(
    open_server: MlflowServer, path: str, kind: str, beginning: bytes
) -> None:
    """413, also where what comes first would do."""
    headers = {
        "X-Forwarded-For": "198.51.100.10", "Content-Type": kind, "Content-Length-Hint": "10",
        "Origin": open_server.url, "Sec-Fetch-Site": "same-origin",
    }  # fmt: skip
    if "form" not in path:
        headers = {k: v for k, v in headers.items() if k[:3] in ("X-F", "Con")}
    body = in_chunks(3_000_000, beginning)
    answer = requests.post(f"{open_server.url}{path}", body, headers=headers, timeout=120)
    assert answer.status_code == 413, answer.text


# What a user whose calls are used up tries next -> headers, path and what is sent.
SIDESTEPS: dict[str, tuple[dict[str, str], str, dict[str, Any] | None]] = {
    "another address": ({"X-Forwarded-For": "203.0.113.77"}, "ajax-api/2.0/spot/server", None),
    "another spelling of it": (
        {"X_Forwarded_For": "203.0.113.78"}, "ajax-api/2.0/spot/server", None,
    ),
    "other headers of proxies": (
        {"X-Real-IP": "203.0.113.79", "Forwarded": "for=203.0.113.80"}, "spot/models", None,
    ),
    "another name": ({"X-Forwarded-User": "dan", "Remote-User": "dan"}, "spot/?user=dan", None),
    "another browser": ({"Cookie": "spot=x", "User-Agent": "other"}, "spot/health", None),
    "another request": ({"X-Request-ID": "another"}, "spot/metrics", None),
    "another verb": ({"X-HTTP-Method-Override": "GET"}, "ajax-api/2.0/spot/entries", {"kind": "x"}),
}  # fmt: skip


@pytest.mark.journey
def test_an_address_in_other_spellings_is_not_another(open_server: MlflowServer) -> None:
    """A header that a proxy does not know is not joined with the one that it wrote."""
    url = open_server.url
    said = [get(url, "198.51.100.11", headers={"X_Forwarded_For": f"1.2.3.{i}"}) for i in range(32)]
    assert [answer.status_code for answer in said] == [200] * 30 + [429] * 2


@pytest.mark.journey
@pytest.mark.parametrize(
    "backend", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def test_with_logins_each_user_has_a_rate_wherever_they_come_from(
    tmp_path: Path, backend: str, request: pytest.FixtureRequest
) -> None:
    """Bea has used hers up from several addresses, dan has not, whose body is too large; no name is in the metrics."""
    said = {limits.RATE: "3/hour", limits.BODY: "1MB", limits.PROXIES: "127.0.0.1"}
    more: dict[str, Any] = {"users": ("bea", "dan"), "environment": said}
    if backend == "postgres":
        more["backend"] = new_database(request.getfixturevalue("postgres_uri"))
    with login_server(tmp_path, None, **more) as server:
        bea, dan = Login(server.url, "bea"), Login(server.url, "dan")

        def asked(who: Login, address: str) -> int:
            headers = {"X-Forwarded-For": address}
            path = f"{server.url}/ajax-api/2.0/spot/server"
            return who.session.get(path, headers=headers, timeout=60).status_code

        assert [asked(bea, f"198.51.100.{i}") for i in range(5)] == [200, 200, 200, 429, 429]
        tried = {
            name: Login(server.url, "bea").session.request(
                "GET" if body is None else "POST", f"{server.url}/{path}",
                headers=headers, json=body, timeout=60,
            ).status_code
            for name, (headers, path, body) in SIDESTEPS.items()
        }  # fmt: skip
        assert tried == dict.fromkeys(SIDESTEPS, 429)
        assert asked(dan, "198.51.100.4") == 200
        large = dan.entry("concern", {"act": "raised", "what": "x" * 1_000_000})
        assert large.status_code == 413, large.text
        assert "must have at most 1,000,000 bytes" in large.json()["message"]
        metrics = dan.session.get(f"{server.url}/spot/metrics", timeout=60).text
        assert f'spot_limited_total{{limit="rate"}} {2 + len(SIDESTEPS)}' in metrics
        assert 'spot_limited_total{limit="body"} 1' in metrics
        assert "bea" not in metrics
