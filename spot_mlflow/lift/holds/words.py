"""The sentences of what holds a verdict back: why, and what would lift it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from spot_mlflow import figures
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spot_mlflow.lift.holds.hold import Block, Hold


class Words(NamedTuple):
    """Why there is no verdict, without full stop; and the request that would lift it, or ""."""

    reason: str
    remedy: str = ""


_SIDE_BY_SIDE: Final = "Assign treatment and holdout side by side, in the same days and segments"
_DECLARE_ZERO: Final = (
    "the missing outcomes, or declare missing: zero in the contract if no outcome means that "
    "nothing happened"
)
_ACROSS: Final = {"segment": "segments", "period": "days"}


def hold_words(hold: Hold) -> Words:
    """Writes a hold."""
    return SENTENCES[hold.by](**hold.facts)


def lacking_words(arm: str, units: int) -> str:
    """Says that an arm has too few units to spread."""
    return f"{units} {arm} units have an outcome, 2 are needed"


def counterpart_words(units: int, left_out: int) -> str:
    """Says how many units have nothing to be compared with."""
    return (
        f"{left_out:,} of {units:,} units ({figures.share(left_out / units)}) are in days or segments with one "
        "arm only and have nothing to be compared with"
    )


def _too_few_units(arm: str, units: int) -> Words:
    return Words(f"too early: {lacking_words(arm, units)}")


def _burn_in(seen: int, needed: int, counted: str) -> Words:
    return Words(f"inconclusive, {seen} of {needed} {counted} in the smaller arm")


def _skewed(skewness: float, treated: int, holdout: int, winsorize: float) -> Words:
    return Words(
        f"the outcome is too skewed for its units (skewness {figures.plain(skewness)}; {treated:,} treated, "
        f"{holdout:,} in the holdout): a few large outcomes decide the lift",
        "Declare winsorizing before the first outcome (outliers: {winsorize: "
        f"{figures.plain(winsorize, 4)}}}), or promise a binary metric",
    )


def _few_clusters(clusters: int, fewest: int, enough: int) -> Words:
    return Words(f"{clusters} clusters, fewer than {fewest}", _more_clusters(enough))


def _few_clusters_in_an_arm(clusters: int, fewest: int, enough: int) -> Words:
    return Words(f"{clusters} clusters in an arm, fewer than {fewest}", _more_clusters(enough))


def _uneven_clusters(clusters: int, effective: float, enough: int) -> Words:
    return Words(
        f"{clusters} clusters of uneven size carry as much information as {effective:.0f} of equal size",
        _more_clusters(enough),
    )


def _more_clusters(enough: int) -> str:
    return f"Assign more clusters: {enough} of one size are enough"


def _grade_d() -> Words:
    return Words("evidence grade D gives a number, never a verdict")


def _clusters_across(across: Sequence[str]) -> Words:
    return Words(
        f"clusters extend over {' and '.join(_ACROSS[k] for k in across)} whose treated shares differ, "
        "and cannot be compared within them",
        "Assign whole clusters within a segment and at one time, or name no cluster where units "
        "were assigned one by one",
    )


def _weights_of_clusters() -> Words:
    return Words(
        "weights by propensity ignore clusters",
        "Assign units one by one, or leave columns.propensity out",
    )


def _weights_astray() -> Words:
    return Words(
        "the weights do not add up to all units",
        "Log as propensity the probability of the arm that was received; values below .01 count as .01",
    )


def _covariate_differs(column: str, difference: float, standard_errors: float) -> Words:
    high = "treated" if difference > 0 else "holdout"
    return Words(
        f"the covariate {column!r} is higher in the {high} by {figures.number(abs(difference), 3)} "
        f"({figures.number(standard_errors, 1)} standard errors), which chance does not "
        "explain: it was measured after the decision, or the arms were not drawn by chance",
        f"Log the value of {column!r} before the decision; if it already is, check how units were assigned",
    )


def _arms_hardly_overlap() -> Words:
    return Words(
        "evidence grade D: the arms hardly overlap: units of one arm could almost never have been in the other",
        "Keep a share of units that is assigned by chance",
    )


def _never_side_by_side() -> Words:
    return Words(
        "no day or segment has units of both arms, so this compares two times or two groups of "
        "customers; evidence grade D",
        _SIDE_BY_SIDE,
    )


def _no_counterpart(units: int, left_out: int) -> Words:
    return Words(counterpart_words(units, left_out), _SIDE_BY_SIDE)


def _outcomes_missing(missing: Mapping[str, float], within: str) -> Words:
    return Words(f"{_missing(missing)}; {_known_within(within)}", f"Log {_DECLARE_ZERO}")


def _outcomes_missing_without_bounds(
    missing: Mapping[str, float], why: str, declared: float, seen: float
) -> Words:
    said, by_contract = {
        "undeclared": ("no largest outcome is declared", True),
        "below": (
            f"the log has negative outcomes, below the declared minimum of {declared:g}",
            True,
        ),
        "above": (f"the log has an outcome of {seen:g}, above the declared {declared:g}", True),
        "weights": ("the weights of units without an outcome are not known", False),
        "denominators": ("the denominators of units without an outcome are not known", False),
        "clusters": ("the sums over clusters do not count them", False),
    }[why]
    bounds = "Declare the range of an outcome, bounds: {low: ..., high: ...}; or log "
    remedy = f"{bounds if by_contract else 'Log '}{_DECLARE_ZERO}"
    return Words(f"{_missing(missing)}, and {said}", remedy)


def _outcomes_missing_and_held(missing: Mapping[str, float], held: Hold) -> Words:
    return Words(f"{_missing(missing)}, and {hold_words(held).reason}", f"Log {_DECLARE_ZERO}")


def _fewer_outcomes_in_an_arm(
    missing: Mapping[str, float], arm: str, evidence: str, within: str
) -> Words:
    return Words(
        f"{_missing(missing)}, significantly more of the {arm} ({evidence}); {_known_within(within)}",
        f"Log {_DECLARE_ZERO}",
    )


def shares_words(missing: Mapping[str, float]) -> str:
    """Says which share of each arm's outcomes is missing: "24 % of the treated and 2 % of the holdout"."""
    named = {TREATMENT: "the treated", HOLDOUT: "the holdout"}
    said = [f"{figures.share(share)} of {named.get(a, a)}" for a, share in missing.items()]
    return f"{', '.join(said[:-1])} and {said[-1]}"


def _missing(missing: Mapping[str, float]) -> str:
    return f"outcomes are missing for {shares_words(missing)}"


def _known_within(within: str) -> str:
    return f"depending on what they were, the lift is anywhere within {within}"


def _faulty_log(faults: Sequence[str]) -> Words:
    return Words(f"data: {'; '.join(faults)}")


def _wrong_arms(faults: Sequence[str]) -> Words:
    return Words(f"design: {'; '.join(faults)}")


SENTENCES: Final[Mapping[Block, Callable[..., Words]]] = {
    "too_few_units": _too_few_units,
    "burn_in": _burn_in,
    "skewed": _skewed,
    "few_clusters": _few_clusters,
    "few_clusters_in_an_arm": _few_clusters_in_an_arm,
    "uneven_clusters": _uneven_clusters,
    "grade_d": _grade_d,
    "clusters_across": _clusters_across,
    "weights_of_clusters": _weights_of_clusters,
    "weights_astray": _weights_astray,
    "covariate_differs": _covariate_differs,
    "arms_hardly_overlap": _arms_hardly_overlap,
    "never_side_by_side": _never_side_by_side,
    "no_counterpart": _no_counterpart,
    "outcomes_missing": _outcomes_missing,
    "outcomes_missing_without_bounds": _outcomes_missing_without_bounds,
    "outcomes_missing_and_held": _outcomes_missing_and_held,
    "fewer_outcomes_in_an_arm": _fewer_outcomes_in_an_arm,
    "faulty_log": _faulty_log,
    "wrong_arms": _wrong_arms,
}
