"""Turns what MLflow raises into errors that say what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, NotFound, Refused, SpotError, Unavailable
from spot_mlflow.record.transport import (
    PASSWORD,
    TOKEN,
    answered_otherwise,
    first_line,
    not_reached,
    plain,
    status_fault,
    without_password,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NOT_FOUND = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}
_REFUSED = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
OURS: Final = "[spot] "  # what every answer of the gate begins with
UNDECIDED: Final = f"{OURS}could not be decided"
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
    "connection aborted",
    "connection reset",
    "certificate verify failed",
    "failed with exception",
)
_NUL: Final = "cannot contain nul"  # PostgreSQL's drivers, of a name that nothing can have
_DATABASE_SIGNS = (
    "operationalerror",
    "could not connect",
    "connection is closed",
    "unable to open",
)


@contextmanager
def mlflow_errors(where: str, *, at: str | None = None) -> Iterator[None]:
    """Translates MLflow's, the HTTP client's and the database's errors.

    Args:
        where: what was being done, for the message ("model 'churn'").
        at: address that is asked; MLflow's own setting where None.
    """
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except SpotError:
        raise
    except MlflowException as e:
        raise _translated(e, where, at or _tracking_uri()) from e
    except (requests.exceptions.RequestException, ConnectionError, TimeoutError) as e:
        raise not_reached(e, where=where, at=at or _tracking_uri()) from e
    except Exception as e:
        # SQLAlchemy is asked by its name, so that a client of a server need not import it.
        if type(e).__module__.startswith("sqlalchemy."):
            raise not_reached(e, where=where, at=at or _tracking_uri()) from e
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


def _translated(error: Any, where: str, at: str) -> SpotError:
    code = str(getattr(error, "error_code", ""))
    text = str(getattr(error, "message", error)).strip()
    lowered = text.lower()
    if isinstance(foreign := _foreign(error, text, where, at), SpotError):
        return foreign
    if code in _NOT_FOUND:
        return NotFound(text, where=where)
    if code in _REFUSED:
        return _refused(text, where, at)
    if code in _DOWN or any(s in lowered for s in (*_CONNECTION_SIGNS, *_DATABASE_SIGNS)):
        return not_reached(error, where=where, at=at)
    if code.startswith("INVALID") or _NUL in lowered:
        return InvalidInput(first_line(text) if _NUL in lowered else text, where=where)
    return Unavailable(f"MLflow failed: {first_line(text)}", where=where)


def _foreign(error: Any, text: str, where: str, at: str) -> SpotError | None:
    """Returns the error of an answer that is not MLflow's: a proxy's, a login page's."""
    said = getattr(error, "json", None)
    if isinstance(said, dict) and "error_code" not in said:
        return Unavailable(
            f"MLflow at {without_password(at)} answered with JSON that is not MLflow's: {plain(str(said))}. "
            "A proxy may be in front of it",
            where=where,
            fix=f"Check MLFLOW_TRACKING_URI; where a login is needed: {TOKEN}, or {PASSWORD}.",
        )
    return answered_otherwise(text, where=where, at=at)


def _refused(text: str, where: str, at: str) -> SpotError:
    """Tells a "no" of our own rules, which rests on evidence, from a right that is missing."""
    said = text.removeprefix("PERMISSION_DENIED: ")
    if said.startswith(UNDECIDED):
        return Unavailable(said.removeprefix(OURS), where=where)
    if said.startswith(OURS):
        return Refused(said, where=where)
    unknown = text.startswith(("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"))
    return status_fault(401 if unknown else 403, said, where=where, at=at)


def _tracking_uri() -> str:
    import mlflow

    return str(mlflow.get_tracking_uri())
