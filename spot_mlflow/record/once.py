"""Asks the registry once for what one answer needs twice: finding the model, and its facts.

On an SQLite file the registry's two questions cost a quarter of reading a hundred entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient


class RegistryOnce:
    """A client that remembers a model and its versions; made for one answer and then dropped."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._answers: dict[tuple[Any, ...], Any] = {}

    def get_registered_model(self, name: str) -> Any:
        """As ``MlflowClient`` does; a model that is not there is asked for again."""
        key = ("model", name)
        if key not in self._answers:
            self._answers[key] = self._client.get_registered_model(name)
        return self._answers[key]

    def search_model_versions(self, filter_string: str, **options: Any) -> Any:
        """As ``MlflowClient`` does, page by page."""
        key = ("versions", filter_string, *sorted(options.items()))
        if key not in self._answers:
            self._answers[key] = self._client.search_model_versions(filter_string, **options)
        return self._answers[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
