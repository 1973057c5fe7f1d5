"""Tests of ``spot verify --rebuild``; what it finds is tested with the record."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

import spot_mlflow as spot
from spot_mlflow_cli.main import spot as command_line


@pytest.mark.parametrize("which", [["churn"], ["--all"]])
def test_tags_are_derived_anew_where_that_is_asked(mlflow_uri: str, which: list[str]) -> None:
    """A tag that was lost or changed is as the record says; without the option it stays as it is."""
    client = MlflowClient(mlflow_uri)
    for name in ("churn", "bare"):
        client.create_registered_model(name)
        client.create_model_version(name, source="s3://nowhere/model")
    spot.log_assessment("churn/1", {"S1": 3}, person="Bea", role="business")
    said = client.get_registered_model("churn").tags["spot"]
    client.set_registered_model_tag("churn", "spot", "promise kept")
    for more, tag in (([], "promise kept"), (["--rebuild"], said)):
        found = CliRunner().invoke(command_line, ["verify", *which, *more])
        assert found.exit_code == 0, found.output
        assert client.get_registered_model("churn").tags["spot"] == tag
    assert "spot" not in client.get_registered_model("bare").tags
