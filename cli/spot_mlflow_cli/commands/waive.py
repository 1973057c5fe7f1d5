"""``spot waive``: lets one requirement go for a limited time."""

from __future__ import annotations

import click

from spot_mlflow_cli.options import dry_run_option, model_argument


@click.command("waive")
@model_argument
@click.option(
    "--to", "target", required=True, metavar="TARGET", help="A stage, or an alias: @champion."
)
@click.option(
    "--requirement", required=True, help="Its name, as `spot gate --format json` prints it."
)
@click.option("--reason", required=True, help="Why; it is shown with every decision.")
@click.option("--approver", required=True, help="Who answers for it; not the requester.")
@click.option("--expires", metavar="DATE", help="Last day, 2027-01-31; default: 30 days from now.")
@click.option("--requester", envvar="SPOT_PERSON", help="Who asks for the waiver.")
@dry_run_option
def command(  # noqa: PLR0917 - click passes them by name
    model: str,
    target: str,
    requirement: str,
    reason: str,
    approver: str,
    expires: str | None,
    requester: str | None,
    dry_run: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """Waive one requirement of a version for a limited time, with a reason; always shown.

    \b
    Example:
      spot waive churn/3 --to Production --requirement review_age \\
          --reason "reviewers away until the 20th" --approver "B. Sample"
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import waive
    from spot_mlflow.gate.waivers import check_waiver
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import current_policy
    from spot_mlflow.validation import utc

    record = Record()
    ref = record.resolve(model)
    payload = check_waiver(
        target=target,
        requirement=requirement,
        reason=reason,
        approver=approver,
        expires=expires,
        now=utc(None),
        policy=current_policy(record),
        requester=requester,
    )
    if not dry_run:
        waive(ref, record=record, **payload)
    said = "Would be waived" if dry_run else "Waived"
    click.echo(
        f"{said} until {payload['expires']}: {payload['requirement']} of {ref} for "
        f"{payload['target']}, approved by {payload['approver']}."
    )
