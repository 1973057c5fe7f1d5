"""``spot digest`` printed, mailed to a real SMTP server and posted to a real web server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mlflow import MlflowClient
from ready_record import block, make_ready
from receivers import mail_server, web_server

import spot_mlflow
from spot_mlflow.record import Record


@pytest.fixture
def record(mlflow_uri: str) -> Record:
    """A model with a concern and a refusal, and one of which nothing is recorded but a refusal."""
    client = MlflowClient(mlflow_uri)
    record = Record()
    block(record)
    for name in ("churn", "upsell"):
        client.create_registered_model(name)
        client.create_model_version(name, source="s3://nowhere/model")
    make_ready(record, "churn/1", without=("sign_off",))
    spot_mlflow.raise_concern(
        "churn", person="Fay", role="frontline", what="too many calls", severity="blocking"
    )
    return record


MAIL = (
    "--mail-to",
    "team@example.org",
    "--mail-to",
    "Bo <bo@example.org>",
    "--mail-from",
    "spot@example.org",
)


def test_it_is_printed_for_people_and_machines(record: Record, spot: Any) -> None:
    """Text, HTML and JSON tell of the same lines; a span and a date are both understood."""
    spot("gate", "upsell/1", "--to", "Production")
    status, out, _ = spot("digest")
    assert (status, out.splitlines()[0]) == (0, "S.P.O.T.: 2 changes in 2 models")
    assert "blocking concern" in out
    assert "version 1 was refused Production" in out
    found = json.loads(spot("digest", "--format", "json", "--since", "2020-01-01")[1])
    assert {line["kind"] for line in found["lines"]} >= {"concern", "refusal"}
    assert found["models"] == 2
    assert spot("digest", "--format", "html")[1].startswith("<!doctype html>")
    assert spot("digest", "--since", "2999-01-01")[0] == 2
    assert spot("digest", "--since", "soon")[0] == 2
    only = json.loads(spot("digest", "--format", "json", "--model", "ups*")[1])
    assert {line["model"] for line in only["lines"]} == {"upsell"}
    assert record


def test_it_is_mailed_with_a_plain_and_an_html_part(record: Record, spot: Any) -> None:
    """To everybody named; where nothing crossed a line, nothing is sent."""
    with mail_server() as (address, kept):
        status, out, err = spot("digest", *MAIL, "--smtp", address)
        assert (status, out) == (0, "Sent: S.P.O.T.: 1 change in 1 model.\n"), err
        assert spot("digest", *MAIL, "--smtp", address, "--dry-run")[0] == 0
        assert "Not sent" in spot("digest", *MAIL, "--smtp", address, "--since", "1s")[1] or kept
    ((to, message),) = kept[:1]
    assert to == ["team@example.org", "bo@example.org"]
    assert message["Subject"] == "S.P.O.T.: 1 change in 1 model"
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert "too many calls" in plain.get_content()
    assert "too many calls" in html.get_content()
    assert record


def test_it_is_posted_as_json_where_mlflow_would(
    record: Record, spot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to a private address, nor by plain HTTP, nor after a redirect, unless MLflow's settings say so."""
    with web_server() as (address, kept):
        status, _, err = spot("digest", "--post", address)
        assert (status, "scheme" in err) == (2, True)
        monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http,https")
        for forged in (address, address.replace("127.0.0.1", "localhost"), "http://169.254.169.254/latest"):  # fmt: skip
            status, _, err = spot("digest", "--post", forged)
            assert (status, kept) == (2, []), err
        monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
        monkeypatch.setenv("MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", "0")
        assert spot("digest", "--post", address)[0] == 0
        assert kept[0]["subject"] == "S.P.O.T.: 1 change in 1 model"
        status, _, err = spot("digest", "--post", f"{address}/302")
        assert (status, "HTTP 302" in err) == (3, True)
        assert len(kept) == 2, "the redirect was not followed"
    assert spot("digest", "--post", address)[0] == 3
    assert record


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mail-to", "a@b.c"), "--mail-from"),
        ((*MAIL, "--smtp", "mail:25"), "must be like smtp://"),
        ((*MAIL, "--smtp", "smtp://u:secret@mail"), "must not hold a password"),
        ((*MAIL, "--smtp", "smtp://127.0.0.1:9", "--mail-to", "a@b\r\nBcc: c@d"), "is not a mail address"),
        ((*MAIL, "--smtp", "smtp://127.0.0.1:9", "--mail-to", "a@b, c@d"), "is not a mail address"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_named(record: Record, spot: Any, arguments: Any, said: str) -> None:
    """Addresses that are none, and a password where others would read it."""
    status, _, err = spot("digest", *arguments)
    assert (status, said in err) == (2, True), err
    assert "secret" not in err
    assert record


def test_a_mail_server_that_does_not_answer_is_status_3(record: Record, spot: Any) -> None:
    """And a password is not sent where there is no TLS."""
    status, _, err = spot("digest", *MAIL, "--smtp", "smtp://127.0.0.1:9")
    assert (status, "the mail was not sent" in err) == (3, True)
    with mail_server() as (address, kept):
        status, _, err = spot("digest", *MAIL, "--smtp", address.replace("//", "//user@"))
        assert (status, "offers no TLS" in err) == (2, True)
    assert kept == []
    assert record
