"""Writes one entry in three steps, because no MLflow call is atomic over tags, params and metrics.

1. ``create_run`` with all tags (one transaction), 2. the envelope in params (immutable) with metrics,
data set and artifacts, 3. ``update_run(status="FINISHED")``. Whatever stops the writer before the
third step leaves an entry that is not counted.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from spot_mlflow.errors import Unavailable
from spot_mlflow.record import companion, direct
from spot_mlflow.record.entry import PART, Draft, split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Metric, Param

    from spot_mlflow.evidence import Evidence

_PARAMS_A_CALL: Final = 100
_METRICS_A_CALL: Final = 900


class Writer(Protocol):
    """Puts an entry where it belongs; plain MLflow, or the entry route of a gated server."""

    def write(self, draft: Draft, home: Experiment | None = None) -> Evidence:
        """Writes the entry whole or not at all, and returns it as recorded.

        Args:
            draft: the entry.
            home: the companion experiment; looked for, or made, where None.
        """
        ...


class PlainWriter:
    """Writes through MLflow's own calls."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def write(self, draft: Draft, home: Experiment | None = None) -> Evidence:
        """Writes the entry in three steps; see the module."""
        text = draft.text()  # refuses what cannot be written before anything is
        parts = split(text)
        run_id, place = self._begin(draft, text, len(parts), home)
        self._write_batches(run_id, parts, draft)
        self._write_dataset(run_id, draft)
        self._write_artifacts(place, draft)
        direct.finish_run(self._client, run_id)
        return draft.evidence(text, run_id)

    def copy(
        self,
        home: Experiment,
        *,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        name: str,
        metrics: Sequence[tuple[str, float, int, int]] = (),
        dataset: Sequence[str] | None = None,
        folder: Path | None = None,
    ) -> str:
        """Writes an entry of another MLflow as it is there; returns the id of its run.

        Its run begins now, so that whoever reads what is new finds it.

        Args:
            home: the companion experiment.
            tags: of its run.
            params: the parts of its envelope.
            name: of its run.
            metrics: name, value, time in milliseconds and step.
            dataset: name, digest, type of source and source; or None.
            folder: with its files, or None.
        """
        from mlflow.entities import Dataset, DatasetInput, Metric, Param

        run = self._client.create_run(home.experiment_id, tags=dict(tags), run_name=name)
        self._log(
            run.info.run_id,
            [Param(k, v) for k, v in params.items()],
            [Metric(*m) for m in metrics],
        )
        if dataset is not None:
            given = Dataset(*(dataset[0], dataset[1], dataset[2], dataset[3]))
            self._client.log_inputs(run.info.run_id, datasets=[DatasetInput(given, [])])
        if folder is not None:
            self._send_all(str(run.info.artifact_uri), str(folder))
        direct.finish_run(self._client, run.info.run_id)
        return str(run.info.run_id)

    def _begin(
        self, draft: Draft, text: str, parts: int, home: Experiment | None
    ) -> tuple[str, str]:
        """Begins the entry's run, with all its tags; returns its id, and where its files go."""
        home = home or companion.ensure(self._client, draft.ref)
        run = self._client.create_run(
            home.experiment_id,
            start_time=int(draft.at.timestamp() * 1000),
            tags=draft.tags(text, parts),
            run_name=f"{draft.kind} {draft.id[:6]}",
        )
        return str(run.info.run_id), str(run.info.artifact_uri)

    def _write_batches(self, run_id: str, parts: list[str], draft: Draft) -> None:
        """Writes params and metrics, in as few calls as MLflow's limits allow."""
        from mlflow.entities import Param

        params = [Param(f"{PART}{i:05d}", part) for i, part in enumerate(parts)]
        self._log(run_id, params, self._metrics(draft))

    def _log(self, run_id: str, params: list[Param], metrics: list[Metric]) -> None:
        while params or metrics:
            self._client.log_batch(
                run_id, params=params[:_PARAMS_A_CALL], metrics=metrics[:_METRICS_A_CALL]
            )
            params, metrics = params[_PARAMS_A_CALL:], metrics[_METRICS_A_CALL:]

    def _metrics(self, draft: Draft) -> list[Metric]:
        from mlflow.entities import Metric

        now = int(draft.at.timestamp() * 1000)
        # MLflow keys a logged model's metric by name, time, step and run, whatever its value: of two
        # points of one day the later one is a millisecond younger.
        seen: Counter[tuple[str, int]] = Counter()
        metrics = []
        for name, value, step in draft.metrics:
            at = now + seen[name, step]
            seen[name, step] += 1
            metrics.append(Metric(name, value, at, step, model_id=draft.model_id or None))
        return metrics

    def _write_dataset(self, run_id: str, draft: Draft) -> None:
        if draft.dataset is None:
            return
        import json

        from mlflow.entities import Dataset, DatasetInput, InputTag

        name, digest, source = draft.dataset
        dataset = Dataset(
            name=name[:500],
            digest=digest[:36],  # the width of MLflow's column
            source_type="local" if "://" not in source else "code",
            source=json.dumps({"uri": source}),
        )
        tag = InputTag("mlflow.data.context", "outcomes")
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset, [tag])])

    def _write_artifacts(self, place: str, draft: Draft) -> None:
        """Writes the entry's files to where those of its run are.

        Raises:
            Unavailable: that place took none; every artifact store fails in its own way.
        """
        if not draft.artifacts:
            return
        with tempfile.TemporaryDirectory(prefix="spot-") as folder:
            for path, content in draft.artifacts.items():
                target = Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            self._send_all(place, folder)

    def _send_all(self, place: str, folder: str) -> None:
        try:
            self._send(place, folder)
        except Exception as e:
            said = str(e).strip().splitlines() or [type(e).__name__]
            raise Unavailable(
                f"the artifact store at {place} cannot be written: {said[0]}. The entry does not count",
                fix="Make it writable for this user, or start the MLflow server with "
                "--artifacts-destination and --serve-artifacts.",
            ) from e

    def _send(self, place: str, folder: str) -> None:
        direct.log_artifacts(self._client, place, folder)
