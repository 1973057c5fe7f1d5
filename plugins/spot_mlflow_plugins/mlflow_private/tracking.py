"""Behind the tracking store, past its own heavy readers and writers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


def tracking_store_of(client: Any) -> Any:
    """Returns the tracking store behind a client."""
    return client._tracking_client.store  # noqa: SLF001 - what this package is for


def name_of_experiment(store: Any, experiment_id: str) -> str | None:
    """Returns the name of an experiment in whatever state it is, or None where there is none."""
    from mlflow.exceptions import MlflowException

    if hasattr(store, "ManagedSessionMaker"):
        from mlflow.store.tracking.dbmodels.models import SqlExperiment

        try:
            number = int(experiment_id)
        except ValueError:
            return None
        with _primary(store) as session:
            asked = session.query(SqlExperiment.name)
            found = asked.filter(SqlExperiment.experiment_id == number).first()
        return None if found is None else str(found[0])
    try:
        return str(store.get_experiment(experiment_id).name)
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def experiment_of_run(store: Any, run_id: str) -> str | None:
    """Returns the experiment of a run, or None where there is no such run.

    One column of one row: ``get_run`` would load every tag, param and metric.
    """
    if hasattr(store, "ManagedSessionMaker"):
        from mlflow.store.tracking.dbmodels.models import SqlRun

        with _primary(store) as session:
            found = session.query(SqlRun.experiment_id).filter(SqlRun.run_uuid == run_id).first()
        return None if found is None else str(found[0])
    from mlflow.exceptions import MlflowException

    try:
        return str(store.get_run(run_id).info.experiment_id)
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def experiment_of_logged_model(store: Any, model_id: str) -> str | None:
    """Returns the experiment of a logged model, or None where there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        return str(store.get_logged_model(model_id).experiment_id)
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def artifact_root(store: Any, *, run_id: Any, model_id: Any) -> str | None:
    """Returns where the artifacts of a run, else of a logged model lie; None where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        if run_id:
            return str(store.get_run(run_id).info.artifact_uri)
        return str(store.get_logged_model(model_id).artifact_location) if model_id else None
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def all_views() -> int:
    """Returns the view that shows deleted experiments and runs as well."""
    from mlflow.entities import ViewType

    return int(ViewType.ALL)


class Pulse(NamedTuple):
    """What shows that an experiment has more than before: cheap to ask, and equal means unchanged.

    Attributes:
        stage: lifecycle stage of the experiment.
        runs: its runs, deleted ones included.
        finished: those that are finished.
    """

    stage: str
    runs: int
    finished: int

    def plus_one(self) -> Pulse:
        """Returns the pulse after one more finished run."""
        return Pulse(self.stage, self.runs + 1, self.finished + 1)


def pulse_of(store: Any, experiment_id: str) -> Pulse | None:
    """Returns the pulse of an experiment: one statement; None where the store is no database here."""
    if not hasattr(store, "ManagedSessionMaker"):
        return None
    import sqlalchemy as sa
    from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlRun

    finished = sa.func.sum(sa.case((SqlRun.status == "FINISHED", 1), else_=0))
    query: Any = (
        sa.select(SqlExperiment.lifecycle_stage, sa.func.count(SqlRun.run_uuid), finished)
        .select_from(SqlExperiment)
        .outerjoin(SqlRun, SqlRun.experiment_id == SqlExperiment.experiment_id)
        .where(SqlExperiment.experiment_id == int(experiment_id))
        .group_by(SqlExperiment.lifecycle_stage)
    )
    with _primary(store) as session:
        row = session.execute(query).first()
    return None if row is None else Pulse(str(row[0]), int(row[1]), int(row[2] or 0))


def runs_of(store: Any, experiment_id: str) -> set[str]:
    """Returns the ids of an experiment's active runs; nothing where the store is no database here."""
    if not hasattr(store, "ManagedSessionMaker"):
        return set()
    import sqlalchemy as sa
    from mlflow.store.tracking.dbmodels.models import SqlRun

    query: Any = sa.select(SqlRun.run_uuid).where(
        SqlRun.experiment_id == int(experiment_id), SqlRun.lifecycle_stage == "active"
    )
    with _primary(store) as session:
        return set(session.execute(query).scalars())


def kinds_of_runs(store: Any, experiment_id: str) -> dict[str, str]:
    """Returns finished active run -> kind of entry it holds; nothing where it is no database here."""
    if not hasattr(store, "ManagedSessionMaker"):
        return {}
    import sqlalchemy as sa
    from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag

    query: Any = (
        sa.select(SqlRun.run_uuid, SqlTag.value)
        .join(SqlTag, SqlTag.run_uuid == SqlRun.run_uuid)
        .where(
            SqlRun.experiment_id == int(experiment_id),
            SqlRun.lifecycle_stage == "active",
            SqlRun.status == "FINISHED",
            SqlTag.key == "spot.kind",
        )
    )
    with _primary(store) as session:
        return {str(run): str(kind) for run, kind in session.execute(query).all()}


class RunRows(NamedTuple):
    """A finished run as it stands in the tables, ready to be inserted.

    Attributes:
        run_id: of the run.
        run: its row.
        tags: rows of its tags.
        params: rows of its params.
    """

    run_id: str
    run: dict[str, Any]
    tags: list[dict[str, str]]
    params: list[dict[str, str]]


def finished_run(
    *,
    run_id: str,
    experiment_id: str,
    folder: str,
    name: str,
    at: int,
    tags: Mapping[str, str],
    params: Mapping[str, str],
) -> RunRows:
    """Returns the rows that ``create_run`` and two more calls would leave behind.

    Args:
        run_id: of the run; the table takes each once.
        experiment_id: of the run.
        folder: artifact location of the experiment.
        name: of the run.
        at: its start, milliseconds; it ends now.
        tags: of the run.
        params: of the run.
    """
    from mlflow.utils.uri import append_to_uri_path

    run = {
        "name": name,
        "artifact_uri": append_to_uri_path(folder, run_id, "artifacts"),
        "run_uuid": run_id,
        "experiment_id": int(experiment_id),
        "source_type": "UNKNOWN",
        "source_name": "",
        "entry_point_name": "",
        "user_id": "spot",
        "status": "FINISHED",
        "start_time": at,
        "end_time": int(time.time() * 1000),
        "deleted_time": None,
        "source_version": "",
        "lifecycle_stage": "active",
    }
    said = {**tags, "mlflow.runName": name}
    return RunRows(
        run_id,
        run,
        [{"run_uuid": run_id, "key": k, "value": v} for k, v in said.items()],
        [{"run_uuid": run_id, "key": k, "value": v} for k, v in params.items()],
    )


def evidence_homes(store: Any, tags: tuple[str, str]) -> dict[str, tuple[str, str]] | None:
    """Returns experiment id -> values of two tags, of every experiment that has them both.

    One statement; None where the store is no database here.
    """
    if not hasattr(store, "ManagedSessionMaker"):
        return None
    import sqlalchemy as sa
    from mlflow.store.tracking.dbmodels.models import SqlExperimentTag

    tag: Any = SqlExperimentTag
    query: Any = sa.select(tag.experiment_id, tag.key, tag.value).where(tag.key.in_(tags))
    found: dict[str, dict[str, str]] = {}
    with _primary(store) as session:
        for experiment_id, key, value in session.execute(query):
            found.setdefault(str(experiment_id), {})[str(key)] = str(value)
    return {i: (t[tags[0]], t[tags[1]]) for i, t in found.items() if set(tags) <= set(t)}


def begun(rows: RunRows) -> RunRows:
    """Returns the rows of the same run while it is still being written."""
    return rows._replace(run={**rows.run, "status": "RUNNING", "end_time": None}, params=[])


def status_of_run(store: Any, run_id: str) -> str | None:
    """Returns the status of a run, deleted or not; None where there is none."""
    import sqlalchemy as sa
    from mlflow.store.tracking.dbmodels.models import SqlRun

    with _primary(store) as session:
        query: Any = sa.select(SqlRun.status).where(SqlRun.run_uuid == run_id)
        return session.execute(query).scalar_one_or_none()  # type: ignore[no-any-return] # a column of text


def insert_run(store: Any, rows: RunRows) -> None:
    """Writes a run whole, in one transaction, to a store that is a database of this process."""
    with _primary(store) as session:
        _insert(session, rows)


def _insert(session: Any, rows: RunRows) -> None:
    import sqlalchemy as sa
    from mlflow.store.tracking.dbmodels.models import SqlParam, SqlRun, SqlTag

    connection = session.connection()
    for table, found in ((SqlRun, [rows.run]), (SqlTag, rows.tags), (SqlParam, rows.params)):
        if found:
            connection.execute(sa.insert(table.__table__), found)


def _primary(store: Any) -> Any:
    """Returns a session on the database itself: a read replica may not know of the newest yet."""
    return store.ManagedSessionMaker(read_only=False)
