from __future__ import annotations

import pytest
from mlflow import MlflowClient

import spot_mlflow as spot
from spot_mlflow.errors import RecordDamaged, Unavailable
from spot_mlflow.record import Record, direct


def test_entries_come_back_oldest_first(churn):
    """What was appended is read in the order in which it was said."""
    record = Record()
    ref = record.resolve(churn)
    for i in range(3):
        record.append(ref, "pulse", {"useful": i + 1, "would_use": 3, "guess": False}, person="Kim", role="frontline")  # fmt: skip
    assert [e.payload["useful"] for e in record.entries(ref)] == [1, 2, 3]


def test_each_entry_follows_the_ones_before(churn):
    """An entry carries the digests of those that were newest when it was written."""
    record = Record()
    ref = record.resolve(churn)
    first, second = (record.append(ref, "pulse", {"useful": i, "would_use": 3, "guess": False}, person="Kim", role="business", refresh=False) for i in (1, 2))  # fmt: skip
    assert first.parents == ()
    assert second.parents == (first.digest,)


def test_a_stop_between_the_steps_leaves_nothing_that_counts(churn, monkeypatch):
    """A writer that dies after any of its calls has written no entry."""
    record = Record()
    ref = record.resolve(churn)
    for of, call in ((record.client, "log_batch"), (direct, "finish_run")):
        with monkeypatch.context() as m:
            m.setattr(of, call, _dies)
            with pytest.raises(KeyboardInterrupt):
                record.append(
                    ref,
                    "pulse",
                    {"useful": 1, "would_use": 1, "guess": False},
                    person="Kim",
                    role="business",
                )
    assert record.entries(ref) == []
    found = record.verify(ref)
    assert [f.trouble for f in found.findings] == ["half written", "half written"]
    assert found.sound


def _dies(*_args, **_kwargs):
    raise KeyboardInterrupt


def test_evidence_survives_a_rename(churn, contract):
    """A renamed model keeps its record, and writes on in it."""
    spot.log_predicted_lift("churn/1", contract)
    MlflowClient().rename_registered_model("churn", "attrition")
    assert len(spot.get_adoption("attrition").entries) == 1
    spot.log_predicted_lift("attrition/2", contract)
    assert len(spot.get_adoption("attrition").entries) == 2
    assert MlflowClient().get_experiment_by_name("spot/attrition") is not None


def test_another_model_under_the_old_name_takes_no_record_along(churn, contract):
    """A renamed model keeps its record when its old name is given to another model, which has its own."""
    spot.log_predicted_lift("churn/1", contract)
    client = MlflowClient()
    client.rename_registered_model("churn", "attrition")
    client.create_registered_model("churn")
    client.create_model_version("churn", source="file:///nowhere")
    assert len(spot.get_adoption("attrition").entries) == 1
    assert spot.get_adoption("churn").entries == ()
    spot.log_predicted_lift("churn/1", contract)
    spot.log_predicted_lift("attrition/2", contract)
    assert len(spot.get_adoption("attrition").entries) == 2
    assert len(spot.get_adoption("churn").entries) == 1


@pytest.mark.parametrize("length", [224, 225, 256])
def test_a_long_name_has_a_record(mlflow_uri, contract, length):
    """A model may be called as long as MLflow lets it; what begins alike is told apart."""
    client = MlflowClient(mlflow_uri)
    names = ["x" * (length - 1) + end for end in "ab"]
    for name in names:
        client.create_registered_model(name)
        client.create_model_version(name, source="file:///nowhere")
        spot.log_predicted_lift(f"{name}/1", contract)
    assert [len(spot.get_adoption(n).entries) for n in names] == [1, 1]
    assert all(len(e.name) <= 256 for e in client.search_experiments())


def test_a_model_made_anew_has_a_record_of_its_own(churn, contract):
    """A deleted model's evidence is not inherited by a new model of the same name."""
    spot.log_predicted_lift("churn/1", contract)
    client = MlflowClient()
    client.delete_registered_model("churn")
    client.create_registered_model("churn")
    client.create_model_version("churn", source="file:///nowhere")
    assert spot.get_adoption("churn").entries == ()
    spot.log_predicted_lift("churn", contract)
    assert len(spot.get_adoption("churn").entries) == 1


def test_a_copied_version_does_not_inherit_evidence(churn, contract):
    """Copying a version copies its tags, not its evidence."""
    spot.log_predicted_lift("churn/1", contract)
    client = MlflowClient()
    client.create_registered_model("copy")
    tags = client.get_model_version("churn", "1").tags
    client.create_model_version("copy", source="models:/churn/1", tags=tags)
    assert spot.get_adoption("copy").predicted is None


@pytest.mark.parametrize("gone", ["deleted", "purged"])
def test_a_deleted_record_is_reported(churn, contract, gone):
    """A deleted companion experiment is reported and never silently replaced."""
    spot.log_predicted_lift("churn/1", contract)
    client = MlflowClient()
    experiment = client.get_experiment_by_name("spot/churn")
    client.delete_experiment(experiment.experiment_id)
    if gone == "purged":
        client._tracking_client.store._hard_delete_experiment(experiment.experiment_id)
    with pytest.raises(RecordDamaged, match=r"[Rr]estore"):
        spot.get_adoption("churn")
    with pytest.raises(RecordDamaged):
        spot.log_predicted_lift("churn/2", contract)


def test_a_server_that_is_down_is_named(monkeypatch):
    """A tracking server that does not answer gives Unavailable with its address, no password."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    record = Record("http://someone:secret@127.0.0.1:9", "http://someone:secret@127.0.0.1:9")
    with pytest.raises(Unavailable) as e:
        record.adoption("churn")
    assert "did not answer" in str(e.value)
    assert "secret" not in str(e.value)


def test_tags_say_what_the_record_says(churn, contract):
    """After each entry the summary tags are those derived from the record."""
    from spot_mlflow.reporting.message.summary import summary_tags

    spot.log_predicted_lift("churn/2", contract)
    spot.log_involvement(
        "churn", phase="review", kind="contributed", person="Kim", role="frontline"
    )
    model = MlflowClient().get_registered_model("churn")
    wanted = summary_tags(spot.get_adoption("churn/2"))
    wanted.pop("spot.updated")
    assert wanted.items() <= model.tags.items()
    assert "Promised" in model.description


def test_description_keeps_what_a_person_wrote(churn, contract):
    """The managed block never touches a person's own words."""
    client = MlflowClient()
    client.update_registered_model("churn", description="Ours.\n\nAsk team West.")
    spot.log_predicted_lift("churn/1", contract)
    spot.log_predicted_lift("churn/1", contract | {"predicted": 0.4})
    text = client.get_registered_model("churn").description
    assert "Ours.\n\nAsk team West." in text
    assert text.count("spot:begin") == 1


@pytest.mark.parametrize(
    ("named", "picture"), [({"chart": "lift-gap.svg"}, "lift-gap.svg"), ({}, "lift-gap.png")]
)
def test_a_description_shows_the_picture_its_check_was_recorded_with(churn, named, picture):
    """Today's checks name an SVG; older ones, which name none, go on showing their PNG."""
    from reports import short_report

    record, report = Record(), short_report()
    spot.log_predicted_lift("churn/1", report.predicted)
    record.append(record.resolve("churn/1"), "outcomes", report.to_dict() | named)
    text = MlflowClient().get_model_version("churn", "1").description
    assert f"get-artifact?path={picture}&" in text


def test_policies_live_in_the_registry_s_own_record(churn):
    """A policy that was set is the one in force, and the record is bound to no model."""
    from spot_mlflow.gate.policy import default_policy
    from spot_mlflow.record.policies import current_policy, set_policy

    record = Record()
    assert current_policy(record) == default_policy()
    other = default_policy().model_copy(update={"name": "ours"})
    set_policy(record, other, person="Kim")
    assert current_policy(Record()).name == "ours"


def test_the_portfolio_costs_as_many_queries_for_many_models_as_for_few(mlflow_uri):
    """One page of the registry is one call and the same SQL statements, however many are on it."""
    import sqlalchemy as sa

    client, record = MlflowClient(mlflow_uri), Record()
    statements = []

    def count(_connection, _cursor, statement, *_):
        statements.append(statement)

    def cost(models):
        for i in range(len(record.models()), models):
            client.create_registered_model(f"model-{i}", tags={"spot.readiness": "3"})
        statements.clear()
        sa.event.listen(sa.Engine, "before_cursor_execute", count)
        try:
            assert len(record.portfolio()) == models
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", count)
        return len(statements)

    assert cost(2) == cost(25) > 0


class Asked:
    """An MLflow client that notes which of its methods are called."""

    def __init__(self, client):
        self._client, self.calls = client, []

    def __getattr__(self, name):
        value = getattr(self._client, name)
        if not callable(value):
            return value

        def call(*args, **kwargs):
            self.calls.append(name)
            return value(*args, **kwargs)

        return call


def test_an_entry_looks_for_its_place_a_few_times_and_no_more(churn):
    """What one entry asks of a server does not creep up: each question may be a trip around the world."""
    client = Asked(MlflowClient())
    record = Record(client=client)
    ref = record.resolve(churn)
    said = {"useful": 4, "would_use": 4, "guess": False}
    record.append(ref, "pulse", said, person="Kim", role="frontline")
    client.calls.clear()
    record.append(ref, "pulse", said, person="Kim", role="frontline")
    assert client.calls.count("get_experiment_by_name") <= 7
    assert len(client.calls) <= 20


def test_the_portfolio_in_a_database_is_what_a_search_tells(mlflow_uri):
    """Names and tags, in its order, without the prompts."""
    client = MlflowClient(mlflow_uri, mlflow_uri)
    for name, tags in (("b", {"x": "1", "y": ""}), ("a", {}), ("A", {"x": "ü"})):
        client.create_registered_model(name, tags)
    client.register_prompt("a-prompt", "Say {{word}}")
    found = [(m.name, dict(m.tags)) for m in client.search_registered_models()]
    assert [name for name, _ in found] == ["A", "a", "b"]
    assert [(name, dict(tags)) for name, tags in Record().portfolio()] == found
    assert Record().models() == ["A", "a", "b"]


def test_the_portfolio_of_a_server_is_read_page_by_page(plain_server, monkeypatch):
    """1,000 models to a page; what is on the second is not lost."""
    from mlflow.entities.model_registry import RegisteredModel
    from mlflow.store.entities.paged_list import PagedList

    asked = []

    def page(self, max_results, page_token=None):
        asked.append((max_results, page_token))
        names = range(1000) if page_token is None else range(1000, 1007)
        return PagedList([RegisteredModel(f"m{i}") for i in names], "2" if not page_token else None)

    monkeypatch.setattr(MlflowClient, "search_registered_models", page)
    assert len(Record(plain_server, plain_server).portfolio()) == 1007
    assert asked == [(1000, None), (1000, "2")]
