"""``spot audit``: decisions, requests, policies and erasures as JSON lines, once each; for cron."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spot_mlflow_cli.options import since_moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.record.audit import AuditPage, Cursor
    from spot_mlflow_cli.audit_target import CursorFile


@click.command("audit")
@click.option(
    "--to", metavar="FILE|syslog", help="Append to a file, or send to syslog[://HOST:PORT]."
)
@click.option(
    "--cursor", "kept", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps the position in the stream; default for a file: FILE.cursor beside it.",
)  # fmt: skip
@click.option(
    "--since",
    help="Where a new stream begins: 2027-03-01, or 7d for a week ago; default: everything.",
)
@click.option("--names", is_flag=True, help="Include names. A name in the stream cannot be erased.")
def command(to: str | None, kept: Path | None, since: str | None, *, names: bool) -> None:
    """Write the record as JSON lines: each entry once, even if the command is stopped.

    Decisions, requests, sign-offs, waivers, break-glass, policies, restores and erasures of all models;
    no answers, and no names without --names. Run it from cron. Without --to it prints. On a
    server with logins it needs an administrator.

    \b
    Example:
      spot audit --since 1d
      spot audit --to /var/log/spot/audit.jsonl
      spot audit --to syslog --cursor /var/lib/spot/audit.cursor
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record.audit import Cursor
    from spot_mlflow_cli.audit_target import CursorFile, LineFile, system_log

    begin = Cursor.since(None if since is None else since_moment(since))
    if to is not None and not to.startswith("syslog"):
        path = Path(to)
        with CursorFile(kept or path.with_name(f"{path.name}.cursor"), begin).held() as held:
            file = LineFile(path, held)
            told = _told(file.recovered(), file.take, names=names)
    elif to is not None:
        if kept is None:
            raise click.UsageError("--to syslog needs --cursor FILE.")
        with CursorFile(kept, begin).held() as held:
            told = _told(held.read()[0], system_log(to, held).take, names=names)
    elif kept is not None:
        with CursorFile(kept, begin).held() as held:
            _told(held.read()[0], _printer(held), names=names)
        return
    else:
        _told(begin, _printer(None), names=names)
        return
    click.echo(f"{told:,} lines.", err=True)


def _told(cursor: Cursor, take: Callable[[Any, Cursor], None], *, names: bool) -> int:
    """Tells everything after a cursor; returns how many lines."""
    from spot_mlflow.record import Record

    record, told, more = Record(), 0, True
    while more:
        page = _page(record, cursor, names=names)
        if page.lines:
            take(page.lines, page.cursor)
        cursor, more, told = page.cursor, page.more, told + len(page.lines)
    return told


def _page(record: Any, cursor: Cursor, *, names: bool) -> AuditPage:
    """Asks the gated server, which tells of all models; or reads MLflow's records as they are."""
    from spot_mlflow.record.audit import AuditPage, Cursor, read_audit
    from spot_mlflow.record.remote import RouteWriter

    if not isinstance(record.writer, RouteWriter):
        return read_audit(record.client, cursor, names=names)
    said = record.writer.audit(cursor.to_dict(), names=names)
    return AuditPage(tuple(said["lines"]), Cursor.read(said["cursor"]), bool(said["more"]))


def _printer(kept: CursorFile | None) -> Callable[[Any, Cursor], None]:
    """Returns what prints lines, and keeps the cursor once they are out."""
    from spot_mlflow_cli.audit_target import as_text

    def take(lines: Any, cursor: Cursor) -> None:
        for line in lines:
            click.echo(as_text(line))
        sys.stdout.flush()
        if kept is not None:
            kept.write(cursor)

    return take
