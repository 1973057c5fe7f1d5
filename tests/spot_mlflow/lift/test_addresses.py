"""Names that scripts outside this project import stay where they were."""

from __future__ import annotations

from importlib import import_module

import pytest

NAMES = [
    ("spot_mlflow.lift.analysis", "analyze"),
    ("spot_mlflow.lift.contract", "PredictedLift"),
    ("spot_mlflow.lift.moments", "Fault"),
    ("spot_mlflow.lift.moments", "Moments"),
    ("spot_mlflow.lift.moments", "OutcomeMoments"),
    ("spot_mlflow.lift.report", "CheckResult"),
    ("spot_mlflow.lift.report", "LiftAnalysis"),
    ("spot_mlflow.lift.report", "LiftReport"),
]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_name_is_where_it_was(module: str, name: str) -> None:
    """It is the one object of that name, not a copy."""
    found = getattr(import_module(module), name)
    assert found.__name__ == name
    assert found is getattr(import_module(found.__module__), name)


def test_a_name_that_is_none_is_refused() -> None:
    """The package of moments tells a slip as any module does."""
    with pytest.raises(AttributeError, match="has no attribute 'Moment'"):
        import_module("spot_mlflow.lift.moments").Moment  # noqa: B018 - the access is what is tried
