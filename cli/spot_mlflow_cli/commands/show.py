"""``spot show``: everything known about a model."""

from __future__ import annotations

import click

from spot_mlflow.gate.case import ANYBODY
from spot_mlflow.gate.decision import decide
from spot_mlflow.person import pseudonym
from spot_mlflow.record import Record
from spot_mlflow.record.policies import adoption_under_policy
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.words.respondent_view import seen_by
from spot_mlflow.roles import ROLES
from spot_mlflow_cli.identity import pseudonym_key, pseudonym_option
from spot_mlflow_cli.options import format_option, model_argument
from spot_mlflow_cli.sections import page, print_headline, print_sections
from spot_mlflow_cli.terminal import echo_json


@click.command("show")
@model_argument
@click.option(
    "--to",
    "target",
    default="Production",
    show_default=True,
    metavar="TARGET",
    help="Which target to ask the gate about: a stage, or an alias written @champion.",
)
@click.option(
    "--person",
    envvar="SPOT_PERSON",
    metavar="NAME",
    help="Who reads. People who are asked for answers see the others' after giving their own. "
    "Default: SPOT_PERSON.",
)
@click.option(
    "--role",
    type=click.Choice(ROLES),
    help="In which role the person reads; default: the role in the model's record.",
)
@pseudonym_option
@format_option("text", "json", "markdown")
def command(
    model: str,
    target: str,
    person: str | None,
    role: str | None,
    output_format: str,
    *,
    as_pseudonym: bool,
) -> None:
    """Show everything known about a model: gate, lift, causes, readiness, involvement, plan.

    It opens with money, cause and request. Nothing is written.

    \b
    Example:
      spot show churn
      spot show churn/3 --to @champion
      spot show churn --person "Kim" --role frontline
      spot show churn --format json | jq .readiness
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.reporting.pages import adoption_view as view

    adoption, policy = adoption_under_policy(Record(), model)
    decision = None
    if adoption.version is not None and not adoption.readiness.hidden:
        decision = decide(adoption, target, policy=policy, requester=ANYBODY)
    if person and as_pseudonym:
        person = pseudonym(person, pseudonym_key())
    adoption, decision = seen_by(adoption, decision, person, role)
    if output_format == "json":
        echo_json(view.adoption_dict(adoption, decision))
    elif output_format == "markdown":
        click.echo(view.adoption_markdown(adoption, decision), nl=False)
    else:
        out = page()
        print_headline(
            out, headline_of(adoption=adoption, decision=decision), view.title_of(adoption)
        )
        print_sections(out, view.adoption_sections(adoption, decision))
