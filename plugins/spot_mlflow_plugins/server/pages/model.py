"""The page ``spot/model``: one version, its answer first, the rest in tabs that are plain links."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from spot_mlflow.gate.break_glass import glass_notes
from spot_mlflow.gate.case import ANYBODY
from spot_mlflow.gate.decision import decide
from spot_mlflow.letters import LETTERS
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.readiness import readiness_chart
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.message.todo import Todo, todo_of
from spot_mlflow.reporting.pages.adoption_view import adoption_sections, title_of
from spot_mlflow.reporting.sections.history import history_sections, log_section
from spot_mlflow.reporting.sections.lift import sections_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.reporting.words.standing import standing_of, targets_asked
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow_plugins.server.pages.forms import RECORDED
from spot_mlflow_plugins.server.pages.odd_entries import notice, without_odd
from spot_mlflow_plugins.server.pages.pages import (
    entries_of,
    render_page,
    seen_by_reader,
    state_of,
)
from spot_mlflow_plugins.server.pages.target_forms import waiting_requests
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import model_lock, server_record
from spot_mlflow_plugins.server.trust.identity import is_administrator
from spot_mlflow_plugins.server.trust.links import switched_off

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.reporting.sections.section import Section

# Tab -> its words; the first is shown where none is named.
TABS: Final = {
    "result": "Result",
    "causes": "Causes",
    "people": "People",
    "history": "History",
    "log": "Log",
}
CAUSES: Final = frozenset({"lost", "reality", "adoption", "scores"})
PEOPLE: Final = ("readiness", "involvement", "plan", "taken_down")
_ELSEWHERE: Final = CAUSES | {"readiness", "method"}
VERSIONS: Final = 20  # to choose from, the newest ones
FIRST: Final = (
    3  # of what is to be done; the others are folded, so that the result is not far below
)
TODO: Final = 12  # more would not be read; the rest is in `spot todo`


@dataclass(frozen=True, slots=True)
class Shown:
    """Which model, and what of it.

    Attributes:
        name: of the model.
        version: version number; the one its summary is about where None.
        tab: key of ``TABS``.
        page: of the log.
        done: the form by which the reader has just acted, or "".
        own: token of the link of the concern that the reader has just raised, or "".
    """

    name: str
    version: str | None = None
    tab: str = "result"
    page: int = 1
    done: str = ""
    own: str = ""

    def address(self, **other: Any) -> str:
        """Returns the query of the address of the same page, but for what is given."""
        said = {
            "name": self.name,
            "version": self.version or "",
            "tab": "" if self.tab == "result" else self.tab,
            **other,
        }
        return urlencode({k: v for k, v in said.items() if v})


def model_page(shown: Shown) -> str:
    """Returns what is known of one model version, its result first.

    Raises:
        NotFound: no such model or version.
    """
    known = shown if shown.tab in TABS else replace(shown, tab="result")
    return without_odd(partial(_page, known), partial(entries_of, shown.name))


def _page(shown: Shown, odd: tuple[Evidence, ...]) -> str:
    adoption, decision = seen_by_reader(*state_of(shown.name, shown.version, odd))
    shown = replace(shown, version=adoption.version)
    sections, pages = _sections(shown, adoption, decision)
    versions = [v.version for v in adoption.facts.versions][: -VERSIONS - 1 : -1]
    return render_page(
        "model.html.j2",
        title=f"{adoption.name} · S.P.O.T.",
        name=shown.name,
        title_of=title_of(adoption),
        headline=headline_of(adoption=adoption, decision=decision),
        adoption=adoption,
        odd=notice(odd),
        loud=glass_notes(adoption, adoption.version),
        done=RECORDED.get(shown.done, ""),
        own=shown.own,
        requests=waiting_requests(adoption),
        shown=shown,
        tabs=TABS,
        sections=sections,
        pages=pages,
        concerns=adoption.involvement.open_concerns if shown.tab == "result" else (),
        todos=_todos(adoption) if shown.tab == "result" else (),
        links=not switched_off(),
        administrator=is_administrator(),
        first=FIRST,
        letters=_letters(adoption) if shown.tab == "people" else (),
        versions=versions,
        others=[v for v in versions if v != adoption.version],
        report_run=(adoption.latest_check or {}).get("run_id"),
        day=figures.day,
    )


def _todos(adoption: Adoption) -> list[Todo]:
    """Returns what waits, but for the concerns, which are shown with their words."""
    return [t for t in todo_of(adoption) if not t.concern and not t.request][:TODO]


def _sections(
    shown: Shown, adoption: Adoption, decision: GateDecision | None
) -> tuple[tuple[Section, ...], int]:
    """Returns the sections of a tab, and how many pages it has."""
    if shown.tab == "history":
        return history_sections(adoption), 1
    if shown.tab == "log":
        section, pages = log_section(adoption, shown.page)
        return (section,), pages
    own = {s.key: s for s in adoption_sections(adoption, decision)}
    if shown.tab == "people":
        if "readiness" in own and adoption.readiness.people:
            own["readiness"] = _with_dots(own["readiness"], adoption)
        return tuple(own[key] for key in PEOPLE if key in own), 1
    check = adoption.latest_check
    found = () if check is None else sections_of(lift_view(check), adoption)
    if shown.tab == "causes":
        return tuple(s for s in found if s.key in CAUSES), 1
    if "gate" in own:
        own["gate"] = _with_every_target(own["gate"], adoption)
    first = [own[key] for key in ("gate", *(("lift",) if check is None else ())) if key in own]
    return (*first, *(s for s in found if s.key not in _ELSEWHERE)), 1


def _with_every_target(section: Section, adoption: Adoption) -> Section:
    """Adds where the version is with each target that the policy knows, where there are several."""
    with model_lock(""):
        policy = policy_in_force(server_record())
    asked = targets_asked(policy, adoption.facts)
    if len(asked) < 2 or adoption.version is None:  # noqa: PLR2004 - one is the section itself
        return section
    told = [
        standing_of(adoption, decide(adoption, target, policy=policy, requester=ANYBODY))
        for target in asked
    ]
    rows = tuple((standing.target, standing.line) for standing in told)
    table = Table("Each target of the policy", ("target", "where the version is"), rows)
    return replace(section, tables=(*section.tables, table))


def _letters(adoption: Adoption) -> list[tuple[str, Any, str]]:
    """Returns (word, result, weakest question in short words) of each letter."""
    instrument = default_instrument()
    found = []
    for letter, word in LETTERS.items():
        result = adoption.readiness.letters[letter]
        weakest = instrument.question(result.weakest).label if result.weakest else ""
        found.append((word, result, weakest))
    return found


def _with_dots(section: Section, adoption: Adoption) -> Section:
    """Returns the readiness with every respondent as a dot; the picture brings its own table."""
    chart = readiness_chart(adoption.readiness, default_instrument())
    return replace(section, charts=(chart,), tables=())
