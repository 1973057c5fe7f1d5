"""The worked examples in docstrings are run: what they show is what the function does."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = [
    "spot_mlflow.person",
    "spot_mlflow.readiness.panel",
    "spot_mlflow.involvement.concerns",
    "spot_mlflow.involvement.score",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name):
    """Each example gives what stands below it."""
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
