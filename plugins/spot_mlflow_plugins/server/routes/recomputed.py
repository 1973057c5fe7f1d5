"""Computes an outcome check again from its moments: what a client says of them must follow from them.

This proves that the figures agree with the moments, the contract and the record, not that the moments
are true: whoever makes up a log can make up consistent moments.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.report import ESTIMATORS, LiftReport
from spot_mlflow.lift.results import CheckResult
from spot_mlflow.lift.withheld import withhold
from spot_mlflow.person import check_text
from spot_mlflow.record.outcomes import previous_looks, with_history
from spot_mlflow.record.summary import CHART
from spot_mlflow.validation import check_choice, utc
from spot_mlflow.verdicts import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

TOLERANCE: Final = 1e-6  # relative, between two computers of the same estimators
CLAIMED: Final = "claimed"  # key: what a client of other estimators said, where it differs
WORDS: Final = ("verdict", "viable", "evidence")
FIGURES: Final[Mapping[str, tuple[str, ...]]] = {
    "predicted": ("lift", "low", "high"),
    "realized": ("lift", "low", "high", "n_treatment", "n_holdout"),
    "gap": ("lift", "low", "high"),
}
_ROWS_KEPT: Final = 100  # as the client library keeps of segments and periods


def recomputed(
    payload: Mapping[str, Any],
    moments: OutcomeMoments,
    adoption: Adoption,
    last: OutcomeMoments | None,
) -> LiftReport:
    """Returns the report as the server computes it.

    Args:
        payload: of the entry; of it only the data checks and the time are taken.
        moments: that came with it.
        adoption: the version's promise and earlier checks.
        last: moments of the last check on record, or None.

    Raises:
        InvalidInput: nothing can be computed from this, or units of the last check are missing.
    """
    from spot_mlflow.lift.analysis import analyze

    promised = adoption.predicted
    if promised is None:
        raise InvalidInput("no predicted lift is recorded for this version")
    _refuse_small_cells(moments, promised)
    checks, looks = _checks(payload.get("checks")), previous_looks(adoption)
    try:
        analysis = analyze(moments, promised, previous_looks=looks, previous=last)
        report = LiftReport(
            predicted=promised,
            analysis=withhold(analysis, checks),
            checks=checks,
            moments=moments,
            created=_moment(payload.get("created")),
            previous_looks=looks,
        )
        return with_history(report, adoption, last)
    except InvalidInput:
        raise
    except Exception as e:  # whatever moments of a stranger do to the arithmetic
        raise InvalidInput(
            f"nothing can be computed from these moments: {type(e).__name__} {e}",
            where="moments.json",
        ) from e


def _refuse_small_cells(moments: OutcomeMoments, promised: PredictedLift) -> None:
    """Raises where a cell tells of fewer than ten people: older clients do not put those together."""
    from spot_mlflow.lift.stored.cells import without_small_cells

    try:
        kept = without_small_cells(moments, promised)
    except Exception:  # noqa: BLE001 - nothing can be computed from them; the analysis says so
        return
    if kept is not moments:
        raise InvalidInput(
            "the moments have cells of fewer than 10 units, from which one person's outcome could be read",
            where="moments.json",
            fix="Upgrade spot-mlflow where the check runs; it merges small cells before it records.",
        )


def agreed(payload: Mapping[str, Any], report: LiftReport) -> dict[str, Any]:
    """Returns the payload to record: the server's own figures; a client's beside them where they differ.

    Args:
        payload: as the client sent it.
        report: as the server computes it.

    Raises:
        InvalidInput: a figure is none; or it differs and was computed by the same estimators.
    """
    body = report.to_dict()
    own = {k: body[k][:_ROWS_KEPT] for k in ("segments", "periods")}
    digest = payload.get("moments_digest")
    result = {**body, **own, "moments_digest": digest, "estimators": ESTIMATORS}
    if payload.get("chart") == CHART:  # older clients draw, and send, another file
        result["chart"] = CHART
    claimed = _claimed(payload)
    differing = _differing(claimed, result)
    if not differing:
        return result
    if payload.get("estimators") == ESTIMATORS:
        field, said, found = differing[0]
        raise InvalidInput(
            f"{field} == {said!r}, the moments give {found!r}",
            where="payload",
            fix="Check the outcomes again and record what the check returns.",
        )
    return {**result, CLAIMED: claimed}


def loaded(moments: bytes) -> OutcomeMoments:
    """Returns the moments of an artifact.

    Raises:
        InvalidInput: they are none.
    """
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

    try:
        return OutcomeMoments.from_dict(json.loads(moments))
    except Exception as e:  # whatever a stranger sends
        raise InvalidInput(
            f"moments.json cannot be read: {type(e).__name__} {e}", where="moments.json"
        ) from e


def _claimed(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a client says, its types checked."""
    said: dict[str, Any] = {}
    for key in WORDS:
        said[key] = payload.get(key)
        if not isinstance(said[key], str) or len(said[key]) > 40:  # noqa: PLR2004 - a word
            raise InvalidInput(f"'{key}' must be a word", where="payload")
    for key, parts in FIGURES.items():
        figures = payload.get(key)
        if not isinstance(figures, dict):
            raise InvalidInput(f"'{key}' must be an object of figures", where="payload")
        said[key] = {p: _figure(figures.get(p), f"{key}.{p}") for p in parts}
    return said


def _figure(value: Any, name: str) -> float | int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"'{name}' must be a number", where="payload")
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        raise InvalidInput(f"'{name}' must be a finite number", where="payload")
    return value


def _differing(claimed: Mapping[str, Any], own: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    found = [(k, claimed[k], own[k]) for k in WORDS if claimed[k] != own[k]]
    for key, parts in FIGURES.items():
        for part in parts:
            said, is_ = claimed[key][part], own[key][part]
            if not _close(said, is_):
                found.append((f"{key}.{part}", said, is_))
    return found


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12)


def _checks(said: Any) -> tuple[CheckResult, ...]:
    """Returns the checks of the log: the engine made them, so they are the client's word."""
    if not isinstance(said or [], list):
        raise InvalidInput("'checks' must be a list", where="payload")
    return tuple(_check(c) for c in said or ())


def _check(said: Any) -> CheckResult:

    if not isinstance(said, dict):
        raise InvalidInput("each of 'checks' must be an object", where="payload")
    observed = said.get("observed")
    if not isinstance(observed, str | bool | None):
        observed = (
            _figure(observed, "checks.observed") if not isinstance(observed, list | dict) else None
        )
    return CheckResult(
        name=check_text("checks.name", str(said.get("name", ""))),
        severity=check_choice("checks.severity", str(said.get("severity")), tuple(SEVERITIES)),  # type: ignore[arg-type] # checked
        success=bool(said.get("success")),
        observed=observed,
        message=check_text("checks.message", str(said.get("message") or ""), required=False),
        brief=check_text("checks.brief", str(said.get("brief") or ""), required=False),
    )


def _moment(said: Any) -> str:

    return utc(said if isinstance(said, str) else None).isoformat()
