from __future__ import annotations

import pytest

from spot_mlflow.errors import NotFound, RecordDamaged
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.record import Record
from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.record.policies import adoption_under_policy, current_policy, set_policy

ASSESSED = {"answers": {"S1": {"now": 3}}, "instrument": {"name": "spot", "version": "1.0"}}


@pytest.fixture
def calls(monkeypatch):
    """The names of the client's calls, in order."""
    from mlflow import MlflowClient

    made = []
    for name in (
        "get_registered_model", "search_model_versions", "search_registered_models",
        "get_experiment_by_name", "search_experiments", "get_experiment", "search_runs", "get_run",
    ):  # fmt: skip
        real = getattr(MlflowClient, name)

        def counted(self, *args, _name=name, _real=real, **kwargs):
            made.append(_name)
            return _real(self, *args, **kwargs)

        monkeypatch.setattr(MlflowClient, name, counted)
    return made


def test_one_search_brings_the_record_and_the_policy(churn, calls):
    """However many entries and policies there are; what is told is what two reads tell."""
    record = Record()
    for level in (2, 3):
        said = {**ASSESSED, "answers": {"S1": {"now": level}}}
        record.append(record.resolve(churn), "assessment", said, person="Ann", role="business")
    set_policy(record, default_policy().model_copy(update={"version": "7"}))
    set_policy(record, default_policy().model_copy(update={"version": "8"}))
    apart = record.adoption(churn), current_policy(record)
    calls.clear()
    adoption, policy = adoption_under_policy(record, churn)
    assert calls == ["get_experiment_by_name", "get_experiment_by_name", "search_runs"]
    assert policy == apart[1]
    assert policy.version == "8"
    assert adoption.entries == apart[0].entries
    assert adoption.facts == apart[0].facts
    assert adoption.readiness.letters["S"].level == 3


def test_without_a_record_there_is_nothing_to_search(churn, calls):
    """A model nobody has touched has the default policy, and no search."""
    adoption, policy = adoption_under_policy(Record(), f"{churn}/1")
    assert (adoption.entries, adoption.version) == ((), "1")
    assert policy == default_policy()
    assert "search_runs" not in calls


def test_a_deleted_record_and_a_policy_that_is_none_are_said(churn):
    """Neither is passed over for the default."""
    from mlflow import MlflowClient

    record, client = Record(), MlflowClient()
    record.append(REGISTRY, "policy", {"policy": {"mode": "sometimes"}})
    with pytest.raises(RecordDamaged, match="cannot be read"):
        adoption_under_policy(record, churn)
    set_policy(record, default_policy())
    record.append(record.resolve(churn), "assessment", ASSESSED, person="Ann", role="business")
    client.delete_experiment(client.get_experiment_by_name(f"spot/{churn}").experiment_id)
    with pytest.raises(RecordDamaged, match="was deleted"):
        adoption_under_policy(record, churn)
    with pytest.raises(NotFound, match="no version '9'"):
        adoption_under_policy(record, f"{churn}/9")


BLOCK = default_policy().model_copy(update={"mode": "block", "name": "ours"})


def purge() -> None:
    """Does what ``mlflow gc`` does to everything that was deleted, by the methods it calls."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient()
    store = client._tracking_client.store
    places = client.search_experiments(view_type=ViewType.ALL)
    for run in client.search_runs(
        [e.experiment_id for e in places], run_view_type=ViewType.DELETED_ONLY
    ):
        store._hard_delete_run(run.info.run_id)
    for place in places:
        if place.lifecycle_stage == "deleted":
            for run in client.search_runs([place.experiment_id], run_view_type=ViewType.ALL):
                store._hard_delete_run(run.info.run_id)
            store._hard_delete_experiment(place.experiment_id)


def policy_home(client):
    """The experiment of the policies, and the ids of its runs."""
    home = client.get_experiment_by_name("spot")
    return home.experiment_id, [r.info.run_id for r in client.search_runs([home.experiment_id])]


def asked(churn):
    """The status of the gate, in a process of its own memory."""
    from terminal import run_spot

    ran = run_spot("gate", churn, "--to", "Production", "--dry-run")
    return ran.status, ran.err


def test_a_policy_whose_run_was_deleted_stays_in_force(churn):
    """A cleaning job is no way to end a policy; ``verify`` names what it took, retiring ends it."""
    from mlflow import MlflowClient
    from terminal import run_spot

    client = MlflowClient()
    set_policy(Record(), BLOCK)
    for run in policy_home(client)[1]:
        client.delete_run(run)
    assert current_policy(Record()) == BLOCK
    assert asked(churn)[0] == 1
    ran = run_spot("verify", "--all")
    assert (ran.status, "the policy of" in ran.out) == (1, True)
    assert run_spot("policy", "retire").status == 2
    assert run_spot("policy", "retire", "--reason", " ").status == 2
    assert run_spot("policy", "retire", "--reason", "the pilot is over").status == 0
    assert asked(churn)[0] == 0
    assert current_policy(Record()) == default_policy()


def test_a_policy_that_was_purged_is_known_from_its_copy(churn, mlflow_uri):
    """Run deleted and purged: the copy in the experiment's tag is in force; without it nothing passes."""
    from mlflow import MlflowClient

    client = MlflowClient()
    set_policy(Record(), BLOCK)
    home, runs = policy_home(client)
    for run in runs:
        client.delete_run(run)
    purge()
    assert current_policy(Record()) == BLOCK
    assert asked(churn)[0] == 1
    client.delete_experiment_tag(home, "spot.policy")
    status, said = asked(churn)
    assert (status, "in force and is gone" in said) == (3, True)


@pytest.mark.parametrize("how", ["deleted", "purged", "renamed", "untagged and replaced"])
def test_the_experiment_of_the_policies_cannot_vanish(churn, mlflow_uri, how):
    """Deleted, purged, renamed or another put in its place: it could not be decided, never "observe"."""
    from mlflow import MlflowClient

    client = MlflowClient()
    set_policy(Record(), BLOCK)
    home, _ = policy_home(client)
    if how in ("deleted", "purged"):
        client.delete_experiment(home)
    if how == "purged":
        purge()
    if how in ("renamed", "untagged and replaced"):
        client.rename_experiment(home, "old things")
    if how == "untagged and replaced":
        client.create_experiment("spot")
    assert asked(churn)[0] == 3
    with pytest.raises(RecordDamaged):
        adoption_under_policy(Record(), churn)


def test_a_decision_remembers_the_policy_it_was_made_by(churn, mlflow_uri):
    """Policy purged and the models' tags gone as well: a decision still names what was in force."""
    from mlflow import MlflowClient
    from terminal import run_spot

    client = MlflowClient()
    set_policy(Record(), BLOCK)
    assert run_spot("gate", churn, "--to", "Production").status == 1
    client.delete_experiment(policy_home(client)[0])
    purge()
    for model in client.search_registered_models():
        client.delete_registered_model_tag(model.name, "spot.policy")
    assert asked(churn)[0] == 3


def test_a_policy_given_with_the_question_is_none_in_force(churn, tmp_path):
    """A decision by ``--policy`` or ``--mode`` leaves no trace of a policy that was never set."""
    from terminal import run_spot

    file = tmp_path / "p.yaml"
    file.write_text(BLOCK.to_yaml(), encoding="utf-8")
    gate = ("gate", churn, "--to", "Production")
    assert run_spot(*gate, "--policy", str(file)).status == 1
    assert run_spot(*gate, "--mode", "block").status == 1
    assert asked(churn)[0] == 0


def test_a_long_policy_has_a_copy_too(churn, mlflow_uri):
    """Patterns for hundreds of models are packed; what cannot be packed into a tag shuts the gate."""
    import random

    from mlflow import MlflowClient

    client = MlflowClient()
    some = [{"match": f"team-{i}-*", "mode": "block"} for i in range(400)]
    letters = random.Random(1)  # noqa: S311 - no secret
    many = [{"match": f"{letters.getrandbits(200):x}*", "mode": "block"} for _ in range(400)]
    for models, kept in ((some, True), (many, False)):
        policy = type(BLOCK).load({**BLOCK.to_dict(), "models": models})
        set_policy(Record(), policy)
        for run in policy_home(client)[1]:
            client.delete_run(run)
        purge()
        if kept:
            assert current_policy(Record()) == policy
        else:
            assert asked(churn)[0] == 3


@pytest.mark.parametrize("recorded", ["nothing", "policy", "promise"])
def test_a_prefix_that_was_forgotten_is_noticed(churn, monkeypatch, recorded):
    """Both prefixes are named, and nothing is decided; of an MLflow without records nothing is said."""
    record = Record()
    monkeypatch.setenv("SPOT_MLFLOW_PREFIX", "governance/spot/")
    if recorded == "policy":
        set_policy(record, BLOCK)
    if recorded == "promise":
        record.append(record.resolve(churn), "assessment", ASSESSED, person="Ann", role="business")
    for other in ("spot/", "governance/"):
        monkeypatch.setenv("SPOT_MLFLOW_PREFIX", other)
        status, said = asked(churn)
        assert status == (0 if recorded == "nothing" else 3), said
        if recorded != "nothing":
            assert "governance/spot" in said
            assert repr(other) in said
    monkeypatch.setenv("SPOT_MLFLOW_PREFIX", "governance/spot/")
    assert asked(churn)[0] == (1 if recorded == "policy" else 0)


@pytest.mark.filterwarnings("ignore:.*transition_model_version_stage.*:FutureWarning")
def test_archiving_and_rollback_pass_where_the_policy_is_lost(churn, mlflow_uri):
    """By URI: a lost policy lets nothing new in, and stops neither archiving nor going back."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from terminal import run_spot

    plain = MlflowClient(mlflow_uri, mlflow_uri)
    set_policy(Record(), default_policy().with_mode("warn"))
    gated = MlflowClient(mlflow_uri, f"spot+{mlflow_uri}")
    for version in ("1", "2"):
        gated.transition_model_version_stage(churn, version, "Production", True)
    plain.create_model_version(churn, "s3://nowhere/m")
    plain.delete_experiment(policy_home(plain)[0])
    fresh = MlflowClient(mlflow_uri, f"spot+{mlflow_uri}?x=1")
    with pytest.raises(MlflowException, match="could not be decided"):
        fresh.transition_model_version_stage(churn, "3", "Production", False)
    with pytest.raises(MlflowException, match="could not be decided"):
        fresh.set_registered_model_alias(churn, "live", "3")
    fresh.transition_model_version_stage(churn, "2", "Archived", False)
    fresh.transition_model_version_stage(churn, "1", "Production", False)
    fresh.transition_model_version_stage(churn, "1", "Archived", False)
    assert run_spot("rollback", churn, "--to", "Production").status == 0


def test_many_models_are_marked_in_a_few_statements(churn, mlflow_uri):
    """A policy's mark reaches every model, also one that has another already, by statements for 500 at once."""
    import sqlalchemy as sa
    from mlflow import MlflowClient

    client, record = MlflowClient(mlflow_uri), Record()
    for n in range(40):
        client.create_registered_model(f"model-{n}")
    first = set_policy(record, default_policy())
    written = []
    with_mark = record.client._get_registry_client().store.engine
    sa.event.listen(
        with_mark, "before_cursor_execute", lambda _c, _u, text, *_: written.append(text)
    )
    second = set_policy(record, default_policy().model_copy(update={"version": "7"}))
    marks = {m.tags["spot.policy"] for m in client.search_registered_models()}
    assert marks == {f"{second.payload['digest']} {second.at.isoformat()}"}
    assert first.payload["digest"] not in "".join(marks)
    assert len([t for t in written if "registered_model_tags" in t and "SELECT" not in t]) <= 4
