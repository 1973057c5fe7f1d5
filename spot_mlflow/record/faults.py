"""Turns what MLflow raises into errors that say what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from spot_mlflow.errors import InvalidInput, NotFound, Refused, SpotError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NOT_FOUND = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}
_REFUSED = {"PERMISSION_DENIED", "UNAUTHENTICATED"}
_DOWN = {"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}
_RACES = 10
_RACE_SIGNS = (
    "integrityerror",
    "unique constraint",
    "duplicate key",
    "duplicate entry",
    "database is locked",
)
_CONNECTION_SIGNS = (
    "max retries exceeded",
    "failed to establish",
    "connection refused",
    "timed out",
)
_DATABASE_SIGNS = (
    "operationalerror",
    "could not connect",
    "connection is closed",
    "unable to open",
)


@contextmanager
def mlflow_errors(where: str) -> Iterator[None]:
    """Translates MLflow's, the HTTP client's and the database's errors.

    Args:
        where: what was being done, for the message ("model 'churn'").
    """
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except SpotError:
        raise
    except MlflowException as e:
        raise _translated(e, where) from e
    except (requests.exceptions.RequestException, ConnectionError, TimeoutError) as e:
        raise _unavailable(e, where) from e
    except Exception as e:
        # SQLAlchemy is asked by its name, so that a client of a server need not import it.
        if type(e).__module__.startswith("sqlalchemy."):
            raise _unavailable(e, where) from e
        raise


def in_spite_of_races(call: Callable[[], object]) -> None:
    """Makes a call that sets a value; again where another process set the same at that moment.

    MLflow looks whether a tag is there and then inserts it: of two that do so at once, one fails.
    """
    from mlflow.exceptions import MlflowException

    for left in reversed(range(_RACES)):
        try:
            call()
        except MlflowException as e:  # noqa: PERF203 - to fail and try again is what the loop is for
            if not left or not any(s in str(e).lower() for s in _RACE_SIGNS):
                raise
        else:
            return


def _translated(error: Exception, where: str) -> SpotError:
    code = str(getattr(error, "error_code", ""))
    text = str(getattr(error, "message", error)).strip()
    lowered = text.lower()
    if code in _NOT_FOUND:
        return NotFound(text, where=where)
    if code in _REFUSED:
        return Refused(text, where=where)
    if code in _DOWN or any(s in lowered for s in (*_CONNECTION_SIGNS, *_DATABASE_SIGNS)):
        return _unavailable(error, where)
    if code.startswith("INVALID"):
        return InvalidInput(text, where=where)
    return Unavailable(f"MLflow failed: {_first_line(text)}", where=where)


def _unavailable(error: Exception, where: str) -> Unavailable:
    import mlflow

    return Unavailable(
        f"MLflow at {_without_password(mlflow.get_tracking_uri())} did not answer: {_cause(error)}",
        where=where,
        fix="Start it, or set MLFLOW_TRACKING_URI or --tracking-uri.",
    )


def _cause(error: Exception) -> str:
    """Returns what the operating system said, where it did; the HTTP client wraps it four times."""
    import re

    text = str(error)
    said = re.search(r"\[Errno -?\d+\] ([\w ,]+)", text) or re.search(r"(Read timed out)", text)
    return said[1].strip() if said else _first_line(_without_password(text))


def _first_line(text: str, limit: int = 300) -> str:
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _without_password(text: str) -> str:
    import re

    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)
