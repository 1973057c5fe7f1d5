"""Many processes write about one model at once: nothing is lost, and the tags end up right."""

from __future__ import annotations

import pytest
from writers import MODEL, write_at_once

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]


def check(record, writers, entries):
    """Every entry is there once, the log verifies, and the tags say what the record says."""
    from spot_mlflow.reporting.message.summary import summary_tags

    ref = record.resolve(MODEL)
    found = record.entries(ref)
    said = {e.payload["what"] for e in found}
    assert len(found) == writers * entries
    assert said == {f"{n}/{i}" for n in range(writers) for i in range(entries)}
    assert record.verify(MODEL).findings == ()
    wanted = summary_tags(record.adoption(MODEL))
    wanted.pop("spot.updated")
    assert wanted.items() <= record.client.get_registered_model(MODEL).tags.items()
    assert f"{writers} people" in wanted["spot.involvement"]


def test_eight_writers_through_a_server_lose_nothing(plain_server):
    """8 processes x 12 entries over HTTP: 96 kept, 0 lost."""
    check(write_at_once(plain_server, 8, 12), 8, 12)


@pytest.mark.postgres
def test_sixteen_writers_on_postgresql_lose_nothing(postgres_database):
    """16 processes on PostgreSQL: every entry kept, tags right at the end."""
    check(write_at_once(postgres_database, 16, 10), 16, 10)


def test_sixteen_writers_on_sqlite_lose_nothing(mlflow_uri):
    """16 processes on SQLite: every entry kept, tags right at the end."""
    check(write_at_once(mlflow_uri, 16, 10), 16, 10)
