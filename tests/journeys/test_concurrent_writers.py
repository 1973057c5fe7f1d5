"""Many processes write about one model at once: nothing is lost, and the tags end up right."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

WRITER = """
import sys
from spot_mlflow.record import Record

uri, number, entries = sys.argv[1], sys.argv[2], int(sys.argv[3])
record = Record(uri, uri)
ref = record.resolve("churn")
phases = ("naming", "scope", "features", "review", "feedback")
for i in range(entries):
    payload = {"phase": phases[i % 5], "kind": "contributed", "what": f"{number}/{i}", "evidence": None, "when": None}
    record.append(ref, "involvement", payload, person=f"Person {number}", role="frontline")
print("done")
"""


def write_at_once(uri, writers, entries):
    """Runs the writers as processes of their own and returns what the record says afterwards."""
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    client = MlflowClient(uri, uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WRITER, uri, str(n), str(entries)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for n in range(writers)
    ]  # fmt: skip
    for process in processes:
        out, err = process.communicate(timeout=1500)
        assert process.returncode == 0, err[-3000:]
        assert out.strip() == "done"
    return Record(uri, uri)


def check(record, writers, entries):
    """Every entry is there once, the log verifies, and the tags say what the record says."""
    from spot_mlflow.reporting.summary import summary_tags

    ref = record.resolve("churn")
    found = record.entries(ref)
    said = {e.payload["what"] for e in found}
    assert len(found) == writers * entries
    assert said == {f"{n}/{i}" for n in range(writers) for i in range(entries)}
    assert record.verify("churn").findings == ()
    wanted = summary_tags(record.adoption("churn"))
    wanted.pop("spot.updated")
    assert wanted.items() <= record.client.get_registered_model("churn").tags.items()
    assert f"{writers} people" in wanted["spot.involvement"]


def test_eight_writers_on_sqlite_lose_nothing(mlflow_uri):
    """8 processes x 100 entries on one SQLite file: 800 kept, 0 lost."""
    check(write_at_once(mlflow_uri, 8, 100), 8, 100)


def test_eight_writers_through_a_server_lose_nothing(plain_server):
    """8 processes x 100 entries over HTTP: 800 kept, 0 lost."""
    check(write_at_once(plain_server, 8, 100), 8, 100)


@pytest.mark.postgres
def test_sixteen_writers_on_postgresql_lose_nothing(postgres_database):
    """16 processes on PostgreSQL: every entry kept, tags right at the end."""
    check(write_at_once(postgres_database, 16, 10), 16, 10)


def test_sixteen_writers_on_sqlite_lose_nothing(mlflow_uri):
    """16 processes on SQLite: every entry kept, tags right at the end."""
    check(write_at_once(mlflow_uri, 16, 10), 16, 10)
