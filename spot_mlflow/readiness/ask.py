"""The message that asks a colleague for an assessment: ready to send, with what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.readiness.worksheet_written import written

if TYPE_CHECKING:
    from spot_mlflow.readiness.worksheet import Worksheet


@dataclass(frozen=True, slots=True)
class AskMessage:
    """A message with its subject; ``worksheet`` is the file that goes with it.

    Attributes:
        subject: one line.
        body: plain text.
        file_name: name of the attached worksheet; "" where the message has a link in its place.
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
        if self.file_name:
            message.add_attachment(
                self.worksheet, subtype="html", filename=self.file_name, cte="base64"
            )
        return message.as_bytes()


def ask_message(
    sheet: Worksheet, *, to: str = "", sender: str = "", name: str = "", link: str = ""
) -> AskMessage:
    """Writes the message that asks one role for its answers.

    Args:
        sheet: the worksheet; its role, deadline and return address go into the words.
        to: address it goes to.
        sender: who asks, as signature.
        name: whom it is addressed to.
        link: address at which they answer, in place of the worksheet; theirs alone.
    """
    role = sheet.instrument.roles.get(sheet.role) if sheet.role else None
    count = len(sheet.questions)
    until = f" by {sheet.until}" if sheet.until else ""
    why = (
        f" We ask you in the role of {role.title.lower()}: someone who {role.who}." if role else ""
    )
    back = f" to {sheet.return_to}" if sheet.return_to else " back to me"
    minutes = "one minute" if sheet.minutes == 1 else f"about {sheet.minutes} minutes"
    paragraphs = [
        f"Hello {name}," if name else "Hello,",
        (
            f'Before "{sheet.heading}" is used, we would like to hear from the people who know: how ready are we?{why}'
        ),
        f"Could you answer {count} question{'s' if count != 1 else ''}{until}? It takes {minutes}:",
        *(_by_link(link) if link else _by_file(sheet, back)),
        "Thank you" + (f"\n{sender}" if sender else ""),
    ]
    return AskMessage(
        subject=f"{sheet.heading}: {count} question{'s' if count != 1 else ''}, {minutes}{until}",
        body="\n\n".join(paragraphs) + "\n",
        file_name="" if link else sheet.file_name("html"),
        worksheet="" if link else written(sheet, "html"),
        to=to,
    )


def _by_link(link: str) -> tuple[str, ...]:
    return (
        link,
        (
            "It opens in your browser, on a phone too, without an account. Choose the sentence that describes "
            'today. "I don\'t know" is a useful answer; this is not a test. If something worries you, say so '
            "there: you will find the answer at the same address."
        ),
        "The link is for you alone: anybody who has it can answer in your name. Please do not forward it.",
    )


def _by_file(sheet: Worksheet, back: str) -> tuple[str, ...]:
    return (
        (
            f"1. Open the attached file {sheet.file_name('html')} in your browser, "
            "on a computer or on a phone.\n"
            "2. Choose the sentence that describes today. "
            '"I don\'t know" is a useful answer; this is not a test.\n'
            f"3. Save your answers and send the file{back}."
        ),
        (
            "You do not need to install anything, and nothing leaves the page until you send it. "
            "You will see the others' answers after you have given yours."
        ),
    )
