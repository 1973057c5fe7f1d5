"""The entries of the pages' side bar; each is shown once its route is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the side bar.

    Attributes:
        page: name of the page, as its template calls itself (``here``).
        route: its path below the prefix of the server.
        words: what the entry says.
    """

    page: str
    route: str
    words: str

    @property
    def address(self) -> str:
        """The address relative to any page of ours."""
        return self.route.removeprefix("/spot/") or "./"


ENTRIES: Final = (
    Entry("week", "/spot/", "This week"),
    Entry("models", "/spot/models", "Models"),
    Entry("me", "/spot/me", "For me"),
    Entry("benchmark", "/spot/benchmark", "Benchmark"),
)


def entries_shown() -> tuple[Entry, ...]:
    """Returns the entries whose routes this server has; in a request or outside of one."""
    from flask import current_app, has_app_context

    if not has_app_context():
        return ENTRIES[:1]
    known = {rule.rule for rule in current_app.url_map.iter_rules()}
    return tuple(e for e in ENTRIES if any(path.endswith(e.route) for path in known))
