"""The page ``spot/compare``: one version of a model against another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from spot_mlflow.errors import NotFound
from spot_mlflow.reporting.pages.compare import compared, result_of
from spot_mlflow_plugins.server.pages.odd_entries import notice, without_odd
from spot_mlflow_plugins.server.pages.pages import (
    entries_of,
    render_page,
    seen_by_reader,
    state_of,
)

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence

VERSIONS = 50  # to choose from, the newest ones


def compare_page(name: str, version: str | None = None, other: str | None = None) -> str:
    """Returns two versions side by side.

    Args:
        name: of the model.
        version: version number; the one its summary is about where None.
        other: the other one; the one before where None.

    Raises:
        NotFound: no such model or version, or only one.
    """
    return without_odd(partial(_page, name, version, other), partial(entries_of, name))


def _page(name: str, version: str | None, other: str | None, odd: tuple[Evidence, ...]) -> str:
    this = seen_by_reader(*state_of(name, version, odd))
    that = seen_by_reader(*state_of(name, other or _before(this[0]), odd))
    every = [v.version for v in this[0].facts.versions][: -VERSIONS - 1 : -1]
    return render_page(
        "compare.html.j2",
        title=f"{this[0].name}: version {this[0].version} and {that[0].version} · S.P.O.T.",
        name=name,
        of=this[0].name,
        this=this[0].version,
        that=that[0].version,
        results=(result_of(this[0]), result_of(that[0])),
        comparison=compared(this, that),
        versions=every,
        odd=notice(odd),
    )


def _before(adoption: Adoption) -> str:
    """Returns the version before, or the next where it is the first."""
    every = [v.version for v in adoption.facts.versions]
    others = [v for v in every if v != adoption.version]
    if not others:
        raise NotFound(
            f"model {adoption.facts.name!r} has no second version to compare with",
            fix="Register another one first.",
        )
    earlier = [v for v in others if int(v) < int(adoption.version or 0)]
    return earlier[-1] if earlier else others[0]
