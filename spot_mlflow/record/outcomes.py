"""What an outcome check leaves in MLflow: payload, metrics, data set and artifacts."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.evidence import digest_of, jsonable
from spot_mlflow.lift.report import ESTIMATORS, LiftReport
from spot_mlflow.lift.results import CheckResult
from spot_mlflow.lift.withheld import withhold
from spot_mlflow.record.remote import RouteWriter
from spot_mlflow.record.summary import CHART, REPORT
from spot_mlflow.reporting.charts import lift as charts
from spot_mlflow.reporting.words.lift_view import is_withheld
from spot_mlflow.statements import MOMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.record import Record

# Keys of the contract that are fixed before the first outcome.
_FIXED: Final = (
    "predicted", "minimum_viable", "tolerance", "looks", "planned_units", "confidence", "outliers",
    "kind", "effect", "direction", "design", "window", "treatment_share", "assignment", "columns",
    "missing", "bounds", "guardrails",
)  # fmt: skip
_ROWS_KEPT: Final = 100  # segments and periods in the payload; all of them are in report.json


def outcome_entry(report: LiftReport, adoption: Adoption) -> dict[str, Any]:
    """Returns the arguments of ``Record.append`` for an outcome check, ``with_history`` already."""
    from spot_mlflow.reporting.pages import lift_report

    body = report.to_dict()
    moments = json.dumps(report.moments.to_dict(), allow_nan=False).encode()
    kept = {k: body[k][:_ROWS_KEPT] for k in ("segments", "periods")}
    return {
        "payload": body
        | kept
        | {"moments_digest": digest_of(report.moments.to_dict()), "estimators": ESTIMATORS}
        | {"chart": CHART},
        "metrics": list(figures_of(report, adoption)),
        "dataset": _dataset(report),
        "artifacts": {
            REPORT: lift_report.html(report, adoption).encode(),
            CHART: charts.lift_gap_svg(report),
            "report.md": lift_report.markdown(report, adoption).encode(),
            "report.json": report.to_json().encode(),
            "validation.json": json.dumps(jsonable(report.validation), indent=1).encode(),
            MOMENTS: moments,
        },
    }


def as_stored(report: LiftReport, last: OutcomeMoments | None = None) -> LiftReport:
    """Returns the report as it may be recorded: no cell of it tells of fewer than ten people.

    Everything is computed anew from the merged cells, so that whoever reads the record comes to the
    same figures. Where no cell is small the report is returned as it is.

    Args:
        report: the answer.
        last: moments of the last check on record, of whatever promise.
    """
    from spot_mlflow.lift.stored.cells import without_small_cells

    moments = without_small_cells(report.moments, report.predicted)
    if moments is report.moments:
        return report
    merged = dataclasses.replace(report, moments=moments)
    return looked_again(merged, report.previous_looks, last)


def previous_looks(adoption: Adoption) -> int:
    """Returns how many checks of the version in question are on record, of whatever promise.

    A promise that is made anew after outcomes were seen does not undo the looks.
    """
    return len(adoption.checks.get(adoption.version or "", ()))


def with_history(
    report: LiftReport, adoption: Adoption, last: OutcomeMoments | None = None
) -> LiftReport:
    """Returns the report with what the record knows of earlier checks.

    A contract meant for one look must not be looked at twice in silence: where the record knows of
    more looks than the report, the analysis is made anew from the same moments. What was fixed before
    the first outcome but changed since is said, and so are units of the last check that are missing.

    Args:
        report: the answer.
        adoption: what is known of the version.
        last: moments of its last check on record, of whatever promise.

    Raises:
        InvalidInput: the report leaves out more units of the last check than a correction would,
            without a reason.
    """
    report = _holding_units(report, adoption, last)
    looks = previous_looks(adoption)
    if looks != report.previous_looks:
        report = looked_again(report, looks, last)
    changed = changed_since(report.predicted, adoption)
    if not changed:
        return report
    if changed == report.promise_changed:
        return report
    said = (
        f"The promise was changed after outcomes had been looked at: {', '.join(changed)}. "
        "The first check is in the record."
    )
    analysis = report.analysis
    left = report.moments.left_out is not None  # what is missing comes first
    notes = (*analysis.notes[:left], said, *analysis.notes[left:])
    analysis = dataclasses.replace(analysis, notes=notes)
    return dataclasses.replace(report, analysis=analysis, promise_changed=changed)


def _holding_units(
    report: LiftReport, adoption: Adoption, last: OutcomeMoments | None
) -> LiftReport:
    """Holds the report against the last check on record, where it was not made against it."""
    from spot_mlflow.lift.stored.kept_units import accepted, fewer_than, left_out

    check, moments = adoption.latest_check, report.moments
    if check is None or moments.left_out is not None:
        return report
    if last is not None:
        lost = left_out(moments, last, report.predicted.window)
    else:
        realized = check["realized"]
        analysed = realized["n_treatment"] + realized["n_holdout"]
        lost = fewer_than(moments, int(check["assigned"]), int(analysed), str(check["as_of"]))
    lost = accepted(lost, moments.source)
    if lost is None:
        return report
    said = CheckResult("cohorts_closed", "warning", False, lost.units / lost.of, lost.words)
    others = tuple(c for c in report.checks if c.name != said.name)
    analysis = dataclasses.replace(report.analysis, notes=(lost.words, *report.analysis.notes))
    moments = dataclasses.replace(moments, left_out=lost)
    return dataclasses.replace(report, analysis=analysis, moments=moments, checks=(said, *others))


def changed_since(predicted: PredictedLift, adoption: Adoption) -> tuple[str, ...]:
    """Names the keys of the contract that decide the answer and differ from the first check's."""
    checks = adoption.checks.get(adoption.version or "", ())
    if not checks:
        return ()
    first, now = (_decisive(c) for c in (checks[0].get("contract", {}), predicted.to_dict()))
    return tuple(k for k in _FIXED if first.get(k) != now.get(k))


def _decisive(contract: Mapping[str, Any]) -> dict[str, Any]:
    """The contract without the words about where its promise comes from."""
    promise = {k: v for k, v in contract.get("predicted", {}).items() if k != "source"}
    return {**contract, "predicted": promise}


def looked_again(report: LiftReport, looks: int, last: OutcomeMoments | None = None) -> LiftReport:
    """Returns the report as it is after so many earlier looks, from the same moments."""
    from spot_mlflow.lift.analysis import analyze

    analysis = analyze(report.moments, report.predicted, previous_looks=looks, previous=last)
    analysis = withhold(analysis, report.checks)
    return dataclasses.replace(report, analysis=analysis, previous_looks=looks, promise_changed=())


def on_record(
    report: LiftReport, adoption: Adoption, last: OutcomeMoments | None
) -> Mapping[str, Any] | None:
    """Returns the last check where it tells the same of the same promise, else None."""
    from spot_mlflow.lift.stored.same_figures import same_figures

    check = adoption.latest_check
    if check is None or last is None or not _same_promise(check, report.predicted):
        return None
    return check if same_figures(report.moments, last) else None


def _dataset(report: LiftReport) -> tuple[str, str, str]:
    source = report.moments.source or "outcome log"
    digest = report.moments.digest or digest_of(report.moments.to_dict())
    return source.rsplit("/", 1)[-1], digest[:36], source


def figures_of(report: LiftReport, adoption: Adoption) -> Iterator[tuple[str, float, int]]:
    """Yields the figures by step = days since the first decision, earlier checks' points too."""
    for earlier in adoption.checks.get(adoption.version or "", ()):
        if earlier.get("contract_digest") == report.predicted.digest:
            yield from _figures(dict(earlier))
    yield from _figures(report.to_dict())


def _figures(body: dict[str, Any]) -> Iterator[tuple[str, float, int]]:
    step = int(body.get("days_since_deployment") or 0)
    realized, gap = body["realized"], body["gap"]
    figures = {"predicted_lift": body["predicted"]["lift"]}
    if is_withheld(body):
        yield from ((name, float(value), step) for name, value in figures.items())
        return  # a chart of what cannot be told would look fine
    figures |= {
        "realized_lift": realized["lift"],
        "realized_lift_low": realized["low"],
        "realized_lift_high": realized["high"],
        "lift_gap": gap["lift"],
        "lift_gap_low": gap["low"],
        "lift_gap_high": gap["high"],
        "p_value": realized["p_value"],
        "n_treatment": realized["n_treatment"],
        "n_holdout": realized["n_holdout"],
    }
    for name, value in figures.items():
        if value is not None:
            yield name, float(value), step


def latest_moments(record: Record, adoption: Adoption) -> OutcomeMoments | None:
    """Returns the moments that the latest check of the version stored, whatever its promise was.

    None where there is no such check, or its artifact cannot be read or is not what was recorded:
    the log is then read anew.
    """
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

    check = adoption.latest_check
    if check is None:
        return None
    try:
        data = None
        if isinstance(record.writer, RouteWriter):
            data = record.writer.moments(adoption.facts.name, check["entry"])
        if data is None:
            data = stored_moments(record.client, check["run_id"])
        kept = check.get("moments_digest") == digest_of(data)
        return OutcomeMoments.from_dict(data) if kept and data is not None else None
    except Exception:  # noqa: BLE001 - whatever was stored there; none is needed
        return None


def stored_moments(client: MlflowClient, run_id: str) -> dict[str, Any] | None:
    """Returns the moments that a check stored with its run; None where they cannot be read.

    Args:
        client: MLflow.
        run_id: of the check.
    """
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="spot-moments-") as folder:
        try:
            path = client.download_artifacts(run_id, MOMENTS, folder)
            return dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except Exception:  # noqa: BLE001 - every artifact store fails in its own way; none is needed
            return None


def _same_promise(check: Mapping[str, Any], predicted: PredictedLift) -> bool:
    return bool(check.get("contract_digest") == predicted.digest)
