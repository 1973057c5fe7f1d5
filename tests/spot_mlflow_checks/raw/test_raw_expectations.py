"""Raw decisions as a batch of Great Expectations' own: the other tables are those of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from messy_world import AS_OF, World, world_contract
from test_engines import stored
from test_joined import given, write

from spot_mlflow_checks import check_outcomes, outcome_suite
from spot_mlflow_checks.expectations import EXPECTATIONS

if TYPE_CHECKING:
    from pathlib import Path


def observed(result: Any) -> dict[str, Any]:
    """Check -> what its Expectation observed, of those that could be asked."""
    raised = [r.exception_info for r in result.results if "details" not in r.result]
    assert not raised, str(raised[0])[-3000:]
    names = {e.expectation_type: e.check for e in EXPECTATIONS}
    return {
        names[r.expectation_config.type]: r.result["observed_value"]
        for r in result.results
        if r.result["details"]["asked"]
    }


@pytest.mark.parametrize(
    "kind", ["pandas", "sqlite", pytest.param("spark", marks=pytest.mark.spark)]
)
def test_gx_engines_join_what_the_contract_names(
    world: World, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """Every Expectation sees what our own check sees of the same tables."""
    import great_expectations as gx

    contract = world_contract()
    if kind in ("pandas", "spark"):
        places = {k: {"table": v} for k, v in write(world, tmp_path, "parquet").items()}
    else:
        url = stored(world, f"sqlite:///{tmp_path / 'w.db'}", "sqlite")
        places = {k: {"table": k, "database": url} for k in world.tables()}
    for role in ("decisions", "events", "steps"):
        contract["sources"][role] |= places[role]
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    if kind == "pandas":
        asset = context.data_sources.add_pandas("p").add_dataframe_asset("scores")
        definition = asset.add_batch_definition_whole_dataframe("all")
        batch = definition.get_batch({"dataframe": world.decisions})
    elif kind == "spark":
        spark = request.getfixturevalue("spark")
        asset = context.data_sources.add_spark("s").add_dataframe_asset("scores")
        definition = asset.add_batch_definition_whole_dataframe("all")
        decisions = spark.read.parquet(places["decisions"]["table"])
        batch = definition.get_batch({"dataframe": decisions})
    else:
        source = context.data_sources.add_sqlite("q", connection_string=url)
        asset = source.add_table_asset("scores", table_name="decisions")
        batch = asset.add_batch_definition_whole_table("all").get_batch()
    found = observed(batch.validate(outcome_suite(contract, as_of=AS_OF)))
    ours = check_outcomes(given(world.tables(), {}), contract, as_of=AS_OF)
    own = {c.name: c.observed for c in ours.checks}
    assert found.keys() == own.keys()
    for name, value in own.items():
        near = pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
        assert found[name] == near, name
