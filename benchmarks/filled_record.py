"""Fills a model's record in an SQLite file with many entries, written as the record writes them.

One by one through MLflow, 10,000 entries take minutes; here the same rows go in with one statement
per table.
"""

from __future__ import annotations

import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from ready_model import ready
from ready_record import make_ready

from spot_mlflow.record import companion
from spot_mlflow.record.entry import PART, Draft, split
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from spot_mlflow.record import Record


def fill(record: Record, database: str, model: str, count: int) -> None:
    """Makes a version ready ("churn/1") and brings its record up to ``count`` entries.

    What is added are assessments, involvement and minor concerns with their answers, by a few dozen
    people over a year: what a long-lived model collects.
    """
    make_ready(record, model)
    ref = record.resolve(model)
    experiment = companion.ensure(record.client, ref)
    template = record.client.search_runs([experiment.experiment_id], max_results=1)[0]
    present = len(record.entries(ref))
    drafts = [_draft(ref, i, count) for i in range(count - present)]
    runs: list[dict[str, Any]] = []
    tags: list[dict[str, Any]] = []
    params: list[dict[str, Any]] = []
    root = template.info.artifact_uri.rsplit("/", 2)[0]
    for draft in drafts:
        text = draft.text()
        parts = split(text)
        run = uuid.uuid4().hex
        at = int(draft.at.timestamp() * 1000)
        runs.append(
            {
                "run_uuid": run, "name": f"{draft.kind} {draft.id[:6]}", "source_type": "UNKNOWN",
                "source_name": "", "entry_point_name": "", "user_id": "", "status": "FINISHED",
                "start_time": at, "end_time": at, "deleted_time": None, "source_version": "",
                "lifecycle_stage": "active", "artifact_uri": f"{root}/{run}/artifacts",
                "experiment_id": int(experiment.experiment_id),
            }
        )  # fmt: skip
        named = {**draft.tags(text, len(parts)), "mlflow.runName": draft.kind}
        tags += [{"run_uuid": run, "key": k, "value": v} for k, v in named.items()]
        params += [
            {"run_uuid": run, "key": f"{PART}{i:05d}", "value": p} for i, p in enumerate(parts)
        ]
    insert(database, runs=runs, tags=tags, params=params)


def _draft(ref: Any, i: int, count: int) -> Draft:
    sample = ready(without=("prediction", "sign_off"))
    chosen = sample[i % len(sample)]
    return Draft(
        ref=ref,
        kind=chosen.kind,
        payload=chosen.payload,
        person=f"Person {i % 37}",
        role=chosen.role,
        at=utc(None) - timedelta(days=2 + 363 * (count - i) / count),
        recorded_by="bench",
    )


def insert(database: str, **rows: list[dict[str, Any]]) -> None:
    """Inserts rows, table by table."""
    engine = sa.create_engine(database)
    known = sa.MetaData()
    known.reflect(engine, only=list(rows))
    with engine.begin() as connection:
        for table, values in rows.items():
            if values:
                connection.execute(known.tables[table].insert(), values)
    engine.dispose()
