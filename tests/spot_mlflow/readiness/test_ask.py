from __future__ import annotations

from datetime import date
from email import message_from_bytes, policy

from people import INSTRUMENT

from spot_mlflow.readiness.ask import ask_message
from spot_mlflow.readiness.worksheet import Worksheet
from spot_mlflow.readiness.worksheet_written import written

SHEET = Worksheet(
    INSTRUMENT, "churn", "business", "Stay Radar", "Kim", date(2026, 11, 8), "dana@example.org"
)


def test_the_message_says_who_what_until_when_and_how():
    """Ready to send: name, role, number of questions, minutes, deadline, file, way back."""
    text = ask_message(SHEET, to="kim@example.org", sender="Dana", name="Kim").text()
    for said in (
        "To: kim@example.org", "Subject: Stay Radar: 7 questions, about 3 minutes by Sunday, 8 November 2026",
        "Hello Kim,", "business expert", "spot-churn-business.html", "send the file to dana@example.org",
        "You do not need to install anything", "Dana",
    ):  # fmt: skip
        assert said in text


def test_the_draft_opens_in_a_mail_program_with_the_worksheet_attached():
    """An unsent mail with one HTML attachment, whatever the names."""
    message = ask_message(SHEET, to="kim@example.org", name="Zoë")
    mail = message_from_bytes(message.eml(), policy=policy.default)
    assert mail["X-Unsent"] == "1"
    assert "Zoë" in mail.get_body(("plain",)).get_content()
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "spot-churn-business.html"
    assert attached.get_content().replace("\r\n", "\n").strip() == written(SHEET, "html")


def test_a_subject_cannot_smuggle_headers():
    """A model's name is a person's text."""
    sheet = Worksheet(INSTRUMENT, "churn", "business", "x\r\nBcc: all@example.org")
    mail = message_from_bytes(ask_message(sheet).eml(), policy=policy.default)
    assert mail["Bcc"] is None
