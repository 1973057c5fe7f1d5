"""``spot digest``: what crossed a line since a date, printed, mailed or posted; for cron."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from spot_mlflow_cli.each import EachModel, leave_unread, say_where_looked
from spot_mlflow_cli.options import dry_run_option, format_option, since_moment
from spot_mlflow_cli.sending import SMTP_VARIABLE, mail, mail_server, post
from spot_mlflow_cli.terminal import echo_json, progress

if TYPE_CHECKING:
    from datetime import datetime

    from spot_mlflow.reporting.message.digest import Digest
    from spot_mlflow_cli.each import Unread


@click.command("digest")
@click.option(
    "--since",
    default="7d",
    show_default=True,
    help="First day: 2027-03-01, or 7d for a week ago.",
)
@click.option("--model", "pattern", metavar="PATTERN", help="Only models like this: 'churn*'.")
@click.option("--mail-to", "to", multiple=True, metavar="ADDRESS", help="Mail it; may be repeated.")
@click.option("--mail-from", "sender", metavar="ADDRESS", help="The sender's address.")
@click.option(
    "--smtp", envvar=SMTP_VARIABLE, metavar="URL",
    help="Mail server: smtp://host:25 or smtps://user@host; the password is in SPOT_SMTP_PASSWORD.",
)  # fmt: skip
@click.option("--post", "url", metavar="URL", help="Post it as JSON to a public https address.")
@format_option("text", "html", "json")
@dry_run_option
def command(  # noqa: PLR0917 - click passes them by name
    since: str,
    pattern: str | None,
    to: tuple[str, ...],
    sender: str | None,
    smtp: str | None,
    url: str | None,
    output_format: str,
    *,
    dry_run: bool,
) -> None:
    """List what changed since a date and matters, with its cause, for all models.

    Verdicts and money, concerns, requests, changes and refusals of the gate, overdue checks, waivers that
    end. No line contains a name or an answer. It is printed; with --mail-to or --post it is sent instead, if
    there is something to report. It covers the models that your login may read.

    \b
    Example:
      spot digest --since 2027-03-01
      spot digest --since 1d --mail-to team@example.org --mail-from spot@example.org --smtp smtp://mail:25
      spot digest --post https://chat.example.org/hooks/models
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    if to and not (sender and smtp):
        raise click.UsageError(f"--mail-to needs --mail-from and --smtp (or {SMTP_VARIABLE}).")
    server = mail_server(smtp) if to and smtp else None
    digest, unread = _read(since_moment(since), pattern)
    if not (to or url):
        _print(digest, output_format)
    elif not digest.lines or dry_run:
        click.echo(f"{'Would be sent' if digest.lines else 'Not sent'}: {digest.subject}.")
    else:
        if server is not None and sender:
            _mail(server, sender, to, digest)
        if url:
            post(url, digest.to_dict())
        click.echo(f"Sent: {digest.subject}.")
    leave_unread(unread)


def _mail(server: object, sender: str, to: tuple[str, ...], digest: Digest) -> None:
    from spot_mlflow.reporting.pages.digest_page import digest_html, digest_text

    mail(
        server,  # type: ignore[arg-type] # a MailServer
        sender=sender,
        to=to,
        subject=digest.subject,
        text=digest_text(digest),
        html=digest_html(digest),
    )


def _read(since: datetime, pattern: str | None) -> tuple[Digest, list[Unread]]:
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import current_policy
    from spot_mlflow.reporting.message.digest import Digest, Line, crossed
    from spot_mlflow.validation import utc

    record, folded = Record(), pattern.casefold() if pattern else "*"
    now = utc(None)
    # A refusal is recorded of models for which nobody has recorded anything else, so all are read.
    known = record.models()
    names = [name for name in known if fnmatchcase(name.casefold(), folded)]
    say_where_looked(record, known=len(known), shown=len(names), pattern=pattern, err=True)
    policy = current_policy(record) if names else None
    lines: list[Line] = []
    with progress() as bar:
        each = EachModel(bar.track(names, description="Reading"))
        for name in each:
            with each.reading(name):
                lines += crossed(record.adoption(name, now=now), since, policy)
    unread = tuple(name for name, _ in each.unread)
    return Digest(since, now, tuple(lines), len(names), unread), each.unread


def _print(digest: Digest, output_format: str) -> None:
    from spot_mlflow.reporting.pages.digest_page import digest_html, digest_text

    if output_format == "json":
        echo_json(digest.to_dict())
    else:
        write = digest_html if output_format == "html" else digest_text
        click.echo(write(digest), nl=False)
