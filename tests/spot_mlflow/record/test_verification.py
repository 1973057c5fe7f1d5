from __future__ import annotations

import pytest
from mlflow import MlflowClient

from spot_mlflow.record import Record


@pytest.fixture
def written(churn):
    """A record of five entries."""
    record = Record()
    ref = record.resolve(churn)
    entries = [
        record.append(ref, "pulse", {"useful": i, "would_use": 3, "guess": False}, person="Kim", role="frontline", refresh=False)
        for i in range(1, 6)
    ]  # fmt: skip
    return record, ref, entries


def test_an_untouched_record_is_sound(written):
    """Nothing is found where nothing was done."""
    record, ref, _ = written
    assert record.verify(ref).findings == ()
    assert record.verify(ref).entries == 5


def test_an_edit_is_named(written):
    """An entry whose tag was changed is named, and no longer counts."""
    record, ref, entries = written
    MlflowClient().set_tag(entries[1].run_id, "spot.role", "executive")
    found = record.verify(ref)
    assert [(f.trouble, f.run_id) for f in found.findings if f.trouble == "edited"] == [
        ("edited", entries[1].run_id)
    ]
    assert not found.sound
    assert len(record.entries(ref)) == 4


def test_a_deletion_is_named(written):
    """A deleted entry that later ones follow is missed."""
    record, ref, entries = written
    MlflowClient().delete_run(entries[1].run_id)
    found = record.verify(ref)
    assert [f.trouble for f in found.findings] == ["missing"]
    assert entries[1].digest[:12] in found.findings[0].what


def test_a_replay_is_named_and_counts_once(written):
    """A copy of an entry in a run of its own is named and changes nothing."""
    record, ref, entries = written
    client = MlflowClient()
    source = client.get_run(entries[0].run_id)
    copy = client.create_run(source.info.experiment_id, tags=dict(source.data.tags))
    for k, v in source.data.params.items():
        client.log_param(copy.info.run_id, k, v)
    client.update_run(copy.info.run_id, status="FINISHED")
    assert len(record.entries(ref)) == 5
    assert "copied" in {f.trouble for f in record.verify(ref).findings}


def test_a_foreign_run_is_named(written):
    """A run that somebody made by hand in the experiment is named and does not count."""
    record, ref, entries = written
    client = MlflowClient()
    run = client.create_run(client.get_run(entries[0].run_id).info.experiment_id)
    client.update_run(run.info.run_id, status="FINISHED")
    assert [f.trouble for f in record.verify(ref).findings] == ["foreign"]
    assert len(record.entries(ref)) == 5
