"""What a registry cannot hold, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LACKS: Final[Mapping[str, str]] = {
    "stages": "it has no stages, so targets are aliases",
    "targets": "it has neither stages nor aliases, so no version can be given a target",
    "tags": "it has no tags, so the summary is in the description only",
    "version tags": "its versions have no tags, so their summary is in the description only",
    "search tags": "its search returns no tags, so a list of all models asks for each model",
    "tag characters": "its tag keys take no dot, so spot.readiness is written spot_readiness",
    "tag limits": "it limits tags in number and length, so long ones are cut",
}


def registry_sentence(name: str, lacks: Iterable[str], page: str) -> str:
    """Returns one sentence on what a registry cannot hold; "" where it holds everything.

    Args:
        name: as its vendor calls it.
        lacks: keys of what it cannot hold.
        page: the vendor's page on its limits.
    """
    said = "; ".join(_LACKS[lack] for lack in lacks)
    return f"The registry is {name}: {said} ({page})." if said else ""
