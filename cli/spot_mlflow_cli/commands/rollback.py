"""``spot rollback``: back to a version that held the target before."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from spot_mlflow.errors import NotFound, RecordDamaged
from spot_mlflow_cli.options import dry_run_option

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record


@click.command("rollback")
@click.argument("model", metavar="MODEL")
@click.option(
    "--to", "target", required=True, metavar="TARGET", help="A stage, or an alias: @champion."
)
@click.option("--version", help="Which one; default: the last earlier holder.")
@click.option("--requester", envvar="SPOT_PERSON", help="Who asks; default: the login.")
@dry_run_option
def command(
    model: str, target: str, version: str | None, requester: str | None, *, dry_run: bool
) -> None:
    """Go back to a version that held the target before; the gate never blocks this.

    \b
    Example:
      spot rollback churn --to Production
      spot rollback churn --to @champion --version 2
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.gate.decision import decide
    from spot_mlflow.gate.policy import check_target
    from spot_mlflow.record import Record
    from spot_mlflow.record.asking import who_asks
    from spot_mlflow.record.transitions import give

    record = Record()
    policy = _policy(record)
    key = check_target(policy, target)
    ref = record.resolve(model)
    adoption = record.adoption(ref)
    number = _earlier(adoption, key, version or (ref.version if model != ref.name else None))
    decision = decide(
        adoption, key, policy=policy, requester=who_asks(record, requester), version=number
    )
    if not dry_run:
        give(record, decision)
    said = "Would go back" if dry_run else "Went back"
    now = ", ".join(v.version for v in adoption.facts.holders(key)) or "none"
    click.echo(f"{said}: {adoption.facts.name} {key}, from version {now} to version {number}.")


def _policy(record: Record) -> Policy:
    """Returns the policy in force; where it is lost, one that stands for it: no rollback waits."""
    from spot_mlflow.gate.policy import lost_policy
    from spot_mlflow.record.policies import current_policy

    try:
        return current_policy(record)
    except RecordDamaged as e:
        click.secho(
            f"The policy in force cannot be read, a rollback passes: {e}", err=True, fg="yellow"
        )
        return lost_policy()


def _earlier(adoption: Adoption, target: str, wanted: str | None) -> str:
    """Returns the version to go back to.

    Raises:
        NotFound: no version, or not the wanted one, held the target before.
    """
    from spot_mlflow.gate.history import earlier_holders

    name = adoption.facts.name
    known = earlier_holders(adoption, target)
    if wanted is None and known:
        return known[0]
    if wanted is not None and wanted in known:
        return wanted
    which = (
        f"version {wanted} of {name!r} did not hold"
        if wanted
        else f"no other version of {name!r} held"
    )
    held = f"earlier holders: {', '.join(known)}" if known else "the record knows no earlier holder"
    asked = f"{name}/{wanted or 'VERSION'}"
    raise NotFound(
        f"{which} {target} before; {held}",
        fix=f"Ask the gate: spot gate {shlex.quote(asked)} --to {target}",
    )
