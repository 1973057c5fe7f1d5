"""Registries that restrict what MLflow's own allows, over a real database: MLflow finds them as plugins.

``UnityLike`` behaves as MLflow's client of Unity Catalog does (``mlflow.store._unity_catalog``): it
refuses what that refuses, in its words, and searches return its classes, which have no tags. The limits
of tags are those of the vendors' pages, named in ``docs/registries.md``.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlflow.entities.model_registry.model_version_search import ModelVersionSearch
from mlflow.entities.model_registry.registered_model_search import RegisteredModelSearch
from mlflow.exceptions import INVALID_PARAMETER_VALUE, MlflowException
from mlflow.store._unity_catalog.registry.rest_store import (
    _raise_unsupported_method,
    _require_arg_unspecified,
)
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = "SPOT_TESTS_REGISTRY"  # where the registry's tables are
_SEARCHES = re.compile(r"(name|run_id) ?= ?(['\"]).*\2")


def _invalid(what: str) -> MlflowException:
    return MlflowException(what, error_code=INVALID_PARAMETER_VALUE)


class Limited(SqlAlchemyStore):
    """A registry with limits on tags."""

    most, key, value = 50, 255, 1000
    key_refuses, value_takes = re.compile(r"(?!)"), re.compile(r"(?s).*")
    version_tags = True

    def _check(self, tag: Any, present: Any) -> None:
        if len(tag.key) > self.key or self.key_refuses.search(tag.key):
            raise _invalid(f"tag key {tag.key!r} is not allowed")
        if len(tag.value) > self.value or not self.value_takes.fullmatch(tag.value):
            raise _invalid(f"the value of tag {tag.key!r} is not allowed")
        if len({*present, tag.key}) > self.most:
            raise _invalid(f"at most {self.most} tags can be assigned")

    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Refuses a tag past the limits."""
        self._check(tag, super().get_registered_model(name).tags)
        super().set_registered_model_tag(name, tag)

    def set_model_version_tag(self, name: str, version: str, tag: Any) -> None:
        """Refuses a tag past the limits, or any."""
        if not self.version_tags:
            raise _invalid("versioned model packages do not support tags")
        self._check(tag, super().get_model_version(name, version).tags)
        super().set_model_version_tag(name, version, tag)


class UnityLike(Limited):
    """No stages, three-level names, tag keys without dots, searches without tags."""

    key_refuses = re.compile(r"[.,\-=/:]|^ | $")
    value_takes = re.compile(r"(?s)(?! ).*(?<! )")

    def _named(self, name: str) -> str:
        if name.count(".") != 2:
            raise _invalid(f"{name!r}: please specify all three levels of the model")
        return name

    def create_registered_model(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Refuses a name without three levels."""
        return super().create_registered_model(self._named(name), *args, **kwargs)

    def get_registered_model(self, name: str) -> Any:
        """Returns the model without its latest versions."""
        found = super().get_registered_model(self._named(name))
        found.latest_versions = None
        return found

    def search_registered_models(
        self, filter_string=None, max_results=None, order_by=None, page_token=None
    ):
        """Returns models without tags and aliases; refuses a filter and an order."""
        _require_arg_unspecified("filter_string", filter_string)
        _require_arg_unspecified("order_by", order_by)
        page = super().search_registered_models(None, max_results, None, page_token)
        told = [
            RegisteredModelSearch(
                m.name, m.creation_timestamp, m.last_updated_timestamp, m.description
            )
            for m in page
        ]
        return PagedList(told, page.token)

    def search_model_versions(
        self, filter_string=None, max_results=None, order_by=None, page_token=None
    ):
        """Returns versions without tags; takes a name or a run as filter, and no order."""
        _require_arg_unspecified("order_by", order_by)
        if not _SEARCHES.fullmatch(filter_string or ""):
            raise _invalid(f"unsupported filter {filter_string!r}")
        page = super().search_model_versions(filter_string, max_results, None, page_token)
        told = [
            ModelVersionSearch(
                m.name,
                str(m.version),
                m.creation_timestamp,
                m.last_updated_timestamp,
                m.description,
                source=m.source,
                run_id=m.run_id,
            )
            for m in page
        ]
        return PagedList(told, page.token)

    def get_latest_versions(self, *_: Any, **__: Any) -> Any:
        """Refuses."""
        _raise_unsupported_method("get_latest_versions")

    def transition_model_version_stage(self, *_: Any, **__: Any) -> Any:
        """Refuses."""
        _raise_unsupported_method("transition_model_version_stage")


class OpenUnityLike(UnityLike):
    """Unity Catalog's open source server: neither tags nor aliases, in MLflow's client of it."""

    def _absent(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("Method not implemented")

    set_registered_model_tag = set_model_version_tag = set_registered_model_alias = _absent


class AzureLike(Limited):
    """Fifty tags, keys of 100 and values of 1,000 characters."""

    key = 100


class SagemakerLike(Limited):
    """Fifty tags of 128 and 256 plain characters; versions have none."""

    key, value = 128, 256
    value_takes = re.compile(r"[\w\s.:/=+\-@]*")
    version_tags = False


def _opened(kind: type[Limited]) -> Any:
    return kind(os.environ[DATABASE])


def unity(store_uri: str, tracking_uri: str | None = None) -> Any:
    """What MLflow calls for ``databricks-uc``."""
    return _opened(UnityLike)


def open_unity(store_uri: str, tracking_uri: str | None = None) -> Any:
    """What MLflow calls for ``uc``."""
    return _opened(OpenUnityLike)


def azure(store_uri: str, tracking_uri: str | None = None) -> Any:
    """What MLflow calls for ``azureml``."""
    return _opened(AzureLike)


def sagemaker(store_uri: str, tracking_uri: str | None = None) -> Any:
    """What MLflow calls for ``sagemaker-like``."""
    return _opened(SagemakerLike)


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Makes MLflow find them as it finds any plugin: by the entry points of a distribution."""
    from mlflow.tracking._model_registry import utils

    info = folder / "other_registries-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-registries\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[mlflow.model_registry_store]\n"
        "databricks-uc = other_registries:unity\n"
        "uc = other_registries:open_unity\n"
        "azureml = other_registries:azure\n"
        "sagemaker-like = other_registries:sagemaker\n"
    )
    before = utils._model_registry_store_registry
    sys.path.insert(0, str(folder))
    utils._model_registry_store_registry = None
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        utils._model_registry_store_registry = before
