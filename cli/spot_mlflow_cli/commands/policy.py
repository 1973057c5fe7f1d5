"""``spot policy``: shows or sets what each target requires."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spot_mlflow_cli.options import dry_run_option, format_option
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record


@click.group("policy")
def command() -> None:
    """Show or set what each target requires.

    \b
    Example:
      spot policy show > policy.yaml
      spot policy set policy.yaml
      spot policy set --mode block --model 'churn*'      enrol models one by one
    """  # noqa: D301 - \b is click's mark for text to keep as it is


@command.command("show")
@format_option("text", "json")
def show(output_format: str) -> None:
    """Print the policy in force, as YAML; `json` adds its digest.

    \b
    Example:
      spot policy show
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import current_policy

    policy = current_policy(Record())
    if output_format == "json":
        echo_json({"policy": policy.to_dict(), "digest": policy.digest})
    else:
        click.echo(policy.to_yaml(), nl=False)


@command.command("schema")
def schema() -> None:
    """Print the JSON schema of a policy, for an editor or CI.

    \b
    Example:
      spot policy schema > policy.schema.json
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.gate.policy import policy_schema

    echo_json(policy_schema())


@command.command("set")
@click.argument("file", metavar="[POLICY.YAML]", required=False, type=click.Path(path_type=Path))
@click.option("--mode", type=click.Choice(["observe", "warn", "block"]), help="How strict it is.")
@click.option("--model", "pattern", metavar="PATTERN", help="Change the mode of these models only.")
@click.option("--person", envvar="SPOT_PERSON", help="Who sets it; default: the login.")
@dry_run_option
def set_(
    file: Path | None, mode: str | None, pattern: str | None, person: str | None, *, dry_run: bool
) -> None:
    """Put a policy in force, or change how strictly the present one is applied.

    Versions that hold a target keep it; the next change of it is decided by the new policy.

    \b
    Example:
      spot policy set policy.yaml
      spot policy set --mode block --model 'churn*'
      spot gate --all --to Production                    first see who would be refused
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record
    from spot_mlflow.record.connection import open_client
    from spot_mlflow.record.policies import current_policy, set_policy

    if file is None and mode is None:
        raise click.UsageError("Name a POLICY.YAML, or use --mode.")
    if pattern is not None and mode is None:
        raise click.UsageError("--model needs --mode, the mode for these models.")
    record = Record(client=open_client(make=not dry_run))
    policy = current_policy(record) if file is None else Policy.load(file)
    if mode is not None:
        policy = policy.with_mode(mode, pattern=pattern)  # type: ignore[arg-type] # click checked it
    if not dry_run:
        set_policy(record, policy, person=person)
    click.echo(f"{'Would be' if dry_run else 'Now'} in force: policy {policy.label}.")
    for line in _who(record, policy, pattern):
        click.echo(line)


@command.command("retire")
@click.option("--reason", required=True, help="Why; it stays on record.")
@click.option("--person", envvar="SPOT_PERSON", help="Who ends it; default: the login.")
@dry_run_option
def retire(reason: str, person: str | None, *, dry_run: bool) -> None:
    """End the policy in force, also one that was lost: the default one follows, in mode observe.

    With logins an administrator does this. A policy is never ended by deleting it.

    \b
    Example:
      spot policy retire --reason "the pilot is over"
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.gate.policy import default_policy
    from spot_mlflow.person import check_text
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import retire_policy

    check_text("reason", reason)
    record = Record()
    if not dry_run:
        retire_policy(record, reason=reason, person=person)
    click.echo(f"{'Would be' if dry_run else 'Now'} in force: policy {default_policy().label}.")


def _who(record: Record, policy: Policy, pattern: str | None) -> list[str]:
    """Returns how many models are in which mode, and how many match the pattern."""
    from spot_mlflow.gate.targets import fold

    names = record.models()
    modes = [policy.mode_for(n) for n in names]
    counts = ", ".join(f"{modes.count(m)} {m}" for m in ("block", "warn", "observe") if m in modes)
    lines = [f"Models: {counts}." if names else "No models are registered yet."]
    if pattern is not None:
        matched = [n for n in names if fnmatchcase(fold(n), fold(pattern))]
        shown = ", ".join(matched[:10]) + (", …" if len(matched) > 10 else "")  # noqa: PLR2004 - a line
        lines.append(
            f"'{pattern}' matches {len(matched)}: {shown}"
            if matched
            else f"'{pattern}' matches none yet."
        )
    return lines
