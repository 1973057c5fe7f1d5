"""The frontline employee's path of docs/paths.md: three minutes, a worry that is answered, a pulse."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import browser
import pytest
from terminal import run_spot

FAY = ("--person", "Fay", "--role", "frontline")
DANA = ("--person", "Dana", "--role", "data_scientist")


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium, headless."""
    with browser.chromium() as found:
        yield found


def tapped(chromium, worksheet, folder):
    """Fills the worksheet as on a phone; returns the saved file, and how often was typed and tapped."""
    context = chromium.new_context(
        viewport={"width": 375, "height": 667},
        has_touch=True,
        is_mobile=True,
        offline=True,
        accept_downloads=True,
    )
    page = context.new_page()
    page.goto(worksheet.as_uri())
    assert page.get_by_text("5 questions, about 2 minutes").is_visible()
    fields, taps = 1, 0
    page.get_by_label("Your name").fill("Fay")
    for number, question in enumerate(page.locator("fieldset").all()):
        # The last sentence is "I don't know": it is as easy to say as any other.
        question.locator("label.choice").nth(-1 if number == 3 else 1).tap()
        taps += 1
    # No sentence is cut off at the side of a phone.
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my answers").tap()
        taps += 1
    saved = folder / download.value.suggested_filename
    download.value.save_as(saved)
    context.close()
    return saved, fields, taps


@pytest.mark.journey
@pytest.mark.browser
def test_three_minutes_a_worry_and_a_pulse(chromium, mlflow_uri, tmp_path, monkeypatch):
    """One field and six taps; the answers are in; her worry closes when she says so; the pulse stands."""
    from mlflow import MlflowClient

    monkeypatch.setenv("SPOT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")

    asked = run_spot(
        "ask", "churn", "--role", "frontline", "--name", "Fay",
        "--return-to", "dana@example.org", "--format", "eml",
    )  # fmt: skip
    assert asked.status == 0, asked.err
    mail = message_from_bytes(Path(asked.out.strip()).read_bytes(), policy=policy.default)
    body = mail.get_body(("plain",)).get_content()
    assert "Hello Fay" in body
    assert "5 questions" in body
    (attached,) = mail.iter_attachments()
    worksheet = tmp_path / "phone.html"
    worksheet.write_text(attached.get_content(), encoding="utf-8")

    saved, fields, taps = tapped(chromium, worksheet, tmp_path)
    assert (fields, taps) == (1, 6)  # three minutes are not a hope: this is all there is to do
    assert saved.name == "spot-churn-frontline-fay.json"
    done = run_spot("assess", "churn", "--from", saved)
    assert done.status == 0, done.err
    assert "Recorded: 5 answers of Fay (frontline)." in done.err
    shown = run_spot("show", "churn", "--person", "Fay", "--format", "json").json["readiness"]
    assert (shown["hidden"], shown["people"], shown["O"], shown["T"]) == (False, 1, 2, 2)
    assert sum(q["dont_know"] for q in shown["questions"].values()) == 1

    raised = run_spot(
        "concern", "raise", "churn", *FAY, "--severity", "blocking", "--what",
        "customers are called twice",
    )  # fmt: skip
    id_ = raised.out.strip()
    gate = run_spot("gate", "churn", "--to", "Production", "--dry-run", "--format", "json").json
    held = {r["name"] for r in gate["requirements"] if not r["met"] and id_ in r["measured"]}
    assert held != set()
    answer = ("concern", "answer", "churn", id_, *DANA, "--what", "left alone for 30 days now")
    assert run_spot(*answer).status == 0
    assert run_spot("concern", "confirm", "churn", id_, *DANA).status == 1  # hers to close
    (mine,) = run_spot("todo", "--person", "Fay", "--format", "json").json
    assert mine["command"] == f"spot concern confirm churn {id_} --person Fay --role frontline"
    assert run_spot("concern", "confirm", "churn", id_, *FAY).status == 0
    assert run_spot("todo", "--person", "Fay", "--format", "json").json == []

    assert run_spot("pulse", "churn", *DANA, "--useful", 4, "--would-use", 4).status == 0
    told = run_spot(
        "pulse", "churn", *FAY, "--useful", 2, "--would-use", 1, "--format", "json"
    ).json  # fmt: skip
    assert (told["useful"]["users"], told["useful"]["builders"]) == (2, 4)
    assert (told["would_use"]["users"], told["would_use"]["gap"]) == (1, 3)
