"""What an outcome check leaves in MLflow: payload, metrics, data set and artifacts."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.evidence import digest_of
from spot_mlflow.lift.report import LiftReport, is_withheld, jsonable
from spot_mlflow.record.summary import CHART, REPORT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import OutcomeMoments
    from spot_mlflow.record import Record

MOMENTS: Final = "moments.json"
# Keys of the contract that are fixed before the first outcome.
_FIXED: Final = (
    "predicted", "minimum_viable", "tolerance", "looks", "planned_units", "confidence", "outliers",
    "kind", "effect", "direction", "design", "window", "treatment_share", "columns",
    "missing", "bounds",
)  # fmt: skip
_ROWS_KEPT: Final = 100  # segments and periods in the payload; all of them are in report.json


def outcome_entry(report: LiftReport, adoption: Adoption) -> dict[str, Any]:
    """Returns the arguments of ``Record.append`` for an outcome check.

    A contract meant for one look must not be looked at twice in silence: where the record knows of
    more earlier looks than the report, the analysis is made anew from the same moments.
    """
    from spot_mlflow.reporting import charts, lift_report

    report = with_history(report, adoption)
    body = report.to_dict()
    moments = json.dumps(report.moments.to_dict(), allow_nan=False).encode()
    kept = {k: body[k][:_ROWS_KEPT] for k in ("segments", "periods")}
    return {
        "payload": body | kept | {"moments_digest": digest_of(report.moments.to_dict())},
        "metrics": list(_metrics(report, adoption)),
        "dataset": _dataset(report),
        "artifacts": {
            REPORT: lift_report.html(report, adoption).encode(),
            CHART: charts.lift_gap_png(report),
            "report.md": lift_report.markdown(report, adoption).encode(),
            "report.json": report.to_json().encode(),
            "validation.json": json.dumps(jsonable(report.validation), indent=1).encode(),
            MOMENTS: moments,
        },
    }


def previous_looks(adoption: Adoption) -> int:
    """Returns how many checks of the version spoken of are on record, of whatever promise.

    A promise that is made anew after outcomes were seen does not undo the looks.
    """
    return len(adoption.checks.get(adoption.version or "", ()))


def with_history(report: LiftReport, adoption: Adoption) -> LiftReport:
    """Returns the report with what the record knows of earlier checks.

    Their number counts as looks, and what was fixed before the first outcome but changed since is
    said.
    """
    looks = previous_looks(adoption)
    if looks != report.previous_looks:
        report = _looked_again(report, looks)
    changed = changed_since(report.predicted, adoption)
    if not changed:
        return report
    said = (
        f"The promise was changed after outcomes had been looked at: {', '.join(changed)}. "
        "The first check stands in the record."
    )
    analysis = report.analysis
    if said in analysis.notes:
        return report
    noted = dataclasses.replace(analysis, notes=(said, *analysis.notes))
    return dataclasses.replace(report, analysis=noted)


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


def _looked_again(report: LiftReport, looks: int) -> LiftReport:
    from spot_mlflow.lift.analysis import analyze
    from spot_mlflow.lift.withheld import withhold

    analysis = analyze(report.moments, report.predicted, previous_looks=looks)
    analysis = withhold(analysis, report.checks)
    return dataclasses.replace(report, analysis=analysis, previous_looks=looks)


def _dataset(report: LiftReport) -> tuple[str, str, str]:
    source = report.moments.source or "outcome log"
    digest = report.moments.digest or digest_of(report.moments.to_dict())
    return source.rsplit("/", 1)[-1], digest[:36], source


def _metrics(report: LiftReport, adoption: Adoption) -> Iterator[tuple[str, float, int]]:
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
    """Returns the moments that the latest check of the promise stored, for an incremental check.

    None where there is no such check, or its artifact cannot be read or is not what was recorded:
    the log is then read anew.
    """
    import tempfile
    from pathlib import Path

    from spot_mlflow.lift.moments import OutcomeMoments

    check, promised = adoption.latest_check, adoption.predicted
    if check is None or promised is None or check.get("contract_digest") != promised.digest:
        return None
    with tempfile.TemporaryDirectory(prefix="spot-moments-") as folder:
        try:
            path = record.client.download_artifacts(check["run_id"], MOMENTS, folder)
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            kept = check.get("moments_digest") == digest_of(data)
            return OutcomeMoments.from_dict(data) if kept else None
        except Exception:  # noqa: BLE001 - every artifact store fails in its own way; none is needed
            return None
