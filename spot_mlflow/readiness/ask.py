"""The message that asks a colleague for an assessment: ready to send, with what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spot_mlflow.readiness.worksheet import Worksheet


@dataclass(frozen=True, slots=True)
class AskMessage:
    """A message with its subject; ``worksheet`` is the file that goes with it.

    Attributes:
        subject: one line.
        body: plain text.
        file_name: name of the attached worksheet.
        worksheet: its HTML.
        to: address it goes to, or "".
    """

    subject: str
    body: str
    file_name: str
    worksheet: str
    to: str = ""

    def text(self) -> str:
        """Returns the message as a person would paste it into a mail or a chat."""
        head = [f"To: {self.to}"] if self.to else []
        return "\n".join([*head, f"Subject: {self.subject}", "", self.body])

    def eml(self) -> bytes:
        """Returns the message as a file that a mail program opens as a draft, worksheet attached."""
        from email.message import EmailMessage
        from email.policy import SMTP

        message = EmailMessage(policy=SMTP)
        message["Subject"] = " ".join(self.subject.split())  # a name may hold line ends
        if self.to:
            message["To"] = " ".join(self.to.split())
        message["X-Unsent"] = "1"  # opens as a draft, not as a mail received
        message.set_content(self.body)
        message.add_attachment(
            self.worksheet, subtype="html", filename=self.file_name, cte="base64"
        )
        return message.as_bytes()


def ask_message(sheet: Worksheet, *, to: str = "", sender: str = "", name: str = "") -> AskMessage:
    """Writes the message that asks one role for its answers.

    Args:
        sheet: the worksheet; its role, deadline and return address go into the words.
        to: address it goes to.
        sender: who asks, as signature.
        name: whom it is addressed to.
    """
    role = sheet.instrument.roles.get(sheet.role) if sheet.role else None
    count = len(sheet.questions)
    until = f" by {sheet.until}" if sheet.until else ""
    why = f" You are asked as {role.title.lower()}: the one who {role.who}." if role else ""
    back = f" to {sheet.return_to}" if sheet.return_to else " back to me"
    minutes = "one minute" if sheet.minutes == 1 else f"about {sheet.minutes} minutes"
    paragraphs = [
        f"Hello {name}," if name else "Hello,",
        (
            f'before "{sheet.heading}" is put to use we would like to know where we stand, '
            f"from those who know.{why}"
        ),
        f"Could you answer {count} question{'s' if count != 1 else ''}{until}? It takes {minutes}:",
        (
            f"1. Open the attached file {sheet.file_name('html')} in your browser, "
            "on a computer or on a phone.\n"
            "2. Choose the sentence that describes today. "
            '"I don\'t know" is a useful answer; nobody is given marks.\n'
            f"3. Save your answers and send the file{back}."
        ),
        (
            "Nothing has to be installed, and nothing leaves the page until you send it. "
            "The answers of the others are shown to you once yours are in."
        ),
        "Thank you" + (f"\n{sender}" if sender else ""),
    ]
    return AskMessage(
        subject=f"{sheet.heading}: {count} question{'s' if count != 1 else ''}, {minutes}{until}",
        body="\n\n".join(paragraphs) + "\n",
        file_name=sheet.file_name("html"),
        worksheet=sheet.render("html"),
        to=to,
    )
