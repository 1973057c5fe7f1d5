"""What a registry can hold: the one place that knows how registries differ from MLflow's own.

Each restriction is the vendor's; ``docs/registries.md`` names the page that says so. Whatever reads or
writes a registry asks ``ways_of`` and acts on the value, never on the registry's address.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.targets import normalize_target
from spot_mlflow.record import direct
from spot_mlflow.reporting.message.summary import LIMIT, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow import MlflowClient

    Lack = Literal[
        "stages", "targets", "search tags", "tags", "version tags", "tag characters", "tag limits"
    ]

VARIABLE: Final = "SPOT_MLFLOW_REGISTRY"
_OWN: Final = re.compile(r"(?:spot|outcome(?:-|__)check)(?:[._].*)?")  # keys of our tags
_FIRST: Final = (
    "spot",
    "spot.updated",
    "spot.policy",
)  # what is kept where there is no room for all


@dataclass(frozen=True, slots=True)
class RegistryWays:
    """What one kind of registry can hold.

    Attributes:
        name: as its vendor calls it.
        stages: whether versions have stages.
        aliases: whether versions have aliases.
        levels: parts of a model's name, with dots between them.
        tags: whether models and versions can have tags at all.
        version_tags: whether versions can.
        search_tells_tags: whether a search tells the tags of what it found.
        searches_sources: whether versions can be searched for by their source.
        plain_keys: whether dots and hyphens must not be in a tag's key.
        most_tags: tags that one model or version may have, or None.
        longest: characters of a tag's value.
        value: pattern of one character that a value may hold, or "" where it may hold any.
        page: address of the vendor's page on the limits.
    """

    name: str
    stages: bool = True
    aliases: bool = True
    levels: int = 1
    tags: bool = True
    version_tags: bool = True
    search_tells_tags: bool = True
    searches_sources: bool = True
    plain_keys: bool = False
    most_tags: int | None = None
    longest: int = LIMIT - 1
    value: str = ""
    page: str = ""

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """What it cannot hold of what MLflow's own registry holds."""
        found: list[tuple[Lack, bool]] = [
            ("stages", not self.stages and self.aliases),
            ("targets", not self.stages and not self.aliases),
            ("tags", not self.tags),
            ("version tags", self.tags and not self.version_tags),
            ("search tags", self.tags and not self.search_tells_tags),
            ("tag characters", self.tags and self.plain_keys),
            ("tag limits", self.tags and self.most_tags is not None),
        ]
        return tuple(lack for lack, holds in found if holds)

    def key(self, key: str) -> str:
        """Returns a tag's key as it is written here; ``own`` reads it back."""
        if not self.plain_keys:
            return key
        return key.replace("_", "___").replace("-", "__").replace(".", "_")

    def own(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Returns tags as they were read, ours under their usual keys."""
        return {self._read(k): v for k, v in tags.items()}

    def _read(self, key: str) -> str:
        if not self.plain_keys or not _OWN.fullmatch(key):
            return key
        told = {"___": "_", "__": "-", "_": "."}
        return re.sub("_{1,3}", lambda m: told[m[0]], key)

    def fitted(
        self, tags: Mapping[str, str], present: Iterable[str], *, versioned: bool
    ) -> dict[str, str]:
        """Returns the tags that have room, with values that may be written.

        Args:
            tags: ours, those that matter most first.
            present: keys of the tags that are there already.
            versioned: whether they are a version's.
        """
        if not self.tags or (versioned and not self.version_tags):
            return {}
        said = {k: self._value(v) for k, v in tags.items()}
        if self.most_tags is None:
            return said
        others = sum(not _OWN.fullmatch(k) for k in present)
        kept = [k for k in _FIRST if k in said] + [k for k in said if k not in _FIRST]
        # The marks are written apart, and need their room.
        room = self.most_tags - others - sum(k not in said for k in _FIRST)
        return {k: said[k] for k in kept[: max(room, 0)]}

    def _value(self, value: str) -> str:
        if self.value:
            value = " ".join(re.sub(f"[^{self.value}]", " ", value).split())
        elif self.longest < LIMIT - 1:
            value = value.strip()
        cut = shorten(value, self.longest)
        return cut if cut == value or not self.value else value[: self.longest].strip()

    def check_target(self, target: str) -> None:
        """Checks that a version can have a target here.

        Raises:
            InvalidInput: it is a stage, and there are none, or an alias, and there are none.
        """
        alias = normalize_target(target).startswith("@")
        if self.aliases if alias else self.stages:
            return
        if not self.aliases:
            raise InvalidInput(
                f"target == {target!r}, but {self.name} has neither stages nor aliases",
                fix="Keep the model in a registry that has them.",
            )
        raise InvalidInput(
            f"target == {target!r}, must be an alias: {self.name} has no stages",
            fix="Use an alias, for example --to @champion, and name it in the policy.",
        )

    def told_target(self, usual: str, targets: Iterable[str]) -> str:
        """Returns the target whose answer summaries tell: the usual one, else an alias of the policy."""
        if self.stages:
            return usual
        aliases = [t for t in targets if t.startswith("@")]
        return next((t for t in aliases if t == "@champion"), next(iter(aliases), usual))


MLFLOW: Final = RegistryWays("MLflow")
UNITY_CATALOG: Final = RegistryWays(
    "Unity Catalog",
    stages=False,
    levels=3,
    search_tells_tags=False,
    searches_sources=False,
    plain_keys=True,
    most_tags=50,
    longest=1000,
    page="https://docs.databricks.com/aws/en/database-objects/tags",
)
OPEN_UNITY_CATALOG: Final = RegistryWays(
    "Unity Catalog (open source)",
    stages=False,
    aliases=False,
    levels=3,
    tags=False,
    version_tags=False,
    search_tells_tags=False,
    searches_sources=False,
    page="https://github.com/mlflow/mlflow/blob/master/mlflow/store/_unity_catalog/registry/uc_oss_rest_store.py",
)
AZURE: Final = RegistryWays(
    "Azure Machine Learning",
    most_tags=50,
    longest=1000,
    page="https://learn.microsoft.com/en-us/azure/machine-learning/resource-limits-capacity",
)
SAGEMAKER: Final = RegistryWays(
    "Amazon SageMaker",
    version_tags=False,
    most_tags=50,
    longest=256,
    value=r"\w\s.:/=+\-@",
    page="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html",
)
KINDS: Final[Mapping[str, RegistryWays]] = {
    "mlflow": MLFLOW,
    "unity-catalog": UNITY_CATALOG,
    "unity-catalog-oss": OPEN_UNITY_CATALOG,
    "azureml": AZURE,
    "sagemaker": SAGEMAKER,
}
_SCHEMES: Final[Mapping[str, RegistryWays]] = {
    "databricks-uc": UNITY_CATALOG,
    "uc": OPEN_UNITY_CATALOG,
    "azureml": AZURE,
}


def ways_of(client: MlflowClient) -> RegistryWays:
    """Returns what a client's registry can hold: by the scheme of its address, or as it is told.

    Raises:
        InvalidInput: ``SPOT_MLFLOW_REGISTRY`` names no kind of registry.
    """
    told = os.environ.get(VARIABLE, "")
    if told:
        if told not in KINDS:
            raise InvalidInput(
                f"{VARIABLE} == {told!r}, must be one of {', '.join(KINDS)}", where="environment"
            )
        return KINDS[told]
    return _SCHEMES.get(direct.registry_uri(client).split(":", 1)[0], MLFLOW)
