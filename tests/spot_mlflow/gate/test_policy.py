from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.policy import (
    Policy,
    Requirements,
    check_target,
    default_policy,
    policy_schema,
)

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL: dict[str, Any] = {
    "name": "ours",
    "version": 1,
    "targets": {"Production": {"assessment_people": 2}},
}


def test_the_default_policy_observes() -> None:
    """As installed nobody is stopped."""
    assert default_policy().mode_for("anything") == "observe"


def test_a_target_is_found_however_it_is_written() -> None:
    """Letter case and look-alikes lead to the policy's own word."""
    policy = default_policy()
    assert policy.key_of("PRODUCTION") == "Production"
    assert policy.key_of("@Сhampion") == "@champion"
    assert policy.key_of("@test") is None


def test_aliases_extend_production_and_champion_asks_for_more() -> None:
    """@prod asks what Production asks, @champion a user champion on top."""
    policy = default_policy()
    assert policy.requires("@prod") == policy.requires("Production")
    assert set(policy.requires("@champion")) - set(policy.requires("Production")) == {
        "user_champion"
    }


def test_false_switches_an_inherited_requirement_off() -> None:
    """A nearer target can drop what it inherits."""
    policy = Policy.load(
        {
            **MINIMAL,
            "targets": {
                "Production": {"user_champion": True, "assessment_people": 2},
                "@canary": {"extends": "Production", "user_champion": False},
            },
        }
    )
    assert set(policy.requires("@canary")) == {"assessment_people"}


def test_the_last_matching_pattern_gives_the_mode() -> None:
    """Patterns are read in order, names folded; what matches none has the policy's mode."""
    policy = Policy.load(
        {
            **MINIMAL,
            "mode": "warn",
            "models": [
                {"match": "churn*", "mode": "block"},
                {"match": "*-sandbox", "mode": "observe"},
            ],
        }
    )
    assert policy.mode_for("Churn-EU") == "block"
    assert policy.mode_for("churn-sandbox") == "observe"
    assert policy.mode_for("upsell") == "warn"


def test_enrolling_a_pattern_twice_keeps_one_rule() -> None:
    """Setting a mode for a pattern replaces the rule that was there for it."""
    policy = (
        default_policy().with_mode("warn", pattern="churn*").with_mode("block", pattern="Churn*")
    )
    assert [(r.match, r.mode) for r in policy.models] == [("Churn*", "block")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": {"Production": {"asessment_age": "90d"}}}, "did you mean 'assessment_age'"),
        ({"targets": {"Production": {"weakest_letter": 6}}}, "must be less than or equal to 5"),
        ({"targets": {"Production": {"review_age": "soon"}}}, "use for example 30d"),
        ({"targets": {"Production": {"assessment_roles": ["boss"]}}}, "assessment_roles"),
        ({"targets": {}}, "targets"),
        ({"targets": {"Production": {}, "production ": {}}}, "are the same"),
        ({"targets": {"@a": {"extends": "Prod"}, "Production": {}}}, "unknown target 'Prod'"),
        ({"targets": {"@a": {"extends": "@b"}, "@b": {"extends": "@a"}}}, "extends itself"),
        ({"mode": "strict"}, "mode"),
        ({"modes": []}, "unknown key 'modes'; did you mean 'models'"),
    ],
)
def test_a_faulty_policy_is_refused_with_the_place(change: dict[str, Any], message: str) -> None:
    """Every fault is named by its key, and the nearest known key with it."""
    with pytest.raises(InvalidInput, match="policy") as e:
        Policy.load({**MINIMAL, **change})
    assert message in str(e.value)


def test_a_policy_survives_yaml_and_json(tmp_path: Path) -> None:
    """What is written as YAML or JSON reads back as the same policy, with the same digest."""
    policy = default_policy().with_mode("block", pattern="churn*")
    path = tmp_path / "policy.yaml"
    path.write_text(policy.to_yaml(), encoding="utf-8")
    assert Policy.load(path) == policy
    assert Policy.load(json.loads(json.dumps(policy.to_dict()))).digest == policy.digest


def test_a_pattern_may_stand_for_several_aliases() -> None:
    """One pattern ("@prod-*") gates every alias that begins so, each under its own name."""
    policy = Policy.load({**MINIMAL, "targets": {"@prod-*": {"assessment_people": 2}}})
    assert check_target(policy, "@prod-eu") == "@prod-eu"
    assert policy.requires("@prod-eu") == {"assessment_people": 2}
    with pytest.raises(InvalidInput, match="must be one of"):
        check_target(policy, "@test")


def test_the_schema_accepts_the_default_policy_and_refuses_a_misspelt_key() -> None:
    """The published JSON schema says the same as the code."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = policy_schema()
    jsonschema.validate(default_policy().to_dict(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**MINIMAL, "version": "1", "modus": "block"}, schema)


@given(
    st.sampled_from(list(Requirements.model_fields)[1:]), st.sampled_from(["Staging", "Production"])
)
def test_a_requirement_left_out_is_not_asked_for(name: str, target: str) -> None:
    """Dropping a key from a target drops exactly that requirement."""
    data = default_policy().to_dict()
    data["targets"][target].pop(name, None)
    asked = set(default_policy().requires(target)) - {name}
    assert set(Policy.load(data).requires(target)) == asked
