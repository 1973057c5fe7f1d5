"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    F = TypeVar("F", bound=Callable[..., Any])


def model_argument(f: F) -> F:
    """MODEL: churn, churn/3, models:/churn/3 or models:/churn@champion."""
    return click.argument("model", metavar="MODEL")(f)


def guardrail_option(f: F) -> F:
    """--guardrail NAME=TABLE: the events of one guardrail; may be given more than once."""
    return click.option(
        "--guardrail",
        metavar="NAME=TABLE",
        multiple=True,
        callback=_by_name,
        help="Events of the guardrail whose column is NAME: complaints, refunds. May be given more than once.",
    )(f)


def _by_name(_context: click.Context, _option: click.Parameter, said: tuple[str, ...]) -> Any:
    found = {}
    for text in said:
        name, separator, table = text.partition("=")
        if not (name and separator and table):
            raise click.BadParameter(
                f"{text!r} must be NAME=TABLE, for example complained=complaints.csv"
            )
        found[name] = table
    return found


def format_option(*formats: str) -> Callable[[F], F]:
    """--format, text first."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats or ("text", "json", "markdown")),
        default="text",
        show_default=True,
        help="How to print it; json is documented and stable.",
    )


def person_options(f: F) -> F:
    """--person and --role of the one who speaks."""
    f = click.option(
        "--role",
        type=click.Choice(ROLES),
        required=True,
        help="In which role the person speaks.",
    )(f)
    return click.option(
        "--person",
        required=True,
        envvar="SPOT_PERSON",
        help="Who speaks: a name, a mail address or a pseudonym. Default: SPOT_PERSON.",
    )(f)


def dry_run_option(f: F) -> F:
    """--dry-run: say what would happen, write nothing."""
    return click.option(
        "--dry-run", is_flag=True, help="Print what would be written; write nothing."
    )(f)


def since_moment(text: str) -> datetime:
    """Reads a date, or how long ago.

    Raises:
        InvalidInput: it is neither, or in the future.
    """
    from spot_mlflow.validation import parse_span, utc

    now = utc(None)
    try:
        found = now - parse_span(text)
    except (ValueError, OverflowError):
        found = utc(text)
    if found > now:
        raise InvalidInput(f"--since == {text}, must not be in the future")
    return found
