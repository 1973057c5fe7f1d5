"""The Expectations in a Great Expectations context of one's own, on the raw table."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from contract_log import AS_OF, CONTRACT, as_arrow, as_pandas, as_spark, into_database, rows

from spot_mlflow.errors import InvalidInput, RecordDamaged
from spot_mlflow_checks import check_outcomes, check_whole, load_suite, outcome_suite

if TYPE_CHECKING:
    from pathlib import Path

LOG = rows()


@pytest.fixture(scope="module")
def ours() -> dict[str, tuple[Any, bool, str]]:
    """What ``check_outcomes`` says of the log: check -> (observed, success, message)."""
    report = check_outcomes(as_arrow(LOG), CONTRACT, as_of=AS_OF)
    return {c.name: (c.observed, c.success, c.message) for c in report.checks}


def context() -> Any:
    """A context that lives as long as the test."""
    import great_expectations as gx

    found = gx.get_context(mode="ephemeral")
    found.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return found


def answers(result: Any) -> dict[str, tuple[Any, bool, str]]:
    """Check -> (observed, success, message), of those that could be asked."""
    from spot_mlflow_checks.expectations import EXPECTATIONS

    names = {e.expectation_type: e.check for e in EXPECTATIONS}
    out = {}
    for r in result.results:
        assert "details" in r.result, r.exception_info
        if r.result["details"]["asked"]:
            observed, message = r.result["observed_value"], r.result["details"]["message"]
            out[names[r.expectation_config.type]] = (observed, bool(r.success), message)
    return out


def batch(kind: str, request: pytest.FixtureRequest, folder: Path) -> Any:
    """The raw table as a batch of GX's own engine."""
    sources = context().data_sources
    if kind == "pandas":
        asset = sources.add_pandas("p").add_dataframe_asset("log")
        return asset.add_batch_definition_whole_dataframe("all").get_batch(
            {"dataframe": as_pandas(LOG)}
        )
    if kind == "spark":
        asset = sources.add_spark("s").add_dataframe_asset("log")
        frame = as_spark(LOG, request.getfixturevalue("spark"))
        return asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    url = (
        f"sqlite:///{folder / 'log.db'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    into_database(LOG, url, "log")  # GX quotes no table names
    source = (
        sources.add_sqlite("q", connection_string=url)
        if kind == "sqlite"
        else sources.add_postgres("q", connection_string=url)
    )
    return (
        source.add_table_asset("log", table_name="log")
        .add_batch_definition_whole_table("all")
        .get_batch()
    )


@pytest.mark.parametrize("kind", ["pandas", "sqlite", "postgresql", "spark"])
def test_gx_engines_answer_as_our_own_check(
    kind: str,
    ours: dict[str, tuple[Any, bool, str]],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """Every Expectation gives the same figure, verdict and sentence on GX's own engines."""
    found = answers(batch(kind, request, tmp_path).validate(outcome_suite(CONTRACT, as_of=AS_OF)))
    assert set(found) == set(ours)
    for name, (observed, success, message) in ours.items():
        assert found[name][1:] == (success, message), name
        assert found[name][0] == (
            pytest.approx(observed, rel=1e-9) if isinstance(observed, float) else observed
        )


def test_any_number_of_expectations_costs_one_reduction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared metric runs once, whatever the thresholds."""
    from spot_mlflow_checks import metric
    from spot_mlflow_checks.expectations import ExpectUnitsToBeUnique

    calls = []
    real = metric.reduce_source
    monkeypatch.setattr(metric, "reduce_source", lambda *a, **k: calls.append(1) or real(*a, **k))
    suite = outcome_suite(CONTRACT, as_of=AS_OF)
    suite.add_expectation(ExpectUnitsToBeUnique(contract=CONTRACT_JSON, as_of=AS_OF, tolerated=0.5))
    asset = context().data_sources.add_pandas("p").add_dataframe_asset("log")
    one = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": as_pandas(LOG)})
    result = one.validate(suite)
    assert len(result.results) == len(suite.expectations) > 20
    assert len(calls) == 1


def test_lift_alone_in_a_suite_is_no_better_than_its_data() -> None:
    """Where the log cannot carry a verdict, the Expectations on lift fail, whatever else is asked."""
    import pandas as pd

    from spot_mlflow_checks.expectations import (
        ExpectRealizedLiftToBeViable,
        ExpectRealizedLiftToMeetPrediction,
    )

    n = 2000
    frame = pd.DataFrame({"id": range(n), "arm": [i % 2 for i in range(n)]})
    frame["y"] = frame["arm"] * (frame["id"] % 4 > 0)
    promise = {
        "metric": "bought", "predicted": 0.5, "minimum_viable": 0.1,
        "columns": {"unit": "id", "arm": "arm", "outcome": "y"},
    }  # fmt: skip
    asset = context().data_sources.add_pandas("p").add_dataframe_asset("log")
    whole = asset.add_batch_definition_whole_dataframe("all")
    for expected in (ExpectRealizedLiftToMeetPrediction, ExpectRealizedLiftToBeViable):
        clean = whole.get_batch({"dataframe": frame})
        broken = whole.get_batch({"dataframe": pd.concat([frame, frame.iloc[:100]])})
        assert clean.validate(expected(contract=promise)).success
        refused = broken.validate(expected(contract=promise))
        assert not refused.success
        assert refused.result["details"]["message"].startswith("data: 100 of 2,000 units (5 %)")


def _contract_json() -> dict[str, Any]:
    from spot_mlflow.lift.promise.contract import PredictedLift

    return PredictedLift.load(CONTRACT).to_dict()


CONTRACT_JSON = _contract_json()


def test_every_expectation_says_what_it_expects() -> None:
    """Each has a sentence for Data Docs, a name of its own and the one metric."""
    from spot_mlflow_checks.expectations import EXPECTATIONS
    from spot_mlflow_checks.metric import METRIC

    assert all(
        e.sentence().startswith("Expect ") and e.sentence().endswith(".") for e in EXPECTATIONS
    )
    assert len({e.check for e in EXPECTATIONS}) == len(EXPECTATIONS)
    assert {e.metric_dependencies for e in EXPECTATIONS} == {(METRIC,)}


def test_results_hold_no_values_of_persons(ours: dict[str, tuple[Any, bool, str]]) -> None:
    """GX's result names the first unit of a fault at most, never an outcome."""
    report = check_outcomes(as_arrow(LOG), CONTRACT, as_of=AS_OF)
    text = str(report.validation)
    outcomes = {str(row["outcome"]) for row in LOG if row["outcome"] and row["outcome"] > 1}
    assert not [o for o in outcomes if o in text]
    assert ours


@pytest.fixture(scope="module")
def saved_suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file context with our suite saved in it, by another process than the one that loads it."""
    folder = tmp_path_factory.mktemp("suite")
    code = f"""
        import great_expectations as gx
        from spot_mlflow_checks import outcome_suite
        context = gx.get_context(mode="file", project_root_dir={str(folder)!r})
        context.suites.add(outcome_suite({CONTRACT_JSON!r}, as_of={AS_OF!r}))
    """
    done = run(code)
    assert done.returncode == 0, done.stderr
    return folder


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Runs code in another process."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True, text=True
    )


def test_a_saved_suite_is_whole_in_another_process(saved_suite: Path) -> None:
    """``load_suite`` gives back every Expectation, ready to validate."""
    import great_expectations as gx

    suite = load_suite(
        gx.get_context(mode="file", project_root_dir=str(saved_suite)), "outcome_log"
    )
    asset = context().data_sources.add_pandas("p").add_dataframe_asset("log")
    one = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": as_pandas(LOG)})
    assert len(one.validate(suite).results) == len(outcome_suite(CONTRACT).expectations)


def test_a_suite_that_lost_expectations_raises(saved_suite: Path) -> None:
    """Where GX dropped the classes it did not know, checking the suite raises instead of passing."""
    code = f"""
        import great_expectations as gx
        context = gx.get_context(mode="file", project_root_dir={str(saved_suite)!r})
        suite = context.suites.get(name="outcome_log")     # our module is not imported: GX drops ours
        assert not suite.expectations, "GX no longer drops what it does not know"
        from spot_mlflow.errors import RecordDamaged
        from spot_mlflow_checks import check_whole
        try:
            check_whole(suite)
        except RecordDamaged as e:
            print(e)
    """
    done = run(code)
    assert "Expectations were lost when it was loaded" in done.stdout, done.stderr


def test_a_foreign_suite_is_refused() -> None:
    """A suite that is none of ours cannot be vouched for."""
    import great_expectations as gx

    with pytest.raises(InvalidInput, match="not a suite from outcome_suite"):
        check_whole(gx.ExpectationSuite(name="other"))


def checkpoint(suite: Any, model: str, frame: Any) -> Any:
    """Runs a checkpoint with our action over a frame."""
    import great_expectations as gx

    from spot_mlflow_checks import LogOutcomesAction

    here = context()
    asset = here.data_sources.add_pandas("p").add_dataframe_asset("log")
    definition = gx.ValidationDefinition(
        name="outcomes",
        data=asset.add_batch_definition_whole_dataframe("all"),
        suite=here.suites.add(suite),
    )
    made = gx.Checkpoint(
        name="weekly", validation_definitions=[here.validation_definitions.add(definition)],
        actions=[LogOutcomesAction(model=model, person="Ada Sample")],
    )  # fmt: skip
    return here.checkpoints.add(made).run(batch_parameters={"dataframe": frame})


@pytest.fixture
def model(mlflow_uri: str) -> str:
    """A registered version that promises what the contract says."""
    from mlflow import MlflowClient

    import spot_mlflow as spot

    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="dummy:/x")
    spot.log_predicted_lift("churn/1", CONTRACT)
    return "churn/1"


def figures_and_words(said: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """Returns the numbers of a result, and all else."""
    figures = {k: v for k, v in said.items() if isinstance(v, float)}
    return figures, {k: v for k, v in said.items() if k not in figures}


def test_a_checkpoint_logs_its_result_to_mlflow(model: str) -> None:
    """The action records an outcome check with the figures of ``check_outcomes``, small cells merged."""
    import spot_mlflow as spot
    from spot_mlflow.record.outcomes import as_stored

    checkpoint(outcome_suite(CONTRACT, as_of=AS_OF), model, as_pandas(LOG))
    found = spot.get_adoption(model).latest_check
    wanted = as_stored(check_outcomes(as_pandas(LOG), CONTRACT, as_of=AS_OF)).to_dict()
    assert found is not None
    # Sums are added up in no fixed order, so that the last digit is nobody's.
    figures, words = figures_and_words(found["realized"])
    wanted_figures, wanted_words = figures_and_words(wanted["realized"])
    assert figures == pytest.approx(wanted_figures, rel=1e-9)
    assert words == wanted_words
    assert found["verdict"] == wanted["verdict"]
    assert found["checks"] == wanted["checks"]


def test_late_rows_are_found_in_a_suite_that_names_the_model(model: str) -> None:
    """What was closed at the check on record is held against the raw table, with no more passes."""
    # Forty units where there was one, so that no cell is so small that it is stored with another.
    log = [{**row, "unit id": f"{row['unit id']}-{i}"} for row in LOG for i in range(40)]
    checkpoint(outcome_suite(CONTRACT, as_of=AS_OF, model=model), model, as_pandas(log[5:]))
    asset = context().data_sources.add_pandas("p").add_dataframe_asset("log")
    one = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": as_pandas(log)})
    found = answers(one.validate(outcome_suite(CONTRACT, as_of=AS_OF, model=model)))
    observed, success, message = found["cohorts_closed"]
    assert not success
    assert observed > 0
    assert "5 of " in message
    assert "were added to closed cohorts since the last check" in message


def test_the_action_refuses_a_suite_that_lost_expectations(model: str) -> None:
    """Nothing is logged from a suite that is not whole."""
    import spot_mlflow as spot

    suite = outcome_suite(CONTRACT, as_of=AS_OF)
    for e in list(suite.expectations)[5:]:
        suite.delete_expectation(e)
    with pytest.raises(RecordDamaged, match="were lost"):
        checkpoint(suite, model, as_pandas(LOG))
    assert spot.get_adoption(model).latest_check is None
