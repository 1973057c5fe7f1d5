"""What can go wrong, one class per answer that a caller can give.

Every message says what is wrong, where, and what to do; the command line and the server map the
classes to an exit status and an HTTP status.
"""

from __future__ import annotations


class SpotError(Exception):
    """Base of every error that spot-mlflow raises on purpose.

    Args:
        what: what is wrong, as measured against required ("level == 6, must be 1 to 5").
        where: file, row, column or key ("answers.yaml: S1").
        fix: what to do about it, preferably a command.
    """

    exit_status = 2
    http_status = 400

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" {self.fix}" if self.fix else ""
        stop = "" if self.what.endswith((".", "!", "?")) or not remedy else "."
        return f"{place}{self.what}{stop}{remedy}"


class InvalidInput(SpotError, ValueError):
    """The caller's input cannot be used: exit status 2, HTTP 400."""


class TooLarge(InvalidInput):
    """The request has more bytes than the server takes: exit status 2, HTTP 413."""

    http_status = 413


class NotFound(SpotError, LookupError):
    """No such model, version, alias, concern or entry: exit status 2, HTTP 404."""

    http_status = 404


class Conflict(SpotError):
    """What was sent contradicts what is there, which is never overwritten: exit status 2, HTTP 409."""

    http_status = 409


class Refused(SpotError, PermissionError):
    """The gate, or a rule of the record, says no: exit status 1, HTTP 403."""

    exit_status = 1
    http_status = 403


class Unavailable(SpotError, ConnectionError):
    """The tracking server or the store did not answer: exit status 3, HTTP 503."""

    exit_status = 3
    http_status = 503


class TooOften(Unavailable):
    """The caller asks more often than the server allows: exit status 3, HTTP 429."""

    http_status = 429


class AccessDenied(Unavailable, PermissionError):
    """The server, or a proxy in front of it, did not admit this login: exit status 3, HTTP 403.

    Nothing was decided, because the evidence could not be read.
    """

    http_status = 403


class RecordDamaged(SpotError):
    """Evidence was edited, deleted or half written, and the answer depends on it: exit status 3."""

    exit_status = 3
    http_status = 409
