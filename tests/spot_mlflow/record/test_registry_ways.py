from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.errors import InvalidInput
from spot_mlflow.record.registry_ways import KINDS, MLFLOW, SAGEMAKER, UNITY_CATALOG
from spot_mlflow.reporting.words.registries import registry_sentence

KEYS = ("spot", "spot.readiness", "spot.lift.gap", "spot.break-glass", "outcome-check.0a1b")


@pytest.mark.parametrize("ways", KINDS.values(), ids=KINDS)
def test_a_key_is_read_as_it_was_written(ways):
    """Our keys come back whatever a registry makes of them; those of others stay as they are."""
    told = ways.own({**{ways.key(k): "x" for k in KEYS}, "team_name": "y", "spotify_id": "z"})
    assert set(told) == {*KEYS, "team_name", "spotify_id"}


@pytest.mark.parametrize("ways", KINDS.values(), ids=KINDS)
def test_what_lacks_is_said_with_its_source(ways):
    """MLflow's own registry lacks nothing; each other names what it lacks and a page that says so."""
    said = registry_sentence(ways.name, ways.lacks, ways.page)
    assert (said == "") == (ways is MLFLOW)
    assert ways is MLFLOW or "https://" in said


@given(st.dictionaries(st.sampled_from(KEYS), st.text(max_size=400)), st.integers(0, 60))
def test_tags_fit(tags, others):
    """However many tags others have set and whatever ours say, what is written is within the limits."""
    present = [f"team{i}" for i in range(others)]
    for ways in (UNITY_CATALOG, SAGEMAKER):
        written = ways.fitted(tags, present, versioned=False)
        assert set(written) <= set(tags)
        assert others >= 50 or len(written) + others <= 50
        assert all(len(v) <= ways.longest for v in written.values())
    assert SAGEMAKER.fitted(tags, present, versioned=True) == {}
    assert MLFLOW.fitted(tags, present, versioned=True).keys() == tags.keys()


def test_the_headline_is_kept_longest():
    """With room for three tags they are the headline, its time, and which policy is in force."""
    tags = dict.fromkeys(["spot.lift.gap", "spot.policy", "spot", "spot.updated", "spot.name"], "x")
    kept = UNITY_CATALOG.fitted(tags, [f"team{i}" for i in range(47)], versioned=False)
    assert set(kept) == {"spot", "spot.updated", "spot.policy"}


def test_a_stage_is_refused_where_there_are_none():
    """A stage is wrong input where a registry has none, an alias is not."""
    UNITY_CATALOG.check_target("@champion")
    MLFLOW.check_target("Production")
    with pytest.raises(InvalidInput, match="has no stages"):
        UNITY_CATALOG.check_target("production")


def test_the_summary_tells_an_alias_where_there_are_no_stages():
    """The usual target where there are stages; else @champion, or the first alias of the policy."""
    assert MLFLOW.told_target("Production", ["@champion"]) == "Production"
    assert UNITY_CATALOG.told_target("Production", ["Staging", "@blue", "@champion"]) == "@champion"
    assert UNITY_CATALOG.told_target("Production", ["Staging", "@blue"]) == "@blue"
