"""Suites of our Expectations in anyone's Great Expectations context, saved, loaded and kept whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, RecordDamaged
from spot_mlflow.lift.promise.contract import PredictedLift

if TYPE_CHECKING:
    from pathlib import Path

    from great_expectations import ExpectationSuite

META: Final = "spot_mlflow"  # where a suite remembers how many Expectations are ours


def outcome_suite(
    predicted: PredictedLift | dict[str, Any] | str | Path,
    *,
    name: str = "outcome_log",
    as_of: str | None = None,
    model_version: str | None = None,
    previous_looks: int = 0,
    model: str | None = None,
) -> ExpectationSuite:
    """Returns a suite with every Expectation, for a Great Expectations context of one's own.

    Args:
        predicted: the contract, as an object, a dict or the path of ``lift.yaml``.
        name: of the suite.
        as_of: ISO time at which maturity is judged; now where None.
        model_version: rows of other versions do not count.
        previous_looks: checks of this contract that came before.
        model: "churn/3", or any way of naming a version: its latest check on record tells what was
            closed then, so that late rows are found and closed cohorts are not read again.
    """
    import great_expectations as gx

    from spot_mlflow_checks.expectations import EXPECTATIONS, ExpectGuardrailToBeUnharmed

    contract = PredictedLift.load(predicted)
    given = {"as_of": as_of, "model_version": model_version, "model": model}
    settings: dict[str, Any] = {"contract": contract.to_dict(), "previous_looks": previous_looks}
    settings |= {k: v for k, v in given.items() if v is not None}
    asked: list[tuple[type[Any], dict[str, str]]] = [
        (e, {}) for e in EXPECTATIONS if e is not ExpectGuardrailToBeUnharmed
    ]
    asked += [(ExpectGuardrailToBeUnharmed, {"guardrail": g.name}) for g in contract.guardrails]
    # In the suite and in each Expectation: whoever holds either can tell whether some are missing.
    meta = {META: {"expectations": len(asked)}}
    settings |= {"meta": meta, "result_format": _PRIVATE}
    expectations = [e(**settings, **own, description=e.sentence()) for e, own in asked]
    return gx.ExpectationSuite(name=name, expectations=expectations, meta=meta)


# No sampled values of persons in any result.
_PRIVATE: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}


def load_suite(context: Any, name: str) -> ExpectationSuite:
    """Loads a saved suite, and makes sure that none of its Expectations was lost.

    Great Expectations drops an Expectation whose class it does not know and validates the rest: the
    suite then passes for want of checks. Loading it here makes the classes known first.

    Args:
        context: a Great Expectations context.
        name: of the suite.

    Raises:
        RecordDamaged: where fewer Expectations came back than were saved.
    """
    import spot_mlflow_checks.expectations  # noqa: F401 - makes the classes known

    suite: ExpectationSuite = context.suites.get(name=name)
    return check_whole(suite)


def check_whole(suite: ExpectationSuite) -> ExpectationSuite:
    """Returns a suite that holds as many of our Expectations as were saved with it.

    Raises:
        RecordDamaged: where some were lost.
        InvalidInput: where the suite is none of ``outcome_suite``.
    """
    saved = (suite.meta or {}).get(META, {}).get("expectations")
    if saved is None:
        raise InvalidInput("is not a suite from outcome_suite", where=f"suite {suite.name!r}")
    from spot_mlflow_checks.expectations import OutcomeLogExpectation

    found = sum(isinstance(e, OutcomeLogExpectation) for e in suite.expectations)
    if found < saved:
        raise RecordDamaged(
            f"{saved - found} of {saved} Expectations were lost when it was loaded",
            where=f"suite {suite.name!r}",
            fix="Load it with spot_mlflow_checks.load_suite, which makes their classes known first.",
        )
    return suite
