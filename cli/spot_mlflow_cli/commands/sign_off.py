"""``spot sign-off``: says yes to a version, with a name."""

from __future__ import annotations

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow_cli.options import dry_run_option, model_argument, person_options


@click.command("sign-off")
@model_argument
@click.option(
    "--to", "target", required=True, metavar="TARGET", help="A stage, or an alias: @champion."
)
@person_options
@click.option("--note", default="", help="A comment to record with it.")
@dry_run_option
def command(model: str, target: str, person: str, role: str, note: str, *, dry_run: bool) -> None:
    """Sign off a version for a target; you cannot sign off your own request.

    It binds to this version and its lift contract: a changed contract needs a new sign-off.

    \b
    Example:
      spot sign-off churn/3 --to Production --person "A. Sample" --role business
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import sign_off
    from spot_mlflow.gate.policy import check_target
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import current_policy

    record = Record()
    ref = record.resolve(model)
    policy = current_policy(record)
    key = check_target(policy, target)
    rule = policy.requires(key).get("sign_off")
    if rule is not None and role not in rule.roles:
        raise InvalidInput(
            f"role == {role!r}, must be one of {', '.join(rule.roles)}",
            where=f"policy {policy.label}, target {key}",
            fix="Ask someone in one of these roles to sign off.",
        )
    if not dry_run:
        sign_off(ref, target=key, person=person, role=role, note=note, record=record)
    said = "Would be signed off" if dry_run else "Signed off"
    click.echo(
        f"{said}: {ref} for {key}, by {person} ({role}). Next: spot gate {ref.typed} --to {key}"
    )
