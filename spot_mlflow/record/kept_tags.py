"""The tags of all models, kept in memory and read again where they have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.record import direct
from spot_mlflow.record.facts import every_model
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.reporting.message.listed import UPDATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient


class KeptTags:
    """The tags of one registry's models.

    Which models there are and when they changed is asked for each time, by one statement; the tags
    are read of those that changed. Every summary changes its mark last. Tags that somebody sets past
    the record are noticed with the next summary.

    Args:
        client: MLflow; where its registry is no database of this process, nothing is kept.
    """

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._kept: dict[str, tuple[tuple[int, int, str], Mapping[str, str]]] = {}

    def read(self) -> list[tuple[str, Mapping[str, str]]]:
        """Returns (name, tags) of every registered model, by name.

        Raises:
            Unavailable: the registry did not answer.
        """
        with mlflow_errors("the registry", at=str(self._client.tracking_uri)):
            marks = direct.model_marks(self._client, UPDATED)
            if marks is None:
                return every_model(self._client)
            before = self._kept
            changed = [n for n, mark in marks.items() if n not in before or before[n][0] != mark]
            fresh = direct.model_tags(self._client, changed) if changed else {}
        # Made anew and put in place at once: another thread reads the whole of one state.
        kept = {n: (mark, fresh[n] if n in fresh else before[n][1]) for n, mark in marks.items()}
        self._kept = kept
        return [(name, kept[name][1]) for name in sorted(kept)]
