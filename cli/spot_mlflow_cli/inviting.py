"""Asks a gated server for a link by which one person answers in one role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

NOT_MADE: Final = "(the link is not made in a dry run)"


@dataclass(frozen=True, slots=True)
class Invited:
    """A link, and until when it takes answers (YYYY-MM-DD)."""

    url: str
    until: str


def invited(
    model: str, *, role: str, name: str, sender: str, until: datetime, dry_run: bool
) -> Invited:
    """Returns a link for one person; that they were asked is recorded.

    Raises:
        InvalidInput: the record is on no gated server.
        Refused: links are switched off there, or this login may not ask by one.
    """
    from spot_mlflow.record import Record
    from spot_mlflow.record.login import login
    from spot_mlflow.record.remote import RouteWriter

    if not name:
        raise click.UsageError("--link needs --name, the person who is asked.")
    record = Record()
    if not isinstance(record.writer, RouteWriter):
        raise InvalidInput(
            "a link needs a gated server, and this is a database or a plain MLflow server",
            fix="Leave out --link to send the worksheet, or start `spot server`.",
        )
    last = until.date().isoformat()
    if dry_run:
        return Invited(NOT_MADE, last)
    asked = record.writer.invite(
        record.resolve(model), person=name, role=role, until=last, recorded_by=sender or login()
    )
    return Invited(asked["url"], asked["until"])
