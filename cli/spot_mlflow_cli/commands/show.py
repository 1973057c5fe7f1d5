"""``spot show``: everything known about a model."""

from __future__ import annotations

import click

from spot_mlflow_cli.options import format_option, model_argument


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
@format_option("text", "json", "markdown")
def command(model: str, target: str, output_format: str) -> None:
    """Show everything known about a model: gate, lift, causes, readiness, involvement, plan.

    It opens with money, cause and request. Nothing is written.

    \b
    Example:
      spot show churn
      spot show churn/3 --to @champion
      spot show churn --format json | jq .readiness
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.gate.decision import decide
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import adoption_under_policy
    from spot_mlflow.reporting import adoption_view as view
    from spot_mlflow_cli.terminal import echo_json

    adoption, policy = adoption_under_policy(Record(), model)
    decision = None
    if adoption.version is not None:
        decision = decide(adoption, target, policy=policy)
    if output_format == "json":
        echo_json(view.adoption_dict(adoption, decision))
    elif output_format == "markdown":
        click.echo(view.adoption_markdown(adoption, decision), nl=False)
    else:
        from spot_mlflow.reporting.headline import headline_of
        from spot_mlflow_cli.sections import page, print_headline, print_sections

        out = page()
        print_headline(out, headline_of(adoption=adoption), view.title_of(adoption))
        print_sections(out, view.adoption_sections(adoption, decision))
