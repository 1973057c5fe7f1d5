"""The executive's path: asked by mail, answered on a phone without any install, recorded, and shown."""

from __future__ import annotations

import urllib.parse
from email import message_from_bytes, policy
from pathlib import Path

import browser
import pytest
from terminal import run_spot


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium, headless."""
    with browser.chromium() as found:
        yield found


def answered_on_a_phone(chromium, worksheet):
    """Opens the attached file, taps a sentence for each question, and mails; returns the mail's text."""
    context = chromium.new_context(
        viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True, offline=True
    )
    page = context.new_page()
    page.goto(worksheet.as_uri())
    page.get_by_label("Your name").fill("Ann")
    for question in page.locator("fieldset").all():
        question.locator("label.choice").nth(1).tap()
    page.locator("#T3-target").select_option("4")
    href = page.get_by_role("link", name="Mail my answers").get_attribute("href")
    context.close()
    return urllib.parse.parse_qs(href.split("?", 1)[1])["body"][0]


@pytest.mark.journey
@pytest.mark.browser
def test_from_the_message_to_the_panel(chromium, mlflow_uri, tmp_path, monkeypatch):
    """Ask, open the attachment, tap, mail, record: the answers are in the panel and the summary."""
    from mlflow import MlflowClient

    monkeypatch.setenv("SPOT_HOME", str(tmp_path / "home"))
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")

    asked = run_spot(
        "ask", "churn", "--role", "executive", "--to", "ann@example.org",
        "--return-to", "dana@example.org", "--format", "eml",
    )  # fmt: skip
    assert asked.status == 0, asked.err
    mail = message_from_bytes(Path(asked.out.strip()).read_bytes(), policy=policy.default)
    (attached,) = mail.iter_attachments()
    worksheet = tmp_path / "inbox" / attached.get_filename()
    worksheet.parent.mkdir()
    worksheet.write_text(attached.get_content(), encoding="utf-8")

    reply = tmp_path / "reply.txt"
    reply.write_text(answered_on_a_phone(chromium, worksheet), encoding="utf-8", newline="")
    done = run_spot("assess", "churn", "--from", reply)
    assert done.status == 0, done.err
    assert "Recorded: 5 answers of Ann (executive)." in done.err

    shown = run_spot("show", "churn", "--format", "json").json["readiness"]
    assert (shown["S"], shown["T"], shown["overall"]) == (2, 2, 2)
    assert [(p["question"], p["target"]) for p in shown["plan"]] == [("T3", 4)]
    assert client.get_registered_model("churn").tags["spot.strategy"] == "2"
    owed = {t["role"] for t in run_spot("todo", "--format", "json").json if t["role"]}
    assert owed == {"business", "frontline", "data_scientist", "engineer"}
