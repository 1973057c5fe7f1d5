"""``spot promise``: records the predicted lift of a model version."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spot_mlflow.gate.replaced_promise import ended_by
from spot_mlflow.lift.promise.meaning import meaning_of
from spot_mlflow.reporting.words.commands import next_check
from spot_mlflow.reporting.words.lift_view import promise_scale
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow.validation import utc
from spot_mlflow_cli.options import dry_run_option, format_option, model_argument
from spot_mlflow_cli.terminal import echo_json, mind_interrupts

if TYPE_CHECKING:
    from spot_mlflow.gate.replaced_promise import Ended
    from spot_mlflow.lift.promise.contract import PredictedLift


@click.command("promise")
@model_argument
@click.argument("contract", metavar="LIFT.YAML", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask again.")
@format_option("text", "json")
@dry_run_option
def command(model: str, contract: Path, output_format: str, *, yes: bool, dry_run: bool) -> None:
    """Record what a model version promises: the lift contract.

    \b
    The contract says what is measured, how much lift is promised, how sure that is, the minimum worthwhile
    lift, and how it will be measured. `spot init outcomes.csv` writes one to start
    from.

    \b
    Example:
      spot promise churn/3 lift.yaml
      spot plan lift.yaml                 when will the result be known?
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import log_predicted_lift
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.record import Record

    predicted = PredictedLift.load(contract)
    record = Record()
    ref = record.resolve(model)
    _warn(ended_by(record.adoption(ref), predicted.digest, now=utc(None)), ask=not (yes or dry_run))
    if not dry_run:
        log_predicted_lift(ref, predicted, record=record)
    if output_format == "json":
        echo_json(
            {
                "model": ref.name,
                "version": ref.version,
                "recorded": not dry_run,
                "contract": predicted.to_dict(),
                "contract_digest": predicted.digest,
                "minimum_viable": predicted.minimum,
                "tolerance": predicted.tolerance_used,
                "looks": predicted.looks_used,
            }
        )
        return
    for line in _lines(predicted):
        click.echo(line)
    said = "Would be recorded" if dry_run else "Recorded"
    gate = f"spot gate {ref.typed} --to Production"
    if predicted.sources is None and predicted.outcome_log is None:
        click.echo(f"{said} for {ref}. Next: {gate}")
        return
    click.echo(f"{said} for {ref}. Before it goes live: {gate}")
    click.echo(next_check(ref.typed, predicted, utc(None).date()))


def _warn(ended: Ended, *, ask: bool) -> None:
    """Says what another promise ends, and asks where a person types."""
    if not ended:
        return
    said = [
        f"the sign-off of {e.person or 'a person whose name was erased'} for {e.payload.get('target', '')}"
        for e in ended.sign_offs
    ]
    said += [f"request {r.id} for {r.target}" for r in ended.requests]
    click.echo(printable(f"The promise changes, and with it end: {'; '.join(said)}."), err=True)
    if ask and sys.stdin.isatty():
        mind_interrupts()
        click.confirm("Record this one in its place?", abort=True, err=True)


def _lines(predicted: PredictedLift) -> list[str]:

    scale = promise_scale(predicted)
    p = predicted.predicted
    half = 1.96 * p.standard_error
    low, high = (p.lift - half, p.lift + half) if p.low is None else (p.low, p.high)
    sure = (
        f" ({scale.number(low)} to {scale.number(high)})"
        if half
        else ", without uncertainty: a commitment"
    )
    minimum, meaning = predicted.minimum, meaning_of(predicted)
    lines = [f"Promised: {scale.signed_amount(p.lift)} of {predicted.metric}{sure}"]
    if meaning:
        lines.append(meaning)
    if minimum is None:
        lines.append(
            "No minimum worthwhile lift: the gate will ask for one (minimum_viable, or economics)."
        )
    else:
        lines.append(f"Minimum worthwhile lift: {scale.amount(minimum)}")
    lines.append(
        f"Tolerance: {scale.amount(predicted.tolerance_used)}; looks: {predicted.looks_used}"
    )
    if p.standard_error > predicted.largest_standard_error:
        most = predicted.largest_standard_error
        fine = scale.telling_apart(p.standard_error, most)
        lines.append(
            "Too uncertain for this tolerance: even if the promise comes true, the check may never say so. The "
            f"standard error is {fine.amount(p.standard_error)}; at most {fine.amount(most)} would do. A larger "
            "backtest lowers it, or state a wider tolerance now, before outcomes are known."
        )
    if predicted.measurement is None:
        lines.append("No measurement owner: the gate will ask for one (measurement).")
    return lines
