"""Tests of the server's own record: what it keeps in memory, and what it does without its anchors."""

from __future__ import annotations

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow_plugins.server.record.signed import LONGEST_NAME, model_lock


def test_locks_are_a_fixed_number() -> None:
    """However many names are sent, no more locks are kept; one name has one lock."""
    locks = {id(model_lock(f"m{n}")) for n in range(5000)}
    assert len(locks) <= 256
    assert model_lock("churn") is model_lock("churn")


def test_name_that_no_registry_has_is_refused_before_anything_is_kept() -> None:
    """A name of 30 MB is turned away, in a short sentence."""
    model_lock("x" * LONGEST_NAME)
    with pytest.raises(InvalidInput, match="at most 256") as refused:
        model_lock("x" * 30_000_000)
    assert len(str(refused.value)) < 200
