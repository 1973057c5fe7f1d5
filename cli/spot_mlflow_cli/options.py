"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from spot_mlflow.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., Any])


def model_argument(f: F) -> F:
    """MODEL: churn, churn/3, models:/churn/3 or models:/churn@champion."""
    return click.argument("model", metavar="MODEL")(f)


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
        help="Who speaks: a name, a mail address or a pseudonym. Otherwise SPOT_PERSON.",
    )(f)


def dry_run_option(f: F) -> F:
    """--dry-run: say what would happen, write nothing."""
    return click.option(
        "--dry-run", is_flag=True, help="Say what would be written, and write nothing."
    )(f)
