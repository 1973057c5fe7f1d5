"""Sends a digest: by mail over SMTP, or as JSON to an address."""

from __future__ import annotations

import os
import smtplib
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from spot_mlflow.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SMTP_VARIABLE: Final = "SPOT_SMTP"
PASSWORD_VARIABLE: Final = "SPOT_SMTP_PASSWORD"  # noqa: S105 - the name of a variable
_PORTS: Final = {"smtp": 25, "smtps": 465}
_TIMEOUT: Final = 30  # seconds


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in.

    Attributes:
        host: name or address.
        port: TCP port.
        secure: whether TLS begins at once (smtps); else STARTTLS where the server offers it.
        user: who logs in, or "".
    """

    host: str
    port: int
    secure: bool
    user: str


def mail_server(address: str) -> MailServer:
    """Reads "smtp://host:25" or "smtps://user@host".

    Raises:
        InvalidInput: it is another address, or it holds a password, which others would see.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if parts.scheme not in _PORTS or not host:
        raise InvalidInput(
            f"{SMTP_VARIABLE} == {address!r}, must be like smtp://mail.example:25",
            fix="Or smtps://user@mail.example.",
        )
    if parts.password:
        raise InvalidInput(
            "the address of the mail server must not hold a password",
            fix=f"Set {PASSWORD_VARIABLE}.",
        )
    return MailServer(
        host, port or _PORTS[parts.scheme], parts.scheme == "smtps", parts.username or ""
    )


def mail(
    server: MailServer, *, sender: str, to: Sequence[str], subject: str, text: str, html: str
) -> None:
    """Sends one mail with a plain and an HTML part.

    Raises:
        InvalidInput: an address is not one.
        Unavailable: the server did not take it.
    """
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = _address(sender)
    message["To"] = ", ".join(_address(a) for a in to)
    message["Message-ID"] = make_msgid("spot-digest")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    with _connected(server) as smtp:
        smtp.send_message(message)


@contextmanager
def _connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    where = f"{server.host}:{server.port}"
    context = ssl.create_default_context()
    try:
        with _opened(server, context) as smtp:
            smtp.ehlo()
            if not server.secure and smtp.has_extn("starttls"):
                smtp.starttls(context=context)
                smtp.ehlo()
                server = MailServer(server.host, server.port, secure=True, user=server.user)
            if server.user:
                _log_in(smtp, server)
            yield smtp
    except (OSError, smtplib.SMTPException) as e:
        raise Unavailable(f"the mail was not sent: {e}", where=f"mail server {where}") from e


def _opened(server: MailServer, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.secure:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT)


def _log_in(smtp: smtplib.SMTP, server: MailServer) -> None:
    if not server.secure:
        raise InvalidInput(
            "the mail server offers no TLS, and a password is not sent without",
            where=f"{server.host}:{server.port}",
        )
    smtp.login(server.user, os.environ.get(PASSWORD_VARIABLE, ""))


def _address(text: str) -> str:
    """Returns a mail address, checked for its form: no second header, no second recipient."""
    name, address = parseaddr(text)
    plain = text.isprintable() and address.count("@") == 1 and " " not in address
    if not plain or (not name and address != text.strip()):
        raise InvalidInput(f"{text!r} is not a mail address")
    return text.strip()


def post(url: str, body: Any) -> None:
    """Posts JSON where MLflow would deliver a webhook.

    Raises:
        InvalidInput: MLflow would not: the scheme is not allowed, or the host is not public.
        Unavailable: nobody answered, or the answer was no success.
    """
    from mlflow.exceptions import MlflowException

    from spot_mlflow_plugins.mlflow_private.webhooks import post_json

    try:
        status = post_json(url, body)
    except MlflowException as e:
        raise InvalidInput(str(e.message), where="--post") from e
    except Exception as e:
        raise Unavailable(f"the digest was not posted: {type(e).__name__}", where="--post") from e
    if not 200 <= status < 300:  # noqa: PLR2004 - HTTP
        raise Unavailable(f"the digest was answered with HTTP {status}", where="--post")
